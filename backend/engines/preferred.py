"""Two recognisers as one: the better one as soon as it can be had, and until then the one that is always there.

Knows nothing of which engines they are.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from backend.engines.interfaces import NO_HINTS
from backend.errors import VoiceChatError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from types import TracebackType

    from backend.engines.interfaces import Hints, Pause, SpeechToText, Transcript

log = logging.getLogger(__name__)


class PreferredSpeechToText:
    """Serves each stream by `better` when that is ready, else by `meanwhile`; see `SpeechToText`.

    All properties are those of the one that would serve the next stream.
    """

    def __init__(self, better: SpeechToText, meanwhile: SpeechToText) -> None:
        self._better = better
        self._meanwhile = meanwhile
        self._failure = ""
        self._entered = AsyncExitStack()

    @property
    def name(self) -> str:
        return self._serving.name

    @property
    def stand_in(self) -> bool:
        return self._serving.stand_in

    @property
    def ready(self) -> bool:
        return self._serving.ready

    @property
    def shows_words(self) -> bool:
        return self._serving.shows_words

    @property
    def detail(self) -> str:
        if self._serving is self._better:
            return self._better.detail
        return f"{self._meanwhile.detail}; {self._better.name} {self._failure or self._better.detail}"

    async def __aenter__(self) -> Self:
        """Enter both. A better engine that cannot even start is logged and left alone."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._meanwhile)
            try:
                await stack.enter_async_context(self._better)
            except VoiceChatError as error:
                self._failure = str(error)
                log.warning("%s is not available: %s", self._better.name, error)
            self._entered = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._entered.aclose()

    async def loaded(self) -> None:
        """See `SpeechToText.loaded`. The better one is not waited for: it may be a long download away."""
        await self._meanwhile.loaded()

    def stream(self, audio: AsyncIterator[bytes | Pause], hints: Hints = NO_HINTS) -> AsyncGenerator[Transcript]:
        """See `SpeechToText.stream`. A stream stays with the engine it began with."""
        return self._serving.stream(audio, hints)

    @property
    def _serving(self) -> SpeechToText:
        return self._better if self._better.ready else self._meanwhile
