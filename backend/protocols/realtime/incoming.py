"""From the client: events become commands for the session, or are answered at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from openai.types.realtime import (
    ConversationItemDeleteEvent,
    ConversationItemRetrieveEvent,
    ConversationItemTruncateEvent,
    InputAudioBufferAppendEvent,
    InputAudioBufferClearEvent,
    InputAudioBufferCommitEvent,
    OutputAudioBufferClearEvent,
    ResponseCancelEvent,
)

from backend import commands
from backend.characters import Character
from backend.errors import InvalidRequest
from backend.lines import new_id
from backend.protocols.realtime.audio import SoundIn, read_append
from backend.protocols.realtime.config import voice_name
from backend.protocols.realtime.connection import Wish
from backend.protocols.realtime.items import read_item
from backend.protocols.realtime.limits import check_choice, check_format, check_limit, check_modalities, check_tools
from backend.protocols.realtime.requests import ItemCreate, ResponseCreate, SessionUpdate, event_id, read_request
from backend.protocols.realtime.wire import Wire, error, event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openai.types.realtime import ConversationItem

    from backend.lines import Line
    from backend.protocols.realtime.connection import Connection
    from backend.protocols.realtime.requests import Object

COMMIT_EMPTY = "input_audio_buffer_commit_empty"
CANCEL_NOT_ACTIVE = "response_cancel_not_active"
CANCEL_FAILED = "Cancellation failed"
"""How OpenAI's message begins: some clients know by it that nothing is wrong."""
ALREADY_ACTIVE = "conversation_already_has_active_response"
MIN_COMMIT_MS = 100
MAX_METADATA, MAX_KEY, MAX_VALUE = 16, 64, 512


@dataclass(frozen=True, slots=True)
class Understand:
    """Recognise the `pcm` (PCM16LE mono 16 kHz) of an item, and then add it with its text."""

    pcm: bytes
    add: commands.AddLine


Step = commands.Command | Understand | Wire
"""What a client's event comes to: something for the session to do, or an answer at once."""


class Incoming:
    """Reads one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sound = SoundIn(connection.config.input["format"])
        self._live = False

    def receive(self, given: Object) -> Iterator[Step]:
        """The steps that a client's event comes to. What is wrong with it is a step too: an `error` event."""
        named = event_id(given)
        try:
            yield from self._steps(given, named)
        except InvalidRequest as problem:
            yield error(str(problem), problem.code, problem.param, named)

    def _steps(self, given: Object, named: str | None) -> Iterator[Step]:  # noqa: C901, PLR0912
        connection = self._connection
        match read_request(given):
            case SessionUpdate(change):
                connection.config.update(change)
                connection.updates += 1
                if connection.config.input["format"] != self._sound.form:
                    self._sound = SoundIn(connection.config.input["format"])
                yield connection.config.configure()
            case InputAudioBufferAppendEvent(audio=audio):
                yield from self._append(read_append(audio))
            case InputAudioBufferCommitEvent():
                if connection.uncommitted_ms < MIN_COMMIT_MS:
                    had = f"there are {connection.uncommitted_ms:.0f} ms"
                    raise InvalidRequest(f"at least {MIN_COMMIT_MS} ms of audio; {had}", code=COMMIT_EMPTY)
                connection.uncommitted_ms = 0.0
                yield commands.Commit()
            case InputAudioBufferClearEvent():
                connection.uncommitted_ms = 0.0
                yield commands.DiscardAudio()
                yield event("input_audio_buffer.cleared")
            case OutputAudioBufferClearEvent():
                if connection.turn is not None:
                    yield self._cut(connection.turn)
            case ItemCreate(item, after):
                got = read_item(item, connection.config.speaker)
                add = commands.AddLine(got.line, after, named)
                yield Understand(self._heard(got.sound), add) if got.sound else add
            case ConversationItemRetrieveEvent(item_id=item):
                yield commands.ShowLine(item, named)
            case ConversationItemDeleteEvent(item_id=item):
                yield commands.RemoveLine(item, named)
            case ConversationItemTruncateEvent(item_id=item, audio_end_ms=end_ms):
                if end_ms < 0:
                    raise InvalidRequest("audio_end_ms is 0 or more", param="audio_end_ms")
                yield commands.TruncateLine(item, end_ms, named)
            case ResponseCreate() as wanted:
                yield self._respond(wanted, named)
            case ResponseCancelEvent(response_id=response):
                yield self._cancel(response)

    def _append(self, data: bytes) -> Iterator[Step]:
        lasts_ms = self._sound.milliseconds(data)
        self._connection.appended_ms += lasts_ms
        self._connection.uncommitted_ms += lasts_ms
        if not self._live:
            self._live = True
            yield self._connection.config.heard_live()
        if pcm := self._sound.feed(data):
            yield commands.Microphone(pcm)

    def _heard(self, data: bytes) -> bytes:
        sound = SoundIn(self._connection.config.input["format"])
        return sound.feed(data) + sound.finish()

    def _cancel(self, id_: str | None) -> Step:
        for turn, response in self._connection.responses.items():
            wanted = response.id == id_ if id_ else turn == self._connection.turn
            if wanted and not response.done:
                return self._cut(turn)
        problem = f"{CANCEL_FAILED}: there is no such response in progress"
        raise InvalidRequest(problem, param="response_id", code=CANCEL_NOT_ACTIVE)

    def _cut(self, turn: int) -> Step:
        response = self._connection.responses.get(turn)
        if response is not None:
            response.cut_by_client = True
        return commands.Interrupt(turn)

    def _respond(self, wanted: ResponseCreate, named: str | None) -> commands.Respond:
        connection, wish = self._connection, wanted.wish
        given = wish.model_dump(exclude_unset=True)
        kept = wish.conversation != "none"
        if kept and connection.active is not None:
            raise InvalidRequest("a response is in progress; cancel it first, or wait", code=ALREADY_ACTIVE)
        _check(given)
        terms = connection.terms()
        audio: dict[str, Any] = given.get("audio") or {}
        asked: dict[str, Any] = audio.get("output") or {}
        output = {name: asked[name] for name in ("format", "voice") if asked.get(name) is not None}
        if "format" in output:
            check_format(output["format"], "response.audio.output.format")
        modalities = given.get("output_modalities")
        aloud = terms.aloud if modalities is None else modalities == ["audio"]
        settings = {name: value for name, value in given.items() if value is not None}
        told = None
        if wanted.input is not None:
            told = tuple(item if isinstance(item, str) else self._told(item) for item in wanted.input)
        voice = voice_name(output.get("voice"))
        speakers = self._speakers(settings, voice)
        output["voice"] = voice or (speakers[0].voice if speakers else "") or terms.output["voice"]
        request = new_id("request")
        connection.wishes[request] = Wish(
            named,
            replace(
                terms,
                aloud=aloud,
                output={**terms.output, **output},
                max_output_tokens=settings.get("max_output_tokens", terms.max_output_tokens),
                metadata=given.get("metadata"),
                conversation=connection.conversation if kept else None,
            ),
        )
        return commands.Respond(
            request=request,
            to=speakers,
            generation=connection.config.generation(settings),
            aloud=aloud,
            told=told,
            kept=kept,
        )

    def _told(self, item: ConversationItem) -> Line:
        got = read_item(item, self._connection.config.speaker, "response.input")
        if got.sound:
            raise InvalidRequest("audio is understood in items of the conversation only", param="response.input")
        return got.line

    def _speakers(self, wish: dict[str, Any], voice: str) -> tuple[Character, ...]:
        """Who was asked to speak; nobody where it is left to the session."""
        config, scene = self._connection.config, self._connection.scene
        metadata: dict[str, str] = wish.get("metadata") or {}
        named, instructions = metadata.get("character"), wish.get("instructions")
        if not (named or instructions or voice):
            return ()
        character = config.speaker
        if named and named != character.id:
            known = scene.named(named)
            if known is None and not instructions:
                there = ", ".join(character.id for character in scene.cast)
                problem = f"there is no character {named!r}; there are {there}, or give instructions"
                raise InvalidRequest(problem, param="response.metadata.character")
            character = known or Character(named, named, voice_name(config.output["voice"]))
        return (config.dressed(character, instructions, voice),)


def _check(given: dict[str, Any]) -> None:
    if given.get("output_modalities") is not None:
        check_modalities(given["output_modalities"], "response.output_modalities")
    if given.get("conversation") not in (None, "auto", "none"):
        raise InvalidRequest('conversation is "auto" or "none"', param="response.conversation")
    check_limit(given.get("max_output_tokens"), "response.max_output_tokens")
    check_tools(given.get("tools"), "response.tools")
    check_choice(given.get("tool_choice"), "response.tool_choice")
    metadata: dict[str, str] = given.get("metadata") or {}
    sizes = all(len(key) <= MAX_KEY and len(value) <= MAX_VALUE for key, value in metadata.items())
    if len(metadata) > MAX_METADATA or not sizes:
        problem = f"at most {MAX_METADATA} pairs, keys of {MAX_KEY} and values of {MAX_VALUE} characters"
        raise InvalidRequest(f"metadata: {problem}", param="response.metadata")
