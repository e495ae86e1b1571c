"""The engine: a loaded model and codec, and everything that can be asked of them at once.

All methods may be called from several tasks; each request takes a slot of the decoder while it speaks and waits for one
when all are taken. Closing an async generator frees its slot before the next step.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from boson_multimodal.audio_files import content_bytes
from boson_multimodal.data_types import AudioContent, ChatMLSample
from boson_multimodal.model.higgs_audio.codec import HiggsCodec
from boson_multimodal.model.higgs_audio.decoder import Decoder
from boson_multimodal.model.higgs_audio.loading import load_model, load_tokenizer, resolve
from boson_multimodal.model.higgs_audio.sampling import SamplingParams
from boson_multimodal.model.higgs_audio.utils import revert_delay_pattern
from boson_multimodal.prompts import Prompt, PromptBuilder
from boson_multimodal.serve.audio_stream import AudioStream, ChunkPlan
from boson_multimodal.serve.channel import ThreadChannel
from boson_multimodal.serve.codec_worker import CodecWorker, InlineCodec, PcmSink
from boson_multimodal.serve.references import References
from boson_multimodal.serve.requests import ColumnCollector, PcmUtterance, delta_stream
from boson_multimodal.serve.scheduler import Scheduler
from boson_multimodal.serve.streamer import AsyncHiggsAudioStreamer, HiggsAudioStreamerDelta
from boson_multimodal.serve.utterance import Utterance
from boson_multimodal.serve.voice_generator import StreamingVoiceGenerator

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor


__all__ = [
    "AsyncHiggsAudioStreamer",
    "HiggsAudioResponse",
    "HiggsAudioServeEngine",
    "HiggsAudioStreamerDelta",
    "StreamingVoiceGenerator",
]


@dataclass(slots=True)
class HiggsAudioResponse:
    """A whole utterance: `audio [samples]` float32 at `sampling_rate`, and the delayed columns `generated_audio_tokens
    [C, N]` from the all-BOS to the all-EOS one. `usage` counts positions."""

    audio: NDArray[np.float32] | None
    generated_audio_tokens: NDArray[np.int64] | None
    sampling_rate: int
    generated_text: str
    generated_text_tokens: NDArray[np.int64]
    usage: dict[str, int]
    finish_reason: str = "stop"


class HiggsAudioServeEngine:
    """Loads on creation, which takes a while: create it in a thread."""

    def __init__(
        self,
        model_name_or_path: str,
        audio_tokenizer_name_or_path: str,
        tokenizer_name_or_path: str | None = None,
        device: str = "cuda",
        torch_dtype: torch.dtype | str = "auto",
        kv_cache_lengths: Sequence[int] = (512, 1024, 2048),
        *,
        max_streams: int = 8,
        codec_device: str | None = None,
        chunk_plan: ChunkPlan | None = None,
        cuda_graphs: bool | None = None,
    ) -> None:
        """Folders or repository ids. `kv_cache_lengths`: the spans a step may read, in positions (25 a second of audio,
        text and context beside); the longest bounds a prompt and its speech together. `max_streams` utterances at
        once. Raises `CheckpointError` when a checkpoint cannot be used."""
        folder = _part(resolve(model_name_or_path), "model")
        codec_folder = _part(resolve(audio_tokenizer_name_or_path), "codec")
        codec_device = codec_device or device
        self.model = load_model(folder, device=device, dtype=torch_dtype)
        self.tokenizer = load_tokenizer(resolve(tokenizer_name_or_path) if tokenizer_name_or_path else folder)
        self.audio_tokenizer = HiggsCodec.from_pretrained(codec_folder, codec_device)
        self.device = device
        self.chunk_plan = chunk_plan or ChunkPlan()
        config = self.model.config
        self.audio_num_codebooks = int(config.num_codebooks)
        self.audio_codebook_size = self.audio_tokenizer.codebook_size
        self.sampling_rate = self.audio_tokenizer.sampling_rate
        self._prompts = PromptBuilder(
            self.tokenizer,
            self.audio_num_codebooks,
            int(config.audio_stream_bos_id),
            int(config.audio_stream_eos_id),
        )
        decoder = Decoder(self.model, slots=max_streams, spans=kv_cache_lengths, graphs=cuda_graphs)
        self.capacity = decoder.capacity
        self._eos = decoder.eos
        self._scheduler = Scheduler(decoder)
        on_one_cpu = torch.device(device).type == torch.device(codec_device).type == "cpu"
        codec_worker = InlineCodec if on_one_cpu else CodecWorker
        self._codec_worker = codec_worker(self.audio_tokenizer, torch.device(codec_device))
        self._references = References(codec_folder, codec_device)

    @property
    def active_slots(self) -> int:
        """Slots taken by a request that is being served."""
        return self._scheduler.active_slots

    def close(self) -> None:
        """Cancel all requests and end the engine's threads."""
        self._scheduler.close()
        self._codec_worker.close()

    def encode_reference(self, audio: bytes, content: AudioContent | None = None) -> Tensor:
        """See `References.encode`."""
        return self._references.encode(audio, content)

    def prompt(self, sample: ChatMLSample, audio_ids: Sequence[Tensor]) -> NDArray[np.int64]:
        """The rows `[L, 1 + C]` of a conversation that asks for speech; `audio_ids` are the codes of its audio, in
        order. Raises `ValueError` when they do not fit together."""
        return Prompt.joined(self._prompts.from_sample(sample, audio_ids), self._prompts.generation_prompt()).rows

    def generate(
        self,
        chat_ml_sample: ChatMLSample,
        max_new_tokens: int = 2048,
        temperature: float = 0.7,
        top_k: int | None = None,
        top_p: float = 0.95,
        stop_strings: list[str] | None = None,
        force_audio_gen: bool = True,
        ras_win_len: int | None = 7,
        ras_win_max_num_repeat: int = 2,
        seed: int | None = None,
    ) -> HiggsAudioResponse:
        """Speak the answer to a conversation, whole; blocks until it is there. This engine has no text head: it always
        speaks, so `stop_strings` and `force_audio_gen` change nothing."""
        params = SamplingParams(temperature, top_k, top_p, ras_win_len, ras_win_max_num_repeat, seed)
        rows = self._sample_rows(chat_ml_sample)
        sink = ColumnCollector()
        utterance = Utterance(rows, params, max_new_tokens, sink)
        self._scheduler.submit(utterance)
        finish_reason = sink.wait()
        columns = torch.from_numpy(np.stack(sink.columns, axis=1))
        codes = revert_delay_pattern(columns).clip(0, self.audio_codebook_size - 1)[:, 1:-1]
        audio = self.audio_tokenizer.decode(codes[None])[0, 0] if codes.shape[1] else np.zeros(0, dtype=np.float32)
        text_tokens = self.tokenizer.convert_tokens_to_ids(["<|audio_eos|>", "<|eot_id|>"])
        return HiggsAudioResponse(
            audio=audio,
            generated_audio_tokens=columns.numpy(),
            sampling_rate=self.sampling_rate,
            generated_text="<|audio_eos|><|eot_id|>",
            generated_text_tokens=np.array(text_tokens, dtype=np.int64),
            usage={
                "prompt_tokens": len(rows),
                "completion_tokens": columns.shape[1],
                "total_tokens": len(rows) + columns.shape[1],
                "cached_tokens": utterance.cached,
            },
            finish_reason=finish_reason,
        )

    async def generate_delta_stream(
        self,
        chat_ml_sample: ChatMLSample,
        max_new_tokens: int = 2048,
        temperature: float = 0.7,
        top_k: int | None = None,
        top_p: float = 0.95,
        stop_strings: list[str] | None = None,
        force_audio_gen: bool = True,
        ras_win_len: int | None = 7,
        ras_win_max_num_repeat: int = 2,
        seed: int | None = None,
    ) -> AsyncGenerator[HiggsAudioStreamerDelta]:
        """As `generate`, in deltas as they are drawn."""
        params = SamplingParams(temperature, top_k, top_p, ras_win_len, ras_win_max_num_repeat, seed)
        rows = await asyncio.to_thread(self._sample_rows, chat_ml_sample)
        async with aclosing(self.deltas(rows, params, max_new_tokens)) as deltas:
            async for delta in deltas:
                yield delta

    async def generate_streaming_with_context(
        self,
        text_chunks: list[str] | str,
        scene_prompt: str | None = None,
        speaker_descriptions: str | list[str] | None = None,
        ref_audio_paths: list[str] | None = None,
        generation_chunk_buffer_size: int | None = 5,
        max_new_tokens: int = 2048,
        temperature: float = 0.7,
        top_k: int | None = None,
        top_p: float = 0.95,
        stop_strings: list[str] | None = None,
        force_audio_gen: bool = True,
        ras_win_len: int | None = 7,
        ras_win_max_num_repeat: int = 2,
        seed: int | None = None,
    ) -> AsyncGenerator[HiggsAudioStreamerDelta]:
        """Speak `text_chunks` (or the sentences of one string) one after another in one voice, see
        `StreamingVoiceGenerator`; at most `max_new_tokens` columns each. What a parameter cannot mean raises
        `ValueError`."""
        params = SamplingParams(temperature, top_k, top_p, ras_win_len, ras_win_max_num_repeat, seed)
        voice = StreamingVoiceGenerator(
            self, scene_prompt, speaker_descriptions, ref_audio_paths, generation_chunk_buffer_size
        )
        async with aclosing(voice.generate_streaming(text_chunks, params, max_new_tokens)) as deltas:
            async for delta in deltas:
                yield delta

    async def generate_pcm_stream(
        self,
        text_chunks: list[str] | str,
        scene_prompt: str | None = None,
        speaker_descriptions: str | list[str] | None = None,
        ref_audio_paths: list[str] | None = None,
        generation_chunk_buffer_size: int | None = 5,
        max_new_tokens: int = 2048,
        temperature: float = 0.7,
        top_k: int | None = None,
        top_p: float = 0.95,
        stop_strings: list[str] | None = None,
        force_audio_gen: bool = True,
        ras_win_len: int | None = 7,
        ras_win_max_num_repeat: int = 2,
        seed: int | None = None,
    ) -> AsyncGenerator[bytes]:
        """As `generate_streaming_with_context`, as PCM16LE mono at `sampling_rate`, exact at the seams."""
        params = SamplingParams(temperature, top_k, top_p, ras_win_len, ras_win_max_num_repeat, seed)
        voice = StreamingVoiceGenerator(
            self, scene_prompt, speaker_descriptions, ref_audio_paths, generation_chunk_buffer_size
        )
        async with aclosing(voice.generate_pcm(text_chunks, params, max_new_tokens)) as pieces:
            async for piece in pieces:
                yield piece

    def deltas(
        self, rows: NDArray[np.int64], params: SamplingParams, max_columns: int
    ) -> AsyncGenerator[HiggsAudioStreamerDelta]:
        """Speak a prompt of `rows`, see `prompt`, in deltas."""
        streamer = AsyncHiggsAudioStreamer(self.tokenizer, audio_num_codebooks=self.audio_num_codebooks)
        return delta_stream(self._scheduler, Utterance(rows, params, max_columns, streamer), streamer)

    def open_pcm(self, rows: NDArray[np.int64], params: SamplingParams, max_columns: int) -> PcmUtterance:
        """Speak a prompt of `rows`, see `prompt`, as PCM."""
        stream = AudioStream(self.audio_num_codebooks, self._eos, self.chunk_plan)
        sink = PcmSink(stream, self._codec_worker, ThreadChannel())
        return PcmUtterance(self._scheduler, Utterance(rows, params, max_columns, sink), sink)

    def _sample_rows(self, sample: ChatMLSample) -> NDArray[np.int64]:
        contents = [content for message in sample.messages for content in message.contents()]
        audio = [
            self.encode_reference(content_bytes(content), content)
            for content in contents
            if isinstance(content, AudioContent)
        ]
        return self.prompt(sample, audio)


def _part(folder: Path, name: str) -> Path:
    """The folder itself, or its `model` or `codec` when it holds both side by side."""
    return folder / name if (folder / name).is_dir() else folder
