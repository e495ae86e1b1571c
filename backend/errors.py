"""The error tree. Everything this project raises on purpose is one of these; anything else is a bug.

Each class knows the code clients see. The mapping to HTTP status, WebSocket close code and log line happens at the
edges (`routes`), never where the error is raised.
"""

from __future__ import annotations

ALREADY_SPEAKING = "already_speaking"
"""Code of `InvalidRequest` for a wish to speak while somebody does."""


class VoiceChatError(Exception):
    """Base of all deliberate errors. `code` is stable and machine-readable, `str(error)` is for a person."""

    code = "internal_error"

    def __init__(self, message: str = "", param: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        """The field of the request that is to blame, where it is one."""


class InvalidRequest(VoiceChatError):
    """The client sent something that cannot be understood or is out of range; the session goes on."""

    code = "invalid_request"

    def __init__(
        self,
        message: str,
        details: dict[str, object] | None = None,
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message, param)
        self.details = details
        self.code = code or type(self).code


class NotFound(VoiceChatError):
    """What was named does not exist."""

    code = "not_found"


class Conflict(VoiceChatError):
    """What was asked for cannot be done as things stand."""

    code = "conflict"


class TakenOver(Conflict):
    """The conversation goes on in another session, which is the one that writes to it."""


class TooLarge(VoiceChatError):
    """The client sent more than is taken."""

    code = "too_large"


class LibraryFull(InvalidRequest):
    """There is no room for another voice."""

    code = "library_full"


class Unauthorized(VoiceChatError):
    """The API key is missing or wrong, or the page's origin is not allowed."""

    code = "unauthorized"


class AtCapacity(VoiceChatError):
    """The server holds as many sessions as it is allowed to."""

    code = "at_capacity"


class ConfigurationError(VoiceChatError):
    """A setting, a characters file or an engine choice that cannot work; said in one line at start."""

    code = "configuration_error"


class StorageError(VoiceChatError):
    """The database does not do its work; what cannot be kept is lost, the conversation goes on."""

    code = "storage_error"


class EngineError(VoiceChatError):
    """An engine could not do its work (server gone, model missing). The turn fails, the session goes on."""

    def __init__(self, stage: str, message: str) -> None:
        super().__init__(message)
        self.stage = stage
        """`stt`, `llm` or `tts`."""
        self.code = f"{stage}_error"


class RequestRefused(EngineError):
    """The server behind an engine will not do what the client asks of it."""

    def __init__(self, stage: str, status: int, message: str, reason: str, param: str | None = None) -> None:
        super().__init__(stage, message)
        self.status = status
        """The 4xx it answered with."""
        self.reason = reason
        """Its own code for why."""
        self.param = param


class MissingExtra(ConfigurationError):
    """An engine was asked for whose packages are not installed; the message holds the install command."""

    code = "missing_extra"

    def __init__(self, engine: str, extra: str) -> None:
        super().__init__(f"engine {engine!r} needs packages that are not installed: pip install -e '.[{extra}]'")
