"""What a job asks for: its `input`, checked field by field. No I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

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
from backend.serverless.bucket import Access, BucketName, Destination, ObjectKey, encodable
from backend.serverless.errors import JobError
from backend.settings import HttpUrl

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from backend.engines.interfaces import TextToSpeech

MAX_TRANSCRIPT_CHARACTERS = 10_000
MAX_NEW_TOKENS = 8192
MAX_VOICE_CHARACTERS = 200
MAX_CONFIG_CHARACTERS = 1000

SPEAKER_TAG = re.compile(r"\[SPEAKER(\d+)\]")
"""What begins the turn of a speaker, and is not read out."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NO_NAME = re.compile(r"[^\w-]", re.ASCII)
"""What the name of a file is not made of."""
_NUMBERS = ("max_length", "min_length", "ge", "gt", "le", "lt", "expected")


def _spoken(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; there is nothing to say")
    return encodable(text)


def _name(voice: str) -> str:
    """A name and nothing that leads to a file: voices are never fetched or opened for a job."""
    if ".." in voice or "/" in voice or "\\" in voice or _CONTROL.search(voice):
        raise ValueError("is the name of a voice; paths, addresses and recordings are not taken")
    return encodable(voice)


class JobRequest(BaseModel):
    """The `input` of a job. A field that is `null` counts as not given; fields that are not known are ignored."""

    model_config = ConfigDict(allow_inf_nan=False, frozen=True)

    transcript: Annotated[str, StringConstraints(max_length=MAX_TRANSCRIPT_CHARACTERS), AfterValidator(_spoken)]
    ref_audio: Annotated[str, StringConstraints(max_length=MAX_VOICE_CHARACTERS), AfterValidator(_name)] | None = None
    scene_prompt: (
        Annotated[str, StringConstraints(max_length=MAX_PROMPT_CHARACTERS), AfterValidator(encodable)] | None
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
    s3_bucket: BucketName | None = None
    s3_key: ObjectKey | None = None
    output_format: FormatName = "wav"
    stream: bool = False
    """Whether the audio comes in parts while it is made."""

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


class S3Config(BaseModel):
    """The `s3Config` of a job, which stands beside its `input`; RunPod's own names."""

    model_config = ConfigDict(frozen=True)

    endpoint_url: HttpUrl = Field(alias="endpointUrl", max_length=MAX_CONFIG_CHARACTERS)
    access_id: str = Field(alias="accessId", min_length=1, max_length=MAX_CONFIG_CHARACTERS)
    access_secret: str = Field(alias="accessSecret", min_length=1, max_length=MAX_CONFIG_CHARACTERS, repr=False)
    bucket_name: BucketName = Field(alias="bucketName")

    def access(self) -> Access:
        """The server and the keys. The worker's own keys are never sent to a server that a job names."""
        return Access(self.endpoint_url, self.access_id, self.access_secret)


def parse_request(given: object) -> JobRequest:
    """The request in the `input` of a job. Raises `JobError` of type `validation_error`, which names the field and says
    what it must be, and never repeats what is in it."""
    if not isinstance(given, dict):
        raise JobError("validation_error", "INVALID_INPUT", "input is a JSON object with at least a transcript")
    fields = _given(cast("dict[str, Any]", given))
    try:
        return JobRequest.model_validate(fields)
    except ValidationError as error:
        raise _told(error.errors()[0], fields) from error


def destination(request: JobRequest, s3_config: object, job_id: str) -> Destination | None:
    """Where on S3 the audio goes, if it does: where `input` says, by the job's own `s3Config` if it has one. Raises
    `JobError` of type `validation_error`."""
    config = _parse_s3_config(s3_config)
    bucket = request.s3_bucket or (config.bucket_name if config else None)
    if bucket is None:
        if request.s3_key is not None:
            raise _apart("s3_key", "s3_key says where in s3_bucket the audio goes, which is missing")
        return None
    if request.stream:
        raise _apart("stream", "stream and s3_bucket exclude each other: audio is delivered in parts or uploaded")
    key = request.s3_key or f"voicechat/{_NO_NAME.sub('_', job_id) or 'job'}.{request.output_format}"
    return Destination(bucket, key, config.access() if config else None)


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


def _parse_s3_config(given: object) -> S3Config | None:
    if given is None or given == {}:
        return None
    if not isinstance(given, dict):
        raise JobError("validation_error", "INVALID_S3CONFIG", "s3Config is a JSON object", {"field": "s3Config"})
    fields = _given(cast("dict[str, Any]", given))
    try:
        return S3Config.model_validate(fields)
    except ValidationError as error:
        raise _told(error.errors()[0], fields, "s3Config") from error


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _apart(field: str, message: str) -> JobError:
    return JobError("validation_error", "INVALID_INPUT", message, {"field": field})


def _told(problem: ErrorDetails, fields: dict[str, Any], within: str = "") -> JobError:
    """What a client is told of the first problem of an object; `within`: the field of the job that the object is."""
    name = str(problem["loc"][0])
    field = f"{within}.{name}" if within else name
    said = problem["msg"].removeprefix("Value error, ")
    details: dict[str, object] = {"field": field}
    limits = {name: limit for name, limit in (problem.get("ctx") or {}).items() if name in _NUMBERS}
    if limits:
        details["constraint"] = ", ".join(f"{name}={limit}" for name, limit in limits.items())
    value = fields.get(name)
    if isinstance(value, str):
        details["actual_length"] = len(value)
    own = said != problem["msg"]
    code = f"INVALID_{(within or name).upper()}"
    return JobError("validation_error", code, f"{field} {said}" if own else f"{field}: {said}", details)
