"""One voice that stays the same from chunk to chunk: what it said last is part of the next prompt."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from boson_multimodal.data_types import AudioContent, ChatMLSample, Message
from boson_multimodal.model.higgs_audio.utils import revert_delay_pattern
from boson_multimodal.prompts import Reference, base_messages
from boson_multimodal.text_chunking import chunk_text
from boson_multimodal.text_normalization import normalize
from boson_multimodal.voice_memory import SpokenChunk, VoiceMemory

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from boson_multimodal.model.higgs_audio.sampling import SamplingParams
    from boson_multimodal.serve.serve_engine import HiggsAudioServeEngine
    from boson_multimodal.serve.streamer import HiggsAudioStreamerDelta

SLOWEST_CHARACTERS_PER_S = 5
PAUSE_S = 3
"""Speech slower than this, with pauses longer than this, is the model not finding its end."""


class StreamingVoiceGenerator:
    """A rolling context of one voice; it speaks one chunk at a time.

    The opening (`base_messages` with `ref_audio_ids [C, T]`) is never trimmed. `generation_messages` and
    `generated_audio_ids` hold at most `generation_chunk_buffer_size` chunks (None: as many as fit): when one more has
    been spoken the older half is dropped at once, so that most chunks find their whole prompt but the last lines in
    the cache.
    """

    def __init__(
        self,
        serve_engine: HiggsAudioServeEngine,
        scene_prompt: str | None = None,
        speaker_descriptions: str | list[str] | None = None,
        ref_audio_paths: Sequence[str | bytes] | None = None,
        generation_chunk_buffer_size: int | None = 5,
        *,
        ref_texts: Sequence[str] | None = None,
    ) -> None:
        """A reference is a file's path or the file itself. `ref_texts` say what the references say; without, a text
        file beside each is read, if there is one. Raises
        `ValueError` for a reference that is no audio, when the first chunk is asked for."""
        if generation_chunk_buffer_size is not None and generation_chunk_buffer_size < 0:
            raise ValueError(f"generation_chunk_buffer_size is a count or None, not {generation_chunk_buffer_size}")
        references = [source if isinstance(source, bytes) else Path(source) for source in ref_audio_paths or ()]
        if ref_texts is not None and len(ref_texts) != len(references):
            raise ValueError(f"{len(ref_texts)} texts were given for {len(references)} references")
        self._engine = serve_engine
        self._references = references
        self._size = generation_chunk_buffer_size
        texts = ref_texts if ref_texts is not None else [_text_beside(source) for source in references]
        self.base_messages: list[Message] = list(
            base_messages(scene_prompt, speaker_descriptions, [Reference(normalize(text)) for text in texts])
        )
        self.ref_audio_ids: list[Tensor] | None = None
        self.generated_audio_ids: list[Tensor] = []
        self.generation_messages: list[Message] = []
        self._spoken = 0

    async def generate_streaming(
        self, text_chunks: Sequence[str] | str, params: SamplingParams, max_new_tokens: int = 2048
    ) -> AsyncGenerator[HiggsAudioStreamerDelta]:
        """Speak chunk after chunk, the sentences of a single string, as deltas."""
        for text in _chunks(text_chunks):
            rows, limit = await self._prompt(text, max_new_tokens)
            columns: list[Tensor] = []
            finish_reason = None
            async with aclosing(self._engine.deltas(rows, self._params(params), limit)) as deltas:
                async for delta in deltas:
                    if delta.audio_tokens is not None:
                        columns.append(delta.audio_tokens)
                    finish_reason = delta.finish_reason
                    yield delta
            self._remember(text, torch.stack(columns, dim=1), finish_reason)

    async def generate_pcm(
        self, text_chunks: Sequence[str] | str, params: SamplingParams, max_new_tokens: int = 2048
    ) -> AsyncGenerator[bytes]:
        """Speak chunk after chunk, the sentences of a single string, as PCM16LE mono."""
        for text in _chunks(text_chunks):
            rows, limit = await self._prompt(text, max_new_tokens)
            utterance = self._engine.open_pcm(rows, self._params(params), limit)
            async with aclosing(utterance.stream()) as pieces:
                async for piece in pieces:
                    yield piece
            self._remember(text, torch.from_numpy(np.stack(utterance.columns, axis=1)), utterance.finish_reason)

    def clear(self) -> None:
        """Forget what was spoken; the opening stays."""
        self.generated_audio_ids.clear()
        self.generation_messages.clear()

    @property
    def memory(self) -> VoiceMemory:
        """What the next prompt owes to what was spoken."""
        texts = [str(message.content) for message in self.generation_messages[::2]]
        codes = [ids.numpy().astype(np.int32) for ids in self.generated_audio_ids]
        return VoiceMemory(self._spoken, tuple(map(SpokenChunk, texts, codes)))

    def recall(self, memory: VoiceMemory) -> None:
        """Go on where another generator of the same voice stopped, on whichever engine that has the same model."""
        self.clear()
        self._spoken = memory.spoken
        for chunk in memory.chunks:
            self._add(chunk.text, torch.from_numpy(chunk.codes.astype(np.int64)))

    def _params(self, params: SamplingParams) -> SamplingParams:
        """Every chunk draws with noise of its own, also when the voice has a seed."""
        return params if params.seed is None else replace(params, seed=params.seed + self._spoken)

    async def _prompt(self, text: str, max_new_tokens: int) -> tuple[NDArray[np.int64], int]:
        return await asyncio.to_thread(self._prompt_now, text, max_new_tokens)

    def _prompt_now(self, text: str, max_new_tokens: int) -> tuple[NDArray[np.int64], int]:
        """The rows of the next prompt, and how many columns its text can need."""
        if self.ref_audio_ids is None:
            self.ref_audio_ids = [self._engine.encode_reference(_audio(source)) for source in self._references]
        limit = min(max_new_tokens, max_columns(text, self._engine))
        while True:
            messages = [*self.base_messages, *self.generation_messages, Message("user", normalize(text))]
            rows = self._engine.prompt(ChatMLSample(messages), [*self.ref_audio_ids, *self.generated_audio_ids])
            if len(rows) + limit < self._engine.capacity or not self.generated_audio_ids:
                return rows, limit
            self._drop(max(1, len(self.generated_audio_ids) // 2))

    def _remember(self, text: str, columns: Tensor, finish_reason: str | None) -> None:
        """Keep the chunk's text and frames, unless it was broken off."""
        self._spoken += 1
        if finish_reason == "cancelled" or columns.shape[1] <= self._engine.audio_num_codebooks + 1:
            return
        codes = revert_delay_pattern(columns).clip(0, self._engine.audio_codebook_size - 1)[:, 1:-1]
        self._add(normalize(text), codes)
        if self._size is not None and len(self.generated_audio_ids) > self._size:
            self._drop(len(self.generated_audio_ids) - max(self._size - self._size // 2, min(self._size, 1)))

    def _add(self, prompted: str, codes: Tensor) -> None:
        self.generated_audio_ids.append(codes)
        self.generation_messages += [Message("user", prompted), Message("assistant", AudioContent(audio_url=""))]

    def _drop(self, chunks: int) -> None:
        del self.generated_audio_ids[:chunks]
        del self.generation_messages[: 2 * chunks]


def max_columns(text: str, engine: HiggsAudioServeEngine) -> int:
    """Columns that are enough for `text` spoken slowly with pauses."""
    seconds = len(text) / SLOWEST_CHARACTERS_PER_S + PAUSE_S
    return round(seconds * engine.audio_tokenizer.tps) + engine.audio_num_codebooks + 1


def _chunks(text: Sequence[str] | str) -> Sequence[str]:
    return chunk_text(text, "sentence") if isinstance(text, str) else text


def _audio(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    if not source.is_file():
        raise ValueError(f"there is no reference recording {source}")
    return source.read_bytes()


def _text_beside(source: Path | bytes) -> str:
    if isinstance(source, bytes):
        return ""
    beside = source.with_suffix(".txt")
    return beside.read_text(encoding="utf-8").strip() if beside.is_file() else ""
