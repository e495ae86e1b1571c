from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boson_multimodal.serve.audio_stream import AudioStream, ChunkPlan, Window, pcm16

CODEBOOKS, BOS, EOS = 8, 1024, 1025


def columns_of(frames: int, *, seed: int = 0) -> np.ndarray:
    """Columns `[T + C + 1, C]` of random frames."""
    codes = np.random.default_rng(seed).integers(0, 1024, (CODEBOOKS, frames))
    columns = np.full((frames + CODEBOOKS + 1, CODEBOOKS), EOS, dtype=np.int64)
    for k in range(CODEBOOKS):
        columns[: k + 1, k] = BOS
        columns[k + 1 : k + 1 + frames, k] = codes[k]
    return columns


def kept(windows: list[Window]) -> np.ndarray:
    return np.concatenate([window.codes[:, window.begin : window.end] for window in windows], axis=1)


@given(st.integers(1, 200), st.integers(1, 64), st.integers(1, 64), st.integers(0, 10))
def test_windows_cover_every_frame_once_with_its_context(frames: int, chunk: int, first: int, lookahead: int) -> None:
    """What is kept is the utterance, and around each kept frame stands all the context that exists and is wanted."""
    columns = columns_of(frames)
    stream = AudioStream(CODEBOOKS, EOS, ChunkPlan(first=first, chunk=chunk, lookahead=lookahead))
    windows = [window for column in columns for window in stream.feed(column)] + stream.finish()
    codes = np.stack([columns[1 + k : 1 + k + frames, k] for k in range(CODEBOOKS)])
    assert np.array_equal(kept(windows), codes)
    at = 0
    for window in windows:
        size = window.end - window.begin
        assert 1 <= size <= chunk
        assert window.begin == min(at, 10)
        assert window.codes.shape[1] - window.end == min(frames - at - size, lookahead)
        assert np.array_equal(window.codes, codes[:, at - window.begin : at - window.begin + window.codes.shape[1]])
        at += size


def test_pieces_grow_and_come_as_early_as_they_can() -> None:
    """The first sound waits for its own frames and those the decoder looks ahead to, and no longer."""
    stream = AudioStream(CODEBOOKS, EOS, ChunkPlan())
    sizes: list[tuple[int, int]] = []
    for index, column in enumerate(columns_of(400)[:330]):
        sizes += [(index, window.end - window.begin) for window in stream.feed(column)]
    assert [size for _, size in sizes] == [4, 8, 16, 32, 64, 64, 64]
    emitted = 0
    for index, size in sizes:
        emitted += size
        assert index == emitted + 10 - 1 + CODEBOOKS


@pytest.mark.parametrize("frames", [0, 1, 3])
def test_a_short_utterance_is_whole(frames: int) -> None:
    """An utterance shorter than a piece loses nothing, and one without a frame is silent."""
    stream = AudioStream(CODEBOOKS, EOS, ChunkPlan())
    for column in columns_of(frames):
        assert stream.feed(column) == []
    assert sum(window.end - window.begin for window in stream.finish()) == frames


def test_an_interrupted_utterance_keeps_its_whole_frames() -> None:
    """Columns that stop without an end still give every frame that was complete."""
    stream = AudioStream(CODEBOOKS, EOS, ChunkPlan())
    for column in columns_of(50)[:14]:
        stream.feed(column)
    assert sum(window.end - window.begin for window in stream.finish()) == 14 - CODEBOOKS


def test_samples_beyond_full_scale_are_clipped() -> None:
    """Loud speech is clipped, never wrapped around."""
    found = np.frombuffer(pcm16(np.array([0, 1, -1, 2, -2, 0.5], dtype=np.float32)), dtype="<i2")
    assert found.tolist() == [0, 32767, -32767, 32767, -32767, 16384]


def test_a_senseless_plan_is_refused() -> None:
    """Pieces of no frames would never end."""
    with pytest.raises(ValueError, match="counts frames"):
        ChunkPlan(first=0)
