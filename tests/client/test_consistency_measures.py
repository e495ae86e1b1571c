"""Whether what sounds alike scores higher than what does not."""

from __future__ import annotations

from contextlib import aclosing

import numpy as np
import pytest

from backend.audio import Resampler, from_float, to_float
from backend.client.consistency.figures import VoiceHeard, auc, summarise
from backend.client.consistency.measures import EmbeddingMeasure, SpectralMeasure
from backend.client.consistency.spectrum import RATE_HZ, cepstrum, log_mel, spoken
from backend.engines.offline_speech import OfflineTextToSpeech
from backend.errors import ConfigurationError
from tests.engines.tiny_onnx import speaker_network, turn_network

MEASURE = SpectralMeasure()
VOWELS = (
    (730, 1090, 2440),
    (270, 2290, 3010),
    (300, 870, 2240),
    (530, 1840, 2480),
    (570, 840, 2410),
    (660, 1720, 2410),
)
"""Formants in hertz (Peterson and Barney, 1952)."""


def speech(pitch_hz: float, tract: float, text: int) -> bytes:
    """Two seconds of ten random vowels: pulses at about that pitch through resonances, `tract` times as high as a
    man's."""
    rng = np.random.default_rng(text)
    samples = int(0.2 * RATE_HZ)
    glide = pitch_hz * np.repeat(2 ** rng.normal(0, 1 / 12, 10), samples)
    phase = np.cumsum(glide) / RATE_HZ
    source = np.diff(np.floor(phase), prepend=0.0) + rng.normal(0, 0.003, len(phase))
    spoken_ = []
    for index in range(10):
        part = np.fft.rfft(source[index * samples : (index + 1) * samples])
        hertz = np.fft.rfftfreq(samples, 1 / RATE_HZ)
        for formant in tract * np.array([*VOWELS[rng.integers(len(VOWELS))], 3500, 4500]):
            width = 60 + 0.04 * formant
            part = part * formant**2 / (formant**2 - hertz**2 + 1j * hertz * width)
        spoken_.append(np.fft.irfft(part, samples))
    sound = np.concatenate(spoken_)
    return from_float((0.5 * sound / np.abs(sound).max()).astype(np.float32))


SPEAKERS = {"man": (110, 1.0), "high man": (150, 1.0), "woman": (200, 1.17), "child": (290, 1.35), "low": (110, 1.17)}


def test_made_up_speakers_are_told_apart():
    """The same tract and pitch with other vowels is more alike than another speaker, also one of the same pitch."""
    prints = {
        name: {str(text): MEASURE.voiceprint(speech(*of, text)) for text in range(6)} for name, of in SPEAKERS.items()
    }
    summary = summarise([VoiceHeard(name, said) for name, said in prints.items()], MEASURE)
    assert summary["auc"] > 0.95
    assert summary["same"]["mean"] > summary["different"]["mean"] + 0.3


def test_loudness_and_pauses_are_no_part_of_a_voice():
    """A quieter recording with silence around it is the same voice."""
    once = speech(110, 1.0, 1)
    quieter = bytes(16_000) + from_float(0.2 * to_float(once)) + bytes(32_000)
    assert MEASURE.similarity(MEASURE.voiceprint(once), MEASURE.voiceprint(quieter)) > 0.97
    assert MEASURE.similarity(MEASURE.voiceprint(once), MEASURE.voiceprint(once)) == 1


@pytest.mark.parametrize("sound", [b"", bytes(2), bytes(100), bytes(32_000)])
def test_silence_has_a_voiceprint(sound):
    """A sentence that was not spoken is unlike a voice, and no failure."""
    silent = MEASURE.voiceprint(sound)
    assert np.isfinite(silent).all()
    assert MEASURE.similarity(silent, MEASURE.voiceprint(speech(110, 1.0, 1))) < 0.5


def test_mel_bands():
    """A tone is in the band around it, and a frame comes every 10 ms."""
    times = np.arange(RATE_HZ) / RATE_HZ
    bands = log_mel(0.5 * np.sin(2 * np.pi * 1000 * times), 80, highest_hz=8000.0)
    assert bands.shape == (98, 80)
    edges = np.linspace(1127 * np.log1p(20 / 700), 1127 * np.log1p(8000 / 700), 82)
    assert set(bands.argmax(axis=1)) == {int(np.abs(edges[1:-1] - 1127 * np.log1p(1000 / 700)).argmin())}
    assert np.allclose(cepstrum(bands, 12), cepstrum(bands + 3.0, 12))
    assert list(spoken(np.array([[0.0], [-6.0], [-8.0]]))) == [True, True, False]


TEXTS = (
    "The sea was quiet that morning, and nobody spoke.",
    "Would you hand me the small brass key, please?",
    "I have lived in this house for thirty years.",
    "They say it will rain until the end of the week.",
)


async def test_the_offline_voices_are_told_apart():
    """Four of them, each with four sentences, of which no two are compared that have the same words."""
    heard = []
    async with OfflineTextToSpeech() as tts:
        for name in tts.voices[:4]:
            said = {}
            for text in TEXTS:
                resampler = Resampler(tts.sample_rate_hz, RATE_HZ)
                async with aclosing(tts.open_voice(name).stream(text)) as pieces:
                    pcm = b"".join([resampler.feed(piece.pcm) async for piece in pieces]) + resampler.finish()
                said[text] = MEASURE.voiceprint(pcm)
            heard.append(VoiceHeard(name, said))
    assert summarise(heard, MEASURE)["auc"] > 0.97


@pytest.mark.parametrize("shape", [("samples",), ("frames", 80)])
def test_a_network_compares_voices(tmp_path, shape):
    """A file that takes the waveform or mel bands is run on either; a voice is most like itself."""
    file = tmp_path / "speaker.onnx"
    file.write_bytes(speaker_network(*shape))
    measure = EmbeddingMeasure(file)
    one, other = (measure.voiceprint(speech(pitch, 1.0, 1)) for pitch in (110, 220))
    assert one.shape == (shape[1] if len(shape) > 1 else 1,)
    assert np.linalg.norm(one) == pytest.approx(1)
    assert measure.similarity(one, one) == pytest.approx(1)
    assert measure.similarity(one, other) < 0.999 or len(shape) == 1


@pytest.mark.parametrize("content", [b"no network", turn_network(shape=(80, 800)), None])
def test_a_file_that_is_no_such_network_says_so(tmp_path, content):
    """It is found out before the voices speak."""
    file = tmp_path / "speaker.onnx"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match="--embedding"):
        EmbeddingMeasure(file)


def test_the_auc_of_one_measure():
    """Ties count half."""
    assert auc([2, 2], [1, 2]) == 0.75
