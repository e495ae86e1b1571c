"""A simulated person: says one item of the corpus in a session of its own and writes down what the server does."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from backend.audio import sample_count
from backend.client.concurrency import beside
from backend.client.connection import AudioFrame, Connection, ConnectionFailed, connect, user_text
from backend.client.evaluation.loudspeaker import DUCKED
from backend.client.evaluation.scoring import interrupted_at, is_understood
from backend.client.evaluation.sound_card import SoundCard
from backend.client.evaluation.timeline import Moment, Observation, Spoken
from backend.client.microphone import RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable

    from backend.client.connection import Event
    from backend.client.evaluation.corpus import Item
    from backend.client.evaluation.prompter import Prompter

LEAD_S = 0.6
"""Room noise before a person speaks into silence."""
LISTENS_S = 1.5
"""How much of a reply has been heard when the person speaks into it."""
WAIT_S = 3.0
"""How long after the end of the speech the server may still react."""
AFTERMATH_S = 0.5
"""What is still watched once the server has answered."""
UNDERSTOOD_WITHIN_S = 5.0
"""A transcript is waited for longer than a turn: a slow recogniser need not be a bad one."""
ECHO_S = 6.0
"""How much of a reply comes back as an echo."""
REPLY_WITHIN_S = 20.0

REQUEST = "Please tell me a long story."
UNRECORDED = frozenset({"reply.text", "reply.sentence", "transcript.partial", "pong"})
"""Events that no figure is made of."""


async def observe(
    url: str, item: Item, eagerness: str, api_key: str | None = None, prompter: Prompter | None = None
) -> Observation:
    """Play `item` to the server at `url`; `prompter` follows. A session that fails is an observation with a
    `problem`."""
    try:
        async with connect(url, api_key) as connection:
            await connection.configure(output_rate=RATE_HZ, turn={"eagerness": eagerness})
            session = _Session(connection, item)
            if prompter is not None:
                prompter.follow(item, session.spoken)
            return await session.run()
    except ConnectionFailed as error:
        return Observation(item, problem=str(error))


class _Session:
    def __init__(self, connection: Connection, item: Item) -> None:
        self._connection = connection
        self._item = item
        self._news = asyncio.Event()
        self._card = SoundCard(connection, item, self._news.set)
        self._began_at = time.monotonic()
        self._moments: list[Moment] = []

    def spoken(self) -> int:
        """Samples of the item's speech that were sent."""
        return self._card.spoken

    async def run(self) -> Observation:
        spoken: Spoken | None = None
        problem: str | None = None
        async with beside(self._card.run(), self._read()):
            if self._item.category in ("finished", "pauses"):
                await asyncio.sleep(LEAD_S)
                spoken = await self._speak()
                await self._until(lambda: is_understood(self._moments, spoken), UNDERSTOOD_WITHIN_S)
                await asyncio.sleep(AFTERMATH_S)
            elif await self._listen():
                spoken = await self._speak_into_reply()
            else:
                problem = "no reply was heard"
        return Observation(self._item, tuple(self._moments), spoken, self._card.late_s(), problem)

    async def _listen(self) -> bool:
        """Have the server talk; true once enough has been heard, or what it said was cut off."""
        await self._connection.send(user_text(REQUEST))
        return await self._until(lambda: self._has_heard(LISTENS_S) or self._is_cut(), REPLY_WITHIN_S)

    async def _speak_into_reply(self) -> Spoken | None:
        if self._item.category == "echo":
            await self._until(lambda: self._has_heard(ECHO_S) or self._is_cut(), ECHO_S)
            await asyncio.sleep(WAIT_S if self._is_cut() else 0)  # an echo that cuts may become a turn
            return None
        if self._is_cut():
            return None
        spoken = await self._speak()
        await self._until(lambda: self._has_taken_the_turn(spoken), WAIT_S)
        return spoken

    async def _speak(self) -> Spoken:
        speech, pauses = self._item.speech, self._item.pauses
        last = sample_count(speech) - 1
        await self._card.speak(speech)
        while self._card.sent_at(last) is None:
            await self._change()
        return Spoken(
            began_s=self._sent_at(0),
            ended_s=self._sent_at(last),
            pauses=tuple((self._sent_at(pause.start - 1), self._sent_at(pause.end)) for pause in pauses),
        )

    def _sent_at(self, sample: int) -> float:
        at = self._card.sent_at(sample)
        assert at is not None
        return at - self._began_at

    def _has_heard(self, seconds: float) -> bool:
        return self._card.loudspeaker.heard >= seconds * RATE_HZ

    def _is_cut(self) -> bool:
        return interrupted_at(self._moments) is not None

    def _has_taken_the_turn(self, spoken: Spoken) -> bool:
        return self._item.category == "barge_ins" and self._is_cut() and is_understood(self._moments, spoken)

    async def _until(self, condition: Callable[[], bool], limit_s: float) -> bool:
        """Wait for `condition`, which frames and events may change; false when it has not come true in time."""
        try:
            async with asyncio.timeout(limit_s):
                while not condition():
                    await self._change()
        except TimeoutError:
            return False
        return True

    async def _change(self) -> None:
        self._news.clear()
        await self._news.wait()

    async def _read(self) -> None:
        async for message in self._connection:
            if isinstance(message, AudioFrame):
                self._card.loudspeaker.feed(message)
            elif message["type"] not in UNRECORDED:
                self._moments.append(Moment(time.monotonic() - self._began_at, message))
                await self._obey(message)
                self._news.set()
        raise ConnectionFailed("the server closed the connection")

    async def _obey(self, event: Event) -> None:
        """Play as the server says."""
        speaker = self._card.loudspeaker
        match event:
            case {"type": "reply.ducked"}:
                speaker.duck(float(event.get("gain", DUCKED)))
            case {"type": "reply.unducked"}:
                speaker.unduck()
            case {"type": "reply.done" | "turn.done", "outcome": "interrupted" | "failed"}:
                speaker.stop(event["turn"])
                await self._card.report()
            case _:
                pass
