"""The simulated microphone, on virtual time."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from backend.audio import wav_bytes
from backend.client.concurrency import beside
from backend.client.microphone import FRAME_BYTES, RATE_HZ, SimulatedMicrophone, is_audible, read_speech
from backend.errors import ConfigurationError
from tests.client.scripted_server import tone

SILENCE = b"\0\0"


class Sent:
    """Frames with the time at which they were sent."""

    def __init__(self) -> None:
        self.frames: list[tuple[float, bytes]] = []
        self.enough = asyncio.Event()

    async def __call__(self, pcm: bytes) -> None:
        self.frames.append((asyncio.get_running_loop().time(), pcm))
        if len(self.frames) >= 50:
            self.enough.set()


@pytest.mark.virtual_time
async def test_frames_come_every_20_ms_and_the_room_goes_on_after_the_speech():
    """The server's endpointing needs real-time pace and a noise floor after the last word."""
    loop, sent = asyncio.get_running_loop(), Sent()
    microphone = SimulatedMicrophone(sent, loop.time)
    async with beside(microphone.run()):
        ended_at = await microphone.speak(tone(0.11, RATE_HZ) + SILENCE * 1600)
        await sent.enough.wait()
    times, frames = zip(*sent.frames, strict=True)
    assert np.diff(times) == pytest.approx(0.02)
    assert {len(frame) for frame in frames} == {FRAME_BYTES}
    assert [is_audible(frame) for frame in frames[:7]] == [True] * 6 + [False]
    assert ended_at == times[5]
    room = np.frombuffer(b"".join(frames[12:]), "<i2")
    assert 0 < np.abs(room).max() < 100


@pytest.mark.virtual_time
async def test_a_recording_without_any_sound_is_over_when_it_has_been_sent():
    """There is no last word to wait for."""
    loop, sent = asyncio.get_running_loop(), Sent()
    microphone = SimulatedMicrophone(sent, loop.time)
    async with beside(microphone.run()):
        assert await microphone.speak(SILENCE * 640) == sent.frames[1][0]
        assert await microphone.speak(b"") == sent.frames[1][0]


def test_recordings_of_any_rate_are_read_at_16_khz(tmp_path):
    """A recording from a telephone or a studio is spoken at its own speed."""
    path = tmp_path / "speech.wav"
    path.write_bytes(wav_bytes(tone(0.5, 48_000), 48_000))
    assert len(read_speech(path)) == pytest.approx(2 * 8000, abs=64)


def test_a_file_that_is_no_recording_is_named(tmp_path):
    """The person learns which of several files is wrong."""
    path = tmp_path / "speech.wav"
    with pytest.raises(ConfigurationError, match=r"speech\.wav: No such file"):
        read_speech(path)
    path.write_bytes(b"not audio")
    with pytest.raises(ConfigurationError, match=r"speech\.wav: not a WAV file"):
        read_speech(path)
