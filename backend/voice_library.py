"""The voices that clients have added: imitations of a recording, and voices by description.

Kept in memory for the life of the server. The methods are asynchronous because what lasts is asked for over a
connection. Knows nothing of engines, files or HTTP.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.errors import LibraryFull

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.engines.interfaces import Recording

ID_PREFIX = "voice_"
"""Every id of the library begins so: other names need not be looked up."""

MAX_VOICES = 200
MAX_BYTES = 128 << 20
"""Of all recordings; one of 30 s takes 1.4 MB."""


@dataclass(frozen=True, slots=True)
class LibraryVoice:
    """A voice that was added: one with a `recording` imitates it, one without is as `description` says."""

    id: str
    name: str
    created_at: int
    """Unix time in seconds."""
    recording: Recording | None = None
    description: str = ""
    language: str | None = None
    """ISO 639-1."""
    scene_prompt: str | None = None
    consent: str | None = None
    """What the client says of the speaker's consent."""

    @property
    def size(self) -> int:
        """Bytes of its recording."""
        return 0 if self.recording is None else len(self.recording.audio)


def content_id(content: bytes) -> str:
    """The id of the voice with this recording, or with this description: the same content has the same one."""
    return ID_PREFIX + hashlib.sha256(content).hexdigest()[:24]


class VoiceLibrary:
    """At most `max_voices`, whose recordings have at most `max_bytes` together."""

    def __init__(self, max_voices: int = MAX_VOICES, max_bytes: int = MAX_BYTES) -> None:
        self._voices: dict[str, LibraryVoice] = {}
        self._max_voices = max_voices
        self._max_bytes = max_bytes

    async def add(self, voice: LibraryVoice) -> None:
        """Keep a voice, in the place of the one that has its id. Raises `LibraryFull`; what was kept is kept then."""
        others = [known for known in self._voices.values() if known.id != voice.id]
        if len(others) >= self._max_voices:
            raise LibraryFull(f"the server keeps at most {self._max_voices} added voices; delete one first")
        if sum(known.size for known in others) + voice.size > self._max_bytes:
            raise LibraryFull(f"recordings have at most {self._max_bytes >> 20} MB together; delete a voice first")
        self._voices[voice.id] = voice

    async def find(self, voice_id: str) -> LibraryVoice | None:
        """The voice of that id."""
        return self._voices.get(voice_id)

    async def all(self) -> Sequence[LibraryVoice]:
        """Every voice, the oldest first."""
        return tuple(self._voices.values())

    async def delete(self, voice_id: str) -> bool:
        """Forget a voice; whether there was one. Whoever speaks with it goes on."""
        return self._voices.pop(voice_id, None) is not None
