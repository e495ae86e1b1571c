"""What all connections of one server share, and who is let in. Knows nothing of HTTP."""

from __future__ import annotations

import asyncio
import hmac
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from backend.errors import AtCapacity, Unauthorized
from backend.live_sessions import LiveSessions
from backend.metrics import Metrics
from backend.spoken_answers import SpokenAnswers
from backend.storage.conversations import ConversationStore

if TYPE_CHECKING:
    from collections.abc import Generator

    from backend.errors import ConfigurationError
    from backend.live_session import LiveSession
    from backend.roster import Roster
    from backend.session_settings import Engines, SessionSettings
    from backend.settings import Settings
    from backend.storage.database import Database
    from backend.storage.voices import VoiceLibrary

FILES_DECODED_AT_ONCE = 2
TRANSCRIBED_AT_ONCE = 4


@dataclass(slots=True)
class Server:
    """Engines, settings and figures of one running server."""

    settings: Settings
    engines: Engines
    unset: SessionSettings
    """What a session starts with, but for the cast."""
    database: Database
    """What lasts."""
    roster: Roster
    """The cast."""
    voices: VoiceLibrary
    """Those that clients have added."""
    metrics: Metrics = field(default_factory=Metrics)
    connected: int = 0
    """Clients with a session."""
    decoding: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FILES_DECODED_AT_ONCE))
    """For threads that decode files; further files wait."""
    spoken_answers: SpokenAnswers = field(default_factory=SpokenAnswers)
    """Of chat completions with audio."""
    transcribing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(TRANSCRIBED_AT_ONCE))
    """For recordings that are kept decoded, an hour of which takes 255 MB at the peak; further ones wait."""
    store: ConversationStore = field(init=False)
    live: LiveSessions = field(init=False)
    """Sessions of the native protocol."""
    startup_error: ConfigurationError | None = None
    """Why an engine could not be loaded."""
    loaded: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once every engine is loaded, or one cannot be."""

    def __post_init__(self) -> None:
        self.store = ConversationStore(self.database)
        shared = self.engines, self.metrics, self.store
        self.live = LiveSessions(*shared, self.settings.max_sessions, self.settings.instance)
        self.metrics.sessions.set_function(lambda: self.sessions)

    @property
    def sessions(self) -> int:
        """Those with a client, and those whose turn still waits for theirs."""
        return self.connected + self.live.lingering

    @property
    def defaults(self) -> SessionSettings:
        """What a session starts with now."""
        return replace(self.unset, cast=self.roster.cast, stored=self.roster.characters)

    def authorize(self, presented_key: str | None) -> None:
        """Raises `Unauthorized` unless the key is right or none is required."""
        required = self.settings.api_key
        if required is not None and not hmac.compare_digest((presented_key or "").encode(), required.encode()):
            raise Unauthorized("the API key is missing or wrong")

    def check_origin(self, origin: str | None, host: str | None) -> None:
        """Raises `Unauthorized` for a page of another site: a browser sends its visitor's cookies and network place
        along to any WebSocket. Clients that are no browsers send no origin."""
        allowed = self.settings.allowed_origins
        if origin is None or "*" in allowed or origin.rstrip("/") in allowed or urlsplit(origin).netloc == host:
            return
        raise Unauthorized("pages of this origin may not connect; see --allowed-origins")

    @contextmanager
    def admitted(self, returning: LiveSession | None = None) -> Generator[None]:
        """Holds a client's place. Raises `AtCapacity` when there is none; sessions without a client
        give way, but for the one it is `returning` to: there it takes the place of its last connection."""
        takes_over = returning is not None and not returning.deserted
        if self.connected - takes_over >= self.settings.max_sessions:
            raise AtCapacity(f"all {self.settings.max_sessions} sessions are taken")
        self.connected += 1
        self.live.give_way(self.settings.max_sessions - self.connected, returning)
        try:
            yield
        finally:
            self.connected -= 1

    def not_loaded(self) -> str | None:
        """Why no engine can be asked yet, or ever; `None` once they can be."""
        if self.startup_error is not None:
            return f"an engine could not be loaded: {self.startup_error}"
        return None if self.loaded.is_set() else "the engines are being loaded"

    def not_ready(self) -> str | None:
        """Why a session would not be served now; `None` when it would."""
        if (reason := self.engines_not_ready()) is not None:
            return reason
        if self.connected >= self.settings.max_sessions:
            return f"all {self.settings.max_sessions} sessions are taken"
        return None

    def engines_not_ready(self) -> str | None:
        """Why an engine would not serve now; `None` when all would."""
        if (reason := self.not_loaded()) is not None:
            return reason
        engines = {"stt": self.engines.stt, "llm": self.engines.llm, "tts": self.engines.tts}
        for stage, engine in engines.items():
            if not engine.ready:
                return f"{stage} engine {engine.name} is not ready: {engine.detail}"
        return None
