"""Engines for the browser's tests: a voice whose sound can be told from silence at any moment."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from backend.engines.interfaces import AS_USUAL, OwnWords, Speech, WordMark
from backend.session_settings import Engines
from tests.scripted import RATE_HZ, LoudnessVad, ScriptedLanguageModel, ScriptedSpeechToText, ScriptedTextToSpeech

FIRST_PITCH_HZ = 1000
PIECE = RATE_HZ // 10
AMPLITUDE = 8000


class ToneTextToSpeech(ScriptedTextToSpeech):
    """Each voice is a steady tone of its own, 500 Hz above the one before; a character of text lasts `character_s`.

    Half of the sentences tell where their words are, as voices do and do not.
    """

    def __init__(self, character_s: float = 0.04) -> None:
        super().__init__()
        self.character_s = character_s
        self.pitches_hz: dict[str, int] = {}

    def open_voice(self, voice, manner=None):
        return _Tone(self, self.pitches_hz.setdefault(voice, FIRST_PITCH_HZ + 500 * len(self.pitches_hz)))


@dataclass
class _Tone:
    engine: ToneTextToSpeech
    pitch_hz: int

    async def stream(self, text):
        engine = self.engine
        engine.spoken.append((str(self.pitch_hz), text))
        engine.counts.opened += 1
        try:
            samples = int(len(text) * engine.character_s * RATE_HZ)
            wave = AMPLITUDE * np.sin(2 * np.pi * self.pitch_hz / RATE_HZ * np.arange(samples))
            marks = self._marks(text) if len(engine.spoken) % 2 else []
            for start in range(0, samples, PIECE):
                pcm = wave[start : start + PIECE].astype("<i2").tobytes()
                yield Speech(pcm, tuple(mark for mark in marks if start <= mark.sample < start + PIECE))
                await asyncio.sleep(0)
        finally:
            engine.counts.closed += 1

    def _marks(self, text: str) -> list[WordMark]:
        begins = [at for at in range(len(text)) if not text[at].isspace() and (at == 0 or text[at - 1].isspace())]
        return [WordMark(at, int(at * self.engine.character_s * RATE_HZ)) for at in begins]


class SpeakingTextToSpeech(ToneTextToSpeech):
    """The same tones from a language model that says what it writes: a token at a time, each ahead of its sound."""

    def __init__(self, replies: tuple[str, ...], character_s: float) -> None:
        super().__init__(character_s)
        self.llm = ScriptedLanguageModel(*replies, first_token_s=0.0, token_s=0.0)

    def open_writer(self, voice, manner=AS_USUAL, remember_as=None):
        return _OwnTone(self, self.open_voice(voice))


@dataclass
class _OwnTone:
    engine: SpeakingTextToSpeech
    tone: _Tone

    async def stream(self, messages, generation):
        async with aclosing(self.engine.llm.stream(messages, generation)) as tokens:
            async for token in tokens:
                yield OwnWords(token)
                await asyncio.sleep(0.02)
                async with aclosing(self.tone.stream(token)) as pieces:
                    async for piece in pieces:
                        yield Speech(piece.pcm)


class AnsweringLanguageModel(ScriptedLanguageModel):
    """Has an answer to every line with certain words in it, also when it is asked twice, as guesses make it be. Of
    several the last ones count: a line that cuts in begins with what it cut off."""

    def __init__(self, answers: dict[str, str], **timing: float) -> None:
        super().__init__(**timing)
        self.answers = answers

    async def stream(self, messages, generation):
        asked = messages[-1]["content"]
        self.replies = [self.answers[max(self.answers, key=asked.rfind)]]
        async with aclosing(super().stream(messages, generation)) as pieces:
            async for piece in pieces:
                yield piece


def scripted(*replies: str, llm=None, stt=None, character_s: float = 0.04, token_s: float = 1 / 60) -> Engines:
    """Engines that hear and answer what a test says."""
    llm = llm or ScriptedLanguageModel(*replies, first_token_s=0.0, token_s=token_s)
    return Engines(stt or ScriptedSpeechToText(), llm, ToneTextToSpeech(character_s), LoudnessVad())
