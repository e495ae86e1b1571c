"""The voices that clients have added: imitations of a recording, voices by description, and presets made one's own.

What a voice is, and what its id is made from. Knows nothing of engines, databases or HTTP.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Literal

Method = Literal["clone", "description", "preset"]
"""What a voice is made from: a recording, a text that says how it is, or a voice that the engine brings along."""

MAX_VOICES = 200
MAX_BYTES = 128 << 20
"""Of all recordings; one of 30 s takes 1.4 MB."""

_ID = re.compile(r"voice_[0-9a-f]{24}")


@dataclass(frozen=True, slots=True)
class LibraryVoice:
    """A voice that was added. What is `None` is left to the engine, or to what the voice is made from."""

    id: str
    name: str
    created_at: float
    """Unix time in seconds."""
    method: Method
    description: str = ""
    """How the voice is: what a voice by description is made from, and shown of the others."""
    preset: str | None = None
    """The engine's voice that a preset is."""
    language: str | None = None
    """ISO 639-1."""
    scene_prompt: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    consent: str | None = None
    """What the client says of the speaker's consent."""
    transcript: str = ""
    """What is said in the recording."""
    recording: bytes | None = field(default=None, repr=False)
    """What a clone imitates, as a WAV file; left out where voices are listed."""


def content_id(content: bytes) -> str:
    """The id of the voice that is made from this: the same content has the same one."""
    return f"voice_{hashlib.sha256(content).hexdigest()[:24]}"


def is_id(name: str) -> bool:
    """Whether this can be the id of a voice of the library: other names need not be looked up."""
    return _ID.fullmatch(name) is not None
