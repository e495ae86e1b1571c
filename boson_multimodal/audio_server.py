"""Messages in, text and sound out: Step-Audio 2's language model and what turns its codes into sound, joined.

Closing a stream ends the HTTP request and the voice's stream before it returns.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from boson_multimodal.speech_answers import (
    AnswerFinish,
    AnswerStore,
    PcmDelta,
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
    from boson_multimodal.speech_synthesis import Voice

    Messages: TypeAlias = Sequence[Mapping[str, Any]]

__all__ = ["AnswerError", "AudioServer", "AudioServerMetrics", "SpeechDecoder", "TokenStream"]

CODES_AHEAD = 1500
"""How far the model may be ahead of the voice: a minute."""

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
    refer to it as `{"audio": {"id": ...}}`.
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
    ) -> None:
        self.llm = llm
        self.tts = tts
        self.default_voice = default_voice
        self.answers = AnswerStore() if answers is None else answers
        self.metrics = AudioServerMetrics()
        self._style = style
        self._codes_ahead = codes_ahead

    async def stream(
        self,
        messages: Messages,
        *,
        speech: bool = True,
        voice: Voice | None = None,
        seed: int | None = None,
        options: Mapping[str, Any] | None = None,
        answer_id: str | None = None,
    ) -> AsyncGenerator[AnswerEvent]:
        """The answer to messages as OpenAI's clients write them, as it comes; an `AnswerFinish` is the last event.

        `speech=False` asks for words only. `seed` is the voice's; `options` are fields of the model's request, see
        `SpeechLLM.stream`. Words the model writes without speaking, though it was to speak, are `TextDelta`.
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
            sound = speak(self.tts, pipeline.codes, voice or self.default_voice, seed) if speech else None
            async with aclosing(pipeline.run(written, sound)) as events:
                async for event in events:
                    yield event
            outcome = "answered"
            yield self._finish(pipeline, answer_id or new_answer_id())
        except Exception:
            outcome = "failed"
            raise
        finally:
            metrics.active -= 1
            setattr(metrics, outcome, getattr(metrics, outcome) + 1)

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

    def _finish(self, pipeline: SpeechPipeline, name: str) -> AnswerFinish:
        """Keep what was spoken, count it, and close the answer."""
        end, metrics = pipeline.end, pipeline.metrics
        assert end is not None
        metrics.codes, metrics.invalid, metrics.total_s = end.codes, end.invalid, pipeline.age_s
        expires_at = None
        if metrics.first_audio_s is not None:
            expires_at = self.answers.put(name, end.raw, pipeline.transcript)
            self.metrics.spoken += 1
            self.metrics.audio_s += metrics.audio_s
            self.metrics.first_audio_s += metrics.first_audio_s
        return AnswerFinish(name, end.reason, end.usage, expires_at, metrics)


def _joined(pieces: Sequence[ToolCallPiece]) -> ToolCall:
    first = pieces[0]
    return ToolCall(first.id, first.name, "".join(piece.arguments for piece in pieces))
