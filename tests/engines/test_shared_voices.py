"""Voices of an engine that runs elsewhere, in copies: the same bytes as from an engine of one's own."""

from __future__ import annotations

import asyncio
import math
import pickle
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

import pytest

from backend.audio import wav_bytes
from backend.engines.higgs import HiggsTextToSpeech
from backend.engines.interfaces import Manner, Recording, Speech
from backend.engines.shared_voices import CopyLost, SharedTextToSpeech
from backend.engines.voice_orders import Copy, describe
from backend.errors import EngineError, RequestRefused
from tests.engines import contract

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from backend.engines.voice_orders import Order, Part

TEXTS = ("The first thing is this.", "A second one follows it.", "And a third.")


class Copies:
    """Two engines that take turns; everything goes through pickles, as between processes. `dies_after`: for each of
    the next orders, pieces of speech until the copy that speaks it is lost."""

    def __init__(self, *engines: HiggsTextToSpeech) -> None:
        self.engines = engines
        self.dies_after: list[int] = []
        self.back = asyncio.Event()
        self.asked = 0
        self.sent = 0
        """Bytes of recordings."""
        self.copies = [Copy(engine) for engine in engines]

    async def speak(self, order: Order) -> AsyncGenerator[Part]:
        order = pickle.loads(pickle.dumps(order))
        if order.manner.recording is None:
            self.asked += 1
        else:
            self.sent += len(order.manner.recording.audio)  # what the copy that was asked last did not know
        number = self.asked % len(self.engines)
        left = self.dies_after.pop(0) if self.dies_after else None
        async with aclosing(self.copies[number].speak(order)) as parts:
            async for part in parts:
                if left == 0 or (left and not isinstance(part, Speech)):
                    raise CopyLost
                left = None if left is None else left - 1
                yield pickle.loads(pickle.dumps(part))

    async def answers(self) -> None:
        await self.back.wait()


@pytest.fixture
async def copies(checkpoint: str) -> AsyncIterator[Copies]:
    async with HiggsTextToSpeech(checkpoint, None, "cpu") as one, HiggsTextToSpeech(checkpoint, None, "cpu") as two:
        made = Copies(one, two)
        made.back.set()
        yield made


@pytest.fixture
async def tts(copies: Copies) -> AsyncIterator[SharedTextToSpeech]:
    async with SharedTextToSpeech(copies, describe(copies.engines[0]), asyncio.Event()) as shared:
        yield shared


def tone() -> bytes:
    """A second of PCM."""
    return b"".join(round(9000 * math.sin(0.05 * n)).to_bytes(2, "little", signed=True) for n in range(24_000))


async def spoken(engine: HiggsTextToSpeech | SharedTextToSpeech, manner: Manner, *texts: str) -> list[bytes]:
    """What one voice makes of several texts, one after another."""
    voice = engine.open_voice(engine.voices[0], manner)
    return [b"".join([piece.pcm for piece in await contract.drain(voice.stream(text))]) for text in texts]


@pytest.mark.parametrize("check", contract.CHECKS)
async def test_keeps_the_contract(copies: Copies, tts: SharedTextToSpeech, check) -> None:
    """A shared engine behaves as every engine must: when a stream is closed, its slot is free."""
    text = "A sentence that is long enough to be interrupted in its midst, as people do."
    await check(contract.speaking(tts, text, idle=lambda: not sum(copy.active_slots for copy in copies.engines)))


async def test_a_voice_is_the_same_whichever_copy_speaks(copies: Copies, tts: SharedTextToSpeech) -> None:
    """What a voice said before is part of its next prompt also where another copy said it: not a byte differs."""
    manner = Manner(seed=7)
    assert await spoken(tts, manner, *TEXTS) == await spoken(copies.engines[0], manner, *TEXTS)


async def test_an_interrupted_text_changes_nothing(copies: Copies, tts: SharedTextToSpeech) -> None:
    """A text that was broken off is not part of the context, here as with an engine of one's own."""
    heard = []
    for engine in (copies.engines[0], tts):
        voice = engine.open_voice(engine.voices[0], Manner(seed=7))
        await contract.drain(voice.stream(TEXTS[0]))
        async with aclosing(voice.stream(TEXTS[1])) as pieces:
            await anext(pieces)
        heard.append(b"".join([piece.pcm for piece in await contract.drain(voice.stream(TEXTS[2]))]))
    assert heard[0] == heard[1]


@pytest.mark.parametrize("pieces", [0, 1, 3, 100])
async def test_another_copy_finishes_what_one_was_saying(copies: Copies, tts: SharedTextToSpeech, pieces: int) -> None:
    """Wherever a copy dies in a text, even after its last piece, the listener hears all of it and nothing twice."""
    expected = await spoken(copies.engines[0], Manner(seed=3), *TEXTS)
    copies.dies_after = [pieces]
    assert await spoken(tts, Manner(seed=3), *TEXTS) == expected
    assert tts.failovers == {("higgs", "higgs", "middle" if pieces else "start"): 1}
    assert tts.finished_elsewhere == {("higgs", "higgs"): 1}


async def test_it_is_not_ready_until_a_copy_is_back(copies: Copies, tts: SharedTextToSpeech) -> None:
    """While perhaps nobody would speak that is shown, and so is the end of it."""
    changed = asyncio.Event()
    copies.back.clear()
    tts = SharedTextToSpeech(copies, describe(copies.engines[0]), changed)
    copies.dies_after = [0, 0]
    with pytest.raises(EngineError, match="gone"):
        await spoken(tts, Manner(), TEXTS[0])
    assert (tts.ready, changed.is_set()) == (False, True)
    assert "waiting" in tts.detail
    changed.clear()
    copies.back.set()
    await changed.wait()
    assert tts.ready
    assert await spoken(tts, Manner(), TEXTS[0])


async def test_a_recording_goes_to_each_copy_once(copies: Copies, tts: SharedTextToSpeech) -> None:
    """A voice that imitates somebody sounds as from an engine of one's own, and its recording does not travel with
    every sentence."""
    recording = Recording(wav_bytes(tone(), 24_000), "What is said.")
    manner = Manner(seed=5, recording=recording)
    assert await spoken(tts, manner, *TEXTS, *TEXTS) == await spoken(copies.engines[0], manner, *TEXTS, *TEXTS)
    assert copies.sent == 2 * len(recording.audio)


async def test_it_is_ready_again_where_nobody_can_tell(copies: Copies) -> None:
    """Whatever goes wrong with asking, an engine that may speak is not shown as gone for ever."""
    changed, copies.dies_after = asyncio.Event(), [0]

    async def fails() -> None:
        raise RuntimeError("no answer")

    copies.answers = fails
    tts = SharedTextToSpeech(copies, describe(copies.engines[0]), changed)
    assert await spoken(tts, Manner(), TEXTS[0])
    while not tts.ready:
        changed.clear()
        await changed.wait()


async def test_what_the_engine_refuses_is_refused(tts: SharedTextToSpeech) -> None:
    """A recording that is no audio is the fault of whoever gave it, who learns why; the engine goes on."""
    voice = tts.open_voice("x", Manner(recording=Recording(b"no audio", "Hello.")))
    with pytest.raises(RequestRefused, match="cannot speak this") as refused:
        await contract.drain(voice.stream(TEXTS[0]))
    assert refused.value.status == 400
    with suppress(RequestRefused):
        await contract.drain(voice.stream(TEXTS[0]))
    assert await spoken(tts, Manner(), TEXTS[0])


async def test_it_describes_itself_as_the_engine_does(copies: Copies, tts: SharedTextToSpeech) -> None:
    """Voices, rate and abilities are those of the engine, known before anything is spoken."""
    engine = copies.engines[0]
    for name in ("name", "stand_in", "sample_rate_hz", "clones_voices", "takes_descriptions", "descriptions"):
        assert getattr(tts, name) == getattr(engine, name)
    assert list(tts.voices) == list(engine.voices)
    assert tts.detail == f"{engine.detail}, shared"
