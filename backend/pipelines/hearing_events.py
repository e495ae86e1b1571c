"""What hearing one person comes to, as told to the session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.events import SpeechStarted, SpeechStopped, TranscriptPartial
from backend.utterance import Utterance

if TYPE_CHECKING:
    from backend.errors import EngineError


@dataclass(frozen=True, slots=True)
class StillSpeaking:
    """The person goes on: there has been voice for `voiced_ms` since speech began."""

    voiced_ms: int


@dataclass(frozen=True, slots=True)
class SaidSoFar:
    """The person has said this and is quiet, for the moment or for good."""

    text: str


@dataclass(frozen=True, slots=True)
class LikelyEnd:
    """The person may have finished, having said this with `voiced_ms` of voice."""

    utterance: Utterance
    voiced_ms: int


@dataclass(frozen=True, slots=True)
class HearingFailed:
    """An utterance could not be recognised."""

    error: EngineError
    line: str = ""
    """The id it would have had in the conversation."""


HearingEvent = (
    SpeechStarted
    | SpeechStopped
    | TranscriptPartial
    | StillSpeaking
    | SaidSoFar
    | LikelyEnd
    | HearingFailed
    | Utterance
)
