"""One answer of a chat completion that this server makes itself, with its own engines."""

from __future__ import annotations

import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from backend.audio import sample_count, wav_bytes
from backend.cast_models import messages_for, next_speaker
from backend.encoding import open_encoder
from backend.engines.interfaces import Speech
from backend.pipelines.speaker_guard import SpeakerGuard, guard_reply
from backend.pipelines.spoken_reply import speak_reply
from backend.protocols.chat_completion import Completion
from backend.protocols.chat_messages import lines
from backend.protocols.openai_speech import RATE_HZ

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from backend.characters import Character
    from backend.engines.interfaces import Generation, Written
    from backend.protocols.chat_request import ChatRequest
    from backend.server import Server

log = logging.getLogger(__name__)


class ChatAnswer:
    """The answer to `messages`, as they were sent but without sound; of one of `present`, where anybody is."""

    def __init__(
        self,
        server: Server,
        asked: ChatRequest,
        generation: Generation,
        present: Sequence[Character],
        messages: Sequence[dict[str, Any]],
    ) -> None:
        """Raises `InvalidRequest` for messages that the language model does not take."""
        said = lines(messages)
        self._server = server
        self._asked = asked
        self._generation = generation
        self._present = present
        self._character = next_speaker(said, present) if present else None
        self._messages = [line.message for line in said]
        if self._character is not None:
            self._messages = messages_for(self._character, present, said)
        self._completion = Completion(
            asked.model_name, self._messages, speaks=asked.speaks, character=self._character_id
        )

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

    async def _items(self) -> AsyncGenerator[Written | Speech]:
        """What is written and, if it is to be heard, the speech of it."""
        engines, character = self._server.engines, self._character
        written = engines.llm.stream(self._messages, self._generation)
        if character is not None:
            others = [other.name for other in self._present if other is not character]
            written = guard_reply(written, SpeakerGuard(character.name, others))
        items: AsyncGenerator[Written | Speech] = written
        if self._asked.speaks:
            voice = self._asked.voice or (character.voice if character else engines.tts.voices[0])
            items = speak_reply(written, engines.tts, engines.tts.open_voice(voice), RATE_HZ)
        async with aclosing(items):
            async for item in items:
                if isinstance(item, Speech):
                    self._completion.audio_s += sample_count(item.pcm) / RATE_HZ
                yield item

    def _kept_until(self) -> int | None:
        """The answer is over: log what it took, and keep what was said for as long as is returned."""
        usage = self._completion.usage()
        log.info("chat", extra={name: value for name, value in usage.items() if isinstance(value, int)})
        if not self._completion.has_audio:
            return None
        answers = self._server.spoken_answers
        return answers.keep(self._completion.audio_id, self._completion.text, self._character_id).expires_at
