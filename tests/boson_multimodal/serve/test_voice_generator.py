from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest

from boson_multimodal.model.higgs_audio.sampling import SamplingParams
from boson_multimodal.serve.voice_generator import StreamingVoiceGenerator, max_columns
from tests.boson_multimodal.serve.test_serve_engine import wav

if TYPE_CHECKING:
    from pathlib import Path

    from boson_multimodal.serve.serve_engine import HiggsAudioServeEngine

PARAMS = SamplingParams(seed=1)


async def speak(voice: StreamingVoiceGenerator, *chunks: str) -> bytes:
    return b"".join([piece async for piece in voice.generate_pcm(chunks, PARAMS, 60)])


@pytest.mark.parametrize("size", [0, 1, 2, 5])
async def test_the_context_is_bounded(engine: HiggsAudioServeEngine, size: int) -> None:
    """However long a voice speaks, its context never holds more chunks than asked for, and pairs stay together."""
    voice = StreamingVoiceGenerator(engine, generation_chunk_buffer_size=size)
    held = []
    for number in range(9):
        await speak(voice, f"Sentence number {number}.")
        held.append(len(voice.generated_audio_ids))
        assert len(voice.generation_messages) == 2 * len(voice.generated_audio_ids)
    assert max(held) == size
    assert size == 0 or min(held[size:]) >= 1
    assert size == 0 or voice.generation_messages[-2].content == "Sentence number 8."


async def test_the_reference_is_never_trimmed(engine: HiggsAudioServeEngine, tmp_path: Path) -> None:
    """What makes the voice is still in the prompt when everything spoken has been dropped."""
    (tmp_path / "voice.wav").write_bytes(wav())
    voice = StreamingVoiceGenerator(engine, None, None, [str(tmp_path / "voice.wav")], 2, ref_texts=["My voice."])
    await speak(voice, "One.")
    assert voice.ref_audio_ids is not None
    before = [codes.clone() for codes in voice.ref_audio_ids]
    for number in range(6):
        await speak(voice, f"Sentence number {number}.")
    assert all(np.array_equal(a, b) for a, b in zip(before, voice.ref_audio_ids, strict=True))
    assert voice.base_messages[1].content == "My voice."


async def test_context_that_outgrows_the_cache_is_dropped(engine: HiggsAudioServeEngine) -> None:
    """A context without a bound is bounded by what fits, and the voice goes on."""
    voice = StreamingVoiceGenerator(engine, generation_chunk_buffer_size=None)
    held = [0]
    while held[-1] == max(held) and len(held) < 30:
        await speak(voice, f"This is sentence number {len(held)}, a little longer than the others were before it.")
        held.append(len(voice.generated_audio_ids))
    assert max(held) > 5
    assert 0 < held[-1] < max(held)
    assert await speak(voice, "And so it goes on.")


async def test_the_next_chunk_finds_the_last_ones_in_the_cache(
    engine: HiggsAudioServeEngine, prefilled: list[int]
) -> None:
    """Between two trimmings a chunk prefills little more than its own text, and trims happen in blocks."""
    voice = StreamingVoiceGenerator(engine, "A quiet room with a long description. " * 4, "masculine;low")
    text = "A sentence as before."
    for _ in range(11):
        await speak(voice, text)
    first, following = prefilled[0], prefilled[1:]
    own = len(text) + 40
    assert first > 150
    assert all(rows <= own for rows in following[:5])
    assert sum(rows > own for rows in following) <= 3


async def test_a_broken_off_chunk_is_not_remembered(engine: HiggsAudioServeEngine) -> None:
    """The context holds whole chunks only: half a sentence's audio beside its whole text would teach the model to
    swallow words."""
    voice = StreamingVoiceGenerator(engine)
    stream = voice.generate_pcm(["A sentence that is broken off in its midst, as it happens."], PARAMS, 200)
    await anext(stream)
    await stream.aclose()
    assert voice.generated_audio_ids == []
    assert await speak(voice, "Hello.") == await speak(StreamingVoiceGenerator(engine), "Hello.")


async def test_two_voices_keep_their_own_context(engine: HiggsAudioServeEngine) -> None:
    """What one voice says does not change how another sounds."""
    first, second = StreamingVoiceGenerator(engine), StreamingVoiceGenerator(engine)
    mixed = [await speak(voice, text) for text in ("One.", "Two.", "Three.") for voice in (first, second)]
    assert mixed[::2] == mixed[1::2]


async def test_the_budget_follows_the_text(engine: HiggsAudioServeEngine) -> None:
    """A short text cannot run on for a minute."""
    assert max_columns("Hi.", engine) < 110
    assert max_columns("x" * 100, engine) > 500
    voice = StreamingVoiceGenerator(engine)
    deltas = [delta async for delta in voice.generate_streaming(["Hi."], SamplingParams(seed=2), 2048)]
    assert len(deltas) < 110


@pytest.mark.parametrize("size", [0, 2, 5, None])
async def test_a_voice_goes_on_in_another_generator(engine: HiggsAudioServeEngine, size: int | None) -> None:
    """With what a voice remembers, carried elsewhere, not a byte of what it says next differs."""
    stays = StreamingVoiceGenerator(engine, generation_chunk_buffer_size=size)
    for number in range(4):
        text = f"Sentence number {number}, it's 5 o'clock."
        moves = StreamingVoiceGenerator(engine, generation_chunk_buffer_size=size)
        moves.recall(pickle.loads(pickle.dumps(stays.memory)))
        assert await speak(moves, text) == await speak(stays, text)
        after, before = moves.memory, stays.memory
        assert (after.spoken, [chunk.text for chunk in after.chunks]) == (
            number + 1,
            [chunk.text for chunk in before.chunks],
        )
        assert all(np.array_equal(a.codes, b.codes) for a, b in zip(after.chunks, before.chunks, strict=True))
