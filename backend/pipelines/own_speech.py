"""Replies whose writer speaks itself: their words, and the sound of them, on the way to the listener.

Such a reply is one sentence, however many there are in it, for nobody says which sound belongs to which word. Words
come before the sound of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.engines.interfaces import OwnWords, Speech
from backend.events import ReplySentence, ReplyText

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from anyio.streams.memory import MemoryObjectSendStream

    from backend.events import Event
    from backend.pipelines.llm import VoiceItem
    from backend.reply import Reply


@dataclass(frozen=True, slots=True)
class OwnSpeechItem:
    """More sound of a reply, at the voice engine's rate; `[start:end]` of its text is known to be in it so far."""

    reply: Reply
    sentence_index: int
    start: int
    end: int
    pcm: bytes


class OwnSpeech:
    """One reply's. `indexes` numbers its sentences."""

    def __init__(
        self,
        reply: Reply,
        indexes: Iterator[int],
        to_voice: MemoryObjectSendStream[VoiceItem],
        emit: Callable[[Event], Awaitable[None]],
        clock: Callable[[], float],
    ) -> None:
        self._reply = reply
        self._indexes = indexes
        self._to_voice = to_voice
        self._emit = emit
        self._clock = clock
        self._index: int | None = None
        self._start = self._end = 0
        self._waiting_from = clock()

    async def take(self, item: OwnWords | Speech) -> None:
        """The next words, or the next sound."""
        reply, now = self._reply, self._clock()
        reply.ledger.voice_worked(now - self._waiting_from)
        if isinstance(item, Speech):
            index = self._begin()
            reply.ledger.mark("tts_first_audio", now)
            await self._to_voice.send(OwnSpeechItem(reply, index, self._start, self._end, item.pcm))
        else:
            if item.heard:
                self._begin()
            reply.line.text += item.text
            if item.heard:
                self._end = len(reply.line.text)
            await self._emit(ReplyText(reply.turn, reply.index, item.text))
        self._waiting_from = self._clock()

    def _begin(self) -> int:
        if self._index is None:
            self._index = next(self._indexes)
            self._start = self._end = len(self._reply.line.text)
            self._reply.ledger.sentences += 1
            # Its words are with the voice as they are written.
            for stage in ("first_sentence", "tts_request"):
                self._reply.ledger.mark(stage, self._clock())
        return self._index

    async def finish(self) -> None:
        """All has been written and said."""
        if self._index is None:
            return
        reply, span = self._reply, (self._start, self._end)
        await self._to_voice.send(OwnSpeechItem(reply, self._index, *span, b""))
        await self._emit(ReplySentence(reply.turn, reply.index, self._index, reply.line.text[slice(*span)]))
