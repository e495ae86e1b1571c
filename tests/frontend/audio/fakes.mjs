/** A browser's audio as far as the page uses it: what is done to it is written down, and what it does is up to the test. */

/** Put `values` into the global scope for one test. */
export function install(t, values) {
  for (const [name, value] of Object.entries(values)) {
    const before = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    t.after(() => (before ? Object.defineProperty(globalThis, name, before) : delete globalThis[name]));
  }
}

/** All that has been promised by now has happened. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

class FakeNode {
  constructor(context) {
    this.context = context;
    this.connected = [];
  }

  connect(node) {
    this.connected.push(node);
    return node;
  }

  disconnect() {
    this.connected = [];
  }
}

export class FakeDocument extends EventTarget {
  hidden = false;

  show(shown) {
    this.hidden = !shown;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

export class FakeTrack {
  constructor() {
    this.muted = false;
    this.stopped = false;
  }

  stop() {
    this.stopped = true;
  }

  getSettings() {
    return { sampleRate: 44100 };
  }
}

export class FakeStream {
  constructor() {
    this.track = new FakeTrack();
  }

  getTracks() {
    return [this.track];
  }

  getAudioTracks() {
    return [this.track];
  }
}

/**
 * A browser with audio. `contexts` and `worklets` are those made; `draw()` runs what waits for the display;
 * `give(constraints)` answers a request for the microphone.
 */
export function fakeBrowser(t, { state = "running", give = () => new FakeStream(), devices = [] } = {}) {
  const browser = { contexts: [], worklets: [], requests: [], state, give, devices, refuses: false };

  class FakeAudioContext extends EventTarget {
    constructor(options) {
      super();
      this.options = options;
      this.state = browser.state;
      this.currentTime = 0;
      this.baseLatency = 0;
      this.outputLatency = 0;
      this.resumed = 0;
      this.destination = new FakeNode(this);
      this.modules = [];
      this.sinkId = "";
      if (!browser.withoutWorklets) this.audioWorklet = { addModule: async (path) => void this.modules.push(path) };
      browser.contexts.push(this);
    }

    change(state) {
      this.state = state;
      this.dispatchEvent(new Event("statechange"));
    }

    async resume() {
      this.resumed += 1;
      if (browser.refuses) throw new DOMException("not now", "InvalidStateError");
      this.change("running");
    }

    async close() {
      this.state = "closed";
    }

    createGain() {
      const gain = new FakeNode(this);
      gain.gain = { value: 1, targets: [], setTargetAtTime: (...target) => gain.gain.targets.push(target) };
      browser.gain = gain.gain;
      return gain;
    }

    createMediaStreamSource(stream) {
      if (this.options?.sampleRate !== browser.onlyRate) throw new DOMException("rates", "NotSupportedError");
      return Object.assign(new FakeNode(this), { stream });
    }

    async setSinkId(id) {
      this.sinkId = id;
    }
  }

  class FakeWorkletNode extends FakeNode {
    constructor(context, name) {
      super(context);
      this.name = name;
      this.posted = [];
      this.port = { onmessage: null, postMessage: (message) => this.posted.push(message) };
      browser.worklets.push(this);
    }

    says(data) {
      this.port.onmessage?.({ data });
    }
  }

  const drawings = [];
  browser.draw = () => drawings.splice(0).forEach((callback) => callback());
  browser.document = new FakeDocument();
  const mediaDevices = Object.assign(new EventTarget(), {
    enumerateDevices: async () => browser.devices,
    async getUserMedia({ audio }) {
      browser.requests.push(audio);
      return browser.give(audio);
    },
  });
  browser.navigator = { mediaDevices, audioSession: { type: "auto" } };
  install(t, {
    AudioContext: FakeAudioContext,
    AudioWorkletNode: FakeWorkletNode,
    document: browser.document,
    navigator: browser.navigator,
    requestAnimationFrame: (callback) => drawings.push(callback),
  });
  return browser;
}
