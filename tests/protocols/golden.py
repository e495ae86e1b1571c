"""Golden messages of the native protocol: what the backend's codec makes of one short conversation.

The backend's tests check that they are still what it sends and understands, the frontend's tests that the page
reads and writes the same. After a change of the protocol: `python -m tests.protocols.golden` writes them anew.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict
from pathlib import Path

from backend import commands, events
from backend.engines.interfaces import Generation
from backend.events import Outcome
from backend.heard import HeardWord
from backend.ledger import Ledger
from backend.protocols.native import encode
from tests.sessions import MARA, THEO

PATH = Path(__file__).parents[1] / "fixtures" / "native_messages.json"


def _frame(reply: int, chunk: int, first_sample: int, samples: tuple[int, ...], ends: int = 0) -> events.AudioFrame:
    pcm = struct.pack(f"<{len(samples)}h", *samples)
    return events.AudioFrame(1, reply, 0, chunk, first_sample, pcm, bool(ends & 1), bool(ends & 2))


FRAMES = (
    _frame(0, 0, 0, (0, 1, -1, 32767, -32768)),
    _frame(0, 1, 5, (256, -256), ends=1),
    _frame(0, 2, 7, (), ends=3),
    _frame(1, 0, 0, (100, 200, 300), ends=2),
    events.AudioFrame(2**32 - 1, 2**16 - 1, 2**16 - 1, 2**16 - 1, 2**32 - 1, b"\x34\x12", True, False),
)

_ENGINE = {"name": "offline", "stand_in": True, "ready": True}

EVENTS: tuple[events.Event, ...] = (
    events.SessionReady("s", "token", "c", 24000, dict.fromkeys(("stt", "llm", "tts"), _ENGINE), (MARA, THEO)),
    events.EnginesChanged(dict.fromkeys(("stt", "llm", "tts"), _ENGINE)),
    events.SpeechStarted(320),
    events.TranscriptPartial("how are"),
    events.SpeechStopped(1600, 256, "finished sentence"),
    events.TranscriptFinal("how are you"),
    events.TurnStarted(1, "how are you", "speech", ("mara", "theo")),
    events.ReplyStarted(1, 0, "m0", "mara", "Mara"),
    events.ReplyText(1, 0, "Schön, "),
    events.ReplyText(1, 0, "danke."),
    events.ReplySentence(1, 0, 0, "Schön, danke."),
    events.ReplyWords(1, 0, 0, (HeardWord(0, 6, 3), HeardWord(7, 13, 6))),
    events.ReplyDucked(1, 0, 0.2),
    events.ReplyUnducked(1, 0),
    events.ReplyDone(1, 0, "m0", Outcome.COMPLETED, "Schön, danke.", "Schön, danke."),
    events.ReplyStarted(1, 1, "m1", "theo", "Theo"),
    events.ReplyText(1, 1, "<b>Not</b> 很好 today."),
    events.ReplySentence(1, 1, 0, "<b>Not</b> 很好 today."),
    events.ReplyWords(1, 1, 0, (HeardWord(0, 10, 1), HeardWord(11, 13, 2), HeardWord(14, 20, 3))),
    events.ReplyDone(1, 1, "m1", Outcome.INTERRUPTED, "<b>Not</b> 很好 today.", "<b>Not</b> 很好"),
    events.TurnDone(1, Outcome.INTERRUPTED, (Ledger(0, 0.0).entry(1.5, 0),)),
    events.ErrorRaised("invalid_request", "no", {"known": ["mara"]}),
    events.Pong(7),
)

POSITIONS = (commands.PlaybackPosition(1, 0, 7), commands.PlaybackPosition(1, 1, 3))
"""Where a listener is who has heard all of turn 1."""

_DEFAULTS = {
    "type": "session.configure",
    "output_rate": 24000,
    "llm": {},
    "turn": {"eagerness": "medium", "mode": "auto"},
    "captions": True,
    "keep_audio": False,
    "scene": "",
    "lines_among_themselves": 0,
}

CONFIGURATIONS: tuple[tuple[dict[str, object], dict[str, object], commands.Configure], ...] = (
    (
        {},
        _DEFAULTS,
        commands.Configure(
            output_rate=24000,
            generation=Generation(),
            eagerness="medium",
            mode="auto",
            captions=True,
            keep_audio=False,
            scene="",
            lines_among_themselves=0,
        ),
    ),
    (
        {
            "user_name": "Ada",
            "model": "large",
            "temperature": 0.5,
            "eagerness": "high",
            "mode": "push_to_talk",
            "captions": False,
            "keep_audio": True,
            "scene": "A harbour.",
            "lines_among_themselves": 3,
            "output_rate": 48000,
        },
        {
            "type": "session.configure",
            "user_name": "Ada",
            "output_rate": 48000,
            "llm": {"model": "large", "temperature": 0.5},
            "turn": {"eagerness": "high", "mode": "push_to_talk"},
            "captions": False,
            "keep_audio": True,
            "scene": "A harbour.",
            "lines_among_themselves": 3,
        },
        commands.Configure(
            user_name="Ada",
            output_rate=48000,
            generation=Generation("large", 0.5),
            eagerness="high",
            mode="push_to_talk",
            captions=False,
            keep_audio=True,
            scene="A harbour.",
            lines_among_themselves=3,
        ),
    ),
)
"""What a person has chosen on the page, the message it sends then, and what that means."""


def messages() -> dict[str, list[object]]:
    """Frames as hex beside what is in them; events as they are sent; messages of the page."""
    return {
        "frames": [_golden(frame) for frame in FRAMES],
        "events": [json.loads(str(encode(event, float(at)))) for at, event in enumerate(EVENTS)],
        "positions": [{"type": "playback.position", **asdict(position)} for position in POSITIONS],
        "configurations": [{"preferences": chosen, "message": message} for chosen, message, _ in CONFIGURATIONS],
    }


def _golden(frame: events.AudioFrame) -> dict[str, object]:
    message = encode(frame, 0.0)
    assert isinstance(message, bytes)
    samples = struct.unpack(f"<{len(frame.pcm) // 2}h", frame.pcm)
    fields = {name: value for name, value in asdict(frame).items() if name != "pcm"}
    return {"hex": message.hex(), **fields, "samples": samples}


if __name__ == "__main__":
    PATH.write_text(json.dumps(messages(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
