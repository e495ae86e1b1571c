"""The STT pipeline: microphone -> voice activity -> turn detection -> transcript.

`feed` is synchronous and cheap; recognition runs in `run`, one utterance after another, so transcripts come in the
order things were said. What it concludes goes to `notify`; it knows nothing of turns, characters or sockets.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from backend.errors import EngineError
from backend.events import SpeechStarted, SpeechStopped, TranscriptPartial
from backend.pipelines.turn_detection import START_WINDOWS, WINDOW_MS, Signal, TurnDetector, TurnSettings
from backend.utterance import Utterance

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from backend.engines.interfaces import SpeechToText
    from backend.engines.silero import VadStream

WINDOW_BYTES = 1024
PRE_ROLL_WINDOWS = 12
"""Audio kept from before speech is detected (384 ms): soft beginnings are below the detector's threshold."""

LONGEST_UTTERANCE_S = 60
"""Speech longer than this is taken as finished here and goes on as a new utterance."""

MICROPHONE_GONE_S = 0.4
"""When audio stops coming in the middle of speech, silence is assumed after the usual silence and this much more."""


@dataclass(frozen=True, slots=True)
class BargeIn:
    """The person has been speaking long enough to cut in."""


@dataclass(frozen=True, slots=True)
class HearingFailed:
    """An utterance could not be recognised."""

    error: EngineError


HearingEvent = SpeechStarted | SpeechStopped | TranscriptPartial | BargeIn | HearingFailed | Utterance


@dataclass(slots=True)
class _Recording:
    """One utterance, being spoken or waiting to be recognised."""

    audio: MemoryObjectReceiveStream[bytes]
    sender: MemoryObjectSendStream[bytes]
    voiced_at: float
    """When the last voiced window had arrived."""
    decided_at: float = 0.0


class STTPipeline:
    """Hears one person."""

    def __init__(
        self,
        stt: SpeechToText,
        vad: VadStream,
        notify: Callable[[HearingEvent], None],
        clock: Callable[[], float],
    ) -> None:
        self.settings = TurnSettings()
        self._stt = stt
        self._vad = vad
        self._notify = notify
        self._clock = clock
        self._detector = TurnDetector()
        self._partial_window = b""
        self._windows = 0
        self._pre_roll: deque[bytes] = deque(maxlen=PRE_ROLL_WINDOWS)
        self._recording: _Recording | None = None
        self._fed_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._queue, self._recordings = anyio.create_memory_object_stream[_Recording](8)

    def feed(self, pcm: bytes) -> None:
        """Microphone audio, PCM16LE mono 16 kHz, any whole number of samples."""
        self._fed_at = self._clock()
        data = self._partial_window + pcm
        whole = len(data) - len(data) % WINDOW_BYTES
        for start in range(0, whole, WINDOW_BYTES):
            self._hear(data[start : start + WINDOW_BYTES])
        self._partial_window = data[whole:]

    def commit(self) -> None:
        """The utterance is over: the person let go of the button."""
        if self._recording is not None:
            self._detector.stop()
            self._stop()
        elif self.settings.mode == "push_to_talk":
            now = self._clock()
            self._notify(Utterance("", "speech", now, now, now))

    async def run(self) -> None:
        """Recognise utterances until cancelled."""
        try:
            async for recording in self._recordings:
                try:
                    await self._recognise(recording)
                except EngineError as error:
                    self._notify(HearingFailed(error))
                finally:
                    recording.audio.close()
        finally:
            if self._watch is not None:
                self._watch.cancel()
            if self._recording is not None:
                self._recording.sender.close()
                self._recording.audio.close()
            while self._recordings.statistics().current_buffer_used:
                self._recordings.receive_nowait().audio.close()
            self._queue.close()
            self._recordings.close()

    async def _recognise(self, recording: _Recording) -> None:
        async with aclosing(self._stt.stream(recording.audio)) as transcripts:
            async for transcript in transcripts:
                if not transcript.final:
                    self._notify(TranscriptPartial(transcript.text))
                    continue
                self._notify(
                    Utterance(
                        text=transcript.text.strip(),
                        source="speech",
                        ended_at=recording.voiced_at,
                        decided_at=recording.decided_at,
                        transcribed_at=self._clock(),
                    )
                )

    def _hear(self, window: bytes) -> None:
        self._windows += 1
        signal = self._detector.feed(self._vad.probability(window), self.settings)
        if self._recording is None:
            self._pre_roll.append(window)
        else:
            if self._detector.unvoiced_windows == 0:
                self._recording.voiced_at = self._fed_at
            self._record(window)
        match signal:
            case Signal.STARTED:
                self._start()
            case Signal.BARGED_IN:
                self._notify(BargeIn())
            case Signal.STOPPED:
                self._stop()
            case None:
                pass

    def _record(self, window: bytes) -> None:
        assert self._recording is not None
        try:
            self._recording.sender.send_nowait(window)
        except anyio.BrokenResourceError:
            pass  # recognition of this utterance has failed and was reported
        except anyio.WouldBlock:
            self._detector.stop()
            self._stop()

    def _start(self) -> None:
        sender, audio = anyio.create_memory_object_stream[bytes](LONGEST_UTTERANCE_S * 1000 // WINDOW_MS)
        recording = _Recording(audio, sender, voiced_at=self._fed_at)
        try:
            self._queue.send_nowait(recording)
        except anyio.WouldBlock:
            sender.close()
            audio.close()
            self._detector.stop()
            self._notify(HearingFailed(EngineError("stt", "speech recognition is behind; this utterance was dropped")))
            return
        self._recording = recording
        for window in self._pre_roll:
            sender.send_nowait(window)
        self._notify(SpeechStarted((self._windows - START_WINDOWS) * WINDOW_MS))
        self._pre_roll.clear()
        self._watch_microphone()

    def _stop(self) -> None:
        assert self._recording is not None
        self._recording.decided_at = self._clock()
        self._recording.sender.close()
        self._recording = None
        if self._watch is not None:
            self._watch.cancel()
        self._notify(SpeechStopped((self._windows - self._detector.unvoiced_windows) * WINDOW_MS))

    def _watch_microphone(self) -> None:
        """A muted or vanished microphone sends nothing at all, which is silence too."""
        if self._recording is None or self.settings.mode != "auto":
            return
        limit_s = self.settings.silence_windows * WINDOW_MS / 1000 + MICROPHONE_GONE_S
        rest_s = self._fed_at + limit_s - self._clock()
        if rest_s <= 0:
            self._detector.stop()
            self._stop()
        else:
            self._watch = asyncio.get_running_loop().call_later(rest_s, self._watch_microphone)
