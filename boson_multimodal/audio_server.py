"""Messages in, text and sound out: Step-Audio 2's language model and what turns its codes into sound, joined.

Closing a stream ends the HTTP request and the voice's stream before it returns.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from boson_multimodal.speech_answers import (
    AnswerFinish,
    AnswerStore,
    PcmDelta,
    SpeechDone,
    SpokenAnswer,
    TextDelta,
    ToolCall,
    TranscriptDelta,
    new_answer_id,
)
from boson_multimodal.speech_chunks import ToolCallPiece
from boson_multimodal.speech_llm import SpeechLLMError
from boson_multimodal.speech_pipeline import SpeechPipeline
from boson_multimodal.speech_prompts import DEFAULT_STYLE, PromptStyle, SpeechPromptError, chat_messages
from boson_multimodal.speech_synthesis import SpeechDecoder, SynthesisError, TokenStream, speak

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from boson_multimodal.speech_answers import AnswerEvent
    from boson_multimodal.speech_llm import SpeechLLM
    from boson_multimodal.speech_pipeline import Codes
    from boson_multimodal.speech_synthesis import Voice

    Messages: TypeAlias = Sequence[Mapping[str, Any]]

__all__ = ["AnswerError", "AudioServer", "AudioServerMetrics", "SpeechDecoder", "TokenStream"]

CODES_AHEAD = 1500
"""How far the model may be ahead of the voice: a minute."""

SPEECHES_AT_ONCE = 8
ROOM_WITHIN_S = 5.0
"""Who listens has given up on an answer that takes longer to begin."""

AnswerError = (SpeechPromptError, SpeechLLMError, SynthesisError)
"""What can be wrong with a single answer."""


@dataclass(slots=True)
class AudioServerMetrics:
    """What a server has done. Every answer asked for is `answered`, `failed`, `closed` by who asked, or `active`.
    `first_audio_s` is the sum over those `spoken`."""

    asked: int = 0
    active: int = 0
    answered: int = 0
    failed: int = 0
    closed: int = 0
    spoken: int = 0
    audio_s: float = 0.0
    first_audio_s: float = 0.0

    @property
    def mean_first_audio_s(self) -> float | None:
        """Seconds from the request to the first sound, on average."""
        return self.first_audio_s / self.spoken if self.spoken else None


class AudioServer:
    """Answers aloud. `llm` and `tts` stay the caller's to close; all methods may be called from several tasks.

    `default_voice` is for answers that name none. `answers` keeps what the model wrote, by which a later message can
    refer to it as `{"audio": {"id": ...}}`. `at_once` answers are spoken at a time; others wait, `ROOM_WITHIN_S` at
    most.
    """

    def __init__(
        self,
        llm: SpeechLLM,
        tts: SpeechDecoder,
        default_voice: Voice | None = None,
        *,
        style: PromptStyle = DEFAULT_STYLE,
        answers: AnswerStore | None = None,
        codes_ahead: int = CODES_AHEAD,
        at_once: int = SPEECHES_AT_ONCE,
    ) -> None:
        self.llm = llm
        self.tts = tts
        self.default_voice = default_voice
        self.answers = AnswerStore() if answers is None else answers
        self.metrics = AudioServerMetrics()
        self._style = style
        self._codes_ahead = codes_ahead
        self._room = asyncio.Semaphore(at_once)

    async def stream(
        self,
        messages: Messages,
        *,
        speech: bool = True,
        voice: Voice | None = None,
        seed: int | None = None,
        options: Mapping[str, Any] | None = None,
        answer_id: str | None = None,
        remember: bool = True,
    ) -> AsyncGenerator[AnswerEvent]:
        """The answer to messages as OpenAI's clients write them, as it comes; an `AnswerFinish` is the last event.

        `speech=False` asks for words only. `seed` is the voice's; `options` are fields of the model's request, see
        `SpeechLLM.stream`; `remember`: a later message may refer to the answer. Words the model writes without
        speaking, though it was to speak, are `TextDelta`: before the first code that is known when there are no more.
        Raises `SpeechPromptError`, `SpeechLLMError` and `SynthesisError`.
        """
        metrics, outcome = self.metrics, "closed"
        metrics.asked += 1
        metrics.active += 1
        try:
            pipeline = SpeechPipeline(self._codes_ahead)
            asked = await asyncio.to_thread(
                chat_messages, messages, speech=speech, style=self._style, replay=self.answers.raw
            )
            written = self.llm.stream(asked, speech=speech, options=options)
            sound = partial(self._sound, voice or self.default_voice, seed) if speech else None
            async with aclosing(pipeline.run(written, sound)) as events:
                async for event in events:
                    yield event
            outcome = "answered"
            yield self._finish(pipeline, answer_id or new_answer_id(), remember=remember)
        except Exception:
            outcome = "failed"
            raise
        finally:
            metrics.active -= 1
            setattr(metrics, outcome, getattr(metrics, outcome) + 1)

    async def _sound(self, voice: Voice | None, seed: int | None, codes: Codes) -> AsyncGenerator[bytes]:
        """The sound of the codes, once there is room for it."""
        try:
            async with asyncio.timeout(ROOM_WITHIN_S):
                await self._room.acquire()
        except TimeoutError as error:
            raise SynthesisError("too many answers are being spoken, and none has ended; ask again later") from error
        try:
            async with aclosing(speak(self.tts, codes, voice, seed)) as pieces:
                async for pcm in pieces:
                    yield pcm
        finally:
            self._room.release()

    async def generate(
        self, messages: Messages, *, encode: Callable[[bytes], bytes] | None = None, **how: Any
    ) -> SpokenAnswer:
        """The whole answer. `encode` makes an audio file of PCM16LE mono at 24 kHz, in a thread; without it `audio` is
        the PCM. Takes the other parameters of `stream` and raises what it does."""
        transcript, text, pcm = list[str](), list[str](), list[bytes]()
        calls: dict[int, list[ToolCallPiece]] = {}
        finish: AnswerFinish | None = None
        async with aclosing(self.stream(messages, **how)) as events:
            async for event in events:
                match event:
                    case TranscriptDelta():
                        transcript.append(event.text)
                    case TextDelta():
                        text.append(event.text)
                    case PcmDelta():
                        pcm.append(event.pcm)
                    case ToolCallPiece():
                        calls.setdefault(event.index, []).append(event)
                    case AnswerFinish():
                        finish = event
                    case SpeechDone():
                        pass
        assert finish is not None
        audio = b"".join(pcm) if pcm else None
        if audio is not None and encode is not None:
            audio = await asyncio.to_thread(encode, audio)
        tool_calls = tuple(_joined(pieces) for _, pieces in sorted(calls.items()))
        return SpokenAnswer("".join(transcript), "".join(text), audio, tool_calls, finish)

    async def generate_batch(
        self, batch: Sequence[Messages], *, at_once: int = 4, **how: Any
    ) -> list[SpokenAnswer | SpeechPromptError | SpeechLLMError | SynthesisError]:
        """Whole answers to several conversations, in their order, `at_once` at a time, one or more. What goes wrong
        with one stands in its place. Takes the other parameters of `generate`, for all of them."""
        turn = asyncio.Semaphore(max(1, at_once))

        async def one(messages: Messages) -> SpokenAnswer | SpeechPromptError | SpeechLLMError | SynthesisError:
            async with turn:
                try:
                    return await self.generate(messages, **how)
                except AnswerError as error:
                    return error

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(messages)) for messages in batch]
        return [task.result() for task in tasks]

    def _finish(self, pipeline: SpeechPipeline, name: str, *, remember: bool) -> AnswerFinish:
        """Keep what was spoken, count it, and close the answer."""
        end, metrics = pipeline.end, pipeline.metrics
        assert end is not None
        metrics.codes, metrics.invalid, metrics.total_s = end.codes, end.invalid, pipeline.age_s
        expires_at = None
        if metrics.first_audio_s is not None:
            expires_at = self.answers.put(name, end.raw, pipeline.transcript) if remember else None
            self.metrics.spoken += 1
            self.metrics.audio_s += metrics.audio_s
            self.metrics.first_audio_s += metrics.first_audio_s
        return AnswerFinish(name, end.reason, end.usage, expires_at, metrics)


def _joined(pieces: Sequence[ToolCallPiece]) -> ToolCall:
    first = pieces[0]
    return ToolCall(first.id, first.name, "".join(piece.arguments for piece in pieces))
