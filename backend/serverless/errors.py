"""What a job can fail with, and how a client is told. The types and the shape are the worker's public contract."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Literal

from backend.errors import EngineError, InvalidRequest, NotFound, RequestRefused, TooLarge, VoiceChatError

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

ErrorType = Literal[
    "validation_error", "model_error", "inference_error", "s3_upload_error", "system_error", "timeout_error"
]


class JobError(VoiceChatError):
    """A job cannot be done, or not to its end. `kind` and `code` are for programs, the message is for people."""

    def __init__(
        self, kind: ErrorType, code: str, message: str, details: Mapping[str, object] | None = None, param: str = ""
    ) -> None:
        super().__init__(message, param or None)
        self.kind: ErrorType = kind
        self.code = code
        self.details = dict(details or {})

    def reported(self) -> ReportedError:
        """The value of `error` in the output of a job that failed."""
        return ReportedError(type=self.kind, message=str(self), code=self.code, details=self.details)


class ReportedError(dict[str, Any]):
    """The `error` of an output. RunPod's worker reports a job as failed with the *text* of this value: that is JSON."""

    def __str__(self) -> str:
        return json.dumps(self, ensure_ascii=False)


class ErrorBesideAudio(ReportedError):
    """The `error` of an output that has audio all the same.

    RunPod's worker throws away all output of a job one of whose outputs has a true `error`. This one is false, so that
    the audio is delivered; in JSON it is an object like any other.
    """

    def __bool__(self) -> bool:
        return False


def failure(error: JobError) -> dict[str, Any]:
    """The output of a job that failed."""
    return {"success": False, "error": error.reported()}


def as_job_error(error: Exception) -> JobError:
    """What a client is told of an error. One that nobody raised on purpose is a bug: logged, and told without its
    words."""
    match error:
        case JobError():
            return error
        case TimeoutError():
            return JobError("timeout_error", "TIMEOUT", "the job took longer than a job may (VOICECHAT_JOB_TIMEOUT_S)")
        case RequestRefused() | InvalidRequest() | NotFound() | TooLarge():
            return JobError("validation_error", "REQUEST_REFUSED", str(error))
        case EngineError():
            return JobError("inference_error", "GENERATION_FAILED", str(error))
        case VoiceChatError():
            return JobError("system_error", error.code.upper(), str(error))
        case _:
            log.error("job failed", exc_info=error)
            return JobError("system_error", "INTERNAL_ERROR", "the worker failed; its log says more")
