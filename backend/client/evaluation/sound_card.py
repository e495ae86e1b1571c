"""One person's ears and mouth: a loudspeaker and a microphone in the same room, on the same clock.

With every 20 ms that the microphone records, the loudspeaker has played 20 ms, and the room is in the recording.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from backend.audio import from_float, to_float
from backend.client.connection import playback_position
from backend.client.evaluation.loudspeaker import Loudspeaker
from backend.client.evaluation.mixing import Background, Echo, room_noise
from backend.client.microphone import FRAME_S, FRAME_SAMPLES, SimulatedMicrophone

if TYPE_CHECKING:
    from collections.abc import Callable

    from backend.client.connection import Connection
    from backend.client.evaluation.corpus import Item

REPORT_EVERY_FRAMES = 10
"""Playback positions are reported every 200 ms."""


class SoundCard:
    """`tick` is called after every frame. Replies must arrive at the microphone's rate, 16 kHz."""

    def __init__(self, connection: Connection, item: Item, tick: Callable[[], None]) -> None:
        self._connection = connection
        self._tick = tick
        self._noise_rms = item.room.noise_rms
        self._rng = np.random.default_rng(item.number)
        self._echo = Echo(item.room.echo_gain, item.room.echo_delay)
        self._background = Background(item.room.background)
        self._microphone = SimulatedMicrophone(self._record)
        self._sent_at: list[float] = []
        self._first_frame: int | None = None
        self._reported: tuple[int, int, int] | None = None
        self.loudspeaker = Loudspeaker()

    async def run(self) -> None:
        """Record and play until cancelled."""
        await self._microphone.run()

    async def speak(self, pcm: bytes) -> None:
        """Say `pcm` from the next frame on; returns near its end. Needs `run`."""
        self._first_frame = len(self._sent_at)
        await self._microphone.speak(pcm)

    def sent_at(self, sample: int) -> float | None:
        """When that sample of the speech was sent, on the monotonic clock; `None` while it has not been."""
        if self._first_frame is None:
            return None
        frame = self._first_frame + sample // FRAME_SAMPLES
        return self._sent_at[frame] if frame < len(self._sent_at) else None

    @property
    def spoken(self) -> int:
        """Samples of the speech that were sent, and of the silence after it."""
        return 0 if self._first_frame is None else (len(self._sent_at) - self._first_frame) * FRAME_SAMPLES

    def late_s(self) -> float:
        """How far the frame sent latest fell behind real time."""
        drift = [at - frame * FRAME_S for frame, at in enumerate(self._sent_at)]
        return max(drift) - min(drift) if drift else 0.0

    async def report(self) -> None:
        """Say how far playback is, if it has moved."""
        speaker = self.loudspeaker
        position = speaker.position and (speaker.turn, *speaker.position)
        if position and position != self._reported:
            self._reported = position
            await self._connection.send(playback_position(*position))

    async def _record(self, frame: bytes) -> None:
        echo = self._echo.of(self.loudspeaker.pull(FRAME_SAMPLES))
        noise = room_noise(self._rng, self._noise_rms, FRAME_SAMPLES)
        heard = to_float(frame) + noise + echo + self._background.next(FRAME_SAMPLES)
        # Noted before it is sent: `speak` counts a frame that is under way as gone.
        self._sent_at.append(time.monotonic())
        await self._connection.send(from_float(heard))
        if len(self._sent_at) % REPORT_EVERY_FRAMES == 0:
            await self.report()
        self._tick()
