"""The session object of the protocol: what clients may change, and what it means here."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from backend.cast_models import company
from backend.characters import Character
from backend.commands import Configure
from backend.engines.interfaces import Generation
from backend.errors import InvalidRequest
from backend.pipelines.sender import AHEAD_S
from backend.protocols.realtime.limits import PCM, check_session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openai.types.realtime import RealtimeSessionCreateRequest, RealtimeTranscriptionSessionCreateRequest

    from backend.pipelines.turn_detection import Eagerness
    from backend.protocols.realtime.wire import Wire

ASSISTANT = "assistant"

_SERVER_VAD = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "create_response": True,
    "interrupt_response": True,
    "idle_timeout_ms": None,
}
_SEMANTIC_VAD = {"type": "semantic_vad", "eagerness": "auto", "create_response": True, "interrupt_response": True}
_DETECTION = {"server_vad": _SERVER_VAD, "semantic_vad": _SEMANTIC_VAD}


@dataclass(frozen=True, slots=True)
class Scene:
    """Whom a connection is with: the server's `cast`, or the part of it that the model names."""

    cast: tuple[Character, ...]
    language: str | None = None
    """What people speak here where a client does not say it, ISO 639-1."""

    def named(self, id_: str) -> Character | None:
        """The server's character of that id."""
        return next((character for character in self.cast if character.id == id_), None)

    def of_model(self, model: str) -> tuple[Character, ...]:
        """Those who speak when nobody is named: characters of the server's, or one that knows only the instructions.
        Raises `NotFound` for a character that is not there."""
        return company(model, self.cast) or (Character(ASSISTANT, "Assistant"),)


class SessionConfig:
    """The session object as it stands."""

    def __init__(self, session: str, model: str, scene: Scene, kind: Literal["realtime", "transcription"]) -> None:
        self._members = scene.of_model(model)
        self._language = scene.language
        self.wire: Wire = {
            "type": kind,
            "object": "realtime.session",
            "id": session,
            "model": model,
            "output_modalities": ["audio"],
            "instructions": "",
            "audio": {
                "input": {
                    "format": dict(PCM),
                    "transcription": None if kind == "realtime" else {"model": ""},
                    "noise_reduction": None,
                    "turn_detection": dict(_SEMANTIC_VAD),
                },
                "output": {"format": dict(PCM), "voice": "", "speed": 1.0},
            },
            "tools": [],
            "tool_choice": "auto",
            "parallel_tool_calls": True,
            "max_output_tokens": "inf",
            "truncation": "auto",
            "include": None,
            "tracing": None,
            "prompt": None,
        }
        self._beginning = copy.deepcopy(self.wire)

    @property
    def shown(self) -> Wire:
        """What clients see of it: of a transcription, how it hears."""
        if self.wire["type"] == "realtime":
            return self.wire
        fields = {name: self.wire[name] for name in ("type", "object", "id", "include")}
        return {**fields, "audio": {"input": self.input}}

    @property
    def input(self) -> dict[str, Any]:
        """`audio.input`."""
        return self.wire["audio"]["input"]

    @property
    def output(self) -> dict[str, Any]:
        """`audio.output`."""
        return self.wire["audio"]["output"]

    @property
    def detection(self) -> dict[str, Any] | None:
        """How turns are told; `None` where the client says it."""
        return self.input["turn_detection"]

    @property
    def idle_ms(self) -> int | None:
        """How long nobody may have spoken before a character does."""
        return (self.detection or {}).get("idle_timeout_ms")

    @property
    def speaker(self) -> Character:
        """Who said what the client has an assistant say."""
        return self._members[0]

    def update(self, change: RealtimeSessionCreateRequest | RealtimeTranscriptionSessionCreateRequest) -> None:
        """Take over what is in `change`; `null` brings back what a session begins with. Raises `InvalidRequest` and
        changes nothing when something cannot be."""
        if change.type != self.wire["type"]:
            raise InvalidRequest(f"this connection is for sessions of type {self.wire['type']}", param="session.type")
        updated = copy.deepcopy(self.wire)
        given = change.model_dump(exclude_unset=True)
        for fixed in ("id", "object", "model", "type"):
            given.pop(fixed, None)
        _merge(updated, given, self._beginning)
        detection = updated["audio"]["input"]["turn_detection"]
        if detection is not None:
            updated["audio"]["input"]["turn_detection"] = _complete(detection)
        check_session(updated)
        self.wire = updated

    def configure(self) -> Configure:
        """The command that makes the session what this says."""
        detection = self.detection
        silence_ms, eagerness = None, None
        if detection is not None and detection["type"] == "server_vad":
            silence_ms = detection["silence_duration_ms"]
        elif detection is not None:
            eagerness = _eagerness(detection["eagerness"])
        return Configure(
            cast=tuple(self.dressed(character) for character in self._members),
            generation=self.generation({}),
            silence_ms=silence_ms,
            eagerness=eagerness,
            mode="push_to_talk" if detection is None else "auto",
            answers=self.wire["type"] == "realtime" and bool(detection and detection["create_response"]),
            aloud=self.wire["output_modalities"] == ["audio"],
            speed=self.output["speed"],
            language=self.language,
        )

    @property
    def language(self) -> str:
        """What the person speaks, ISO 639-1; empty: not known."""
        transcription: dict[str, str | None] = self.input["transcription"] or {}
        return transcription.get("language") or self._language or ""

    def heard_live(self) -> Configure:
        """Somebody listens while they speak: audio goes out just ahead of the ear, so that a cut stops it."""
        return Configure(ahead_s=AHEAD_S)

    def generation(self, wish: Mapping[str, Any]) -> Generation:
        """How the language model is asked: as `wish` says, else as the session does."""
        chosen = {**self.wire, **wish}
        limit = chosen["max_output_tokens"]
        tools = [_tool(tool) for tool in chosen["tools"] or ()]
        extra: dict[str, object] = {}
        if tools:
            extra = {"tools": tools, "tool_choice": _choice(chosen["tool_choice"])}
            if chosen["parallel_tool_calls"] is False:
                extra["parallel_tool_calls"] = False
        return Generation(max_tokens=limit if isinstance(limit, int) else None, extra=extra)

    def dressed(self, character: Character, instructions: str | None = None, voice: str = "") -> Character:
        """`character` with the session's instructions and voice, or these instead."""
        detection = self.detection
        told = instructions or self.wire["instructions"]
        prompt = "\n\n".join(part for part in (character.system_prompt, told) if part)
        alone = voice_name(self.output["voice"]) if self._members == (character,) else ""
        voice = voice or alone or character.voice
        interruptible = character.interruptible and bool(detection and detection["interrupt_response"])
        return replace(character, system_prompt=prompt, voice=voice, interruptible=interruptible)


def voice_name(voice: object) -> str:
    """A voice's name, given by name or as an object with an id."""
    return str(voice["id"]) if isinstance(voice, dict) else str(voice or "")  # pyright: ignore[reportUnknownArgumentType]


def _merge(into: dict[str, Any], change: Mapping[str, Any], beginning: Mapping[str, Any]) -> None:
    """Objects are taken over field by field, everything else whole. What a session does not have is left out."""
    for name, value in change.items():
        if name not in beginning:
            continue
        first = beginning[name]
        if value is None:
            into[name] = None if name == "turn_detection" else copy.deepcopy(first)
        elif name in ("audio", "input", "output") and isinstance(value, dict):
            _merge(into[name], value, first or {})  # pyright: ignore[reportUnknownArgumentType]
        else:
            into[name] = value


def _complete(detection: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in detection.items() if value is not None}
    return {**_DETECTION[detection["type"]], **given}


def _eagerness(named: str) -> Eagerness:
    return named if named in ("low", "high") else "medium"  # pyright: ignore[reportReturnType]


def _tool(tool: Mapping[str, Any]) -> dict[str, object]:
    """As chat completions have it."""
    names = ("name", "description", "parameters")
    return {"type": "function", "function": {name: tool[name] for name in names if tool.get(name) is not None}}


def _choice(choice: object) -> object:
    match choice:
        case {"name": str(name)}:  # pyright: ignore[reportUnknownVariableType]
            return {"type": "function", "function": {"name": name}}
        case _:
            return choice or "auto"
