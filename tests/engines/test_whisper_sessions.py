"""The faster-whisper engine with sessions that pause, talk for long, and talk all at once."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import anyio
import pytest

from backend.engines.interfaces import HEARING_RATE_HZ, Hints, Pause, Transcript
from backend.engines.whisper import WhisperSpeechToText
from backend.engines.whisper_model import WINDOW_S, WhisperModel
from backend.engines.whisper_utterance import PARTIAL_BYTES
from backend.engines.whisper_words import split
from tests.engines import contract
from tests.engines.test_whisper_utterance import all_words, scripted_speech, understood

MODEL = Path(__file__).parent.parent / "fixtures" / "tiny-whisper"


@pytest.fixture
async def stt():
    async with WhisperSpeechToText(str(MODEL), device="cpu") as engine:
        await engine.loading
        yield engine


@pytest.fixture(scope="module")
def pcm() -> bytes:
    return asyncio.run(contract.spoken("We are going to the beach this afternoon."))


class Decodings:
    """What the model is given from here on, counted when it is done with it."""

    def __init__(self, monkeypatch, transcribe=WhisperModel.transcribe) -> None:
        self.lengths: list[int] = []
        self.hints: list[Hints] = []
        self.done = 0
        self._another = asyncio.Event()
        loop = asyncio.get_running_loop()

        def watched(model, samples, hints, prompt):
            self.lengths.append(len(samples))
            self.hints.append(hints)
            try:
                yield from transcribe(model, samples, hints, prompt)
            finally:
                loop.call_soon_threadsafe(self._count)

        monkeypatch.setattr(WhisperModel, "transcribe", watched)

    async def another(self) -> None:
        """Wait until one more is done."""
        await self._another.wait()

    def _count(self) -> None:
        self.done += 1
        self._another.set()
        self._another = asyncio.Event()


def halves(pcm: bytes) -> list[bytes]:
    """Half seconds, each of them worth a partial transcript."""
    return [pcm[start : start + PARTIAL_BYTES] for start in range(0, len(pcm), PARTIAL_BYTES)]


async def test_a_pause_is_answered_while_no_audio_comes(stt, pcm, monkeypatch):
    """The real model answers a pause while it lasts, and the final transcript costs no second decoding."""
    decodings = Decodings(monkeypatch)
    microphone, audio = anyio.create_memory_object_stream[bytes | Pause](10)
    with microphone, audio:
        stream = stt.stream(audio, Hints(language="en", words=("Ada",)))
        microphone.send_nowait(pcm)
        microphone.send_nowait(Pause())
        answer = await anext(stream)
        assert (answer.final, answer.pauses, bool(answer.text)) == (False, 1, True)
        microphone.close()
        assert await contract.drain(stream) == [Transcript(answer.text, final=True)]
    assert decodings.lengths == [len(pcm) // 2]
    assert decodings.hints == [Hints(language="en", words=("Ada",))]
    assert stt.idle


async def test_a_flickering_hypothesis_has_a_stable_beginning(stt, monkeypatch):
    """Through the engine too, words on which two decodings agreed are the same in all later partial transcripts."""
    script = [" We are", " We are going too", " We were going to", " we are going to a beach", " We are going to the"]
    decodings = Decodings(monkeypatch, lambda *given: iter([split(script[len(decodings.lengths) - 1])]))

    async def microphone():
        for piece in halves(scripted_speech(8))[: len(script)]:
            yield piece
            await decodings.another()

    texts = [transcript.text for transcript in await contract.drain(stt.stream(microphone()))]
    # The last decoding is a partial transcript or at once the final one.
    assert list(dict.fromkeys(texts)) == [
        "We are",
        "We are going too",
        "We are going to",
        "We are going to a beach",
        "We are going to the",
    ]


@pytest.mark.parametrize("pace", ["as it is spoken", "at once"])
async def test_long_speech_comes_out_whole(stt, monkeypatch, pace):
    """95 seconds of speech come out with each word once, and no decoding is longer than Whisper's window."""
    speech, words = scripted_speech(271), all_words(271)
    decodings = Decodings(
        monkeypatch, lambda model, samples, *given: iter([understood((samples * 32768).astype("<i2").tobytes())])
    )

    async def microphone():
        for piece in halves(speech):
            yield piece
            if pace == "as it is spoken" and len(piece) == PARTIAL_BYTES:
                await decodings.another()

    *partials, final = [transcript.text for transcript in await contract.drain(stt.stream(microphone()))]
    assert final == words
    assert max(decodings.lengths) <= WINDOW_S * HEARING_RATE_HZ
    assert all(words.startswith(text.removesuffix(" half")) for text in partials)
    if pace == "as it is spoken":
        assert all(len(before) <= len(after) + len(" half") for before, after in pairwise(partials))


async def test_eight_sessions_at_once(stt, pcm, monkeypatch):
    """Eight people who talk at the same time all get partial transcripts in turn, and after the end of speech none of
    them waits for more than what is under way and one decoding for each of the others."""
    sessions, seconds = 8, 10
    decodings = Decodings(monkeypatch)
    waited, partials = [], []

    async def session() -> None:
        ended_at = 0

        async def microphone():
            nonlocal ended_at
            for piece in halves((pcm * 10)[: 2 * seconds * HEARING_RATE_HZ]):
                yield piece
                await decodings.another()
            ended_at = decodings.done

        *others, final = await contract.drain(stt.stream(microphone()))
        assert final.final
        assert final.text
        waited.append(decodings.done - ended_at)
        partials.append(len(others))

    async with asyncio.TaskGroup() as group:
        for _ in range(sessions):
            group.create_task(session())
    own = 1
    assert max(waited) <= sessions + own
    assert min(partials) >= 2
    assert max(partials) - min(partials) <= 2
    assert stt.idle
