"""What a session makes of what it hears: when an answer is begun on a guess, when the cast gives way, what is answered.

Called by the session's loop with one hearing event after another. Knows nothing of sockets or wire formats.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from backend.barge_in import DUCKED_GAIN, BargeIn, CastState, Step
from backend.events import (
    ErrorRaised,
    ReplyDucked,
    ReplyUnducked,
    SpeechStarted,
    SpeechStopped,
    TranscriptFinal,
    TranscriptPartial,
)
from backend.pipelines.spoken_words import echoes
from backend.pipelines.stt import HearingFailed, LikelyEnd, SaidSoFar, StillSpeaking
from backend.pipelines.voice_activity import START_WINDOWS, WINDOW_MS
from backend.utterance import Utterance

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from backend.engines.interfaces import SpeechToText
    from backend.events import Event
    from backend.floor import Floor
    from backend.pipelines.stt import HearingEvent
    from backend.reply import Reply

log = logging.getLogger(__name__)

START_MS = START_WINDOWS * WINDOW_MS

GOES_ON_MS = 320
"""Voice after a likely end in which the person must have said something new, whatever the recogniser shows."""


class Listening:
    """Acts on the cast's floor. `session` names it in the log; `microphone` gives what was heard just now."""

    def __init__(
        self,
        session: str,
        floor: Floor,
        emit: Callable[[Event], Awaitable[None]],
        stt: SpeechToText,
        microphone: Callable[[], bytes],
    ) -> None:
        self._session = session
        self._microphone = microphone
        self._floor = floor
        self.answers = True
        """Whether what the person says is answered unasked."""
        self._emit = emit
        self._stt = stt
        self._barge_in: BargeIn | None = None
        """Follows the utterance being spoken, if that might cut a character off."""
        self._spoke_over = False
        """Whether the cast had the floor when the person began."""
        self._voiced_ms = 0
        self._own_ms = 0
        """How much of the voice was the person's own, and no echo of a character."""
        self._guessed_at_ms = 0
        """How much voice there had been at the last likely end."""
        self._unannounced: SpeechStarted | None = None
        """The beginning of speech that may be an echo of a character, and is not told to anybody as long as it may."""
        self._waiting: Utterance | None = None
        """Said while a character spoke that is not to be interrupted."""

    async def hear(self, event: HearingEvent) -> None:  # noqa: C901
        """Account for what was heard."""
        match event:
            case SpeechStarted():
                await self._speech_started(event)
            case StillSpeaking(voiced_ms):
                await self._speech_goes_on(voiced_ms)
            case TranscriptPartial(text):
                await self._words(event, text)
            case SaidSoFar(text):
                # Of an echo, quiet and muffled as it is, recognisers make words that nobody said.
                if self._unannounced is None:
                    await self._take(self._barge_in and self._barge_in.paused(text, self._spoken()))
            case LikelyEnd(utterance, voiced_ms):
                self._voiced_ms = self._guessed_at_ms = voiced_ms
                if self.answers:
                    await self._floor.speculate(utterance)
            case SpeechStopped(silence_ms=silence_ms, reason=reason):
                decided = {"session": self._session, "silence_ms": silence_ms, "reason": reason}
                log.info("turn decided", extra=decided)
                if self._unannounced is None:
                    await self._emit(event)
            case Utterance():
                await self._conclude(event)
            case HearingFailed(error, line):
                await self._emit(ErrorRaised(error.code, str(error), line=line or None))
                await self._conclude(None)

    async def turn_over(self) -> None:
        """The cast has come to an end: answer what had to wait for it."""
        if self._floor.taken:
            return
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            await self._floor.answer(waiting)

    async def _speech_started(self, event: SpeechStarted) -> None:
        self._voiced_ms, self._own_ms, self._guessed_at_ms = START_MS, 0, 0
        self._spoke_over = self._floor.taken
        follows = self._spoke_over and self._interruptible()
        self._barge_in = BargeIn(self._stt.shows_words, not self._stt.stand_in) if follows else None
        self._unannounced = event
        if not self._echoes():
            await self._speaks(START_MS)
            await self._take(self._barge_in and self._barge_in.started(self._cast_state()))

    async def _speech_goes_on(self, voiced_ms: int) -> None:
        more_ms, self._voiced_ms = voiced_ms - self._voiced_ms, voiced_ms
        if voiced_ms - self._guessed_at_ms >= GOES_ON_MS:
            await self._floor.forget_guess()
        if not self._echoes():
            await self._speaks(more_ms)
            await self._take(self._barge_in and self._barge_in.voiced(self._own_ms, self._cast_state()))

    async def _speaks(self, more_ms: int) -> None:
        """It is the person who speaks, and no echo."""
        self._own_ms += more_ms
        event, self._unannounced = self._unannounced, None
        if event is not None:
            await self._emit(event)

    async def _words(self, event: TranscriptPartial, text: str) -> None:
        if self._unannounced is None:
            await self._emit(event)
        await self._floor.reconsider(text)
        if self._barge_in is not None:
            self._barge_in.words(text, self._spoken())

    async def _conclude(self, utterance: Utterance | None) -> None:
        """The person has finished, having said this, or something that could not be recognised."""
        text = utterance.text if utterance else ""
        barge_in, self._barge_in = self._barge_in, None
        unannounced, self._unannounced = self._unannounced, None
        echo = unannounced is not None or (self._spoke_over and echoes(text, self._spoken()))
        dropped = echo or (utterance is not None and utterance.discarded)
        dismissed = dropped or bool(barge_in and self._floor.taken and barge_in.dismisses(text, self._spoken()))
        if utterance is not None and unannounced is None:
            await self._emit(TranscriptFinal("" if dropped else text, utterance.line, dismissed))
        if dismissed:
            await self._take(barge_in and barge_in.over())
        if dismissed or utterance is None or not text:
            await self._floor.forget_guess()
        elif not self.answers:
            await self._floor.note(utterance)
        elif self._floor.taken and not self._interruptible():
            said = f"{self._waiting.text} {text}" if self._waiting else text
            self._waiting = replace(utterance, text=said)
        else:
            await self._floor.answer(utterance)

    def _echoes(self) -> bool:
        """Whether the microphone hears the character, and not the person."""
        turn = self._floor.turn if self._floor.taken else None
        return turn is not None and turn.echoes_in(self._microphone())

    async def _take(self, step: Step | None) -> None:
        """Do what was decided, if there is still somebody to do it to."""
        if step is None:
            return
        decided = {"session": self._session, "step": step.name.lower(), "voice_ms": self._own_ms}
        log.info("barge-in", extra=decided)
        reply = self._heard()
        match step:
            case Step.CUT:
                await self._floor.interrupt()
            case Step.DUCK if reply:
                await self._emit(ReplyDucked(reply.turn, reply.index, DUCKED_GAIN))
            case Step.HOLD if reply:
                await self._emit(ReplyDucked(reply.turn, reply.index, 0.0))
            case Step.RESUME if reply:
                await self._emit(ReplyUnducked(reply.turn, reply.index))
            case _:
                pass

    def _heard(self) -> Reply | None:
        turn = self._floor.turn if self._floor.taken else None
        return turn.being_heard() if turn else None

    def _interruptible(self) -> bool:
        turn = self._floor.turn
        return turn is None or turn.speaker.interruptible

    def _cast_state(self) -> CastState:
        return CastState.SPEAKING if self._heard() else CastState.THINKING

    def _spoken(self) -> str:
        """What a character says, or said last."""
        reply = self._floor.turn.being_heard() if self._floor.turn else None
        return reply.line.text if reply else ""
