"""Sound on its way in and out: base64, G.711 and other rates, in pieces of any size."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend import g711
from backend.audio import Resampler
from backend.errors import InvalidRequest
from backend.protocols.realtime.audio import MAX_APPEND, SoundIn, SoundOut, read_append
from tests.protocols.realtime.client import sound

PCM, PCMU, PCMA = ({"type": f"audio/{name}"} for name in ("pcm", "pcmu", "pcma"))


def heard(data: bytes, form, sizes=(4096,)) -> bytes:
    """`data` as the server hears it, fed in pieces of these sizes by turns."""
    way, out, start, turn = SoundIn(form), b"", 0, 0
    while start < len(data):
        size = sizes[turn % len(sizes)]
        out += way.feed(data[start : start + size])
        start, turn = start + size, turn + 1
    return out + way.finish()


def apart(one: bytes, other: bytes) -> int:
    """How much the samples of two stretches of PCM differ at most; resampling rounds at random."""
    assert len(one) == len(other)
    return np.abs(np.frombuffer(one, "<i2").astype(int) - np.frombuffer(other, "<i2")).max(initial=0)


def resampled(pcm: bytes, from_hz: int, to_hz: int) -> bytes:
    resampler = Resampler(from_hz, to_hz)
    return resampler.feed(pcm) + resampler.finish()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=6))
def test_audio_is_heard_the_same_however_it_is_cut(sizes):
    """Appends of any size, also ones that cut a sample in two, lose nothing."""
    pcm = sound(300)
    assert apart(heard(pcm, PCM, sizes), resampled(pcm, 24_000, 16_000)) <= 2


@pytest.mark.parametrize(("form", "law"), [(PCMU, "mu"), (PCMA, "a")])
def test_telephone_audio_is_decoded(form, law):
    """One byte a sample at 8 kHz comes in at 16 kHz."""
    codes = g711.encoded(sound(300, 8000), law)
    assert apart(heard(codes, form), resampled(g711.decoded(codes, law), 8000, 16_000)) <= 2


@pytest.mark.parametrize(("form", "bytes_per_s"), [(PCM, 48_000), (PCMU, 8000), (PCMA, 8000)])
def test_durations_are_those_of_the_format(form, bytes_per_s):
    """What is told in milliseconds counts samples, not bytes."""
    assert SoundIn(form).milliseconds(bytes(bytes_per_s)) == 1000


@pytest.mark.parametrize(("form", "law"), [(PCM, None), (PCMU, "mu"), (PCMA, "a")])
def test_replies_go_out_whole(form, law):
    """All frames together are the reply in the client's format, to the last sample."""
    pcm, way = sound(500), SoundOut(form)
    frames = [pcm[start : start + 4800] for start in range(0, len(pcm), 4800)]
    out = b"".join(base64.b64decode(way.feed(frame, last=False)) for frame in frames)
    out += base64.b64decode(way.feed(b"", last=True))
    if law is None:
        assert out == pcm
    else:
        step = 512  # between the levels of samples as loud as these
        assert apart(g711.decoded(out, law), resampled(pcm, 24_000, 8000)) <= step / 2 + 2


def test_a_telephone_hears_the_tone_that_was_spoken():
    """Coded and decoded it is the same sound, as near as eight bits come."""
    way = SoundOut(PCMA)
    codes = base64.b64decode(way.feed(sound(500), last=True))
    got = np.frombuffer(g711.decoded(codes, "a"), "<i2").astype(float)
    meant = np.frombuffer(sound(500, 8000), "<i2").astype(float)
    middle = slice(400, 3600)
    error = np.square(got[middle] - meant[middle]).mean() / np.square(meant[middle]).mean()
    assert 10 * np.log10(error) < -30


@pytest.mark.parametrize("audio", ["no base64!", "YQ", "YQ==YQ==x", "é", "Y\n"])
def test_what_is_not_base64_is_refused(audio):
    """The error names the field."""
    with pytest.raises(InvalidRequest) as caught:
        read_append(audio)
    assert caught.value.param == "audio"


def test_appends_are_bounded():
    """15 MiB at once, as at OpenAI's; more is refused without being decoded."""
    assert read_append("") == b""
    assert len(read_append(base64.b64encode(bytes(MAX_APPEND)).decode())) == MAX_APPEND
    with pytest.raises(InvalidRequest, match="at most"):
        read_append("A" * (MAX_APPEND * 4 // 3 + 8))
