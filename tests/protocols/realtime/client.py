"""A client of the Realtime protocol without a socket. It takes nothing that the `openai` package does not know."""

from __future__ import annotations

import base64
import json
from typing import get_args

import numpy as np
from openai.types.realtime import RealtimeServerEvent
from pydantic import BaseModel, TypeAdapter

from backend import events
from backend.characters import Character
from backend.events import Outcome
from backend.protocols.realtime.config import Scene
from backend.protocols.realtime.connection import Connection
from backend.protocols.realtime.incoming import Incoming
from backend.protocols.realtime.outgoing import Outgoing

MARA = Character("mara", "Mara", "one", "You are Mara.")
THEO = Character("theo", "Theo", "two", "You are Theo.")

KINDS: dict[str, type[BaseModel]] = {
    get_args(kind.model_fields["type"].annotation)[0]: kind for kind in get_args(get_args(RealtimeServerEvent)[0])
}
"""The class of every server event, by its type."""

OURS = {"id", "object", "parallel_tool_calls"}
"""Fields of the session that OpenAI's servers send and its package has no name for."""

_ANY = TypeAdapter(RealtimeServerEvent)


def checked(wire: dict) -> dict:
    """`wire` as it arrives, if it is an event of its type and has no field that clients do not know."""
    wire = json.loads(json.dumps(wire, ensure_ascii=False, allow_nan=False).encode())
    kind = KINDS[wire["type"]]
    known = kind.model_validate(wire)
    assert type(_ANY.validate_python(wire)) is kind
    assert strangers(known) <= (OURS if wire["type"].startswith("session.") else set())
    return wire


def strangers(model: object) -> set[str]:
    """Names of fields, at any depth, that the types do not have."""
    if isinstance(model, BaseModel):
        found = set(model.model_extra or {})
        return found.union(*(strangers(getattr(model, name)) for name in type(model).model_fields))
    return set().union(*map(strangers, model)) if isinstance(model, list) else set()


class Client:
    """A connection, and all that was told on it."""

    def __init__(self, model: str = "gpt-realtime", extensions: bool = False, intent="realtime", **session) -> None:
        self.connection = Connection("sess_1", model, Scene((MARA, THEO)), intent, extensions)
        self.incoming, self.outgoing = Incoming(self.connection), Outgoing(self.connection)
        self.told: list[dict] = []
        self.ready()
        if session:
            self.update(**session)

    def ready(self) -> None:
        """The session has begun, or changed."""
        cast = self.connection.config.configure().cast
        self.hear(events.SessionReady("sess_1", "token", "c", 24000, {}, [*cast]))

    def update(self, **session) -> None:
        """Change the session, and let it come into force."""
        self.send("session.update", session={"type": self.connection.intent, **session})
        self.ready()

    def hear(self, *happened: events.Event) -> list[dict]:
        """What the client is told of these events."""
        new = [checked(wire) for event in happened for wire in self.outgoing.tell(event)]
        self.told += new
        return new

    def send(self, type_: str, **fields) -> list:
        """The steps that an event of the client's comes to; answers among them are told."""
        steps = list(self.incoming.receive({"type": type_, **fields}))
        self.told += [checked(step) for step in steps if isinstance(step, dict)]
        return steps

    def types(self) -> list[str]:
        """The types of all that was told."""
        return [wire["type"] for wire in self.told]

    def of(self, type_: str) -> list[dict]:
        """All that was told of that type."""
        return [wire for wire in self.told if wire["type"] == type_]


def sound(ms: float, rate_hz: int = 24_000) -> bytes:
    """A tone, PCM16."""
    at = np.arange(round(ms * rate_hz / 1000))
    return (8000 * np.sin(2 * np.pi * 440 * at / rate_hz)).astype("<i2").tobytes()


ENCODED = base64.b64encode(sound(100)).decode()
"""100 ms of audio as clients send it."""


def turn(number: int = 1, *characters: str, request: str = "") -> events.TurnStarted:
    """A turn begins."""
    return events.TurnStarted(number, "Hello.", "request" if request else "speech", characters, request)


def written(text: str = "Good evening.", number: int = 1, reply: int = 0, who: Character = MARA, reason="stop"):
    """The events of a reply's text."""
    pieces = [f"{word} " for word in text.split()]
    return [
        events.ReplyStarted(number, reply, f"msg_{number}_{reply}", who.id, who.name),
        *(events.ReplyText(number, reply, piece) for piece in pieces),
        events.ReplyTextDone(number, reply, reason, 7, len(pieces)),
    ]


def voiced(number: int = 1, reply: int = 0, ms: int = 200):
    """The events of a reply's sound."""
    frame = sound(ms / 2)
    return [
        events.AudioFrame(number, reply, 0, 0, 0, frame, False, False),
        events.AudioFrame(number, reply, 0, 1, len(frame) // 2, frame, True, True),
    ]


def done(number: int = 1, reply: int = 0, outcome: Outcome = Outcome.COMPLETED) -> events.ReplyDone:
    """A reply is over."""
    return events.ReplyDone(number, reply, f"msg_{number}_{reply}", outcome, "Good evening. ", "Good")


def over(number: int = 1, outcome: Outcome = Outcome.COMPLETED) -> events.TurnDone:
    """A turn is over."""
    return events.TurnDone(number, outcome, ())
