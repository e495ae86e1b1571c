"""A transcription as OpenAI's API writes it: each `response_format`, and the events of a streamed one. No I/O."""

from __future__ import annotations

import html
import json
import math
import re
from itertools import pairwise
from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backend.pipelines.transcription import Segment
    from backend.protocols.transcription_fields import ResponseFormat

UNKNOWN_LANGUAGE = "und"
"""ISO 639-2's code for a language that nobody has determined: recognisers do not say what they heard."""

_UNSPACED = re.compile(r"[\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff60\U00020000-\U0003ffff]")
"""Chinese characters, kana, and the punctuation of both; Korean has spaces."""

MEDIA_TYPES: Mapping[ResponseFormat, str] = {
    "json": "application/json",
    "text": "text/plain",
    "verbose_json": "application/json",
    "srt": "text/plain",
    "vtt": "text/vtt",
}


def write(segments: Sequence[Segment], response_format: ResponseFormat, duration_s: float, language: str | None) -> str:
    """The body of the response."""
    match response_format:
        case "json":
            return json.dumps({"text": joined(segments), "usage": _usage(duration_s)})
        case "verbose_json":
            return json.dumps(_verbose(segments, duration_s, language))
        case "text":
            return joined(segments) + "\n"
        case "srt":
            return _srt(segments)
        case "vtt":
            return _vtt(segments)
        case _:
            assert_never(response_format)


def joined(segments: Sequence[Segment]) -> str:
    """The whole text."""
    return "".join(_added(segment, before) for before, segment in pairwise([None, *segments]) if segment)


def _added(segment: Segment, before: Segment | None) -> str:
    """What a segment adds to the text: a space first, except after Chinese or Japanese."""
    gap = "" if before is None or _UNSPACED.match(before.text[-1]) else " "
    return gap + segment.text


def event(content: dict[str, object]) -> str:
    """A server-sent event."""
    return f"data: {json.dumps(content)}\n\n"


def delta_event(segment: Segment, before: Segment | None) -> str:
    """What a segment adds after the one before it; all deltas together are the text of `done_event`."""
    return event({"type": "transcript.text.delta", "delta": _added(segment, before)})


def done_event(segments: Sequence[Segment]) -> str:
    """The end of a streamed transcription."""
    return event({"type": "transcript.text.done", "text": joined(segments)})


def _usage(duration_s: float) -> dict[str, object]:
    return {"type": "duration", "seconds": math.ceil(duration_s)}


def _verbose(segments: Sequence[Segment], duration_s: float, language: str | None) -> dict[str, object]:
    return {
        "task": "transcribe",
        "language": language or UNKNOWN_LANGUAGE,
        "duration": duration_s,
        "text": joined(segments),
        "segments": [_verbose_segment(number, segment) for number, segment in enumerate(segments)],
        "usage": _usage(duration_s),
    }


def _verbose_segment(number: int, segment: Segment) -> dict[str, object]:
    # The figures that only Whisper's own decoder has are zero.
    return {
        "id": number,
        "seek": 0,
        "start": segment.start_s,
        "end": segment.end_s,
        "text": segment.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": 0.0,
        "compression_ratio": 0.0,
        "no_speech_prob": 0.0,
    }


def _srt(segments: Sequence[Segment]) -> str:
    return "".join(
        f"{number}\n{_clock(segment.start_s, ',')} --> {_clock(segment.end_s, ',')}\n{segment.text}\n\n"
        for number, segment in enumerate(segments, 1)
    )


def _vtt(segments: Sequence[Segment]) -> str:
    cues = (
        f"{_clock(segment.start_s, '.')} --> {_clock(segment.end_s, '.')}\n{html.escape(segment.text, quote=False)}\n\n"
        for segment in segments
    )
    return "WEBVTT\n\n" + "".join(cues)


def _clock(time_s: float, decimal_mark: str) -> str:
    """`01:02:03,004` with the mark of the format."""
    whole_s, ms = divmod(round(time_s * 1000), 1000)
    minutes, s = divmod(whole_s, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{s:02}{decimal_mark}{ms:03}"
