"""Engines that follow a script, for tests of everything around them. They count what is opened and closed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from backend.engines.interfaces import NO_HINTS, Pause, Speech, Transcript, WordMark
from backend.errors import EngineError

if TYPE_CHECKING:
    from backend.engines.interfaces import Written

RATE_HZ = 24_000
CHARACTER_S = 0.04
"""Scripted speech lasts this long per character, spaces included."""


@dataclass
class Counts:
    """Streams opened, and streams closed in whatever way."""

    opened: int = 0
    closed: int = 0

    @property
    def live(self) -> int:
        return self.opened - self.closed


class _Scripted:
    name = "scripted"
    stand_in = False
    ready = True
    detail = "scripted for tests"

    def __init__(self) -> None:
        self.counts = Counts()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        return None


class ScriptedLanguageModel(_Scripted):
    """Replies in turn from `replies`, a word at a time, or piece by piece where a reply is a tuple of pieces."""

    def __init__(
        self, *replies: str | tuple[Written, ...], first_token_s: float = 0.2, token_s: float = 1 / 60
    ) -> None:
        super().__init__()
        self.replies = list(replies) or ["Very well."]
        self.first_token_s = first_token_s
        self.token_s = token_s
        self.fail_after: int | None = None
        self.requests: list[list[dict[str, str]]] = []

    async def stream(self, messages, generation):
        reply = self.replies[len(self.requests) % len(self.replies)]
        self.requests.append(list(messages))
        self.counts.opened += 1
        try:
            await asyncio.sleep(self.first_token_s)
            for index, piece in enumerate(tokens(reply) if isinstance(reply, str) else reply):
                if self.fail_after is not None and index >= self.fail_after:
                    raise EngineError("llm", "the scripted server went away")
                if index:
                    await asyncio.sleep(self.token_s)
                yield piece
        finally:
            self.counts.closed += 1


def tokens(text: str) -> list[str]:
    """Words with their leading space, punctuation on its own, as language models stream them."""
    import re

    return re.findall(r"\s?\w+|\s?[^\w\s]|\s", text)


class ScriptedTextToSpeech(_Scripted):
    """Speech whose samples number the sentence: every character lasts `CHARACTER_S`, in 100 ms pieces."""

    sample_rate_hz = RATE_HZ
    voices = ("one", "two", "three")

    def __init__(self, first_audio_s: float = 0.1, real_time_factor: float = 0.2, *, marks: bool = False) -> None:
        super().__init__()
        self.first_audio_s = first_audio_s
        self.real_time_factor = real_time_factor
        self.marks = marks
        self.spoken: list[tuple[str, str]] = []
        self.fail = False

    clones_voices = False

    def open_voice(self, voice, manner=None):
        return _ScriptedVoice(self, voice)


@dataclass
class _ScriptedVoice:
    engine: ScriptedTextToSpeech
    voice: str

    async def stream(self, text):
        engine = self.engine
        engine.spoken.append((self.voice, text))
        engine.counts.opened += 1
        try:
            await asyncio.sleep(engine.first_audio_s)
            if engine.fail:
                raise EngineError("tts", "the scripted voice is hoarse")
            samples = int(len(text) * CHARACTER_S * RATE_HZ)
            step = RATE_HZ // 10
            for start in range(0, samples, step):
                if start:
                    await asyncio.sleep(0.1 * engine.real_time_factor)
                count = min(step, samples - start)
                yield Speech((1000).to_bytes(2, "little") * count, self._marks(text, start, start + count))
        finally:
            engine.counts.closed += 1

    def _marks(self, text, start, end):
        if not self.engine.marks:
            return ()
        begins = [i for i in range(len(text)) if not text[i].isspace() and (i == 0 or text[i - 1].isspace())]
        at = [(offset, int(offset * CHARACTER_S * RATE_HZ)) for offset in begins]
        return tuple(WordMark(offset, sample) for offset, sample in at if start <= sample < end)


class ScriptedSpeechToText(_Scripted):
    """Hears `transcripts` in turn, whatever is said, each answer after `final_s`.

    A transcript that is a tuple is what is understood at the first pause, at the second, and so on. `partials`: what
    else is understood, by milliseconds of audio; by default the first word after the first second.
    """

    def __init__(self, *transcripts: str | tuple[str, ...], final_s: float = 0.1, partials=None) -> None:
        super().__init__()
        self.transcripts = list(transcripts) or ["hello there"]
        self.final_s = final_s
        self.partials = partials
        self.shows_words = partials is not None
        self.heard: list[int] = []
        self.hints = []

    async def stream(self, audio, hints=NO_HINTS):
        script = self.transcripts[len(self.heard) % len(self.transcripts)]
        texts = (script,) if isinstance(script, str) else script
        partials = dict(self.partials or {1000: texts[0].split()[0] if texts[0] else ""})
        self.hints.append(hints)
        self.counts.opened += 1
        try:
            received, pauses, paused = 0, 0, False
            async for item in audio:
                paused = isinstance(item, Pause)
                if paused:
                    pauses += 1
                    await asyncio.sleep(self.final_s)
                    yield Transcript(texts[min(pauses, len(texts)) - 1], final=False, pauses=pauses)
                    continue
                received += len(item)
                for at_ms in [at_ms for at_ms in partials if received >= at_ms * 32]:
                    yield Transcript(partials.pop(at_ms), final=False)
            self.heard.append(received)
            if not paused:
                await asyncio.sleep(self.final_s)
            yield Transcript(texts[min(max(pauses, 1), len(texts)) - 1], final=True)
        finally:
            self.counts.closed += 1


class ScriptedTurnModel(_Scripted):
    """Gives `answers` in turn, each after `answer_s`. An answer that is an `EngineError` is raised."""

    def __init__(self, *answers: float | EngineError, answer_s: float = 0.05) -> None:
        super().__init__()
        self.answers = answers
        self.answer_s = answer_s
        self.heard: list[int] = []
        """Windows of audio it was given with each question."""

    async def finished(self, pcm):
        answer = self.answers[len(self.heard) % len(self.answers)]
        self.heard.append(len(pcm) // 1024)
        self.counts.opened += 1
        try:
            await asyncio.sleep(self.answer_s)
        finally:
            self.counts.closed += 1
        if isinstance(answer, EngineError):
            raise answer
        return answer


@dataclass
class LoudnessVad:
    """Voice is what is loud: lets a test write speech as a run of samples."""

    opened: int = field(default=0)

    def open(self):
        self.opened += 1
        return self

    def probability(self, window: bytes) -> float:
        return 0.95 if np.abs(np.frombuffer(window, "<i2").astype(int)).max() > 1000 else 0.02

    def reset(self) -> None:
        return None
