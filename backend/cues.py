"""What the cast says without the person having said anything new: a greeting, an answer that a client asks for, and the
last replies once more.

Knows nothing of microphones, sockets or wire formats.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from backend.commands import Greet, Respond
from backend.engines.recital import Recital
from backend.errors import InvalidRequest
from backend.lines import ReplyLine
from backend.macros import expand
from backend.utterance import Utterance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backend.characters import Character
    from backend.floor import Floor
    from backend.lines import Line, PersonLine


class Cues:
    """Cues for the cast on `floor`. What cannot be said raises `InvalidRequest`, and nothing has changed."""

    def __init__(self, floor: Floor, clock: Callable[[], float]) -> None:
        self._floor = floor
        self._clock = clock

    async def greet(self, wish: Greet) -> None:
        """Let a character say a greeting of its card, in place of what is being said."""
        greeter, text = self._greeting(wish)
        await self._floor.interrupt()
        await self._recite(wish, greeter, text)

    async def respond(self, wish: Respond) -> None:
        """Let somebody speak. Not while somebody does who is to be heard first."""
        floor = self._floor
        told = self._told(wish)
        conversation = floor.conversation
        if told is not None or not wish.kept:
            conversation = conversation.aside(told, kept=wish.kept)
        if wish.kept:
            await floor.make_room()
        settings = replace(
            floor.settings,
            generation=wish.generation or floor.settings.generation,
            aloud=floor.settings.aloud if wish.aloud is None else wish.aloud,
            lines_among_themselves=0,
        )
        utterance = self._nothing_said()
        speakers = wish.to or floor.speakers(utterance, conversation)[:1]
        if wish.kept:
            await floor.begin(wish, speakers, utterance, settings, conversation=conversation)
        else:
            await floor.begin_beside(wish, speakers, utterance, settings, conversation)

    async def regenerate(self, to: Sequence[str] = ()) -> None:
        """Have the last turn's replies again, in place of them: by those who answered then, in that order, or by `to`.
        After a greeting comes the next one of the card."""
        floor, others = self._floor, self._present(to)
        match floor.asked:
            case Greet() as wish:
                await self._greet_again(wish, others)
            case Respond() as wish:
                self._told(wish)
                await floor.interrupt()
                self._take_back_turn()
                await self.respond(replace(wish, to=others or self._speakers()))
            case line:
                await self._answer_again(line or floor.conversation.last_of_person, others)

    async def _greet_again(self, wish: Greet, others: Sequence[Character]) -> None:
        before = self._speakers()
        if not (others or before):
            raise InvalidRequest("there is nothing to say again")
        greeter = (others or before)[0]
        count = len(greeter.persona.greetings)
        following = Greet(greeter.id, (wish.greeting + 1) % count if count and greeter in before else 0)
        greeter, text = self._greeting(following)
        await self._floor.interrupt()
        self._take_back_turn()
        await self._recite(following, greeter, text)

    async def _answer_again(self, line: PersonLine | None, others: Sequence[Character]) -> None:
        floor = self._floor
        place = floor.conversation.place(line.id) if line else None
        if line is None or place is None:
            raise InvalidRequest("there is nothing to answer again")
        await floor.interrupt()
        answered = self._speakers() if floor.asked else self._spoke_after(place)
        floor.conversation.take_back(place)
        now = self._clock()
        utterance = Utterance(line.text, "text", now, now, now, line.to, line=line.id)
        speakers = [*others] or answered or floor.speakers(utterance)
        await floor.begin(line, speakers, utterance, floor.settings)

    async def _recite(self, wish: Greet, greeter: Character, text: str) -> None:
        settings = replace(self._floor.settings, lines_among_themselves=0)
        await self._floor.begin(wish, (greeter,), self._nothing_said(), settings, llm=Recital(text))

    def _nothing_said(self) -> Utterance:
        now = self._clock()
        return Utterance("", "request", now, now, now)

    def _told(self, wish: Respond) -> list[Line] | None:
        """The lines an answer goes by; `None` for all there are."""
        if wish.told is None:
            return None
        return [self._line(entry) if isinstance(entry, str) else entry for entry in wish.told]

    def _line(self, id: str) -> Line:
        place = self._floor.conversation.place(id)
        if place is None:
            raise InvalidRequest(f"there is no item {id!r} in the conversation", param="response.input")
        return self._floor.conversation.line(place)

    def _greeting(self, wish: Greet) -> tuple[Character, str]:
        """Who says it, and its text."""
        cast = self._floor.settings.cast
        if wish.character is not None:
            (greeter,) = self._present((wish.character,))
        else:
            greeter = next((character for character in cast if character.persona.greetings), cast[0])
        greetings = greeter.persona.greetings
        if wish.greeting >= len(greetings):
            has = f"has {len(greetings)} greetings" if greetings else "has nothing to say first"
            raise InvalidRequest(f"{greeter.name} {has}")
        return greeter, expand(greetings[wish.greeting], greeter.name, self._floor.conversation.user_name)

    def _present(self, ids: Sequence[str]) -> tuple[Character, ...]:
        """The members of the cast with these ids, in this order."""
        cast = {character.id: character for character in self._floor.settings.cast}
        strangers = [id_ for id_ in ids if id_ not in cast]
        if strangers:
            raise InvalidRequest(f"nobody in the cast has the id {strangers[0]!r}")
        return tuple(cast[id_] for id_ in dict.fromkeys(ids))

    def _speakers(self) -> tuple[Character, ...]:
        """Who answered in the last turn, of those who are still there."""
        turn = self._floor.turn
        cast = {character.id: character for character in self._floor.settings.cast}
        return tuple(cast[speaker.id] for speaker in turn.speakers if speaker.id in cast) if turn else ()

    def _spoke_after(self, place: int) -> tuple[Character, ...]:
        """Whose replies follow the line that stands there, of those who are still there."""
        replies = [line for line in self._floor.conversation.lines[place + 1 :] if isinstance(line, ReplyLine)]
        present = {character.id: character for character in self._floor.settings.cast}
        spoke = dict.fromkeys(reply.character.id for reply in replies)
        return tuple(present[id_] for id_ in spoke if id_ in present)

    def _take_back_turn(self) -> None:
        """Forget what was said in the last turn."""
        turn, conversation = self._floor.turn, self._floor.conversation
        places = [conversation.place(line.id) for line in turn.lines] if turn else []
        first = min((place for place in places if place is not None), default=None)
        if first is not None:
            conversation.take_back(first)
