"""Step-Audio 2 as language model and voice in one: words and speech codes of one answer, whose sound is made here.

Nothing is read out, so nothing waits for the end of a sentence: the first sound follows the first half second of codes.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast, get_args

from backend.engines.interfaces import AS_USUAL, Finish, FinishReason, OwnWords, Speech, SpeechOver, ToolCallPiece
from backend.engines.step_audio2 import StepAudio2TextToSpeech, errors_told

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from backend.engines.interfaces import Generation, Manner, Message, Written
    from boson_multimodal.speech_answers import AnswerFinish

_REASONS = get_args(FinishReason)


class StepAudio2SpeechModel(StepAudio2TextToSpeech):
    """Answers by itself, and reads out what others have written; see `SpeechLanguageModel`."""

    @property
    def detail(self) -> str:
        return f"{super().detail}; says what it writes"

    def open_writer(self, voice: str, manner: Manner = AS_USUAL, remember_as: str | None = None) -> StepAudio2Writer:
        """See `SpeechLanguageModel.open_writer`."""
        return StepAudio2Writer(self, self.recording_of(voice, manner), manner, remember_as)


class StepAudio2Writer:
    """One character, that says what it writes."""

    def __init__(
        self, engine: StepAudio2TextToSpeech, voice: str | bytes, manner: Manner, remember_as: str | None
    ) -> None:
        self._engine = engine
        self._voice = voice
        self._manner = manner
        self._remember_as = remember_as

    async def stream(self, messages: Sequence[Message], generation: Generation) -> AsyncGenerator[Written]:
        """See `Writer.stream`. `generation.stop` is not sent: speech codes stand between the letters of it."""
        from boson_multimodal.audio_tokens import SAMPLES_PER_CODE
        from boson_multimodal.speech_answers import AnswerFinish, PcmDelta, SpeechDone, TextDelta, TranscriptDelta
        from boson_multimodal.speech_chunks import ToolCallPiece as CallPiece

        answer = self._engine.server("llm").stream(
            cast("Sequence[Mapping[str, Any]]", messages),
            voice=self._voice,
            seed=self._manner.seed,
            options=self._options(generation),
            answer_id=self._remember_as,
            remember=self._remember_as is not None,
        )
        with errors_told("llm"):
            async with aclosing(answer) as events:
                async for event in events:
                    match event:
                        case TranscriptDelta(text, after_codes):
                            yield OwnWords(text, after=after_codes * SAMPLES_PER_CODE)
                        case PcmDelta(pcm):
                            yield Speech(pcm)
                        case SpeechDone():
                            yield SpeechOver()
                        case TextDelta(text):
                            yield OwnWords(text, heard=False)
                        case CallPiece():
                            yield ToolCallPiece(event.index, event.arguments, event.id, event.name)
                        case AnswerFinish():
                            yield _finish(event)

    def _options(self, generation: Generation) -> dict[str, Any]:
        """Fields of the model's request; what neither the session nor the voice says is the model's own way."""
        manner = self._manner
        asked = {
            "model": generation.model,
            "temperature": generation.temperature if generation.temperature is not None else manner.temperature,
            "top_p": generation.top_p if generation.top_p is not None else manner.top_p,
            "max_tokens": generation.max_tokens,
        }
        return {**generation.extra, **{name: value for name, value in asked.items() if value is not None}}


def _finish(event: AnswerFinish) -> Finish:
    usage = event.usage
    reason = cast("FinishReason", event.reason if event.reason in _REASONS else "stop")
    return Finish(reason, usage.prompt_tokens, usage.text_tokens, usage.audio_tokens)
