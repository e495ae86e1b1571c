"""The STT pipeline: microphone -> voice activity -> turn detection -> transcript.

`feed` is synchronous and cheap; recognition runs in `run`, one utterance after another, so transcripts come in the
order things were said. Every silence long enough to be the end is put to the recogniser as a `Pause`; its answer helps
to decide, and is the transcript when the turn is over. Conclusions go to `notify`; nothing here knows of turns,
characters or sockets.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing
from typing import TYPE_CHECKING

import anyio

from backend.audio import power_db
from backend.engines.interfaces import NO_HINTS
from backend.errors import EngineError
from backend.events import SpeechStarted, SpeechStopped, TranscriptPartial
from backend.pipelines.hearing_events import HearingFailed, LikelyEnd, SaidSoFar, StillSpeaking
from backend.pipelines.recording import Recording
from backend.pipelines.turn_detection import TurnSettings
from backend.pipelines.turn_sound import TurnSound
from backend.pipelines.voice_activity import START_WINDOWS, WINDOW_MS, VoiceActivity
from backend.utterance import Utterance

if TYPE_CHECKING:
    from collections.abc import Callable

    from backend.engines.interfaces import SpeechToText, TurnModel
    from backend.engines.silero import VadStream
    from backend.pipelines.hearing_events import HearingEvent
    from backend.pipelines.turn_detection import Verdict

WINDOW_BYTES = 1024
PRE_ROLL_WINDOWS = 12
"""Audio kept from before speech is detected (384 ms): soft beginnings are below the detector's threshold."""

PAUSE_WINDOWS = 2
"""Unvoiced windows in a row (64 ms) after which the recogniser is asked; stops inside words are mostly shorter."""

LIKELY_END_MS = 192
"""Silence after which it is worth beginning to answer what was said, or half of the silence that ends the turn."""

LONGEST_UTTERANCE_S = 300
"""Speech longer than this is taken as finished here and goes on as a new utterance: 10 MB."""

RECENT_WINDOWS = 20
"""Microphone audio kept for whoever asks what was heard just now (640 ms)."""

UNREAD_S = 60
"""The same for speech that a slow recogniser has not taken yet."""

MICROPHONE_GONE_S = 0.4
"""When audio stops coming in the middle of speech, silence is assumed after the usual silence and this much more."""

NO_SILENCE_RULE_MS = 1000
"""The usual silence where silence ends nothing."""


class STTPipeline:
    """Hears one person."""

    def __init__(
        self,
        stt: SpeechToText,
        vad: VadStream,
        notify: Callable[[HearingEvent], None],
        clock: Callable[[], float],
        followed: Callable[[], bool] = lambda: True,
        turn_model: TurnModel | None = None,
    ) -> None:
        """`followed`: whether somebody wants to know of every window in which the person goes on."""
        self.settings = TurnSettings()
        self.hints = NO_HINTS
        """For utterances that begin from now on."""
        self._stt = stt
        self._vad = vad
        self._notify = notify
        self._clock = clock
        self._followed = followed
        self._voice = VoiceActivity()
        self._partial_window = b""
        self._windows = 0
        self._started_at = 0
        self._pre_roll: deque[bytes] = deque(maxlen=PRE_ROLL_WINDOWS)
        self._recent: deque[bytes] = deque(maxlen=RECENT_WINDOWS)
        self._recording: Recording | None = None
        self._sound = TurnSound(turn_model, self._reconsider)
        self._fed_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._undecided: set[str] = set()
        self._queue, self._recordings = anyio.create_memory_object_stream[Recording](8)

    def feed(self, pcm: bytes) -> None:
        """Microphone audio, PCM16LE mono 16 kHz, any whole number of samples."""
        self._fed_at = self._clock()
        data = self._partial_window + pcm
        whole = len(data) - len(data) % WINDOW_BYTES
        for start in range(0, whole, WINDOW_BYTES):
            self._hear(data[start : start + WINDOW_BYTES])
        self._partial_window = data[whole:]

    @property
    def undecided(self) -> bool:
        """Whether an utterance is over of which it is not known what was said."""
        return bool(self._undecided)

    def known(self, line: str) -> None:
        """Whoever is notified knows what was said in the utterance of that line, or that it cannot be known."""
        self._undecided.discard(line)

    def recent(self) -> bytes:
        """What was heard just now, PCM16LE mono 16 kHz."""
        return b"".join(self._recent)

    def commit(self) -> None:
        """The utterance is over: the person let go of the button."""
        if self._recording is not None:
            self._stop("committed")
        elif self.settings.mode == "push_to_talk":
            now = self._clock()
            self._notify(Utterance("", "speech", now, now, now))

    def discard(self) -> None:
        """Forget the utterance being spoken; what has been decided stays."""
        if self._recording is not None:
            self._recording.discarded = True
            self._stop("discarded")
        self._pre_roll.clear()

    async def run(self) -> None:
        """Recognise utterances until cancelled."""
        try:
            async with self._sound.asking():
                async for recording in self._recordings:
                    await self._recognise(recording)
        finally:
            if self._watch is not None:
                self._watch.cancel()
            if self._recording is not None:
                self._recording.close()
            while self._recordings.statistics().current_buffer_used:
                self._recordings.receive_nowait().audio.close()
            self._queue.close()
            self._recordings.close()

    async def _recognise(self, recording: Recording) -> None:
        try:
            await self._understand(recording)
        except EngineError as error:
            self._conclude(recording, HearingFailed(error, recording.line))
        finally:
            recording.audio.close()

    async def _understand(self, recording: Recording) -> None:
        async with aclosing(self._stt.stream(recording.audio, self.hints)) as transcripts:
            async for transcript in transcripts:
                if transcript.final:
                    self._conclude(recording, recording.utterance(transcript.text, self._clock()))
                if transcript.final or recording.discarded:
                    continue
                self._notify(TranscriptPartial(transcript.text))
                if recording.paused and transcript.pauses == recording.pauses:
                    recording.answered(transcript.text, self._clock())
                    self._notify(SaidSoFar(transcript.text))
                    if recording is self._recording:
                        self._consider(recording)

    def _conclude(self, recording: Recording, conclusion: Utterance | HearingFailed) -> None:
        recording.concluded = True
        self._notify(conclusion)

    def _hear(self, window: bytes) -> None:
        self._windows += 1
        self._recent.append(window)
        voiced = self._voice.feed(self._vad.probability(window), power_db(window))
        if (self._windows - self._started_at) * WINDOW_MS > LONGEST_UTTERANCE_S * 1000 and self._recording:
            self._stop("longest utterance")
        recording = self._recording
        if recording is None:
            self._pre_roll.append(window)
            if self._voice.speaking:
                self._start()
        elif not (recording.speak(window, self._fed_at) if voiced else recording.be_quiet(window)):
            self._stop("recognition is behind")
        elif voiced:
            self._sound.speak(window)
            if self._followed():
                self._notify(StillSpeaking(self._voice.voiced_ms))
        else:
            self._sound.be_quiet(window)
            if self._voice.unvoiced_run >= PAUSE_WINDOWS:
                recording.pause(self._clock())
            if self._voice.silence_ms >= self._sound.asked_after_ms and self.settings.end_of_turn.by_sound:
                self._sound.ask()
            self._consider(recording)

    def _judge(self, recording: Recording) -> Verdict:
        return self.settings.end_of_turn.judge(recording.text, self._sound.sound)

    def _reconsider(self) -> None:
        """The turn model has answered."""
        if self._recording is not None:
            self._consider(self._recording)

    def _consider(self, recording: Recording) -> None:
        """Whether the turn is over, now that it has been quiet for longer or more is known of what was said."""
        verdict = self._judge(recording)
        silence_ms = self._voice.silence_ms
        if verdict.silence_ms is None:
            return
        if silence_ms >= verdict.silence_ms:
            self._stop(verdict.reason)
        elif recording.text and verdict.likely and silence_ms >= min(LIKELY_END_MS, verdict.silence_ms // 2):
            if not recording.likely_end_told:
                utterance = recording.utterance(recording.text, self._clock())
                self._notify(LikelyEnd(utterance, self._voice.voiced_ms))
            recording.likely_end_told = True

    def _start(self) -> None:
        recording = Recording.begin(self._pre_roll, self._fed_at, UNREAD_S * 1000 // WINDOW_MS)
        try:
            self._queue.send_nowait(recording)
        except anyio.WouldBlock:
            recording.close()
            self._voice.stop()
            self._notify(HearingFailed(EngineError("stt", "speech recognition is behind; this utterance was dropped")))
            return
        self._recording, self._started_at = recording, self._windows
        self._sound.begin(self._pre_roll)
        self._notify(SpeechStarted((self._windows - START_WINDOWS) * WINDOW_MS, recording.line))
        self._pre_roll.clear()
        self._watch_microphone()

    def _stop(self, reason: str) -> None:
        assert self._recording is not None
        line = self._recording.line
        self._recording.decide(self._clock())
        if not self._recording.concluded:
            self._undecided.add(line)
        self._recording = None
        self._sound.end()
        self._voice.stop()
        if self._watch is not None:
            self._watch.cancel()
        end_ms = (self._windows - self._voice.unvoiced_run) * WINDOW_MS
        self._notify(SpeechStopped(end_ms, self._voice.silence_ms, reason, line))

    def _watch_microphone(self) -> None:
        """A muted or vanished microphone sends nothing at all, which is silence too."""
        recording = self._recording
        if recording is None or self.settings.mode != "auto":
            return
        silence_ms = self._judge(recording).silence_ms or NO_SILENCE_RULE_MS
        rest_s = self._fed_at + silence_ms / 1000 + MICROPHONE_GONE_S - self._clock()
        if rest_s <= 0:
            self._stop("no more audio")
        else:
            self._watch = asyncio.get_running_loop().call_later(rest_s, self._watch_microphone)
