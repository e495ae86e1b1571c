"""One answer of a chat completion that this server makes itself, with its own engines."""

from __future__ import annotations

import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from backend.audio import sample_count, wav_bytes
from backend.cast_models import messages_for, next_speaker
from backend.encoding import open_encoder
from backend.engines.interfaces import Manner, Speech, SpeechLanguageModel
from backend.pipelines.speaker_guard import SpeakerGuard, guard_reply
from backend.pipelines.spoken_reply import own_reply, speak_reply
from backend.protocols.chat_completion import Completion
from backend.protocols.chat_messages import lines, without_recordings
from backend.protocols.openai_speech import RATE_HZ

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from backend.characters import Character
    from backend.engines.interfaces import Generation, Writer, Written
    from backend.protocols.chat_request import ChatRequest
    from backend.server import Server

log = logging.getLogger(__name__)


def hears(server: Server, asked: ChatRequest) -> bool:
    """Whether who answers is told what was said as it was said."""
    return asked.speaks and isinstance(server.engines.tts, SpeechLanguageModel)


class ChatAnswer:
    """The answer to `messages`, as they were sent; of one of `present`, where anybody is. Recordings are left in them
    only for an answer by one who hears them."""

    def __init__(
        self,
        server: Server,
        asked: ChatRequest,
        generation: Generation,
        present: Sequence[Character],
        messages: Sequence[dict[str, Any]],
    ) -> None:
        """Raises `InvalidRequest` for messages that the language model does not take."""
        said = lines(without_recordings(messages))
        self._server = server
        self._asked = asked
        self._generation = generation
        self._present = present
        self._character = next_speaker(said, present) if present else None
        texts = [line.message for line in said]
        if self._character is not None:
            texts = messages_for(self._character, present, said)
        self._messages: Sequence[Any] = texts if present or not hears(server, asked) else messages
        self._completion = Completion(asked.model_name, texts, speaks=asked.speaks, character=self._character_id)

    @property
    def _character_id(self) -> str | None:
        return self._character.id if self._character else None

    async def chunks(self) -> AsyncGenerator[dict[str, Any]]:
        """The answer as it comes. Raises `EngineError`."""
        async with aclosing(self._items()) as items:
            async for item in items:
                for chunk in self._completion.chunks(item):
                    yield chunk
        for chunk in self._completion.last_chunks(self._kept_until(), usage=self._asked.wants_usage):
            yield chunk

    async def whole(self) -> dict[str, Any]:
        """All of it at once. Raises `EngineError`."""
        name = {"wav": "pcm", "pcm16": "pcm"}.get(self._asked.audio_format, self._asked.audio_format)
        data = bytearray()
        with open_encoder(name, RATE_HZ) as encoder:
            async with aclosing(self._items()) as items:
                async for item in items:
                    if isinstance(item, Speech):
                        data += encoder.feed(item.pcm)
                    else:
                        self._completion.add(item)
            data += encoder.finish()
        file = wav_bytes(bytes(data), RATE_HZ) if self._asked.audio_format == "wav" else bytes(data)
        return self._completion.whole(file, self._kept_until())

    async def _items(self) -> AsyncGenerator[Written]:
        """What is written and, if it is to be heard, the speech of it."""
        async with aclosing(self._spoken() if self._asked.speaks else self._written(self._server.engines.llm)) as items:
            async for item in items:
                if isinstance(item, Speech):
                    self._completion.audio_s += sample_count(item.pcm) / RATE_HZ
                yield item

    def _written(self, writer: Writer) -> AsyncGenerator[Written]:
        written = writer.stream(self._messages, self._generation)
        if self._character is None:
            return written
        others = [other.name for other in self._present if other is not self._character]
        return guard_reply(written, SpeakerGuard(self._character.name, others))

    def _spoken(self) -> AsyncGenerator[Written]:
        engines, character = self._server.engines, self._character
        tts, voice = engines.tts, self._asked.voice or (character.voice if character else engines.tts.voices[0])
        if not isinstance(tts, SpeechLanguageModel):
            return speak_reply(self._written(engines.llm), tts, tts.open_voice(voice), RATE_HZ)
        manner = Manner(seed=self._asked.seed)
        writer = tts.open_writer(voice, manner, self._completion.audio_id)
        return own_reply(self._written(writer), tts.sample_rate_hz, RATE_HZ)

    def _kept_until(self) -> int | None:
        """The answer is over: log what it took, and keep what was said for as long as is returned."""
        usage = self._completion.usage()
        log.info("chat", extra={name: value for name, value in usage.items() if isinstance(value, int)})
        if not self._completion.has_audio:
            return None
        answers = self._server.spoken_answers
        return answers.keep(self._completion.audio_id, self._completion.text, self._character_id).expires_at
