"""All settings, from the command line, `VOICECHAT_...` variables and `voicechat.toml`, in that order of precedence.

The only reader of environment and configuration file. Units are in the names.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from backend.prompting.situation import CONTEXT_TOKENS

CONFIG_FILE = "voicechat.toml"

SttName = Literal["auto", "offline", "faster-whisper", "openai"]
LlmName = Literal["auto", "offline", "openai"]
TtsName = Literal["auto", "offline", "higgs", "openai", "step-audio2"]
TtsDialect = Literal["openai", "vllm-omni", "sglang-omni", "boson"]
LogLevel = Literal["debug", "info", "warning", "error"]


def _http(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a server's address starts with http:// or https:// and a host")
    return url


HttpUrl = Annotated[str, AfterValidator(_http)]


def _database(url: str) -> str:
    """The address with the driver that is used here."""
    scheme, separator, rest = url.partition("://")
    kind = scheme.partition("+")[0]
    if not separator or kind not in _DRIVERS:
        raise ValueError("a database's address starts with sqlite:// or postgresql://")
    return f"{_DRIVERS[kind]}://{rest}"


_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}

DatabaseUrl = Annotated[str, AfterValidator(_database)]


def _default_data_dir() -> Path:
    """As the XDG base directory specification has it."""
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "share") / "voicechat"


class Settings(BaseSettings):
    """Immutable; read once at start."""

    model_config = SettingsConfigDict(env_prefix="VOICECHAT_", toml_file=CONFIG_FILE, frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(
        8000,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("VOICECHAT_PORT", "port"),  # also PORT: names of variables have no case
        description="port to listen on; 0 picks a free one and prints it (also PORT)",
    )
    listen: Literal["when-loaded", "at-once"] = Field(
        "when-loaded",
        description="when to listen: when the engines are loaded, or at once, /ping then tells how far they are",
    )
    stt: SttName = Field("auto", description="speech recognition")
    stt_base_url: HttpUrl | None = Field(None, description="OpenAI-compatible server for speech recognition")
    stt_api_key: str | None = Field(None, description="its key")
    stt_model: str | None = Field(None, description="its model, or a faster-whisper model name or folder")
    stt_language: Annotated[str, Field(pattern="^[a-z]{2,3}$")] | None = Field(
        None, description="language that people speak, such as en or de (default: the recogniser finds out)"
    )
    llm: LlmName = Field("auto", description="language model")
    llm_base_url: HttpUrl | None = Field(
        None,
        validation_alias=AliasChoices("llm_base_url", "VOICECHAT_LLM_BASE_URL", "OPENAI_BASE_URL"),
        description="OpenAI-compatible server for the language model (also OPENAI_BASE_URL)",
    )
    llm_api_key: str | None = Field(
        None,
        validation_alias=AliasChoices("llm_api_key", "VOICECHAT_LLM_API_KEY", "OPENAI_API_KEY"),
        description="its key (also OPENAI_API_KEY)",
    )
    llm_model: str | None = Field(None, description="its model")
    llm_context: int = Field(
        CONTEXT_TOKENS, ge=2048, le=1 << 21, description="tokens that a prompt and its reply may take together"
    )
    tts: TtsName = Field("auto", description="voices")
    tts_base_url: Annotated[tuple[HttpUrl, ...], NoDecode] = Field(
        (),
        description="OpenAI-compatible server for the voices; several, comma separated, that have the same model and "
        "voices share the work, and one finishes what another one fails at",
    )
    tts_api_key: str | None = Field(None, description="its key")
    tts_model: str | None = Field(None, description="its model; for higgs a folder or repository id")
    tts_dialect: TtsDialect = Field(
        "openai", description="what the server for the voices is, if it takes more than OpenAI's fields"
    )
    tts_fallback: Literal["none", "offline"] = Field(
        "none", description="who speaks when no server for the voices can: nobody, or the offline voices"
    )
    tts_codec: str | None = Field(
        None,
        description="what makes the sound: audio codec of the higgs voice, a folder or repository id; folder token2wav "
        "of the step-audio2 voice",
    )
    tts_streams: int | None = Field(
        None, ge=1, le=256, description="texts that the higgs voice speaks at once (default: 16 on a GPU, else 4)"
    )
    tts_voices: Path | None = Field(None, description="folder of recordings that the step-audio2 voice speaks like")
    volume: Path = Field(
        Path("/runpod-volume"), description="folder that models are looked for in before the hub, a network volume"
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where local models run")
    silence_ms: int | None = Field(None, ge=50, le=10_000, description="silence that ends the person's turn")
    turn_model: Path | None = Field(
        None, description="Smart Turn v3 file (ONNX): the sound of the voice helps to tell when the person has finished"
    )
    characters: Path | None = Field(None, description="TOML or JSON file with the cast")
    data_dir: Path = Field(
        default_factory=_default_data_dir,
        description="folder of the SQLite database with the cast, the voices and the conversations",
    )
    database_url: DatabaseUrl | None = Field(
        None, description="database to use instead: postgresql://..., or sqlite:////absolute/path"
    )
    api_key: str | None = Field(None, description="key that clients must present")
    max_sessions: int = Field(100, ge=1, description="sessions admitted at once")
    instance: str = Field(
        "",
        pattern="^[A-Za-z0-9_-]{0,64}$",
        description="name of this server where several share a database; the tokens by which clients come back begin "
        "with it, for a load balancer to send them where their session is",
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="origins of web pages that may connect besides the server's own, comma separated; * for any"
    )
    log_level: LogLevel = Field("info", description="how much to log")

    @property
    def database(self) -> str | Path:
        """The address of the database, or its file."""
        return self.database_url or self.data_dir.absolute() / "voicechat.db"

    @field_validator("allowed_origins", "tts_base_url", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


class WorkerSettings(Settings):
    """Those of the serverless worker: the server's, and what only jobs have."""

    job_timeout_s: float = Field(
        570, gt=0, description="seconds that a job may take; a little less than the platform's own limit"
    )
    jobs_at_once: int = Field(4, ge=1, description="jobs that are worked on at the same time, once the model is loaded")
    idle_unload_s: float = Field(300, ge=0, description="seconds without a job after which the model is unloaded")
    breaker_failures: int = Field(3, ge=1, description="failed loads in a row after which the model is left alone")
    breaker_pause_s: float = Field(30, ge=0, description="for so many seconds")
    s3_endpoint_url: HttpUrl | None = Field(
        None,
        validation_alias=AliasChoices("s3_endpoint_url", "VOICECHAT_S3_ENDPOINT_URL", "BUCKET_ENDPOINT_URL"),
        description="S3 server to upload to (also BUCKET_ENDPOINT_URL); without one AWS_ENDPOINT_URL, or Amazon's",
    )
    s3_access_key_id: str | None = Field(
        None,
        validation_alias=AliasChoices("s3_access_key_id", "VOICECHAT_S3_ACCESS_KEY_ID", "BUCKET_ACCESS_KEY_ID"),
        description="key for it (also BUCKET_ACCESS_KEY_ID); without one those that boto3 finds: AWS_..., a role",
    )
    s3_secret_access_key: str | None = Field(
        None,
        validation_alias=AliasChoices(
            "s3_secret_access_key", "VOICECHAT_S3_SECRET_ACCESS_KEY", "BUCKET_SECRET_ACCESS_KEY"
        ),
        description="its secret (also BUCKET_SECRET_ACCESS_KEY)",
    )
    s3_region: str | None = Field(None, description="its region, where it has one (else AWS_DEFAULT_REGION)")
    s3_url_expires_s: int = Field(
        3600, ge=1, le=604_800, description="seconds for which the address of an upload can be read"
    )

    @model_validator(mode="after")
    def _keys_go_together(self) -> WorkerSettings:
        if (self.s3_access_key_id is None) != (self.s3_secret_access_key is None):
            raise ValueError("s3_access_key_id and s3_secret_access_key are given together or not at all")
        return self


class RaySettings(Settings):
    """Those of the app on Ray Serve: the server's, each replica being one, and how many there are of what."""

    port: int = Field(8000, ge=1, le=65535, description="port to listen on")
    proxy: Literal["serve", "haproxy"] = Field(
        "serve",
        description="what stands before the replicas: Serve's own proxy, by which clients come back to where their "
        "session is, or HAProxy, for ten times as many sessions a core",
    )
    min_replicas: int = Field(1, ge=1, description="replicas of the app that are always there")
    max_replicas: int = Field(4, ge=1, description="replicas of the app at most")
    target_sessions: int | None = Field(
        None,
        ge=1,
        description="sessions per replica; with more of them replicas are added, with fewer taken away (default: 8 "
        "behind Serve's proxy, 40 behind HAProxy)",
    )
    replica_cpus: float = Field(1, ge=0, description="cores that a replica of the app has to itself")
    min_engines: int = Field(1, ge=1, description="copies of the higgs voice that are always there")
    max_engines: int = Field(1, ge=1, description="copies of the higgs voice at most")
    engine_gpus: float = Field(1, ge=0, description="GPUs that a copy has to itself; 0 for one on the CPU")
    drain_s: float = Field(120, ge=0, description="seconds for which a replica that is taken away keeps its sessions")

    @model_validator(mode="after")
    def _fit_together(self) -> RaySettings:
        for most, least in (("max_replicas", "min_replicas"), ("max_engines", "min_engines")):
            if getattr(self, most) < getattr(self, least):
                raise ValueError(f"{most} is less than {least}")
        if (self.target_sessions or 1) > self.max_sessions:
            raise ValueError("target_sessions is more than max_sessions")
        if self.max_replicas > 1 and not str(self.database).startswith("postgresql"):
            raise ValueError(
                "several replicas share what lasts through PostgreSQL: give database_url, or max_replicas 1"
            )
        return self
