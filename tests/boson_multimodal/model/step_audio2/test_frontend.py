"""The three mel spectra against a second writing of them: plain loops in double precision, DFTs by the formula."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from transformers.audio_utils import mel_filter_bank

from boson_multimodal.model.step_audio2.frontend import (
    _kaldi_filters,  # pyright: ignore[reportPrivateUsage]
    kaldi_fbank,
    log_mel_80,
    log_mel_128,
    mel_filters,
    resample,
)

Array = NDArray[np.float64]


def a_voice(samples: int, rate: int) -> NDArray[np.float32]:
    """A hum with overtones, some noise, a direct current, and a second half that is nearly silent."""
    time = np.arange(samples) / rate
    hum = sum(np.sin(2 * np.pi * 170 * k * time + k) / k for k in range(1, 12))
    sound = 0.2 * hum + 0.01 * np.random.default_rng(0).standard_normal(samples) + 0.05
    sound[samples // 2 :] *= 1e-3
    return sound.astype(np.float32)


def dft(frame: Array, points: int) -> Array:
    """The spectrum `[points // 2 + 1]` (complex) of a frame, by the formula."""
    angles = 2j * np.pi * np.outer(np.arange(points // 2 + 1), np.arange(len(frame))) / points
    return np.exp(-angles) @ frame


def hann(length: int, periods: int) -> Array:
    """sin² over `periods` samples a turn."""
    return np.sin(np.pi * np.arange(length) / periods) ** 2


def slaney_triangles(rate: int, points: int, bins: int, high: float) -> Array:
    """The filters `[bins, points // 2 + 1]` one by one."""

    def hertz(mel: float) -> float:
        return mel * 200 / 3 if mel < 15 else 1000 * np.exp((mel - 15) * np.log(6.4) / 27)

    top = high * 3 / 200 if high < 1000 else 15 + 27 * np.log(high / 1000) / np.log(6.4)
    edges = [hertz(top * k / (bins + 1)) for k in range(bins + 2)]
    filters = np.zeros((bins, points // 2 + 1))
    for k in range(bins):
        left, middle, right = edges[k : k + 3]
        for point in range(points // 2 + 1):
            place = rate * point / points
            if left < place <= middle:
                filters[k, point] = (place - left) / (middle - left)
            elif middle < place < right:
                filters[k, point] = (right - place) / (right - middle)
        filters[k] *= 2 / (right - left)
    return filters


@pytest.mark.parametrize(("rate", "points", "bins", "high"), [(16000, 400, 128, 8000.0), (24000, 1920, 80, 8000.0)])
def test_the_filters_are_slaneys(rate: int, points: int, bins: int, high: float) -> None:
    """Ours are those of the formula and those of transformers, whose are librosa's."""
    found = mel_filters(rate, points, bins, high).numpy()
    np.testing.assert_allclose(found, slaney_triangles(rate, points, bins, high), atol=1e-8)
    theirs = mel_filter_bank(points // 2 + 1, bins, 0.0, high, rate, norm="slaney", mel_scale="slaney")
    np.testing.assert_allclose(found, theirs.T, atol=1e-8)


def test_the_filters_are_librosas() -> None:
    """The first values of the file of filters that Whisper carries, which librosa wrote."""
    filters = mel_filters(16000, 400, 80).numpy()
    np.testing.assert_allclose(filters[0, :3], [0.0, 0.02486259, 0.0], atol=1e-7)
    np.testing.assert_allclose(filters[1, 1:3], [0.00199082, 0.02287177], atol=1e-7)


def test_the_tokenizer_hears_what_whisper_does() -> None:
    """The log-mel of 128 bins is that of the recipe."""
    sound = a_voice(2000, 16000)
    mirrored = np.pad(sound.astype(np.float64), 200, mode="reflect")
    frames = [hann(400, 400) * mirrored[160 * k : 160 * k + 400] for k in range(2000 // 160)]
    power = np.stack([np.abs(dft(frame, 400)) ** 2 for frame in frames], axis=1)
    levels = np.log10(np.maximum(slaney_triangles(16000, 400, 128, 8000.0) @ power, 1e-10))
    expected = (np.maximum(levels, levels.max() - 8) + 4) / 4
    found = log_mel_128(sound)
    assert found.shape == (1, 128, 12)
    np.testing.assert_allclose(found[0].numpy(), expected, atol=2e-4)


def test_the_flow_hears_what_it_speaks() -> None:
    """The mel of 80 bins is that of the recipe."""
    sound = a_voice(6000, 24000)
    mirrored = np.pad(sound.astype(np.float64), 720, mode="reflect")
    frames = [hann(1920, 1920) * mirrored[480 * k : 480 * k + 1920] for k in range(6000 // 480)]
    magnitude = np.stack([np.sqrt(np.abs(dft(frame, 1920)) ** 2 + 1e-9) for frame in frames], axis=1)
    expected = np.log(np.maximum(slaney_triangles(24000, 1920, 80, 8000.0) @ magnitude, 1e-5)).T
    found = log_mel_80(sound)
    assert found.shape == (1, 12, 80)
    np.testing.assert_allclose(found[0].numpy(), expected, atol=2e-4)


def kaldi_by_hand(sound: NDArray[np.float32]) -> Array:
    """Kaldi's filter banks frame by frame, bin by bin."""

    def mel(hertz: float) -> float:
        return 1127 * np.log(1 + hertz / 700)

    step = (mel(8000) - mel(20)) / 81
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399)) ** 0.85
    rows = []
    for begin in range(0, len(sound) - 400 + 1, 160):
        frame = sound[begin : begin + 400].astype(np.float64)
        frame = frame - frame.mean()
        emphasised = np.array([frame[n] - 0.97 * frame[max(n - 1, 0)] for n in range(400)])
        power = np.abs(dft(emphasised * window, 512)) ** 2
        row = []
        for k in range(80):
            left = mel(20) + k * step
            energy = 0.0
            for point in range(257):
                place = (mel(point * 16000 / 512) - left) / step
                if 0 < place < 2:
                    energy += (1 - abs(place - 1)) * power[point]
            row.append(np.log(max(energy, 2.0**-23)))
        rows.append(row)
    return np.array(rows)


def test_the_speaker_encoder_hears_what_kaldi_does() -> None:
    """The filter banks are those of the recipe, in the loud half and in the quiet one."""
    sound = a_voice(1600, 16000)
    found = kaldi_fbank(sound)
    assert found.shape == (8, 80)
    np.testing.assert_allclose(found.numpy(), kaldi_by_hand(sound), atol=2e-3)


def test_kaldis_filters_leave_no_gap() -> None:
    """Between the middles of the first and the last filter, neighbours sum to one everywhere; Nyquist has none."""
    filters = _kaldi_filters().numpy()
    total = filters.sum(axis=0)
    np.testing.assert_allclose(total[4:244], 1, atol=1e-5)
    assert total[256] == pytest.approx(0, abs=1e-5)


def test_silence_has_a_floor() -> None:
    """Digital silence is finite everywhere: each recipe has its own floor."""
    silence = np.zeros(4800, np.float32)
    assert log_mel_128(silence).unique().tolist() == [pytest.approx(-1.5)]
    assert log_mel_80(silence).max() < -5
    assert log_mel_80(silence).min() == pytest.approx(np.log(1e-5))
    assert kaldi_fbank(silence).unique().tolist() == [pytest.approx(np.log(2.0**-23))]


@pytest.mark.parametrize(("rate", "mel", "hop"), [(16000, log_mel_128, 160), (24000, log_mel_80, 480)])
def test_frames_follow_the_length(rate: int, mel: object, hop: int) -> None:
    """Exactly one frame for every whole hop."""
    assert callable(mel)
    for samples in (5 * hop, 5 * hop + hop - 1, 6 * hop):
        frames = mel(a_voice(samples, rate))
        assert max(frames.shape[1:]) in {80, 128}
        assert frames.numel() // max(frames.shape[1:]) == samples // hop


@pytest.mark.parametrize("mel", [log_mel_128, log_mel_80, kaldi_fbank])
@pytest.mark.parametrize("shape", [(399,), (0,), (1, 4800)])
def test_what_is_no_sound_is_refused(mel: object, shape: tuple[int, ...]) -> None:
    """Less than a window and more than one channel are called that."""
    assert callable(mel)
    with pytest.raises(ValueError, match="mono with at least"):
        mel(np.zeros(shape, np.float32))


def test_resampling_keeps_the_sound() -> None:
    """A tone is the same tone at the new rate, as long as before, and the same rate changes nothing."""
    tone = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100).astype(np.float32)
    found = resample(tone, 44100, 16000)
    assert found.dtype == np.float32
    assert len(found) == 16000
    expected = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    np.testing.assert_allclose(found[500:-500], expected[500:-500], atol=2e-3)
    assert np.array_equal(resample(tone, 44100, 44100), tone)
