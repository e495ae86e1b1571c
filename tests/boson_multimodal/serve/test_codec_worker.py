from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from boson_multimodal.serve.audio_stream import AudioStream, ChunkPlan
from boson_multimodal.serve.channel import ThreadChannel
from boson_multimodal.serve.codec_worker import CodecWorker, InlineCodec, PcmSink
from tests.boson_multimodal.serve.test_audio_stream import columns_of

if TYPE_CHECKING:
    from boson_multimodal.serve.serve_engine import HiggsAudioServeEngine


async def spoken(worker: InlineCodec, seeds: list[int]) -> list[bytes]:
    """The PCM of one utterance for each seed, their columns put in turn."""
    sinks = [PcmSink(AudioStream(8, 1025, ChunkPlan()), worker, ThreadChannel()) for _ in seeds]
    utterances = [columns_of(60 + 7 * seed, seed=seed) for seed in seeds]

    def put() -> None:
        for index in range(max(map(len, utterances))):
            for sink, columns in zip(sinks, utterances, strict=True):
                if index < len(columns):
                    sink.put(columns[index])
                if index == len(columns) - 1:
                    sink.end("stop")

    async def read(channel: ThreadChannel[bytes]) -> bytes:
        pieces = []
        while (piece := await channel.get()) is not None:
            pieces.append(piece)
        return b"".join(pieces)

    reading = [asyncio.create_task(read(sink.channel)) for sink in sinks]
    await asyncio.to_thread(put)
    return [await task for task in reading]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
async def test_a_thread_decodes_what_the_caller_would(engine: HiggsAudioServeEngine, device: str) -> None:
    """In a thread, one by one or in batches of windows of equal length, each utterance comes whole and in order."""
    codec = engine.audio_tokenizer
    inline = await spoken(InlineCodec(codec, torch.device("cpu")), [0, 1, 1, 2])
    worker = CodecWorker(codec, torch.device("cpu"))
    # The batching of the CUDA path, with tensors on the CPU.
    worker._batch = 1 if device == "cpu" else 4
    threaded = await spoken(worker, [0, 1, 1, 2])
    worker.close()
    for expected, found in zip(inline, threaded, strict=True):
        samples = [np.frombuffer(pcm, "<i2").astype(int) for pcm in (expected, found)]
        assert np.abs(samples[0] - samples[1]).max() <= 1
