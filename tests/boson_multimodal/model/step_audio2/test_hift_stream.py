"""The vocoder piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
import torch

from boson_multimodal.model.step_audio2.hift_source import Source
from boson_multimodal.model.step_audio2.hift_stream import CONTEXT_FRAMES, VocoderStream
from boson_multimodal.model.step_audio2.loading import load_hift
from boson_multimodal.model.step_audio2.tiny_vocoder import TINY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from boson_multimodal.model.step_audio2.hift import Hift

FRAME = 480


@pytest.fixture(scope="module")
def hift(folder: Path) -> Hift:
    """A tiny vocoder."""
    return load_hift(folder)


def mel_frames(frames: int, seed: int = 0) -> Tensor:
    """Random mel `[1, 80, frames]`."""
    return torch.randn(1, 80, frames, generator=torch.Generator().manual_seed(seed))


def pieces(
    stream: VocoderStream, mel: Tensor, cuts: Sequence[int], *, last_with_finish: bool
) -> list[NDArray[np.float32]]:
    """What the stream returns for `mel` cut into `cuts`, call by call."""
    parts = list(mel.split(list(cuts), dim=2))
    last = parts.pop() if last_with_finish else None
    return [*(stream.push(part) for part in parts), stream.finish(last)]


@pytest.mark.parametrize("last_with_finish", [True, False])
@pytest.mark.parametrize(
    "cuts", [[1], [7], [8], [9], [1] * 20, [3, 4, 1, 30], [50, 50, 6], [20, 0, 5, 1], [8] * 4, [2, 60]]
)
def test_every_frame_is_480_samples(hift: Hift, cuts: list[int], last_with_finish: bool) -> None:
    """No sample is lost or made up, however the frames are cut and whether or not the last call brings any."""
    made = pieces(VocoderStream(hift), mel_frames(sum(cuts)), cuts, last_with_finish=last_with_finish)
    assert sum(map(len, made)) == sum(cuts) * FRAME
    assert all(piece.dtype == np.float32 and piece.ndim == 1 for piece in made)


def test_all_but_eight_frames_go_at_once(hift: Hift) -> None:
    """Chunks of 25 codes become 0.84 s and then 1 s each; the rest is held until the end, and comes without news."""
    made = pieces(VocoderStream(hift), mel_frames(150), [50, 50, 50], last_with_finish=False)
    assert [len(piece) for piece in made] == [20160, 24000, 24000, 3840]


def test_one_piece_is_the_whole(hift: Hift) -> None:
    """Without seams a stream is the vocoder itself, to the bit."""
    whole, _ = hift(mel_frames(30), torch.Generator().manual_seed(4))
    stream = VocoderStream(hift, seed=4)
    assert np.array_equal(np.concatenate((stream.push(mel_frames(30)), stream.finish())), whole[0].numpy())
    assert np.array_equal(VocoderStream(hift, seed=4).finish(mel_frames(30)), whole[0].numpy())


def test_streams_do_not_touch_each_other(hift: Hift) -> None:
    """Two utterances in turns are those alone, to the bit."""
    cuts = [5, 20, 1, 14]
    mels = [mel_frames(40, seed) for seed in (1, 2)]
    alone = [pieces(VocoderStream(hift, seed), mel, cuts, last_with_finish=True) for seed, mel in enumerate(mels)]
    streams = [VocoderStream(hift, seed) for seed in (0, 1)]
    parts = [mel.split(cuts, dim=2) for mel in mels]
    for step in range(len(cuts)):
        for k, stream in enumerate(streams):
            found = stream.push(parts[k][step]) if step < 3 else stream.finish(parts[k][step])
            assert np.array_equal(found, alone[k][step])


def test_the_seed_is_the_sound(hift: Hift) -> None:
    """The same seed and cuts give the same samples, another seed others."""
    first, second, other = (
        np.concatenate(pieces(VocoderStream(hift, seed), mel_frames(30), [10, 20], last_with_finish=False))
        for seed in (3, 3, 4)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("chunk", [3, 8, 25, 50])
def test_seams_do_not_click(hift: Hift, chunk: int) -> None:
    """Nowhere near the beginning or the end of a held part is a step between samples larger than anywhere else."""
    made = pieces(
        VocoderStream(hift), mel_frames(200), [chunk] * (200 // chunk) + [200 % chunk], last_with_finish=False
    )
    steps = np.abs(np.diff(np.concatenate(made)))
    borders = np.cumsum([len(piece) for piece in made])[:-1]
    near = np.zeros(len(steps), bool)
    for border in (*borders, *(borders + CONTEXT_FRAMES * FRAME)):
        near[max(border - 3, 0) : border + 2] = True
    assert steps[near].max() <= steps[~near].max()


class Levels:
    """Stands in for the vocoder: each call is one level throughout, the next call the other one."""

    config = TINY

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, mel: Tensor, generator: torch.Generator, cached: Source | None) -> tuple[Tensor, Source]:
        samples = mel.shape[2] * FRAME
        self.calls += 1
        return torch.full((1, samples), float(self.calls % 2)), Source(torch.zeros(1, 1, samples), torch.zeros(1, 9))


@pytest.mark.parametrize("cuts", [[50, 50, 20], [8, 8, 8], [1] * 12, [20, 3, 1, 30]])
def test_levels_pass_over_evenly(cuts: list[int]) -> None:
    """Two decodings that differ everywhere are joined without a step, and never louder than either."""
    stream = VocoderStream(cast("Hift", Levels()))
    sound = np.concatenate(pieces(stream, mel_frames(sum(cuts)), cuts, last_with_finish=False))
    shortest = min(CONTEXT_FRAMES, cuts[0]) * FRAME
    assert np.abs(np.diff(sound)).max() <= np.pi / 2 / shortest * 1.01
    assert sound.min() >= 0
    assert sound.max() <= 1


def test_the_source_is_cached(hift: Hift) -> None:
    """The frames that are decoded again have the source that they had, and no more of it is kept."""
    given: list[Source | None] = []

    class Listening:
        config = hift.config

        def __call__(self, mel: Tensor, generator: torch.Generator, cached: Source | None) -> tuple[Tensor, Source]:
            given.append(cached)
            wave, source = hift(mel, generator, cached)
            given.append(source)
            return wave, source

    stream = VocoderStream(cast("Hift", Listening()))
    pieces(stream, mel_frames(40), [5, 20, 15], last_with_finish=False)
    nothing, first, kept, second, kept_again, _ = given
    assert nothing is None
    assert first is not None and kept is not None and second is not None and kept_again is not None
    assert torch.equal(kept.samples, first.samples)
    assert torch.equal(kept_again.samples, second.samples[..., -CONTEXT_FRAMES * FRAME :])
    assert kept_again.samples.untyped_storage().nbytes() == CONTEXT_FRAMES * FRAME * 4


def test_nothing_in_nothing_out(hift: Hift) -> None:
    """An utterance without frames has no samples, and no frames change nothing."""
    assert len(VocoderStream(hift).finish()) == 0
    stream = VocoderStream(hift)
    assert len(stream.push(mel_frames(0))) == 0
    stream.push(mel_frames(10))
    assert len(stream.push(mel_frames(0))) == 0
    assert len(stream.finish(mel_frames(0))) == CONTEXT_FRAMES * FRAME


def test_mel_may_lack_the_batch(hift: Hift) -> None:
    """`[80, L]` is the same as `[1, 80, L]`; other shapes are refused by name and leave the stream as it was."""
    stream = VocoderStream(hift)
    for wrong in (torch.zeros(2, 80, 4), torch.zeros(4, 80), torch.zeros(80)):
        with pytest.raises(ValueError, match=r"\[1, 80, L\]"):
            stream.push(wrong)
    assert np.array_equal(stream.finish(mel_frames(9)[0]), VocoderStream(hift).finish(mel_frames(9)))


def test_a_finished_stream_takes_no_more(hift: Hift) -> None:
    """What would begin a second utterance in the first one's state is refused."""
    stream = VocoderStream(hift)
    stream.finish(mel_frames(3))
    for call in (lambda: stream.push(mel_frames(1)), stream.finish):
        with pytest.raises(RuntimeError, match="open another stream"):
            call()
