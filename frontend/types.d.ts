/** Types for the editor; no browser loads this file. The messages are those of the native protocol. */

type Outcome = "completed" | "interrupted" | "failed";
type Engine = { name: string; stand_in: boolean; ready: boolean; detail?: string };
type Character = { id: string; name: string; voice?: string };

/** What the person has chosen, kept in the browser. Named as in `session.configure`, where they are sent there. */
type Preferences = {
  user_name: string;
  /** Of the language model; empty: the server's. */
  model: string;
  /** Of the language model; null: the server's. */
  temperature: number | null;
  eagerness: "low" | "medium" | "high";
  mode: "auto" | "push_to_talk";
  captions: boolean;
  keep_audio: boolean;
  scene: string;
  lines_among_themselves: number;
  output_rate: 16000 | 24000 | 48000;
  theme: "system" | "light" | "dark";
  /** 0 to 1 */
  volume: number;
  /** A device's id; empty: the system's choice. */
  microphone: string;
  loudspeaker: string;
};

/** A character as `GET /api/characters` lists it; see docs/characters.md. */
type StoredCharacter = {
  id: string;
  name: string;
  voice: string | null;
  system_prompt: string;
  description: string;
  personality: string;
  scenario: string;
  first_message: string;
  alternate_greetings: string[];
  example_dialogue: string;
  post_history_instructions: string;
  lorebook: object | null;
  talkativeness: number;
  interruptible: boolean;
  enabled: boolean;
  has_portrait: boolean;
  created_at: number;
  updated_at: number;
};

/** What became of a reply, in seconds; see docs/protocol.md. */
type Ledger = { reply: number } & Record<string, number | null>;

/** A word of a reply's text, in code points, and the sample of the reply from which on it counts as heard. */
type HeardWord = [start: number, end: number, sample: number];

type NewestTurn = {
  turn: number;
  text: string;
  source: "speech" | "text";
  characters: string[];
  outcome: Outcome | null;
  replies: {
    reply: number;
    message_id: string;
    character_id: string;
    character_name: string;
    text: string;
    outcome: Outcome | null;
    heard_text: string | null;
  }[];
};

type ServerEvent =
  | {
      type: "session.ready";
      session: string;
      resume_token: string;
      conversation: string;
      output_rate: number;
      engines: { stt: Engine; llm: Engine; tts: Engine };
      characters: Character[];
      /** For a page that has come back: the newest turn, as far as it had been told. */
      newest_turn?: NewestTurn;
    }
  | { type: "speech.started" | "speech.stopped"; audio_ms: number }
  | { type: "transcript.partial" | "transcript.final"; text: string }
  | { type: "turn.started"; turn: number; text: string; source: "speech" | "text" | "request"; characters: string[] }
  | {
      type: "reply.started";
      turn: number;
      reply: number;
      message_id: string;
      character_id: string;
      character_name: string;
    }
  | { type: "reply.text"; turn: number; reply: number; delta: string }
  | { type: "reply.sentence"; turn: number; reply: number; sentence: number; text: string }
  | { type: "reply.words"; turn: number; reply: number; sentence: number; words: HeardWord[] }
  | { type: "engines.changed"; engines: { stt: Engine; llm: Engine; tts: Engine } }
  | { type: "reply.ducked"; turn: number; reply: number; gain: number }
  | { type: "reply.unducked"; turn: number; reply: number }
  | {
      type: "reply.done";
      turn: number;
      reply: number;
      message_id: string;
      outcome: Outcome;
      text: string;
      heard_text: string;
    }
  | { type: "turn.done"; turn: number; outcome: Outcome; ledger: Ledger[] }
  | { type: "error"; code: string; message: string; details?: object; turn?: number }
  | { type: "pong"; nonce: unknown };

type ClientMessage =
  | {
      type: "session.configure";
      characters?: string[];
      user_name?: string;
      output_rate?: number;
      llm?: { model?: string; temperature?: number };
      turn?: { eagerness: string; mode: string };
      captions?: boolean;
      keep_audio?: boolean;
      scene?: string;
      lines_among_themselves?: number;
      to?: string[];
    }
  | { type: "user.text"; text: string; to?: string[] }
  | { type: "interrupt" | "audio.commit" | "greet" | "regenerate" | "conversation.clear" }
  | { type: "playback.position"; turn: number; reply: number; samples: number }
  | { type: "ping"; nonce: number };

type PlayerMessage =
  | { type: "rate"; rateHz: number }
  | { type: "frame"; frame: import("./audio/frames.js").AudioFrame }
  | { type: "advance" | "flush"; turn: number }
  | { type: "hold"; held: boolean }
  | { type: "reset" };

/** What the player posts: how far each reply was rendered since the last one. */
type Rendered = {
  positions: import("./audio/jitter-buffer.js").Position[];
  /** Mean square of what was rendered meanwhile. */
  power: number;
  /** Whether there is more to play. */
  busy: boolean;
  /** The context's time at which the last sample of it is rendered, seconds. */
  at: number;
};

interface Navigator {
  /** Safari's; says what the page uses sound for. */
  audioSession?: { type: string };
}

/** What an AudioWorklet module finds in its scope. */
declare const sampleRate: number;
declare const currentTime: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;
