"""The offline voices: eSpeak NG, which speaks without a model file, a network or a GPU.

It sounds robotic and costs about a thousandth of real time. Knows texts, voices and pieces of speech; nothing of
characters, turns or playback.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from backend.audio import sample_count
from backend.engines.bridge import stream_from_thread
from backend.engines.espeak import RATE_HZ, EspeakVoice, espeak, seeded_espeak
from backend.engines.interfaces import AS_USUAL, Speech, WordMark
from backend.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from types import TracebackType

    from backend.engines.espeak import Piece
    from backend.engines.interfaces import Manner

VOICES = {
    "nova": EspeakVoice("f2", pitch=48, rate_wpm=165),
    "onyx": EspeakVoice("edward", pitch=22, rate_wpm=158),
    "shimmer": EspeakVoice("f5", pitch=62, rate_wpm=172, expression=65),
    "echo": EspeakVoice("klatt4", pitch=52, rate_wpm=165),
    "alloy": EspeakVoice("edward", pitch=85, rate_wpm=165),
    "ash": EspeakVoice("klatt4", pitch=15, rate_wpm=172, expression=35),
    "coral": EspeakVoice("f1", pitch=58, rate_wpm=170, expression=70),
    "fable": EspeakVoice("m7", pitch=60, rate_wpm=155, expression=80),
    "sage": EspeakVoice("f3", pitch=35, rate_wpm=158, expression=40),
    "verse": EspeakVoice("benjamin", pitch=68, rate_wpm=178, expression=60),
    "ballad": EspeakVoice("m3", pitch=38, rate_wpm=148, expression=75),
    "marin": EspeakVoice("Annie", pitch=35, rate_wpm=168),
    "cedar": EspeakVoice("Michael", pitch=35, rate_wpm=162),
}
"""OpenAI's names, in the order they are dealt out: different enough from one to the next to tell a cast apart, and
those that speech recognisers understand best come first."""

OTHER_VARIANTS = ("edward", "klatt4", "f2", "f5", "f1", "f3", "f4", "m3", "m7", "benjamin", "adam", "belinda", "steph")
"""Timbres for names that are not in `VOICES`; pitch and rate vary as well."""

LANGUAGES = {"en": "en-us", "zh": "cmn", **{code: code for code in ("de", "es", "fr", "it", "pt", "ja", "ko", "ru")}}
"""Language codes in a voice's name (`zh_mei`, `anna_de`) -> espeak's languages."""

SCRIPTS = (
    ("cmn", re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
)
"""Text mostly in one of these scripts is spoken in its language, whatever the voice's own."""

KANA = re.compile(r"[\u3040-\u30ff]")
"""What tells Japanese, which mixes them with Chinese characters, from Chinese."""

PASSAGE = re.compile(r".{1,400}\Z|.{1,400}[.!?…。！？]\s|.{1,400}\s|.{1,400}", re.DOTALL)
"""What is spoken in one go, at most about 15 ms of work: a whole text if it is short, else as many whole sentences as
fit, else as many whole words."""


class OfflineTextToSpeech:
    """Speaks by eSpeak NG; see `TextToSpeech`. All voices of the process share one thread, a passage at a time."""

    name = "offline"
    stand_in = True
    detail = "eSpeak NG, a robotic voice that needs no model"
    sample_rate_hz = RATE_HZ
    voices: Sequence[str] = tuple(VOICES)
    descriptions: Mapping[str, str] = MappingProxyType(
        {
            name: f"synthetic (eSpeak NG {voice.variant}), pitch {voice.pitch} of 99, {voice.rate_wpm} words a minute"
            for name, voice in VOICES.items()
        }
    )
    clones_voices = False
    takes_descriptions = False

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None

    @property
    def ready(self) -> bool:
        return self._executor is not None

    async def __aenter__(self) -> Self:
        """Load the library and its dictionary, which the first words need (about 10 ms).

        Raises `ConfigurationError` when espeak is not installed or cannot start.
        """
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="espeak")
        try:
            async with aclosing(self.open_voice(self.voices[0]).stream("Hello.")) as speech:
                async for _ in speech:
                    pass
        except BaseException:
            self._shut_down()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shut_down()

    def open_voice(self, voice: str, manner: Manner = AS_USUAL) -> OfflineVoice:
        """See `TextToSpeech.open_voice`; of the manner only the seed matters, which breath and hiss are made from."""
        return OfflineVoice(self._running, replace(voice_named(voice), seed=manner.seed))

    def _running(self) -> ThreadPoolExecutor:
        if self._executor is None:
            raise EngineError("tts", "the offline voices are not running")
        return self._executor

    def _shut_down(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None


class OfflineVoice:
    """One character's voice; see `VoiceGenerator`. It has no memory: espeak reads every sentence the same way."""

    def __init__(self, executor: Callable[[], ThreadPoolExecutor], voice: EspeakVoice) -> None:
        self.voice = voice
        self._executor = executor
        self._slot = asyncio.Semaphore(1)

    async def stream(self, text: str) -> AsyncGenerator[Speech]:
        """See `VoiceGenerator.stream`. Pieces are at most 100 ms long; a text with nothing to say has none.

        A passage is spoken only when the one before it has been taken, so a long text never piles up as audio.
        """
        voice = replace(self.voice, language=language_of(text) or self.voice.language)
        marked = -1
        spoken = 0
        for match in PASSAGE.finditer(text):
            speak = partial(_speak, match[0], voice)
            begun_at = spoken
            async with aclosing(stream_from_thread(speak, executor=self._executor(), slot=self._slot)) as pieces:
                async for piece in pieces:
                    marks: list[WordMark] = []
                    for offset, sample in piece.words:
                        mark = WordMark(match.start() + offset, begun_at + sample)
                        if mark.offset > marked and _begins_word(text, mark.offset):
                            marked = mark.offset
                            marks.append(mark)
                    spoken += sample_count(piece.pcm)
                    yield Speech(piece.pcm, tuple(marks))


def voice_named(name: str) -> EspeakVoice:
    """The voice of that name: one of `VOICES`, or one made up from the name, the same on every machine and every day.

    A language code at either end of the name (`zh_mei`, `anna_de`) makes it speak that language.
    """
    if name in VOICES:
        return VOICES[name]
    digest = hashlib.sha256(name.encode(errors="replace")).digest()
    codes = [code for code in (name[:2] if name[2:3] == "_" else "", name[-2:] if name[-3:-2] == "_" else "") if code]
    return EspeakVoice(
        variant=OTHER_VARIANTS[digest[0] % len(OTHER_VARIANTS)],
        pitch=25 + digest[1] % 51,
        rate_wpm=150 + digest[2] % 31,
        expression=35 + digest[3] % 41,
        language=next((LANGUAGES[code] for code in codes if code in LANGUAGES), LANGUAGES["en"]),
    )


def language_of(text: str) -> str | None:
    """espeak's language for a text mostly in a script that English does not use, else `None`."""
    letters = sum(character.isalpha() for character in text)
    language = next((language for language, script in SCRIPTS if 2 * len(script.findall(text)) > letters), None)
    return "ja" if language == "cmn" and KANA.search(text) else language


def _speak(passage: str, voice: EspeakVoice, put: Callable[[Piece], None]) -> None:
    """Have espeak speak, holding silence back until the first sound: a passage with nothing to say stays empty."""
    held: list[Piece] = []
    sounded = False

    def put_sound(piece: Piece) -> None:
        nonlocal sounded
        sounded = sounded or any(piece.pcm)
        held.append(piece)
        if sounded:
            for ready in held:
                put(ready)
            held.clear()

    if voice.seed is None:
        espeak().speak(passage, voice, put_sound)
        return
    with seeded_espeak(voice.seed) as library:
        library.speak(passage, voice, put_sound)


def _begins_word(text: str, offset: int) -> bool:
    """espeak also reports the parts of a number or of a contraction as words."""
    if offset >= len(text) or text[offset].isspace():
        return False
    before = text[offset - 1 : offset]
    return not (before.isascii() and before.isalnum())
