"""The sound of replies, gathered for conversations whose client wants it kept."""

from __future__ import annotations

from backend.events import AudioFrame, Outcome, ReplyDone, TurnStarted
from backend.kept_audio import KeptAudio

STARTED = TurnStarted(1, "Hello?", "text", ("mara",))
DONE = ReplyDone(1, 0, "m", Outcome.COMPLETED, "Hi.", "Hi.", 3)


def frame(first: int, *samples: int) -> AudioFrame:
    pcm = b"".join(sample.to_bytes(2, "little") for sample in samples)
    return AudioFrame(1, 0, 0, 0, first, pcm, ends_sentence=False, ends_message=False)


def test_what_was_heard_is_kept_at_the_rate_it_was_made_at():
    """A rate that is set in the middle of a turn is that of the next one."""
    sound = KeptAudio()
    sound.note(STARTED, 24_000)
    sound.note(frame(0, 1, 2), 24_000)
    sound.note(frame(2, 3, 4), 48_000)
    sound.note(DONE, 48_000)
    (kept,) = sound.take()
    assert (kept.line, kept.rate_hz, kept.pcm) == ("m", 24_000, b"\1\0\2\0\3\0")
    assert not sound.take()


def test_no_reply_is_kept_from_its_middle_on():
    """Keeping begins with a turn."""
    sound = KeptAudio()
    sound.note(STARTED, None)
    sound.note(frame(0, 1, 2), None)
    sound.note(frame(2, 3, 4), 24_000)
    sound.note(DONE, 24_000)
    assert not sound.take()
