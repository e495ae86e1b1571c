"""The LLM pipeline: one character after another writes its reply, cut into sentences for the voices.

While a character is still being heard the next one is already writing, so a change of speaker costs no silence.
"""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from backend.engines.interfaces import Finish, OwnWords, Speech, SpeechOver, ToolCallPiece
from backend.events import CallDone, CallText, ReplySentence, ReplyStarted, ReplyText, ReplyTextDone
from backend.lines import CallLine, ReplyLine, new_id
from backend.pipelines.own_speech import OwnSpeech, OwnSpeechItem
from backend.pipelines.sentences import SentenceProducer, produce_sentences
from backend.pipelines.speaker_guard import SpeakerGuard, guard_reply, stop_sequences
from backend.prompting.messages import messages_for

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable

    from anyio.streams.memory import MemoryObjectSendStream

    from backend.characters import Character
    from backend.conversation import Conversation
    from backend.engines.interfaces import Generation, Writer, Written
    from backend.events import Event
    from backend.prompting.situation import Situation
    from backend.reply import Reply

SENTENCES_AHEAD = 8
"""Sentences written but not yet voiced; a longer lead only costs tokens when the person cuts in."""


@dataclass(frozen=True, slots=True)
class SentenceItem:
    """One sentence on its way from the writer to its character's voice."""

    reply: Reply
    sentence_index: int
    start: int
    end: int
    spoken: str


@dataclass(frozen=True, slots=True)
class ReplyWritten:
    """No further sentence of this reply follows."""

    reply: Reply


VoiceItem = SentenceItem | OwnSpeechItem | ReplyWritten


@dataclass(frozen=True, slots=True)
class LLMPipeline:
    """Writes the replies of one turn. `writer` says who writes those of a character."""

    writer: Callable[[Character], Writer]
    generation: Generation
    conversation: Conversation
    situation: Situation
    emit: Callable[[Event], Awaitable[None]]
    clock: Callable[[], float]

    async def run(self, replies: Iterable[Reply], to_voice: MemoryObjectSendStream[VoiceItem]) -> None:
        """Write each of `replies` in turn; whose the next one is may depend on what was written. Raises
        `EngineError("llm", ...)`, and `EngineError("tts", ...)` where the writer speaks itself."""
        async with to_voice:
            for reply in replies:
                await self._write(reply, to_voice)
                await to_voice.send(ReplyWritten(reply))

    async def _write(self, reply: Reply, to_voice: MemoryObjectSendStream[VoiceItem]) -> None:
        character = reply.character
        messages = messages_for(character, self.conversation, self.situation)
        others = self._others(character)
        generation = replace(self.generation, stop=stop_sequences(character.name, others))
        self.conversation.add(reply.line)
        reply.begun = True
        await self.emit(ReplyStarted(reply.turn, reply.index, reply.line.id, character.id, character.name))
        reply.ledger.mark("llm_request", self.clock())
        guard, producer, calls = SpeakerGuard(character.name, others), SentenceProducer(), _Calls(reply, self.emit)
        indexes = count()
        own = OwnSpeech(reply, indexes, to_voice, self.emit, self.clock)
        writer = self.writer(character)
        async with (
            aclosing(self._arriving(writer.stream(messages, generation), reply)) as arriving,
            aclosing(guard_reply(arriving, guard)) as pieces,
            aclosing(self._shown(pieces, reply, own, calls)) as written,
            aclosing(produce_sentences(written, producer)) as found,
        ):
            async for sentence in found:
                reply.ledger.mark("first_sentence", self.clock())
                index = next(indexes)
                if sentence.spoken:
                    reply.ledger.sentences += 1
                    await to_voice.send(SentenceItem(reply, index, sentence.start, sentence.end, sentence.spoken))
                text = producer.written[sentence.start : sentence.end]
                await self.emit(ReplySentence(reply.turn, reply.index, index, text))
        await own.finish()
        await calls.finish(self.conversation)
        finish = calls.end
        await self.emit(
            ReplyTextDone(reply.turn, reply.index, finish.reason, finish.prompt_tokens, finish.completion_tokens)
        )

    def _others(self, character: Character) -> list[str]:
        """The names of everybody else: the person's, then the others', who spoke last first."""
        spoke = [line.character.id for line in reversed(self.conversation.lines) if isinstance(line, ReplyLine)]
        present = {other.id: other.name for other in self.situation.cast if other.id != character.id}
        order = dict.fromkeys((*spoke, *present))
        return [self.conversation.user_name, *(present[id_] for id_ in order if id_ in present)]

    async def _arriving(self, written: AsyncGenerator[Written], reply: Reply) -> AsyncGenerator[Written]:
        """What is written, accounted for. Closes `written` when it ends."""
        async with aclosing(written) as pieces:
            async for piece in pieces:
                if not isinstance(piece, Finish | Speech | SpeechOver):
                    reply.ledger.mark("llm_first_token", self.clock())
                    reply.ledger.llm_tokens += 1
                yield piece

    async def _shown(
        self, pieces: AsyncIterator[Written], reply: Reply, own: OwnSpeech, calls: _Calls
    ) -> AsyncGenerator[str]:
        """The text that is to be read out, when it has been shown; the rest goes to `own` and `calls`."""
        async for piece in pieces:
            match piece:
                case str():
                    yield await self._show(piece, reply)
                case OwnWords() | Speech() | SpeechOver():
                    if text := await own.take(piece):
                        yield await self._show(text, reply)
                case ToolCallPiece() | Finish():
                    await calls.take(piece)

    async def _show(self, text: str, reply: Reply) -> str:
        reply.line.text += text
        await self.emit(ReplyText(reply.turn, reply.index, text))
        return text


class _Calls:
    """The functions that one reply calls, and how the reply ends."""

    def __init__(self, reply: Reply, emit: Callable[[Event], Awaitable[None]]) -> None:
        self.end = Finish()
        self._reply = reply
        self._emit = emit
        self._lines: dict[int, CallLine] = {}

    async def take(self, piece: ToolCallPiece | Finish) -> None:
        """More of a call, or the end."""
        if isinstance(piece, Finish):
            self.end = piece
            return
        line = self._lines.setdefault(piece.index, CallLine(self._reply.character, "", "", ""))
        line.call_id, line.name = line.call_id or piece.id or new_id("call"), line.name or piece.name
        line.arguments += piece.arguments
        call = list(self._lines).index(piece.index)
        reply = self._reply
        await self._emit(CallText(reply.turn, reply.index, call, line.id, line.call_id, line.name, piece.arguments))

    async def finish(self, conversation: Conversation) -> None:
        """The calls are part of the conversation, and the client's to make; all but one that was broken off."""
        lines = list(self._lines.values())
        if self.end.reason == "length" and lines and not _is_json(lines[-1].arguments):
            lines = lines[:-1]
        for call, line in enumerate(lines):
            line.arguments = line.arguments or "{}"
            conversation.add(line)
            await self._emit(CallDone(self._reply.turn, self._reply.index, call, line))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
