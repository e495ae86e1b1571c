"""Files of the usual formats, made piece by piece."""

from __future__ import annotations

import gc
import io
import itertools
import subprocess
import sys
import wave

import av
import numpy as np
import pytest

from backend.audio import from_float, read_wav
from backend.encoding import FORMATS, Encoder, open_encoder

RATE_HZ = 24_000
CODED = ("mp3", "opus", "aac", "flac")
DECODED_HZ = {"opus": 48_000}  # Opus is always decoded at its highest rate


def tones() -> bytes:
    """Half a second each of 440 Hz, silence and 880 Hz."""
    t = np.arange(RATE_HZ // 2) / RATE_HZ
    parts = [0.4 * np.sin(2 * np.pi * 440 * t), 0 * t, 0.4 * np.sin(2 * np.pi * 880 * t)]
    return from_float(np.concatenate(parts).astype(np.float32))


def pieces(encoder: Encoder, pcm: bytes) -> list[bytes]:
    """What each of many `feed` calls of odd sizes gives, and last what `finish` does."""
    out, at, sizes = [], 0, itertools.cycle((1, 997, 0, 2400, 13, 4801))
    while at < len(pcm):
        size = 2 * next(sizes)
        out.append(encoder.feed(pcm[at : at + size]))
        at += size
    return [*out, encoder.finish()]


def decoded(file: bytes) -> tuple[np.ndarray, int]:
    """Samples of a file as float64 in [-1, 1], shape [samples], and their rate."""
    with av.open(io.BytesIO(file)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="flt", layout="mono", rate=stream.rate)
        frames = [part for frame in container.decode(stream) for part in resampler.resample(frame)]
        return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float64), stream.rate


def power_at(samples: np.ndarray, rate_hz: int, hz: float) -> float:
    """Mean power of the part of `samples` that is a sine of `hz`."""
    turning = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / rate_hz)
    return 2 * float(np.abs(np.mean(samples * turning)) ** 2)


@pytest.mark.parametrize("name", [*CODED, "wav"])
def test_what_goes_in_comes_out(name):
    """A player hears what was said, when it was said, as loud as it was said."""
    with open_encoder(name, RATE_HZ) as encoder:
        samples, rate_hz = decoded(b"".join(pieces(encoder, tones())))
    assert rate_hz == DECODED_HZ.get(name, RATE_HZ)
    assert len(samples) / rate_hz == pytest.approx(1.5, abs=0.1)
    low, silence, high = (samples[int((at + 0.1) * rate_hz) : int((at + 0.4) * rate_hz)] for at in (0, 0.5, 1.0))
    assert power_at(low, rate_hz, 440) == pytest.approx(0.08, rel=0.1)
    assert power_at(high, rate_hz, 880) == pytest.approx(0.08, rel=0.1)
    assert max(power_at(low, rate_hz, 880), power_at(high, rate_hz, 440), np.square(silence).mean()) < 1e-4


def test_flac_loses_nothing():
    """Lossless is what the format is asked for."""
    samples, _ = decoded(b"".join(pieces(open_encoder("flac", RATE_HZ), tones())))
    assert (samples * 32768).astype("<i2").tobytes() == tones()


def test_opus_says_at_which_rate_it_was_made():
    """The header names the original rate, for those who want it back."""
    file = b"".join(pieces(open_encoder("opus", RATE_HZ), tones()))
    head = file.index(b"OpusHead")
    assert int.from_bytes(file[head + 12 : head + 16], "little") == RATE_HZ


def test_wav_is_read_to_its_end_by_who_believes_its_sizes():
    """A length not known is written as the greatest one: readers stop where the file does."""
    file = b"".join(pieces(open_encoder("wav", RATE_HZ), tones()))
    assert file[4:8] == file[40:44] == b"\xff\xff\xff\xff"
    with wave.open(io.BytesIO(file)) as reader:
        assert (reader.getframerate(), reader.getnchannels(), reader.getsampwidth()) == (RATE_HZ, 1, 2)
    assert read_wav(file, RATE_HZ) == tones()


def test_pcm_is_the_samples():
    """The format without a file around it changes nothing."""
    assert b"".join(pieces(open_encoder("pcm", RATE_HZ), tones())) == tones()


@pytest.mark.parametrize("name", FORMATS)
def test_it_comes_while_it_is_being_made(name):
    """The first bytes are on their way when 200 ms have been said, and no half second passes without any."""
    encoder, pcm = open_encoder(name, RATE_HZ), tones()
    fed = [encoder.feed(pcm[at : at + 960]) for at in range(0, len(pcm), 960)]  # 20 ms each
    assert len(b"".join(fed[:10])) > 200
    assert all(any(fed[at : at + 10]) for at in range(len(fed) - 10))


@pytest.mark.parametrize("name", CODED)
def test_the_sound_itself_comes_soon(name):
    """What was given out before the end can be decoded, up to 0.3 s short of what went in."""
    pcm = tones()
    encoder = open_encoder(name, RATE_HZ)
    file = b"".join(encoder.feed(pcm[at : at + 4800]) for at in range(0, len(pcm), 4800))
    samples, rate_hz = decoded(file)
    assert len(samples) / rate_hz > 1.2


@pytest.mark.parametrize("name", [*CODED, "wav"])
@pytest.mark.parametrize("samples", [0, 1, 100])
def test_next_to_nothing_is_a_file_too(name, samples):
    """A reply without a word is played as nothing, not refused."""
    encoder = open_encoder(name, RATE_HZ)
    file = encoder.feed(bytes(2 * samples)) + encoder.finish()
    if name == "wav":
        assert read_wav(file, RATE_HZ) == bytes(2 * samples)
    else:
        decoded_samples, rate_hz = decoded(file)
        assert len(decoded_samples) / rate_hz < 0.12
        assert not decoded_samples.any()


@pytest.mark.parametrize("name", CODED)
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_any_rate(name, rate_hz):
    """Voices come at their own rates; a codec that lacks one is given the next higher."""
    t = np.arange(rate_hz) / rate_hz
    pcm = from_float((0.4 * np.sin(2 * np.pi * 440 * t)).astype(np.float32))
    samples, decoded_hz = decoded(b"".join(pieces(open_encoder(name, rate_hz), pcm)))
    assert len(samples) / decoded_hz == pytest.approx(1.0, abs=0.16)  # a frame of MP3 at 8 kHz is 144 ms
    assert power_at(samples[decoded_hz // 5 : decoded_hz * 4 // 5], decoded_hz, 440) == pytest.approx(0.08, rel=0.1)


def open_containers() -> int:
    gc.collect()
    return sum(type(held) is av.container.OutputContainer for held in gc.get_objects())


@pytest.mark.parametrize("name", CODED)
def test_one_that_is_dropped_leaves_nothing(name):
    """A listener who hangs up costs no memory, whether the encoder was closed or only forgotten."""
    before = open_containers()
    for close in (True, False):
        encoder = open_encoder(name, RATE_HZ)
        encoder.feed(tones())
        assert open_containers() == before + 1
        if close:
            encoder.close()
            encoder.close()
        del encoder
        assert open_containers() == before


@pytest.mark.parametrize("name", FORMATS)
def test_one_can_be_closed_before_it_was_used(name):
    """A voice that fails before its first sample leaves an encoder that nothing was fed."""
    with open_encoder(name, RATE_HZ):
        pass


@pytest.mark.parametrize("name", CODED)
def test_one_that_is_closed_says_so(name):
    """Samples for a file that has ended are an error, not lost or worse."""
    encoder = open_encoder(name, RATE_HZ)
    encoder.finish()
    for use in (encoder.finish, lambda: encoder.feed(bytes(2))):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_an_unknown_format_is_told_the_known_ones():
    """Who asks for another format learns what there is."""
    with pytest.raises(ValueError, match=r"'ogg'.* mp3, opus, aac, flac, wav, pcm"):
        open_encoder("ogg", RATE_HZ)


def test_importing_it_is_cheap():
    """FFmpeg is loaded by the first file that needs it, not when the server starts."""
    code = "import sys, backend.encoding; backend.encoding.open_encoder('wav', 24000); assert 'av' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
