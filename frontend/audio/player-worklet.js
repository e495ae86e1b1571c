// @ts-check
/// <reference path="../types.d.ts" />
/**
 * Plays frames on the audio thread and posts how far each reply has been rendered.
 *
 * Takes a `PlayerMessage`. Posts `{positions, busy, at}`: `at` is the context's time at which the last sample of
 * `positions` is rendered, `busy` whether there is more to play.
 */

import { Renderer } from "./renderer.js";

const POST_EVERY_S = 0.02;

class PlayerProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this._renderer = new Renderer(24000, sampleRate);
    this._postedAt = 0;
    this._postedBusy = false;
    this.port.onmessage = ({ data }) => this._take(data);
  }

  /** @param {PlayerMessage} message */
  _take(message) {
    const { buffer, rateHz } = this._renderer;
    switch (message.type) {
      case "rate":
        if (message.rateHz !== rateHz) this._renderer = new Renderer(message.rateHz, sampleRate);
        break;
      case "frame":
        buffer.push(message.frame);
        break;
      case "advance":
        buffer.advance(message.turn);
        break;
      case "flush":
        buffer.flush(message.turn);
        break;
      case "hold":
        buffer.hold(message.held);
        break;
      case "reset":
        buffer.reset();
        break;
    }
  }

  /** @param {Float32Array[][]} _inputs @param {Float32Array[][]} outputs */
  process(_inputs, outputs) {
    const output = outputs[0][0];
    this._renderer.render(output);
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
    this.port.postMessage({ positions: buffer.takePositions(), busy, at });
  }
}

registerProcessor("player", PlayerProcessor);
