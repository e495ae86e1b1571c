// @ts-check
/// <reference path="../types.d.ts" />
/**
 * Runs a `Renderer` on the audio thread. Takes a `PlayerMessage`, posts a `Rendered`: twenty-odd milliseconds at a
 * time while there is something to play, and once more when there is nothing left.
 */

import { PowerMeter } from "./level.js";
import { Renderer } from "./renderer.js";

const POST_EVERY_S = 0.02;

class PlayerProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this._renderer = new Renderer(sampleRate);
    this._meter = new PowerMeter();
    this._postedAt = 0;
    this._postedBusy = false;
    this.port.onmessage = ({ data }) => this._renderer.take(data);
  }

  /** @param {Float32Array[][]} _inputs @param {Float32Array[][]} outputs */
  process(_inputs, outputs) {
    const output = outputs[0][0];
    this._renderer.render(output);
    this._meter.add(output);
    this._post(currentTime + output.length / sampleRate);
    return true;
  }

  /** @param {number} at */
  _post(at) {
    const { buffer } = this._renderer;
    const { busy, moved } = buffer;
    const due = busy && at - this._postedAt >= POST_EVERY_S;
    const turned = busy !== this._postedBusy || (!busy && moved);
    if (!due && !turned) return;
    this._postedBusy = busy;
    this._postedAt = at;
    /** @type {Rendered} */
    const rendered = { positions: buffer.takePositions(), power: this._meter.take(), busy, at };
    this.port.postMessage(rendered);
  }
}

registerProcessor("player", PlayerProcessor);
