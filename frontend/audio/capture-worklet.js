// @ts-check
/// <reference path="../types.d.ts" />
/** Runs `FrameCutter` on the audio thread and posts each frame; any message to it ends it. */

import { FrameCutter } from "./capture.js";

class CaptureProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this._cutter = new FrameCutter(sampleRate);
    this._open = true;
    this.port.onmessage = () => {
      this._open = false;
    };
  }

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const channel = inputs[0][0];
    if (channel) {
      for (const frame of this._cutter.push(channel)) this.port.postMessage(frame, [frame.buffer]);
    }
    return this._open;
  }
}

registerProcessor("capture", CaptureProcessor);
