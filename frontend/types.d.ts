/** Types for the editor; no browser loads this file. The messages are those of the native protocol. */

type Outcome = "completed" | "interrupted" | "failed";
type Engine = { name: string; stand_in: boolean; ready: boolean; detail?: string };
type Character = { id: string; name: string; voice?: string };

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
  | { type: "turn.done"; turn: number; outcome: Outcome; ledger: object[] }
  | { type: "error"; code: string; message: string; details?: object; turn?: number }
  | { type: "pong"; nonce: unknown };

type ClientMessage =
  | { type: "session.configure"; output_rate?: number }
  | { type: "user.text"; text: string; to?: string[] }
  | { type: "interrupt" }
  | { type: "playback.position"; turn: number; reply: number; samples: number }
  | { type: "ping"; nonce: number };

type PlayerMessage =
  | { type: "rate"; rateHz: number }
  | { type: "frame"; frame: import("./frames.js").AudioFrame }
  | { type: "advance" | "flush"; turn: number }
  | { type: "hold"; held: boolean }
  | { type: "reset" };

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
