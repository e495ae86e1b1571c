"""What both directions of one connection have to agree on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from backend.cast_models import ONE_CHARACTER, WHOLE_CAST
from backend.lines import new_id
from backend.protocols.realtime.config import Scene, SessionConfig, voice_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.characters import Character
    from backend.protocols.realtime.response import Response

Intent = Literal["realtime", "transcription"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a response was asked to be. `conversation`: the id of the one it becomes part of."""

    aloud: bool
    output: dict[str, Any]
    """`audio.output`: format and voice, as clients are shown it."""
    max_output_tokens: int | str
    metadata: dict[str, str] | None
    conversation: str | None


@dataclass(frozen=True, slots=True)
class Wish:
    """A `response.create` until its turn begins; `event_id` is the client's."""

    event_id: str | None
    terms: Terms


@dataclass(slots=True)
class Connection:
    """State of one connection. `extensions`: whether the client wants what OpenAI sends over other transports only, or
    no longer."""

    session: str
    model: str
    scene: Scene
    intent: Intent = "realtime"
    extensions: bool = False
    config: SessionConfig = field(init=False)
    conversation: str = field(default_factory=lambda: new_id("conv"))
    wishes: dict[str, Wish] = field(default_factory=dict[str, Wish])
    responses: dict[int, Response] = field(default_factory=dict[int, "Response"])
    """The response being told of each turn."""
    turn: int | None = None
    """The turn that can be heard or is being prepared, if it is part of the conversation."""
    last_item: str | None = None
    appended_ms: float = 0.0
    """All audio of this connection."""
    uncommitted_ms: float = 0.0
    updates: int = 0
    """Changes of the session whose coming into force is still to be told."""
    _voices: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self.config = SessionConfig(self.session, self.model, self.scene, self.intent)

    @property
    def active(self) -> Response | None:
        """The response that is being made for the conversation."""
        response = None if self.turn is None else self.responses.get(self.turn)
        return None if response is None or response.done else response

    def cast_is(self, characters: Sequence[Character]) -> None:
        """These are in the session, with these voices."""
        self._voices = {character.id: character.voice for character in characters}
        self.config.output["voice"] = self.config.output["voice"] or characters[0].voice

    def terms(self) -> Terms:
        """Of a response that nobody asked for."""
        wire, output = self.config.wire, self.config.output
        shown = {"format": output["format"], "voice": voice_name(output["voice"])}
        aloud = wire["output_modalities"] == ["audio"]
        return Terms(aloud, shown, wire["max_output_tokens"], None, self.conversation)

    def of_character(self, terms: Terms, character: str) -> Terms:
        """`terms` of a response in which this character of the cast speaks: it is named, and so is its voice."""
        if not (self.model == WHOLE_CAST or self.model.startswith(ONE_CHARACTER)):
            return terms
        if "character" in (terms.metadata or {}):
            return terms
        output = {**terms.output, "voice": self._voices.get(character) or terms.output["voice"]}
        return replace(terms, output=output, metadata={**(terms.metadata or {}), "character": character})
