"""Replies whose writer speaks itself: their words, and the sound of them, on the way to the listener.

What is said in one go is one sentence, however many there are in it, for nobody says which sound belongs to which word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.engines.interfaces import OwnWords, Speech, SpeechOver
from backend.events import ReplySentence, ReplyText

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from anyio.streams.memory import MemoryObjectSendStream

    from backend.events import Event
    from backend.pipelines.llm import VoiceItem
    from backend.reply import Reply


@dataclass(frozen=True, slots=True)
class OwnSpeechItem:
    """More sound of a reply, at the voice engine's rate; `[start:end]` of its text is known to be in it so far. Without
    `pcm` the sentence is over."""

    reply: Reply
    sentence_index: int
    start: int
    end: int
    pcm: bytes | None


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
        self._spoke = self._silent = False
        self._waiting_from = clock()

    async def take(self, item: OwnWords | Speech | SpeechOver) -> str:
        """The next of the reply. Returns the words that are to be read out: of a writer that has begun without
        speaking, all it writes."""
        reply, now = self._reply, self._clock()
        if isinstance(item, OwnWords) and not item.heard and not self._spoke:
            self._silent = self._silent or bool(item.text.strip())
        if self._silent:
            return item.text if isinstance(item, OwnWords) else ""
        reply.ledger.voice_worked(now - self._waiting_from)
        match item:
            case Speech(pcm):
                index = self._begin()
                reply.ledger.mark("tts_first_audio", now)
                await self._to_voice.send(OwnSpeechItem(reply, index, self._start, self._end, pcm))
            case OwnWords(text, heard):
                await self._show(text, heard=heard)
            case SpeechOver():
                await self.finish()
        self._waiting_from = self._clock()
        return ""

    async def _show(self, text: str, *, heard: bool) -> None:
        reply = self._reply
        if heard:
            self._begin()
        reply.line.text += text
        if heard:
            self._end = len(reply.line.text)
        await self._emit(ReplyText(reply.turn, reply.index, text))

    def _begin(self) -> int:
        if self._index is None:
            self._index, self._spoke = next(self._indexes), True
            self._start = self._end = len(self._reply.line.text)
            self._reply.ledger.sentences += 1
            # Its words are with the voice as they are written.
            for stage in ("first_sentence", "tts_request"):
                self._reply.ledger.mark(stage, self._clock())
        return self._index

    async def finish(self) -> None:
        """All has been said that was to be."""
        if self._index is None:
            return
        reply, index, span = self._reply, self._index, (self._start, self._end)
        self._index = None
        await self._to_voice.send(OwnSpeechItem(reply, index, *span, None))
        await self._emit(ReplySentence(reply.turn, reply.index, index, reply.line.text[slice(*span)]))
