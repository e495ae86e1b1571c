"""`/v1/audio/voices` as OpenAI has it, and what this server adds: the requests, and how voices are listed. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backend.protocols.openai_speech import Seed, Temperature, TopP
from backend.voice_library import Method

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backend.voice_library import LibraryVoice

MAX_TEXT_CHARACTERS = 4_000
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TEXT_CHARACTERS)]
_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=256)]
_Language = Annotated[str, StringConstraints(pattern="^[a-z]{2}$")]

Type = Literal["audio_sample", "prompt", "preset"]
METHODS: Mapping[Type, Method] = {"audio_sample": "clone", "prompt": "description", "preset": "preset"}
"""OpenAI's word for what a voice is made from -> ours."""
_TYPES: Mapping[Method, Type] = {method: kind for kind, method in METHODS.items()}

LANGUAGES = {
    "de": "german",
    "en": "english",
    "es": "spanish",
    "fr": "french",
    "it": "italian",
    "ja": "japanese",
    "ko": "korean",
    "pt": "portuguese",
    "zh": "chinese",
}


class _Settings(BaseModel):
    """What can be said of a voice whatever it is made from. What is `None` is left to the engine."""

    model_config = ConfigDict(allow_inf_nan=False)

    language: _Language | None = None
    scene_prompt: _Text | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    seed: Seed | None = None
    consent: _Text | None = None


class VoiceRequest(_Settings):
    """A voice to add; a file comes beside it. Fields that are not known are ignored, as OpenAI does."""

    name: _Name
    type: Type = "audio_sample"
    prompt: _Text | None = None
    preset: _Name | None = None
    ref_text: _Text | None = None
    speaker_description: _Text | None = None


class VoiceChange(_Settings):
    """What is to be changed of an added voice: what is not named stays, `null` takes away."""

    name: _Name = ""
    description: _Text | None = None
    ref_text: _Text = ""

    @property
    def fields(self) -> dict[str, Any]:
        """Field of `LibraryVoice` -> its new value."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if "description" in given:
            given["description"] = given["description"] or ""
        if "ref_text" in given:
            given["transcript"] = given.pop("ref_text")
        return given


class Labels(BaseModel):
    """What voices are told apart by."""

    language: str


class ListedVoice(BaseModel):
    """A voice as clients list it."""

    voice_id: str
    name: str
    description: str
    labels: Labels
    method: Method


class VoiceList(BaseModel):
    """All of them, and what voices that are added to them can be made from."""

    voices: list[ListedVoice]
    types: list[Type]


class Voice(ListedVoice):
    """A voice that was added, as OpenAI's clients know it."""

    id: str
    object: Literal["audio.voice"] = "audio.voice"
    created_at: int = Field(description="Unix time in seconds")
    type: Type
    prompt: str | None = None
    preset: str | None = None
    language: str | None = None
    ref_text: str | None = None
    scene_prompt: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    consent: str | None = None
    warnings: list[str] | None = Field(None, description="What is not as it should be in the recording just uploaded")


class VoiceDeleted(BaseModel):
    """The answer to its deletion."""

    id: str
    object: Literal["audio.voice.deleted"] = "audio.voice.deleted"
    deleted: bool = True


def listed_preset(name: str, description: str) -> ListedVoice:
    """A voice of the engine; its language is told by its name (`zh_mei`, `anna_de`)."""
    code = "zh" if name.startswith("zh_") else name[-2:] if name[-3:-2] == "_" else "en"
    labels = Labels(language=LANGUAGES.get(code, LANGUAGES["en"]))
    return ListedVoice(voice_id=name, name=name, description=description, labels=labels, method="preset")


def listed_added(voice: LibraryVoice, descriptions: Mapping[str, str]) -> ListedVoice:
    """A voice that was added; `descriptions` are those of the engine's own, which a preset has unless it is told
    otherwise."""
    return ListedVoice(
        voice_id=voice.id,
        name=voice.name,
        description=voice.description or descriptions.get(voice.preset or "", ""),
        labels=Labels(language=LANGUAGES.get(voice.language or "en", voice.language or "en")),
        method=voice.method,
    )


def shown(voice: LibraryVoice, descriptions: Mapping[str, str], warnings: Sequence[str] = ()) -> Voice:
    """All that clients may know of it."""
    return Voice(
        **dict(listed_added(voice, descriptions)),
        id=voice.id,
        created_at=int(voice.created_at),
        type=_TYPES[voice.method],
        prompt=voice.description if voice.method == "description" else None,
        preset=voice.preset,
        language=voice.language,
        ref_text=voice.transcript if voice.method == "clone" else None,
        scene_prompt=voice.scene_prompt,
        temperature=voice.temperature,
        top_p=voice.top_p,
        seed=voice.seed,
        consent=voice.consent,
        warnings=list(warnings) or None,
    )


_FIELDS = VoiceRequest.model_json_schema()
_FILE = {"audio_sample": {"type": "string", "format": "binary"}}
BODY: dict[str, object] = {
    "multipart/form-data": {"schema": {**_FIELDS, "properties": {**_FIELDS["properties"], **_FILE}}},
    "application/json": {"schema": {**_FIELDS, "required": ["name", "type"]}},
}
"""For the OpenAPI document."""
