from __future__ import annotations

import asyncio
import base64
import io
import threading
import wave
from contextlib import aclosing
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from boson_multimodal.data_types import AudioContent, ChatMLSample, Message
from boson_multimodal.model.higgs_audio.decoder import Decoder
from boson_multimodal.model.higgs_audio.utils import build_delay_pattern, revert_delay_pattern
from boson_multimodal.serve.audio_stream import AudioStream, ChunkPlan, pcm16
from boson_multimodal.serve.serve_engine import HiggsAudioServeEngine

if TYPE_CHECKING:
    from pathlib import Path

    from boson_multimodal.tiny_checkpoint import TinyCheckpoint

SAMPLE = ChatMLSample([Message("system", "Generate audio following instruction."), Message("user", "Hello there.")])


def wav(seconds: float = 1.5, rate: int = 22_050) -> bytes:
    """A tone as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, rate, 0, "NONE", ""))
        writer.writeframes((np.sin(np.arange(int(seconds * rate)) / 20) * 8000).astype("<i2").tobytes())
    return file.getvalue()


def whole(engine: HiggsAudioServeEngine, columns: torch.Tensor) -> np.ndarray:
    """The samples of one decode of all columns `[C, N]`, as the seed's example has it."""
    codes = revert_delay_pattern(columns).clip(0, engine.audio_codebook_size - 1)[:, 1:-1]
    return engine.audio_tokenizer.decode(codes.unsqueeze(0))[0, 0]


# Sixty frames are some windows of any size; how windows are cut is tested by itself, for many more.
@settings(max_examples=15, deadline=None)
@given(st.integers(1, 60), st.integers(1, 64), st.integers(1, 64), st.integers(0, 10_000))
def test_streamed_pcm_is_the_offline_pcm(
    engine: HiggsAudioServeEngine, frames: int, chunk: int, first: int, seed: int
) -> None:
    """For every size of pieces and every length the pieces joined are the whole, to one step of the last bit."""
    codes = torch.randint(0, 1024, (8, frames), generator=torch.Generator().manual_seed(seed))
    columns = build_delay_pattern(codes, 1024, 1025)
    stream = AudioStream(8, 1025, ChunkPlan(first=first, chunk=chunk))
    windows = [window for column in columns.T for window in stream.feed(column.numpy())] + stream.finish()
    with torch.inference_mode():
        pieces = [
            pcm16(
                engine.audio_tokenizer(torch.from_numpy(window.codes)[None])[0].numpy()[
                    window.begin * 960 : window.end * 960
                ]
            )
            for window in windows
        ]
    streamed = np.frombuffer(b"".join(pieces), dtype="<i2").astype(int)
    offline = np.frombuffer(pcm16(whole(engine, columns)), dtype="<i2").astype(int)
    assert len(streamed) == frames * 960
    assert np.abs(streamed - offline).max() <= 1


async def test_all_ways_to_ask_give_the_same_speech(engine: HiggsAudioServeEngine) -> None:
    """The whole response, the deltas and the PCM of one request with one seed are one utterance."""
    response = await asyncio.to_thread(engine.generate, SAMPLE, seed=4, max_new_tokens=120)
    deltas = [delta async for delta in engine.generate_delta_stream(SAMPLE, seed=4, max_new_tokens=120)]
    columns = torch.stack([delta.audio_tokens for delta in deltas if delta.audio_tokens is not None], dim=1)
    assert response.generated_audio_tokens is not None
    assert np.array_equal(response.generated_audio_tokens, columns.numpy())
    assert response.audio is not None
    assert np.array_equal(response.audio, whole(engine, columns))
    assert response.sampling_rate == 24_000
    assert response.usage["total_tokens"] == response.usage["prompt_tokens"] + columns.shape[1]
    assert [delta.finish_reason for delta in deltas[:-1]] == [None] * (len(deltas) - 1)
    assert deltas[-1].finish_reason == response.finish_reason == "stop"
    assert [delta.text for delta in deltas[-2:]] == ["<|audio_eos|>", "<|eot_id|>"]


async def pcm(engine: HiggsAudioServeEngine, **asked: object) -> bytes:
    return b"".join([piece async for piece in engine.generate_pcm_stream(**asked)])  # pyright: ignore


async def test_pcm_of_chunks_is_that_of_their_columns(engine: HiggsAudioServeEngine) -> None:
    """Every chunk's PCM is the decode of the chunk's own columns, in order, with nothing between."""
    asked = {"text_chunks": ["Hello there.", "How are you?", "Fine."], "seed": 3, "scene_prompt": "A quiet room."}
    streamed = np.frombuffer(await pcm(engine, **asked), dtype="<i2").astype(int)
    offline: list[np.ndarray] = []
    columns: list[torch.Tensor] = []
    async for delta in engine.generate_streaming_with_context(**asked):
        if delta.audio_tokens is not None:
            columns.append(delta.audio_tokens)
        if delta.finish_reason:
            offline.append(np.frombuffer(pcm16(whole(engine, torch.stack(columns, dim=1))), dtype="<i2"))
            columns.clear()
    assert len(offline) == 3
    assert np.abs(streamed - np.concatenate(offline)).max() <= 1


async def test_a_text_is_spoken_sentence_by_sentence(engine: HiggsAudioServeEngine) -> None:
    """One string is chunked by itself, as the caller would have."""
    sentences = ["Hello there.", "How are you?"]
    assert await pcm(engine, text_chunks=" ".join(sentences), seed=3) == await pcm(
        engine, text_chunks=sentences, seed=3
    )


def test_usage_counts_what_was_in_the_cache(engine: HiggsAudioServeEngine) -> None:
    """Asked again, a prompt costs one position."""
    sample = ChatMLSample([Message("system", "Something nobody said before."), Message("user", "Hello there.")])
    engine.generate(sample, max_new_tokens=30)
    usage = engine.generate(sample, max_new_tokens=30).usage
    assert usage["cached_tokens"] == usage["prompt_tokens"]


async def test_the_same_seed_gives_the_same_bytes_in_any_company(engine: HiggsAudioServeEngine) -> None:
    """Seven voices at once on four slots each sound as they do alone, and different seeds differ."""
    asked = [{"text_chunks": [f"This is voice number {n}.", "And more."], "seed": n} for n in range(7)]
    together = await asyncio.gather(*(pcm(engine, **one) for one in asked))
    assert [await pcm(engine, **one) for one in asked] == together
    assert len(set(together)) == 7
    assert await pcm(engine, **(asked[0] | {"seed": 99})) != together[0]


async def test_leaving_frees_the_slot(engine: HiggsAudioServeEngine) -> None:
    """When `aclose` returns the engine has stopped for this consumer, in every way of asking, at any time."""
    for skipped in (0, 1, 2, 5):
        for stream in (
            engine.generate_pcm_stream(["A sentence that is long enough to be interrupted in its midst."], seed=1),
            engine.generate_streaming_with_context(["Another one, as long as that."], seed=1),
            engine.generate_delta_stream(SAMPLE, seed=1),
        ):
            async with aclosing(stream):
                for _ in range(skipped):
                    await anext(stream, None)
            assert engine.active_slots == 0


async def test_a_cancelled_consumer_frees_the_slot(engine: HiggsAudioServeEngine) -> None:
    """An interrupt is a cancellation: when the task has ended, nothing is drawn for it any more."""
    begun = asyncio.Event()

    async def speak() -> None:
        async for _ in engine.generate_pcm_stream(["A long sentence, and another one after it."] * 5, seed=1):
            begun.set()

    speaking = asyncio.create_task(speak())
    await begun.wait()
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking
    assert engine.active_slots == 0


async def test_many_streams_left_at_random_leave_nothing(engine: HiggsAudioServeEngine) -> None:
    """Streams opened and left over and over cost no slot and no thread."""
    draw = np.random.default_rng(0)
    threads = threading.active_count()

    async def visit(number: int) -> None:
        stream = engine.generate_pcm_stream(["Hello, who is there?"], seed=number)
        async with aclosing(stream):
            for _ in range(int(draw.integers(0, 3))):
                if await anext(stream, None) is None:
                    break

    for round_ in range(12):
        await asyncio.gather(*(visit(round_ * 8 + n) for n in range(8)))
    assert engine.active_slots == 0
    # asyncio's own pool, which builds the prompts, may have grown to its size.
    assert threading.active_count() <= threads + 32


async def test_an_error_reaches_the_consumer(engine: HiggsAudioServeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing decoder or codec ends the stream with its error, and the next stream works."""

    def broken(*_: object) -> object:
        raise RuntimeError("out of memory")

    for owner, name in ((Decoder, "step"), (type(engine.audio_tokenizer), "forward")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, broken)
            with pytest.raises(RuntimeError, match="out of memory"):
                await pcm(engine, text_chunks=["Hello there."], seed=1)
        assert engine.active_slots == 0
    assert await pcm(engine, text_chunks=["Hello there."], seed=1)


async def test_references_are_heard_and_encoded_once(
    engine: HiggsAudioServeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reference recording changes the voice; the same recording is not encoded again, wherever it lies."""
    recording, copy = tmp_path / "voice.wav", tmp_path / "copy.wav"
    recording.write_bytes(wav())
    copy.write_bytes(wav())
    (tmp_path / "voice.txt").write_text("This is my voice.")
    plain = await pcm(engine, text_chunks=["Hello."], seed=1)
    cloned = await pcm(engine, text_chunks=["Hello."], seed=1, ref_audio_paths=[str(recording)])
    assert plain != cloned

    def forbidden(*_: object) -> object:
        raise AssertionError("encoded again")

    monkeypatch.setattr("boson_multimodal.model.higgs_audio.reference_encoder.ReferenceEncoder.encode", forbidden)
    assert await pcm(engine, text_chunks=["Hello."], seed=1, ref_audio_paths=[str(recording)]) == cloned
    assert await pcm(engine, text_chunks=["Hello."], seed=1, ref_audio_paths=[str(copy)]) != plain


async def test_a_conversation_may_hold_audio(engine: HiggsAudioServeEngine) -> None:
    """Audio in a sample, as a base64 file, is part of the prompt."""
    heard = [
        Message("user", "My voice."),
        Message("assistant", AudioContent("", raw_audio=base64.b64encode(wav()).decode())),
        Message("user", "Hello there."),
    ]
    response = await asyncio.to_thread(engine.generate, ChatMLSample(heard), seed=4, max_new_tokens=60)
    assert response.usage["prompt_tokens"] > 1.5 * 25
    assert response.generated_audio_tokens is not None
    assert response.generated_audio_tokens.shape[1] <= 60


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"ref_audio_paths": ["/nowhere/voice.wav"]}, "no reference recording"),
        ({"temperature": -1.0}, "temperature"),
        ({"generation_chunk_buffer_size": -1}, "generation_chunk_buffer_size"),
        ({"speaker_descriptions": ["SPEAKER0: a", "SPEAKER0: b"]}, "SPEAKER0"),
        ({"text_chunks": ["word " * 4000]}, "leaves no room"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    engine: HiggsAudioServeEngine, asked: dict[str, object], said: str
) -> None:
    """Wrong arguments are a ValueError that says what is wrong, and cost no slot."""
    with pytest.raises(ValueError, match=said):
        await pcm(engine, **({"text_chunks": ["Hello."]} | asked))
    assert engine.active_slots == 0


def test_both_parts_may_lie_in_one_folder(tiny: TinyCheckpoint) -> None:
    """The folder that `make_tiny_checkpoint` writes serves as the model and as the codec."""
    made = HiggsAudioServeEngine(str(tiny.model.parent), str(tiny.codec.parent), device="cpu", max_streams=1)
    assert (made.sampling_rate, made.audio_num_codebooks, made.audio_codebook_size) == (24_000, 8, 1024)
    assert made.generate(SAMPLE, seed=1, max_new_tokens=30).audio is not None
    made.close()


def test_the_original_format_speaks_the_same(engine: HiggsAudioServeEngine, tiny: TinyCheckpoint) -> None:
    """A checkpoint as boson published it first gives the same speech as its conversion."""
    made = HiggsAudioServeEngine(
        str(tiny.original_model), str(tiny.original_codec), str(tiny.model), device="cpu", max_streams=1
    )
    first, second = (one.generate(SAMPLE, seed=1, max_new_tokens=60).audio for one in (engine, made))
    assert first is not None
    assert np.array_equal(first, second)
    made.close()
