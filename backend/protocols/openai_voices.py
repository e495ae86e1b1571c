"""`/v1/audio/voices` as OpenAI has it, and what this server adds: the request, and how voices are listed. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

if TYPE_CHECKING:
    from backend.voice_library import LibraryVoice

MAX_TEXT_CHARACTERS = 4_000
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TEXT_CHARACTERS)]
_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=256)]

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


class VoiceRequest(BaseModel):
    """A voice to add; a file comes beside it. Fields that are not known are ignored, as OpenAI does."""

    name: _Name
    type: Literal["audio_sample", "prompt"] = "audio_sample"
    consent: _Text | None = None
    prompt: _Text | None = None
    ref_text: _Text | None = None
    language: Annotated[str, StringConstraints(pattern="^[a-z]{2}$")] | None = None
    scene_prompt: _Text | None = None
    speaker_description: _Text | None = None


class Labels(BaseModel):
    """What voices are told apart by."""

    language: str


class ListedVoice(BaseModel):
    """A voice as clients list it."""

    voice_id: str
    name: str
    description: str
    labels: Labels


class VoiceList(BaseModel):
    """All of them."""

    voices: list[ListedVoice]


class Voice(ListedVoice):
    """A voice that was added, as OpenAI's clients know it."""

    id: str
    object: Literal["audio.voice"] = "audio.voice"
    created_at: int = Field(description="Unix time in seconds")
    type: Literal["audio_sample", "prompt"]
    prompt: str | None = None


class VoiceDeleted(BaseModel):
    """The answer to its deletion."""

    id: str
    object: Literal["audio.voice.deleted"] = "audio.voice.deleted"
    deleted: bool = True


def listed_preset(name: str, description: str) -> ListedVoice:
    """A voice of the engine; its language is told by its name (`zh_mei`, `anna_de`)."""
    code = "zh" if name.startswith("zh_") else name[-2:] if name[-3:-2] == "_" else "en"
    labels = Labels(language=LANGUAGES.get(code, LANGUAGES["en"]))
    return ListedVoice(voice_id=name, name=name, description=description, labels=labels)


def listed_added(voice: LibraryVoice) -> ListedVoice:
    """A voice that was added."""
    labels = Labels(language=LANGUAGES.get(voice.language or "en", voice.language or "en"))
    return ListedVoice(voice_id=voice.id, name=voice.name, description=voice.description, labels=labels)


def added(voice: LibraryVoice) -> Voice:
    """The answer to who added it."""
    kind = "prompt" if voice.recording is None else "audio_sample"
    prompt = voice.description if voice.recording is None else None
    listed = listed_added(voice)
    return Voice(**dict(listed), id=voice.id, created_at=voice.created_at, type=kind, prompt=prompt)


_FIELDS = VoiceRequest.model_json_schema()
_FILE = {"audio_sample": {"type": "string", "format": "binary"}}
BODY: dict[str, object] = {
    "multipart/form-data": {"schema": {**_FIELDS, "properties": {**_FIELDS["properties"], **_FILE}}},
    "application/json": {"schema": {**_FIELDS, "required": ["name", "type", "prompt"]}},
}
"""For the OpenAPI document."""
