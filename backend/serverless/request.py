"""What a job asks for: its `input`, checked field by field. No I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from backend.engines.interfaces import Manner
from backend.protocols.openai_speech import (
    MAX_PROMPT_CHARACTERS,
    MAX_RAS_WINDOW,
    OPENAI_VOICES,
    FormatName,
    Seed,
    Temperature,
    TopP,
)
from backend.serverless.errors import JobError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from backend.engines.interfaces import TextToSpeech

MAX_TRANSCRIPT_CHARACTERS = 10_000
MAX_NEW_TOKENS = 8192
MAX_VOICE_CHARACTERS = 200
MAX_KEY_BYTES = 1024

SPEAKER_TAG = re.compile(r"\[SPEAKER(\d+)\]")
"""What begins the turn of a speaker, and is not read out."""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+(\.\d+){3}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NUMBERS = ("max_length", "min_length", "ge", "gt", "le", "lt", "expected")


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("has half of a surrogate pair, which is no character") from error
    return text


def _spoken(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; there is nothing to say")
    return _encodable(text)


def _name(voice: str) -> str:
    """A name and nothing that leads to a file: voices are never fetched or opened for a job."""
    if ".." in voice or "/" in voice or "\\" in voice or _CONTROL.search(voice):
        raise ValueError("is the name of a voice; paths, addresses and recordings are not taken")
    return _encodable(voice)


def _bucket(name: str) -> str:
    """By S3's naming rules for general purpose buckets."""
    reserved = name.startswith(("xn--", "sthree-", "amzn-s3-demo-")) or name.endswith(("-s3alias", "--ol-s3", ".mrap"))
    if not _BUCKET.fullmatch(name) or ".." in name or _ADDRESS.fullmatch(name) or reserved:
        raise ValueError("is no name of an S3 bucket: 3 to 63 lower-case letters, digits, dots and hyphens")
    return name


def _key(key: str) -> str:
    if len(_encodable(key).encode()) > MAX_KEY_BYTES:
        raise ValueError(f"has at most {MAX_KEY_BYTES} bytes")
    if _CONTROL.search(key) or "\\" in key or any(part in ("", ".", "..") for part in key.split("/")):
        raise ValueError("is a path such as speech/one.wav, without empty parts, dots for parts and control characters")
    return key


class JobRequest(BaseModel):
    """The `input` of a job. A field that is `null` counts as not given; fields that are not known are ignored."""

    model_config = ConfigDict(allow_inf_nan=False, frozen=True)

    transcript: Annotated[str, StringConstraints(max_length=MAX_TRANSCRIPT_CHARACTERS), AfterValidator(_spoken)]
    ref_audio: Annotated[str, StringConstraints(max_length=MAX_VOICE_CHARACTERS), AfterValidator(_name)] | None = None
    scene_prompt: (
        Annotated[str, StringConstraints(max_length=MAX_PROMPT_CHARACTERS), AfterValidator(_encodable)] | None
    ) = None
    temperature: Temperature = 1.0
    top_k: int = Field(50, ge=0, le=1_000_000)
    top_p: TopP = 0.95
    max_new_tokens: int = Field(2048, ge=1, le=MAX_NEW_TOKENS)
    chunk_method: Literal["word", "speaker"] | None = None
    chunk_max_word_num: int = Field(200, ge=1, le=MAX_TRANSCRIPT_CHARACTERS)
    chunk_max_num_turns: int = Field(1, ge=1, le=MAX_TRANSCRIPT_CHARACTERS)
    ras_win_len: int = Field(7, ge=1, le=MAX_RAS_WINDOW)
    ras_win_max_num_repeat: int = Field(2, ge=1)
    seed: Seed | None = None
    s3_bucket: Annotated[str, AfterValidator(_bucket)] | None = None
    s3_key: Annotated[str, AfterValidator(_key)] | None = None
    output_format: FormatName = "wav"
    stream: bool = False
    """Whether the audio comes in parts while it is made."""

    @model_validator(mode="after")
    def _go_together(self) -> JobRequest:
        if self.s3_key is not None and self.s3_bucket is None:
            raise ValueError("s3_key says where in s3_bucket the audio goes, which is missing")
        if self.stream and self.s3_bucket is not None:
            raise ValueError("stream and s3_bucket exclude each other: audio is delivered in parts or uploaded")
        return self

    @property
    def spoken_characters(self) -> int:
        """How much text is read out."""
        return len(SPEAKER_TAG.sub("", self.transcript))

    def manner(self) -> Manner:
        """How the voice is asked to speak."""
        return Manner(
            seed=self.seed,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            ras_window_length=self.ras_win_len,
            ras_max_num_repeat=self.ras_win_max_num_repeat,
            scene_prompt=self.scene_prompt,
        )


def parse_request(given: object) -> JobRequest:
    """The request in the `input` of a job. Raises `JobError` of type `validation_error`, which names the field and says
    what it must be, and never repeats what is in it."""
    if not isinstance(given, dict):
        raise JobError("validation_error", "INVALID_INPUT", "input is a JSON object with at least a transcript")
    fields = {name: value for name, value in cast("dict[str, Any]", given).items() if value is not None}
    try:
        return JobRequest.model_validate(fields)
    except ValidationError as error:
        raise _told(error.errors()[0], fields) from error


def check_voice(request: JobRequest, tts: TextToSpeech) -> str:
    """The name of the voice asked for, or else the engine's first. Raises `JobError` for one that is not there, with
    those that are. OpenAI's names are known to every engine; a description is a voice where the engine takes them."""
    voice = request.ref_audio
    if voice is None:
        return tts.voices[0] if tts.voices else ""
    if voice in tts.voices or voice in OPENAI_VOICES or (tts.takes_descriptions and ";" in voice):
        return voice
    message = f"ref_audio: there is no voice of this name; there are {', '.join(tts.voices)}"
    raise JobError("validation_error", "UNKNOWN_VOICE", message, {"field": "ref_audio", "voices": list(tts.voices)})


def _told(problem: ErrorDetails, fields: dict[str, Any]) -> JobError:
    field = str(problem["loc"][0]) if problem["loc"] else ""
    said = problem["msg"].removeprefix("Value error, ")
    if not field:
        return JobError("validation_error", "INVALID_INPUT", said)
    details: dict[str, object] = {"field": field}
    limits = {name: limit for name, limit in (problem.get("ctx") or {}).items() if name in _NUMBERS}
    if limits:
        details["constraint"] = ", ".join(f"{name}={limit}" for name, limit in limits.items())
    value = fields.get(field)
    if isinstance(value, str):
        details["actual_length"] = len(value)
    own = said != problem["msg"]
    return JobError(
        "validation_error", f"INVALID_{field.upper()}", f"{field} {said}" if own else f"{field}: {said}", details
    )
