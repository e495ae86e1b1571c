"""The vocoder against its published names and sizes, and against a second writing of its formulas."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from boson_multimodal.model.step_audio2.hift import Hift
from boson_multimodal.model.step_audio2.loading import load_hift
from boson_multimodal.model.step_audio2.tiny_vocoder import TINY

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

FRAME = 480


def mel_frames(frames: int, seed: int = 0) -> Tensor:
    """Random mel `[1, 80, frames]`."""
    return torch.randn(1, 80, frames, generator=torch.Generator().manual_seed(seed))


def noise(seed: int = 0) -> torch.Generator:
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


def published_shapes() -> dict[str, tuple[int, ...]]:
    """Every tensor of the published `hift.pt`, as its description lists them."""
    shapes: dict[str, tuple[int, ...]] = {}

    def add(name: str, *shape: int, bias: int | None = None) -> None:
        shapes[f"{name}.weight"] = shape
        shapes[f"{name}.bias"] = (shape[0] if bias is None else bias,)

    def normalised(name: str, *shape: int, bias: int | None = None) -> None:
        add(name, *shape, bias=bias)
        del shapes[f"{name}.weight"]
        shapes[f"{name}.parametrizations.weight.original0"] = (shape[0], *(1 for _ in shape[1:]))
        shapes[f"{name}.parametrizations.weight.original1"] = shape

    def block(name: str, width: int, kernel: int) -> None:
        for j in range(3):
            normalised(f"{name}.convs1.{j}", width, width, kernel)
            normalised(f"{name}.convs2.{j}", width, width, kernel)
            shapes[f"{name}.activations1.{j}.alpha"] = (width,)
            shapes[f"{name}.activations2.{j}.alpha"] = (width,)

    for index in (0, 2, 4, 6, 8):
        normalised(f"f0_predictor.condnet.{index}", 512, 512 if index else 80, 3)
    add("f0_predictor.classifier", 1, 512)
    add("m_source.l_linear", 1, 9)
    normalised("conv_pre", 512, 80, 7)
    for index, (wide, narrow, kernel) in enumerate(((512, 256, 16), (256, 128, 11), (128, 64, 7))):
        normalised(f"ups.{index}", wide, narrow, kernel, bias=narrow)
    for index, (width, kernel) in enumerate(((256, 30), (128, 6), (64, 1))):
        add(f"source_downs.{index}", width, 18, kernel)
    for index, (width, kernel) in enumerate(((256, 7), (128, 7), (64, 11))):
        block(f"source_resblocks.{index}", width, kernel)
    for index in range(9):
        block(f"resblocks.{index}", (256, 128, 64)[index // 3], (3, 7, 11)[index % 3])
    normalised("conv_post", 18, 64, 7)
    return shapes


def test_the_tensors_are_the_published_ones() -> None:
    """The real file fits by name and shape: 328 tensors, 20,821,295 numbers."""
    with torch.device("meta"):
        found = {name: tuple(tensor.shape) for name, tensor in Hift().state_dict().items()}
    assert found == published_shapes()
    assert len(found) == 328
    assert sum(int(np.prod(shape)) for shape in found.values()) == 20_821_295


def test_decoding_is_what_the_formulas_say(folder: Path, weights: dict[str, Tensor]) -> None:
    """Wiring, strides, paddings, slopes and both Fourier transforms agree with a plain second writing of them."""
    mel = mel_frames(3)
    source = 0.1 * torch.randn(1, 1, 3 * FRAME, generator=noise(1))
    found = load_hift(folder).decode(mel, source)[0]
    np.testing.assert_allclose(found.numpy(), decoded_by_hand(weights, mel, source), atol=2e-5)


def decoded_by_hand(weights: dict[str, Tensor], mel: Tensor, source: Tensor) -> NDArray[np.float64]:
    """HiFT's decoder in double precision, from the stored tensors alone."""

    def weight(name: str) -> Tensor:
        if f"{name}.weight" in weights:
            return weights[f"{name}.weight"].double()
        g, v = (weights[f"{name}.parametrizations.weight.original{k}"].double() for k in (0, 1))
        return v * g / v.flatten(1).norm(dim=1)[:, None, None]

    def conv(x: Tensor, name: str, stride: int = 1, padding: int = 0, dilation: int = 1) -> Tensor:
        return F.conv1d(x, weight(name), weights[f"{name}.bias"].double(), stride, padding, dilation)

    def snake(x: Tensor, name: str) -> Tensor:
        alpha = weights[f"{name}.alpha"].double()[None, :, None]
        return x + torch.sin(alpha * x) ** 2 / alpha

    def block(x: Tensor, name: str, kernel: int) -> Tensor:
        for j, dilation in enumerate((1, 3, 5)):
            inner = snake(x, f"{name}.activations1.{j}")
            inner = conv(inner, f"{name}.convs1.{j}", padding=(kernel - 1) * dilation // 2, dilation=dilation)
            inner = snake(inner, f"{name}.activations2.{j}")
            x = x + conv(inner, f"{name}.convs2.{j}", padding=(kernel - 1) // 2)
        return x

    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(16) / 16)
    mirrored = np.pad(source[0, 0].double().numpy(), 8, mode="reflect")
    frames = range((len(mirrored) - 16) // 4 + 1)
    spectrum = np.stack([np.fft.rfft(window * mirrored[4 * k : 4 * k + 16]) for k in frames], axis=1)
    parts = torch.from_numpy(np.concatenate((spectrum.real, spectrum.imag)))[None]

    x = conv(mel.double(), "conv_pre", padding=3)
    for stage, (stride, down, kernel) in enumerate(((8, 15, 7), (5, 3, 7), (3, 1, 11))):
        bias = weights[f"ups.{stage}.bias"].double()
        padding = {8: 4, 5: 3, 3: 2}[stride]
        x = F.conv_transpose1d(F.leaky_relu(x, 0.1), weight(f"ups.{stage}"), bias, stride, padding)
        if stage == 2:
            x = torch.cat((x[..., 1:2], x), dim=-1)
        excitation = conv(parts, f"source_downs.{stage}", stride=down, padding=down // 2)
        x = x + block(excitation, f"source_resblocks.{stage}", kernel)
        x = sum(block(x, f"resblocks.{3 * stage + k}", size) for k, size in enumerate((3, 7, 11))) / 3  # pyright: ignore
    shape = conv(F.leaky_relu(x, 0.01), "conv_post", padding=3)[0].numpy()
    bins = np.minimum(np.exp(shape[:9]), 100.0) * np.exp(1j * np.sin(shape[9:]))

    total, weighed = np.zeros(len(mirrored)), np.zeros(len(mirrored))
    for k in frames:
        total[4 * k : 4 * k + 16] += window * np.fft.irfft(bins[:, k], 16)
        weighed[4 * k : 4 * k + 16] += window**2
    return np.clip((total[8:-8] / weighed[8:-8]), -0.99, 0.99)


@pytest.mark.parametrize("frames", [1, 2, 13])
def test_a_frame_is_480_samples(folder: Path, frames: int) -> None:
    """Sound and source are as long as the frames say, and within the limits."""
    wave, source = load_hift(folder)(mel_frames(frames), noise())
    assert wave.shape == (1, frames * FRAME)
    assert source.samples.shape == (1, 1, frames * FRAME)
    assert 0.01 < wave.abs().max() <= 0.99


def test_loud_sound_is_limited() -> None:
    """Nothing leaves the vocoder beyond 0.99, however the weights are."""
    hift = Hift(TINY)
    torch.nn.init.constant_(hift.conv_post.bias, 9.0)
    wave, _ = hift(mel_frames(4), noise())
    assert wave.abs().max() == pytest.approx(0.99)


def test_loud_spectra_are_limited() -> None:
    """A magnitude is a hundred at most, whatever its exponent: 16 bins of that are a hundred in a sample."""
    hift = Hift(replace(TINY, peak=1e9))
    torch.nn.init.constant_(hift.conv_post.bias, 20.0)
    wave, _ = hift(mel_frames(4), noise())
    assert wave.abs().max() < 150


def test_noise_comes_from_the_generator_alone(folder: Path) -> None:
    """The same state gives the same sound whatever else draws random numbers, and another one another."""
    hift = load_hift(folder)
    first, _ = hift(mel_frames(4), noise(5))
    torch.manual_seed(99)
    assert torch.equal(hift(mel_frames(4), noise(5))[0], first)
    assert not torch.equal(hift(mel_frames(4), noise(6))[0], first)


@pytest.mark.parametrize(
    "mel", [torch.zeros(80, 3), torch.zeros(2, 80, 3), torch.zeros(1, 3, 80), torch.zeros(1, 80, 0)]
)
def test_other_shapes_are_refused(mel: Tensor) -> None:
    """A mel that is turned round or empty is called that, not broadcast."""
    with pytest.raises(ValueError, match=r"\[1, 80, L\]"):
        Hift(TINY)(mel, noise())
