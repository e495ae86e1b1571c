"""The native WebSocket protocol, without the WebSocket: messages <-> commands and events. See docs/protocol.md."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from backend import commands, events
from backend.character_document import CharacterFields
from backend.characters import MAX_CAST
from backend.engines.interfaces import Generation
from backend.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backend.characters import Character
    from backend.ledger import LedgerEntry

VERSION = 1
MAX_AUDIO_BYTES = 65_536
MAX_TEXT_BYTES = 1 << 20
_MAX_INTEGER = 2**53 - 1

_FRAME_HEADER = struct.Struct("<BBHHHII")
_AUDIO_KIND = 1
_ENDS_SENTENCE, _ENDS_MESSAGE = 1, 2

Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Count = Annotated[int, Field(ge=0, le=_MAX_INTEGER)]


class _Wire(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Character(CharacterFields):
    id: Id


class _Llm(_Wire):
    model_config = ConfigDict(strict=True, extra="allow", frozen=True)
    model: Annotated[str, StringConstraints(max_length=200)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=32_768)] | None = None


class _Turn(_Wire):
    silence_ms: Annotated[int, Field(ge=50, le=10_000)] | None = None
    eagerness: Literal["low", "medium", "high"] | None = None
    mode: Literal["auto", "push_to_talk"] | None = None


class _Configure(_Wire):
    type: Literal["session.configure"]
    characters: Annotated[list[Id | _Character], Field(min_length=1, max_length=MAX_CAST)] | None = None
    user_name: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    output_rate: Literal[16000, 24000, 48000] | None = None
    llm: _Llm | None = None
    turn: _Turn | None = None
    captions: bool | None = None
    keep_audio: bool | None = None
    scene: Annotated[str, StringConstraints(max_length=8_000)] | None = None
    lines_among_themselves: Annotated[int, Field(ge=0, le=20)] | None = None
    to: Annotated[list[Id], Field(max_length=MAX_CAST)] | None = None


class _Say(_Wire):
    type: Literal["user.text"]
    text: Annotated[str, StringConstraints(min_length=1, max_length=8_000, strip_whitespace=True)]
    to: Annotated[list[Id], Field(max_length=MAX_CAST)] | None = None


class _Position(_Wire):
    type: Literal["playback.position"]
    turn: Count
    reply: Count
    samples: Count


class _Greet(_Wire):
    type: Literal["greet"]
    character: Id | None = None
    greeting: Count = 0


class _Regenerate(_Wire):
    type: Literal["regenerate"]
    to: Annotated[list[Id], Field(max_length=MAX_CAST)] | None = None


class _Bare(_Wire):
    type: Literal["audio.commit", "interrupt", "conversation.clear"]


class _Ping(_Wire):
    type: Literal["ping"]
    nonce: Annotated[str, StringConstraints(max_length=256)] | int | float | None = None


_Message = _Configure | _Say | _Position | _Greet | _Regenerate | _Bare | _Ping
_MESSAGE: TypeAdapter[_Message] = TypeAdapter(Annotated[_Message, Field(discriminator="type")])


def decode(message: str | bytes, known: Mapping[str, Character]) -> commands.Command:
    """The command in a message. `known`: characters that can be named by id.

    Raises `InvalidRequest` for anything else, with the reason in words.
    """
    if isinstance(message, bytes):
        if not message or len(message) % 2:
            raise InvalidRequest(f"audio must be whole 16-bit samples; this frame has {len(message)} bytes")
        return commands.Microphone(message)
    try:
        wire = _MESSAGE.validate_json(message)
    except ValidationError as error:
        raise InvalidRequest(_explain(error)) from None
    return _command(wire, known)


def _command(wire: _Message, known: Mapping[str, Character]) -> commands.Command:  # noqa: PLR0911
    match wire:
        case _Configure():
            return _configure(wire, known)
        case _Say():
            return commands.Say(wire.text, tuple(wire.to or ()))
        case _Position():
            return commands.PlaybackPosition(wire.turn, wire.reply, wire.samples)
        case _Greet():
            return commands.Greet(wire.character, wire.greeting)
        case _Regenerate():
            return commands.Regenerate(tuple(wire.to or ()))
        case _Ping():
            return commands.Ping(wire.nonce)
        case _Bare():
            return _BARE[wire.type]


_BARE: dict[str, commands.Command] = {
    "audio.commit": commands.Commit(),
    "interrupt": commands.Interrupt(),
    "conversation.clear": commands.ClearConversation(),
}


def _configure(wire: _Configure, known: Mapping[str, Character]) -> commands.Configure:
    llm, turn = wire.llm, wire.turn or _Turn()
    generation = llm and Generation(llm.model, llm.temperature, llm.top_p, llm.max_tokens, _extra(llm))
    return commands.Configure(
        cast=None if wire.characters is None else _cast(wire.characters, known),
        user_name=wire.user_name,
        output_rate=wire.output_rate,
        generation=generation,
        silence_ms=turn.silence_ms,
        eagerness=turn.eagerness,
        mode=turn.mode,
        captions=wire.captions,
        keep_audio=wire.keep_audio,
        scene=wire.scene,
        lines_among_themselves=wire.lines_among_themselves,
        to=None if wire.to is None else tuple(wire.to),
    )


def _extra(llm: _Llm) -> dict[str, Any]:
    extra = dict(llm.model_extra or {})
    try:
        json.dumps(extra, allow_nan=False)
    except ValueError as error:
        raise InvalidRequest("llm: NaN and Infinity are no numbers of JSON") from error
    return extra


def _cast(given: list[str | _Character], known: Mapping[str, Character]) -> tuple[Character, ...]:
    cast: dict[str, Character] = {}
    for entry in given:
        if isinstance(entry, str):
            if entry not in known:
                raise InvalidRequest(f"there is no character {entry!r}", {"known": sorted(known)})
            character = known[entry]
        else:
            character = entry.character_called(entry.id)
        if character.id in cast:
            raise InvalidRequest(f"the character {character.id!r} is named twice")
        cast[character.id] = character
    return tuple(cast.values())


def _explain(error: ValidationError) -> str:
    """The first problem in one line; never the input itself, which may be long or private."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    return f"{place}: {problem['msg']}" if place else problem["msg"]


def encode(event: events.Event, at: float) -> str | bytes | None:
    """The message that carries `event`: text for everything but audio; `None` for what this protocol does not tell.
    `at`: the server's clock, seconds."""
    if isinstance(event, events.AudioFrame):
        flags = _ENDS_SENTENCE * event.ends_sentence | _ENDS_MESSAGE * event.ends_message
        return (
            _FRAME_HEADER.pack(
                _AUDIO_KIND,
                flags,
                event.reply,
                event.sentence & 0xFFFF,
                event.chunk & 0xFFFF,
                event.turn & 0xFFFFFFFF,
                event.first_sample & 0xFFFFFFFF,
            )
            + event.pcm
        )
    if type(event) not in _TYPES:
        return None
    return json.dumps({**_fields(event), "at": round(at, 6)}, ensure_ascii=False, separators=(",", ":"))


_OTHER_DOORS = {"line", "request", "dismissed", "heard_samples"}
"""Fields for clients that keep the conversation's lines, which cannot be done here."""

_TYPES: dict[type[events.Event], str] = {
    events.SessionReady: "session.ready",
    events.EnginesChanged: "engines.changed",
    events.SpeechStarted: "speech.started",
    events.SpeechStopped: "speech.stopped",
    events.TranscriptPartial: "transcript.partial",
    events.TranscriptFinal: "transcript.final",
    events.TurnStarted: "turn.started",
    events.ReplyStarted: "reply.started",
    events.ReplyText: "reply.text",
    events.ReplySentence: "reply.sentence",
    events.ReplyWords: "reply.words",
    events.ReplyDucked: "reply.ducked",
    events.ReplyUnducked: "reply.unducked",
    events.ReplyDone: "reply.done",
    events.TurnDone: "turn.done",
    events.ErrorRaised: "error",
    events.Pong: "pong",
}


def _fields(event: events.Event) -> dict[str, Any]:
    """The event's own fields under their own names, but for what is not for clients or not JSON."""
    fields: dict[str, Any] = {name: getattr(event, name) for name in event.__slots__ if name not in _OTHER_DOORS}
    match event:
        case events.SessionReady(characters=characters):
            newest = fields.pop("newest")
            fields |= {} if newest is None else {"newest_turn": _newest_turn(newest)}
            fields["protocol"] = VERSION
            fields["characters"] = [{"id": c.id, "name": c.name, "voice": c.voice} for c in characters]
        case events.TurnDone(ledger=ledger):
            fields["ledger"] = [ledger_fields(entry) for entry in ledger]
        case events.ErrorRaised():
            fields = {name: value for name, value in fields.items() if value is not None}
        case _:
            pass
    return {"type": _TYPES[type(event)], **fields}


def _newest_turn(newest: events.NewestTurn) -> dict[str, Any]:
    """The turn as it was told so far, in the words of its events; `outcome` is null for what is not over."""
    started = newest.started
    return {
        "turn": started.turn,
        "text": started.text,
        "source": started.source,
        "characters": started.characters,
        "outcome": newest.done and newest.done.outcome,
        "replies": [
            {
                "reply": reply.started.reply,
                "message_id": reply.started.message_id,
                "character_id": reply.started.character_id,
                "character_name": reply.started.character_name,
                "text": reply.text,
                "outcome": reply.done and reply.done.outcome,
                "heard_text": reply.done and reply.done.heard_text,
            }
            for reply in newest.replies
        ],
    }


def ledger_fields(entry: LedgerEntry) -> dict[str, Any]:
    """A ledger entry as one flat object: the marks, then the figures."""
    return {
        "reply": entry.reply,
        **entry.marks,
        "saved_by_speculation": entry.saved_by_speculation,
        "audio_s": entry.audio_s,
        "rtf": entry.rtf,
        "llm_tokens": entry.llm_tokens,
        "sentences": entry.sentences,
        "underruns": entry.underruns,
        "cancelled_after_s": entry.cancelled_after_s,
    }
