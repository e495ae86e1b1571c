"""Voice activity, with the real network."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import numpy as np
import pytest

from backend.engines import silero
from backend.engines.silero import WINDOW_BYTES, SileroVad, VadStream
from backend.errors import ConfigurationError
from tests.engines import contract

NOISE = np.random.default_rng(0).normal(0, 1000, WINDOW_BYTES * 50).astype("<i2").tobytes()


@pytest.fixture(scope="module")
def vad() -> SileroVad:
    return SileroVad()


@pytest.fixture(scope="module")
def speech() -> bytes:
    return asyncio.run(contract.spoken("Hello there, how are you doing today?"))


def probabilities(stream: VadStream, pcm: bytes) -> list[float]:
    return [
        stream.probability(pcm[start : start + WINDOW_BYTES])
        for start in range(0, len(pcm) - WINDOW_BYTES + 1, WINDOW_BYTES)
    ]


def test_tells_speech_from_silence_and_noise(vad, speech):
    """Speech is found, and neither silence nor steady noise is taken for it."""
    heard = probabilities(vad.open(), speech)
    assert sum(p > 0.5 for p in heard) > len(heard) / 2
    assert max(probabilities(vad.open(), bytes(WINDOW_BYTES * 50))) < 0.3
    assert max(probabilities(vad.open(), NOISE)) < 0.3


def test_agrees_with_the_reference(vad, speech):
    """Window by window gives what the reference computes over the whole audio: state and context are carried right."""
    from faster_whisper.vad import get_vad_model

    pcm = speech[: len(speech) // WINDOW_BYTES * WINDOW_BYTES]
    # Louder than quiet everywhere, so that the network judges every window.
    hiss = np.random.default_rng(1).normal(0, 100, len(pcm) // 2)
    pcm = np.clip(np.frombuffer(pcm, "<i2") + hiss, -32768, 32767).astype("<i2").tobytes()
    # The reference overwrites the end of its input, so it is given one window more.
    samples = np.frombuffer(pcm + bytes(WINDOW_BYTES), "<i2").astype(np.float32) / 32768
    expected = get_vad_model()(samples)[:-1]
    np.testing.assert_allclose(probabilities(vad.open(), pcm), expected, atol=1e-4)


def test_quiet_windows_begin_a_new_stream(vad, speech):
    """Silence is certain without the network, and what follows it is judged as if nothing had come before."""
    stream = vad.open()
    first = probabilities(stream, speech)
    assert probabilities(stream, bytes(WINDOW_BYTES * 3)) == [0.0] * 3
    assert probabilities(stream, speech) == first


def test_sessions_do_not_hear_each_other(vad, speech):
    """Streams that take turns on the one model give what each gives alone."""
    first, second = vad.open(), vad.open()
    alone = probabilities(vad.open(), speech)
    taking_turns = []
    for start in range(0, len(speech) - WINDOW_BYTES + 1, WINDOW_BYTES):
        taking_turns.append(first.probability(speech[start : start + WINDOW_BYTES]))
        second.probability(NOISE[:WINDOW_BYTES])
    assert taking_turns == alone


def test_reset_forgets(vad, speech):
    """After a reset a stream is as good as new."""
    stream = vad.open()
    first = probabilities(stream, speech)
    probabilities(stream, NOISE)
    stream.reset()
    assert probabilities(stream, speech) == first


@pytest.mark.parametrize("size", [0, 2, WINDOW_BYTES - 1, WINDOW_BYTES + 2])
def test_refuses_other_windows(vad, size):
    """A window of the wrong length is an error, never a wrong answer."""
    with pytest.raises(ValueError, match="window"):
        vad.open().probability(bytes(size))


def test_says_what_to_install(monkeypatch):
    """Without the network's file the server does not start, and says what to install."""
    monkeypatch.setattr(silero, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="pip install"):
        SileroVad()


def test_does_not_import_faster_whisper():
    """Loading the network does not load faster-whisper and the libraries under it."""
    code = (
        "import sys; from backend.engines.silero import SileroVad; SileroVad(); print('faster_whisper' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
