"""How fast the codec is, and the whole path from text to sound, with random weights; and how durations are taken."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from boson_multimodal.benchmark_models import PARAMS, random_rows
from boson_multimodal.serve.audio_stream import AudioStream, ChunkPlan
from boson_multimodal.serve.channel import ThreadChannel
from boson_multimodal.serve.codec_worker import CodecWorker, PcmSink
from boson_multimodal.serve.requests import PcmUtterance
from boson_multimodal.serve.scheduler import Scheduler
from boson_multimodal.serve.utterance import Utterance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from transformers import HiggsAudioV2Config

    from boson_multimodal.model.higgs_audio.codec import HiggsCodec
    from boson_multimodal.model.higgs_audio.decoder import Decoder

VOICE_ROWS, TEXT_ROWS = 240, 40
"""Positions of a served prompt: those all have in common, which a slot still holds, and those that are new."""


def durations(run: Callable[[], object], count: int, device: torch.device, *, warm: int = 1) -> NDArray[np.float64]:
    """Milliseconds that each of `count` runs takes after `warm` others; on CUDA from the end of one to that of the
    next, by the device's own clock."""
    for _ in range(warm):
        run()
    if device.type != "cuda":
        times = [perf_counter()]
        for _ in range(count):
            run()
            times.append(perf_counter())
        return np.diff(times) * 1000
    torch.cuda.synchronize(device)
    events = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]
    events[0].record()
    for event in events[1:]:
        run()
        event.record()
    torch.cuda.synchronize(device)
    return np.array([a.elapsed_time(b) for a, b in pairwise(events)])


def measure_codec(
    codec: HiggsCodec, device: torch.device, batches: Sequence[int], *, rounds: int
) -> list[dict[str, Any]]:
    """The time of the first window of an utterance and of one under way, `batch` of them at once. `realtime_factor`:
    seconds of decoding for a second of the sound that is kept."""
    plan = ChunkPlan()
    rows: list[dict[str, Any]] = []
    for kept in (plan.first, plan.chunk):
        frames = plan.context + kept + plan.lookahead
        for batch in batches:
            codes = torch.randint(codec.codebook_size, (batch, codec.num_codebooks, frames), device=device)
            typical = float(np.median(durations(lambda codes=codes: codec(codes), rounds, device)))
            sound = batch * kept / codec.tps * 1000
            rows.append({"frames": frames, "batch": batch, "p50_ms": typical, "realtime_factor": typical / sound})
    return rows


async def measure_serving(
    decoder: Decoder,
    codec: HiggsCodec,
    config: HiggsAudioV2Config,
    batches: Sequence[int],
    *,
    columns: int,
    rounds: int,
) -> dict[str, Any]:
    """Milliseconds from a prompt to its first PCM, alone (the median of `rounds`) and with others (the median of all);
    and for every number of streams the seconds of sound a second. Utterances have `columns` columns."""
    rng = np.random.default_rng(1)
    voice = random_rows(rng, config, VOICE_ROWS)
    scheduler = Scheduler(decoder)
    worker = CodecWorker(codec, decoder.device)

    async def speak(seed: int) -> tuple[float, int]:
        """Seconds to the first PCM, and samples in all."""
        rows = np.concatenate((voice, random_rows(rng, config, TEXT_ROWS)))
        started = perf_counter()
        sink = PcmSink(AudioStream(decoder.codebooks, decoder.eos, ChunkPlan()), worker, ThreadChannel())
        utterance = Utterance(rows, PARAMS, columns, sink)
        first, size = 0.0, 0
        async for piece in PcmUtterance(scheduler, utterance, sink).stream():
            first = first or perf_counter() - started
            size += len(piece)
        return first, size // 2

    try:
        await speak(0)
        alone = [(await speak(seed))[0] for seed in range(rounds)]
        report: dict[str, Any] = {"first_pcm_ms": float(np.median(alone)) * 1000, "columns": columns, "streams": {}}
        for streams in batches:
            started = perf_counter()
            spoken = await asyncio.gather(*(speak(seed) for seed in range(streams)))
            passed = perf_counter() - started
            report["streams"][str(streams)] = {
                "first_pcm_ms": float(np.median([first for first, _ in spoken])) * 1000,
                "audio_s_per_s": sum(samples for _, samples in spoken) / codec.sampling_rate / passed,
            }
    finally:
        scheduler.close()
        worker.close()
    return report
