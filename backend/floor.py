"""The cast's side of a session: the turn it is answering in, and the answer it may have begun on a guess.

At most one turn is alive; it runs as a task of its own, and cancelling that task is the interrupt. All methods are
called by the session's loop, one at a time. Knows nothing of microphones, sockets or wire formats.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from backend.commands import Greet, Respond
from backend.conversation import Conversation
from backend.director import choose_speakers
from backend.errors import ALREADY_SPEAKING, InvalidRequest
from backend.events import Outcome
from backend.held_events import HeldEvents
from backend.lines import PersonLine
from backend.pipelines.tts import Voices
from backend.prompting.summaries import Summaries
from backend.speculation import Speculation
from backend.turns import Turns

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Sequence

    from backend.characters import Character
    from backend.engines.interfaces import Writer
    from backend.events import Event
    from backend.lines import ReplyLine
    from backend.session_settings import Engines, SessionSettings
    from backend.turn import Turn
    from backend.turns import Figures
    from backend.utterance import Utterance


Asked = PersonLine | Respond | Greet
"""What a turn answers."""


class Floor:
    """Answers what the person says. `ended` is told of turns whose task has ended by itself."""

    def __init__(
        self,
        session: str,
        engines: Engines,
        settings: SessionSettings,
        emit: Callable[[Event], Awaitable[None]],
        ended: Callable[[Turn, BaseException | None], None],
        figures: Figures,
        clock: Callable[[], float],
    ) -> None:
        self.settings = settings
        self.conversation = Conversation()
        self.voices = Voices(engines.tts)
        self.turn: Turn | None = None
        """The newest turn, alive or not."""
        self.asked: Asked | None = None
        """What it answers; `None` when that was forgotten."""
        self._tts = engines.tts
        self._emit = emit
        self._making = Turns(session, engines, emit, ended, self._summarise, figures, clock)
        self._turns = 0
        self._asides = 0
        self._beside: dict[int, tuple[Turn, asyncio.Task[None]]] = {}
        """Answers that do not become part of the conversation, by their numbers, which count down from -1."""
        self._task: asyncio.Task[None] | None = None
        self._speculation: Speculation | None = None
        self._summaries = Summaries(session, engines.llm, figures.summarised)

    @property
    def reached(self) -> tuple[int, int, int] | None:
        """The newest turn, a reply of it, and how many of that one's samples were heard for certain."""
        reached = self.turn and self.turn.reached(reports=self._making.presence.reports)
        return (self.turn.number, *reached) if self.turn is not None and reached else None

    def position_reported(self, turn: int, reply: int, samples: int) -> ReplyLine | None:
        """The listener has heard this much of a reply. Returns the line that was corrected thereby."""
        self._making.presence.reports = True
        if self.turn is None or turn != self.turn.number:
            return None
        return self.turn.position_reported(reply, samples)

    def listener_left(self) -> None:
        """Nobody is there to hear anything; turns go on as far as they can without being heard."""
        presence = self._making.presence
        presence.away = True
        for turn in self._may_be_heard():
            turn.listener_left(reports=presence.reports)

    def listener_back(self) -> None:
        """What was not heard is heard now."""
        self._making.presence.away = False
        for turn in self._may_be_heard():
            turn.listener_back()

    def _may_be_heard(self) -> list[Turn]:
        """Turns that are heard, or become so."""
        return [turn for turn in (self.turn, self._speculation and self._speculation.turn) if turn is not None]

    @property
    def taken(self) -> bool:
        """Whether a turn is alive: being prepared, or to be heard."""
        return self._task is not None

    @property
    def guessing(self) -> bool:
        """Whether an answer has been begun on a guess."""
        return self._speculation is not None

    async def note(self, utterance: Utterance) -> None:
        """Remember what the person said, without answering it."""
        await self.forget_guess()
        self._remember(self.conversation, utterance)

    async def answer(self, utterance: Utterance) -> None:
        """Answer what the person said, by what has been begun if that is an answer to it."""
        guess, self._speculation = self._speculation, None
        if guess is not None and utterance.source == "speech" and guess.answers(utterance.text):
            await self._adopt(guess, utterance)
            return
        await self._drop(guess)
        await self.interrupt()
        line = self._remember(self.conversation, utterance)
        await self.begin(line, self.speakers(utterance), utterance, self.settings)

    def speakers(self, utterance: Utterance, conversation: Conversation | None = None) -> list[Character]:
        """Who answers that in the next turn, in order; in a `conversation` other than this, if one is given."""
        conversation = conversation or self.conversation
        return choose_speakers(
            utterance.text,
            self.settings.cast,
            Random(f"{conversation.id} {self._turns + 1}"),
            to=self.settings.addressed(utterance),
            heard=conversation.last_heard,
            last=conversation.talking_with,
        )

    async def begin(
        self,
        asked: Asked,
        speakers: Sequence[Character],
        utterance: Utterance,
        settings: SessionSettings,
        *,
        conversation: Conversation | None = None,
        llm: Writer | None = None,
    ) -> None:
        """Begin a turn in which `speakers` answer what they were `asked`, when none is alive. `conversation`: what they
        go by, if not all that was said; `llm`: who writes, if not the language model."""
        number, said_until = self._turns + 1, utterance.ended_at
        turn = self._making.make(
            number, speakers, said_until, conversation or self.conversation, settings, self.voices, llm=llm
        )
        self.conversation.talking_with = speakers[0]
        await self._emit(turn.decided(utterance, asked.request if isinstance(asked, Respond) else ""))
        self._turns, self.turn, self._task, self.asked = number, turn, self._making.start(turn), asked

    async def begin_beside(
        self,
        wish: Respond,
        speakers: Sequence[Character],
        utterance: Utterance,
        settings: SessionSettings,
        conversation: Conversation,
    ) -> None:
        """The same, but what is answered does not become part of the conversation; any number at a time."""
        self._asides -= 1
        number, voices = self._asides, Voices(self._tts)  # a voice speaks one text at a time
        turn = self._making.make(number, speakers, utterance.ended_at, conversation, settings, voices)
        await self._emit(turn.decided(utterance, wish.request))
        self._beside[number] = turn, self._making.start(turn)

    async def speculate(self, utterance: Utterance) -> None:
        """Begin to answer what the person will probably turn out to have said. Not while a turn is alive."""
        guess = self._speculation
        if self.taken or (guess is not None and guess.answers(utterance.text)):
            return
        await self.forget_guess()
        conversation = self.conversation.fork()
        line = self._remember(conversation, utterance)
        events = HeldEvents(self._emit)
        speakers, said_until = self.speakers(utterance, conversation), utterance.ended_at
        turn = self._making.make(
            self._turns + 1, speakers, said_until, conversation, self.settings, self.voices, events.put
        )
        self._speculation = Speculation(turn, self._making.start(turn), conversation, line, events)

    async def reconsider(self, text: str) -> None:
        """The person goes on and has said `text` by now: an answer to something else is dropped."""
        if self._speculation is not None and not self._speculation.answers(text):
            await self.forget_guess()

    async def forget_guess(self) -> None:
        """Drop what was begun on a guess."""
        guess, self._speculation = self._speculation, None
        await self._drop(guess)

    async def make_room(self) -> None:
        """For a new turn: the current one is over as soon as the listener has all of it. Raises `InvalidRequest` before
        that."""
        if self._task is not None and self.turn is not None and not self.turn.all_sent:
            problem = "somebody is speaking; cancel that response first, or wait for its end"
            raise InvalidRequest(problem, code=ALREADY_SPEAKING)
        await self._end(Outcome.COMPLETED)

    async def interrupt(self, number: int | None = None) -> None:
        """Stop the current turn, or the one of that number. When this returns its engines have stopped and its end has
        been announced."""
        if number in self._beside:
            turn, task = self._beside.pop(number)
            await self._making.cut(turn, task, Outcome.INTERRUPTED)
        elif number is None or (self.turn is not None and self.turn.number == number):
            await self._end(Outcome.INTERRUPTED)

    async def stop(self) -> None:
        """End all work, as an interrupt would."""
        await self.interrupt()
        for number in list(self._beside):
            await self.interrupt(number)
        await self._summaries.stop()

    async def clear(self) -> None:
        """Stop, and forget everything that was said."""
        await self.interrupt()
        self.conversation.clear()
        self.asked = None

    async def turn_ended(self, turn: Turn, error: BaseException | None) -> None:
        """The task of `turn` ended by itself."""
        if self._beside.pop(turn.number, None) is not None:
            await self._making.over(turn, error)
        elif turn is self.turn and self._task is not None:
            self._task = None
            await self._making.over(turn, error)

    async def _end(self, outcome: Outcome) -> None:
        """Stop the current turn and announce its end; what is open of it ends so."""
        await self.forget_guess()
        if self._task is not None and self.turn is not None:
            try:
                await self._making.cut(self.turn, self._task, outcome)
            finally:
                self._task = None

    def _summarise(self) -> None:
        settings = self.settings
        self._summaries.begin(lambda: self.conversation, settings.situation(), settings.generation)

    def _remember(self, conversation: Conversation, utterance: Utterance) -> PersonLine:
        spoken, to = utterance.source == "speech", self.settings.addressed(utterance)
        return conversation.add_person(utterance.text, to, spoken=spoken, id=utterance.line)

    async def _adopt(self, guess: Speculation, utterance: Utterance) -> None:
        """The guess was right: it becomes the turn."""
        self._making.kept(guess.turn)
        guess.line.text = utterance.text
        guess.conversation.summary = self.conversation.summary
        self.conversation = guess.conversation
        self._turns, self.turn, self._task, self.asked = guess.turn.number, guess.turn, guess.task, guess.line
        await self._emit(guess.turn.decided(utterance))
        await guess.events.release()
        if guess.task.done():
            await self.turn_ended(guess.turn, guess.task.exception())

    async def _drop(self, guess: Speculation | None) -> None:
        """A guess came to nothing. When this returns its engines have stopped."""
        if guess is not None:
            await self._making.drop(guess.turn, guess.task)
