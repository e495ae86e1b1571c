"""What a session works with, and what its client can set."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from backend.cast import deal_voices
from backend.pipelines.sender import AHEAD_S
from backend.prompting.situation import CONTEXT_TOKENS, Situation, prompt_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backend import commands
    from backend.characters import Character
    from backend.engines.interfaces import Generation, LanguageModel, SpeechToText, TextToSpeech, TurnModel
    from backend.engines.silero import SileroVad
    from backend.pipelines.turn_detection import TurnSettings
    from backend.utterance import Utterance


@dataclass(frozen=True, slots=True)
class Engines:
    """What all sessions share."""

    stt: SpeechToText
    llm: LanguageModel
    tts: TextToSpeech
    vad: SileroVad
    turn_model: TurnModel | None = None
    """Without one, the words alone tell when the person has finished."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by an engine whose part of `describe` has changed, cleared by who tells the clients."""

    def describe(self) -> Mapping[str, Mapping[str, object]]:
        """Which engine serves each stage, for people."""
        stages = {"stt": self.stt, "llm": self.llm, "tts": self.tts}
        return {
            stage: {
                "name": engine.name,
                "stand_in": engine.stand_in,
                "ready": engine.ready,
                "detail": engine.detail,
            }
            for stage, engine in stages.items()
        }


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What a session starts with; `commands.Configure` changes it."""

    cast: tuple[Character, ...]
    turn: TurnSettings
    generation: Generation
    output_rate: commands.OutputRate = 24000
    captions: bool = True
    answers: bool = True
    """Whether what the person says is answered unasked."""
    aloud: bool = True
    """Whether replies are spoken, or only written."""
    ahead_s: float = AHEAD_S
    """How much audio may be sent before it is heard."""
    speed: float = 1.0
    """How fast replies are spoken."""
    keep_audio: bool = False
    """Whether the sound of replies is kept with the conversation."""
    scene: str = ""
    """Where everybody is, and what is going on."""
    lines_among_themselves: int = 0
    """How many lines the characters may add to their replies, talking among themselves."""
    to: tuple[str, ...] = ()
    """Whom the person speaks to, by id; empty: nobody in particular."""
    llm_context: int = CONTEXT_TOKENS
    """Tokens that a prompt and its reply may take together."""

    stored: Mapping[str, Character] = field(default_factory=dict[str, "Character"], repr=False)
    """Characters of the server's by id, as they are at any time; clients can name them."""

    def addressed(self, utterance: Utterance) -> tuple[str, ...]:
        """Whom that is said to: those addressed with it, or, where it is spoken, those the person speaks to."""
        if utterance.to or utterance.source != "speech":
            return utterance.to
        present = {character.id for character in self.cast}
        return tuple(id_ for id_ in self.to if id_ in present)

    def situation(self, speakers: Sequence[Character] = ()) -> Situation:
        """What prompts tell everybody, where `speakers` may be guests, or cast differently for once."""
        present = {character.id: character for character in (*self.cast, *speakers)}
        tokens = prompt_tokens(self.llm_context, self.generation)
        return Situation(tuple(present.values()), self.scene, self.aloud, tokens)

    @property
    def unpaced(self) -> SessionSettings:
        """These settings with audio sent as soon as it is made."""
        return replace(self, ahead_s=math.inf)

    def changed(self, change: commands.Configure, voices: Sequence[str]) -> SessionSettings:
        """These settings with what `change` gives; `voices` are dealt out to new characters that name none."""
        return replace(
            self,
            cast=self.cast if change.cast is None else deal_voices(change.cast, voices),
            turn=self.turn.changed(change.silence_ms, change.eagerness, change.mode, change.language),
            generation=change.generation or self.generation,
            output_rate=change.output_rate or self.output_rate,
            captions=self.captions if change.captions is None else change.captions,
            answers=self.answers if change.answers is None else change.answers,
            aloud=self.aloud if change.aloud is None else change.aloud,
            ahead_s=self.ahead_s if change.ahead_s is None else change.ahead_s,
            speed=change.speed or self.speed,
            keep_audio=self.keep_audio if change.keep_audio is None else change.keep_audio,
            scene=self.scene if change.scene is None else change.scene,
            lines_among_themselves=self.lines_among_themselves
            if change.lines_among_themselves is None
            else change.lines_among_themselves,
            to=self.to if change.to is None else change.to,
        )
