"""What answers hold, however they are cut into pieces."""

from __future__ import annotations

import base64
import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.engines.speech_body import ChatBody, NotSpeech, RawBody

SPEECH = np.random.default_rng(1).integers(-9000, 9000, 3000, "<i2").tobytes()
ERROR = b'{"error": {"message": "CUDA error", "code": 500}}'


def fed(body, data: bytes, cuts: list[int]) -> bytes:
    """What comes of an answer that is cut at these places."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pcm = [body.feed(data[start:end]) for start, end in itertools.pairwise(places)]
    assert not any(len(piece) % 2 for piece in pcm)
    body.finish()
    return b"".join(pcm)


def events(*pieces: bytes, last: bytes = b"data: [DONE]\n\n") -> bytes:
    """As chat completions stream them."""
    chunks = [{"choices": [{"delta": {"audio": {"data": base64.b64encode(piece).decode()}}}]} for piece in pieces]
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n" for chunk in chunks) + last


CUTS = st.lists(st.integers(0, 20_000), max_size=6)


@given(CUTS)
def test_speech_is_passed_on_whole(cuts):
    """Raw or in events, in whole samples, wherever the network cuts it."""
    assert fed(RawBody(), SPEECH, cuts) == SPEECH
    assert fed(ChatBody(), events(SPEECH[:1001], SPEECH[1001:]), cuts) == SPEECH


@given(CUTS, st.integers(0, 3000))
def test_an_error_among_the_samples_is_found(cuts, after):
    """Wherever it begins and is cut: it is not heard to its end, and it is said what is wrong."""
    with pytest.raises(NotSpeech):
        fed(RawBody(), SPEECH[: 2 * after] + ERROR, cuts)


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (b"", "no sound"),
        (b"\0\0", "no sound"),
        (SPEECH + b"\1", "middle of a sample"),
        (ERROR, "CUDA error"),
        (b'{"detail": "busy"}', "busy"),
        (b'{"object": "error", "message": "busy"}', "busy"),
        (b' {"detai', "JSON instead"),
        (b'{"error": ' + b"[" * 200_000, "JSON instead"),
        (b"<!DOCTYPE html><html>", "HTML instead"),
        (b"RIFF\x24\0\0\0WAVE" + SPEECH, "WAV instead"),
        (b"OggS" + SPEECH, "Ogg instead"),
        (b"ID3\x04" + SPEECH, "MP3 instead"),
        (b'data: {"type": "speech.audio.delta"}\n\n', "events instead"),
    ],
)
def test_what_is_no_speech_is_named(answer, what):
    """It would be noise, or silence."""
    with pytest.raises(NotSpeech, match=what):
        fed(RawBody(), answer, [])


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (events(SPEECH, last=b""), "before its last event"),
        (events(), "no sound"),
        (events(SPEECH, last=b"data: {}}\n\n"), "cannot be understood"),
        (events(SPEECH, last=b"data: " + b"[" * 200_000 + b"\n\n"), "cannot be understood"),
        (events(SPEECH, last=b"data: " + ERROR + b"\n\ndata: [DONE]\n\n"), "CUDA error"),
    ],
)
def test_events_that_end_otherwise_are_named(answer, what):
    """A stream that breaks off is not taken for one that is whole."""
    with pytest.raises(NotSpeech, match=what):
        fed(ChatBody(), answer, [])


@given(st.binary(max_size=200).map(lambda noise: b"data: " + noise + b"\n"), CUTS)
def test_no_event_is_a_bug(answer, cuts):
    """Whatever a server sends, it is speech or it is not."""
    with pytest.raises(NotSpeech):
        fed(ChatBody(), answer, cuts)
