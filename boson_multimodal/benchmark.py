"""How fast the engine is on this machine, with random weights: the decoder alone and against `transformers.generate`.

The codec and the whole path from text to sound are measured in `benchmark_serve`. Random weights cost what trained ones
do; no end is ever drawn, so every figure is of an utterance under way.
"""

from __future__ import annotations

import asyncio
import platform
from dataclasses import asdict, dataclass
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import transformers
from transformers.generation.streamers import BaseStreamer

from boson_multimodal.benchmark_models import PARAMS, random_codec, random_model, random_rows
from boson_multimodal.benchmark_serve import durations, measure_codec, measure_serving
from boson_multimodal.model.higgs_audio.decoder import Decoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import HiggsAudioV2Config, HiggsAudioV2ForConditionalGeneration

    from boson_multimodal.benchmark_models import Shape

CONTEXT = 300
"""Positions in the cache, on average, while steps are timed."""

SPANS = (512, 1024)
LIMIT = 2**29
"""A column that no measurement reaches."""

_SAME = {
    "do_sample": True,
    "temperature": PARAMS.temperature,
    "top_k": 0,
    "top_p": PARAMS.top_p,
}
"""`PARAMS` as arguments of `transformers.generate`, which has those of the repetitions from the model."""

Report = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Options:
    """What is measured: `batches` utterances at once, `steps` columns (up to 400) a measurement, `rounds` of each side
    of the comparison with `transformers.generate`."""

    shape: Shape
    device: str
    dtype: torch.dtype
    batches: Sequence[int] = (1, 4, 8, 16)
    steps: int = 40
    rounds: int = 5


def bandwidth(device: torch.device) -> float:
    """Bytes a second that this device's memory gives: the better of a large copy and a large sum."""
    size = 2**30 if device.type == "cuda" else 2**28
    source = torch.ones(size // 4, device=device)
    target = torch.zeros_like(source)
    copied = durations(lambda: target.copy_(source), 8, device).min()
    summed = durations(source.sum, 8, device).min()
    return max(2 * size / copied, size / summed) * 1000


def bytes_read(decoder: Decoder, head: torch.Tensor, batch: int) -> int:
    """What a step of `batch` slots has to read: the weights of the audio path once, and every slot's `CONTEXT`."""
    layers = decoder.backbone.layers
    weights = [w for layer in layers for w in (layer.qkv, layer.out, layer.audio.gate_up, layer.audio.down)]
    position = len(layers) * 2 * decoder.backbone.kv_heads * decoder.backbone.head_dim * head.element_size()
    return sum(w.bytes for w in weights) + head.numel() * head.element_size() + batch * CONTEXT * position


def begin(decoder: Decoder, config: HiggsAudioV2Config, batch: int, length: int) -> None:
    """Let the first `batch` slots speak after random prompts of `length` positions, their BOS column included."""
    rng = np.random.default_rng(0)
    for slot in range(batch):
        rows = random_rows(rng, config, length)
        rows[-1] = decoder.bos
        rows[-1, 0] = decoder.audio_id
        hidden = decoder.prefill(slot, rows, 0)
        decoder.begin(slot, hidden, length, PARAMS, seed=slot, limit=LIMIT)


def measure_steps(decoder: Decoder, model: HiggsAudioV2ForConditionalGeneration, options: Options) -> Report:
    """For every batch size: `p50_ms` and `p95_ms` of a step, `frames_per_s` of all slots together, and the share of
    the least time that reading the memory takes."""
    speed = bandwidth(decoder.device)
    report: Report = {"bandwidth_gb_per_s": speed / 1e9, "context": CONTEXT, "batches": {}}
    warm = 3
    for batch in options.batches:
        length = CONTEXT - options.steps // 2
        begin(decoder, model.config, batch, length)
        places = iter(range(length, length + warm + options.steps))
        times = durations(
            lambda batch=batch, places=places: decoder.step(batch, next(places)),
            options.steps,
            decoder.device,
            warm=warm,
        )
        for slot in range(batch):
            decoder.release(slot)
        typical = float(np.median(times))
        floor = bytes_read(decoder, model.audio_lm_head.weight, batch) / speed * 1000
        report["batches"][str(batch)] = {
            "p50_ms": typical,
            "p95_ms": float(np.percentile(times, 95)),
            "frames_per_s": batch * 1000 / typical,
            "share_of_bandwidth": floor / typical,
        }
    return report


class _Stamps(BaseStreamer):
    """When each column was drawn, in seconds; the first entry is the prompt."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def put(self, value: torch.Tensor) -> None:
        """See `BaseStreamer`; `value` has been read by the host."""
        self.times.append(perf_counter())

    def end(self) -> None:
        """See `BaseStreamer`."""


def generate_rate(
    model: HiggsAudioV2ForConditionalGeneration, length: int, columns: int, settings: dict[str, Any]
) -> float:
    """Columns a second of `transformers.generate` after a prompt of `length` positions, the prefill left out."""
    rows = random_rows(np.random.default_rng(0), model.config, length)
    ids = torch.from_numpy(rows[:, 0])[None].to(model.device)
    audio = torch.from_numpy(rows[rows[:, 0] == model.config.audio_token_id][:, 1:])[None].to(model.device)
    stamps = _Stamps()
    generating: Any = model
    generating.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        audio_input_ids=audio,
        audio_input_ids_mask=torch.ones(audio.shape[:2], dtype=torch.bool, device=model.device),
        max_new_tokens=columns + 2,
        streamer=stamps,
        **settings,
    )
    # The prompt's stamp is followed by the column that the prefill gave; what follows are steps.
    steps = np.diff(stamps.times[2:])
    return len(steps) / float(steps.sum())


def decoder_rate(decoder: Decoder, config: HiggsAudioV2Config, length: int, columns: int) -> float:
    """Columns a second of the decoder with one slot, every column read by the host before the next step."""
    begin(decoder, config, 1, length)
    decoder.step(1, length).cpu()
    started = perf_counter()
    for place in range(length + 1, length + 1 + columns):
        decoder.step(1, place).cpu()
    passed = perf_counter() - started
    decoder.release(0)
    return columns / passed


def compare(
    decoder: Decoder, reference: HiggsAudioV2ForConditionalGeneration, options: Options, settings: dict[str, Any]
) -> Report:
    """Decoder and `transformers.generate` at batch 1 in turn: the medians of both rates, in columns a second, and of
    the ratios of each round."""
    length = CONTEXT - options.steps // 2
    decoder_rate(decoder, reference.config, length, 2)
    generate_rate(reference, length, 2, settings)
    rounds = [
        (
            decoder_rate(decoder, reference.config, length, options.steps),
            generate_rate(reference, length, options.steps, settings),
        )
        for _ in range(options.rounds)
    ]
    return {
        "decoder_frames_per_s": median(ours for ours, _ in rounds),
        "generate_frames_per_s": median(theirs for _, theirs in rounds),
        "ratio": median(ours / theirs for ours, theirs in rounds),
        "ratios": [ours / theirs for ours, theirs in rounds],
    }


def check_graphs(decoder: Decoder, eager: Decoder, config: HiggsAudioV2Config, options: Options) -> Report:
    """Whether both decoders, of the same weights, draw the same columns; `first_difference` counts from 0."""
    batch, length = min(options.batches), CONTEXT - options.steps // 2
    drawn: list[torch.Tensor] = []
    for one in (decoder, eager):
        begin(one, config, batch, length)
        # Both read their whole cache: another span may be summed in another order.
        drawn.append(torch.stack([one.step(batch, one.capacity - 1).clone() for _ in range(options.steps)]).cpu())
        for slot in range(batch):
            one.release(slot)
    differs = (drawn[0] != drawn[1]).flatten(1).any(dim=1).nonzero()
    return {"equal": not len(differs), "first_difference": int(differs[0]) if len(differs) else None}


@torch.inference_mode()
def run(options: Options) -> Report:
    """Measure everything. Raises `ValueError` for more steps than the cache has room for."""
    if not 4 <= options.steps <= 400:
        raise ValueError(f"steps are 4 to 400, not {options.steps}")
    device = torch.device(options.device)
    on_cuda = device.type == "cuda"
    model = random_model(options.shape, device, options.dtype)
    reference = random_model(options.shape, device, options.dtype)
    started = perf_counter()
    decoder = Decoder(model, slots=max(options.batches), spans=SPANS)
    ready = perf_counter() - started
    report: Report = {
        "device": options.device,
        "device_name": torch.cuda.get_device_name(device) if on_cuda else platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "dtype": str(options.dtype).removeprefix("torch."),
        "config": {"name": options.shape.name, "model": options.shape.model, "codec": asdict(options.shape.codec)},
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "steps": options.steps,
        "step": measure_steps(decoder, model, options),
        "generate": {"same_sampling": compare(decoder, reference, options, _SAME)},
    }
    if on_cuda:
        report["generate"]["default"] = compare(decoder, reference, options, {})
    codec = random_codec(options.shape.codec, device)
    report["codec"] = measure_codec(codec, device, options.batches, rounds=options.rounds)
    report["end_to_end"] = asyncio.run(
        measure_serving(
            decoder, codec, model.config, options.batches, columns=options.steps + 48, rounds=options.rounds
        )
    )
    report["graphs"] = None
    if on_cuda:
        started = perf_counter()
        eager = Decoder(reference, slots=max(options.batches), spans=SPANS, graphs=False)
        captured = ready - (perf_counter() - started)
        report["graphs"] = {"capture_s": captured, **check_graphs(decoder, eager, model.config, options)}
    return report


def table(report: Report) -> str:
    """The figures for people."""
    step, serving = report["step"], report["end_to_end"]
    lines = [
        f"{report['device_name']} ({report['device']}, {report['threads']} threads), torch {report['torch']}, "
        f"config {report['config']['name']}, {report['parameters'] / 1e6:.0f} M parameters, {report['dtype']}",
        f"memory {step['bandwidth_gb_per_s']:.1f} GB/s",
        "",
        f"decode step at about {step['context']} positions",
        "  batch   p50 ms   p95 ms  frames/s  of batch 1  of bandwidth",
    ]
    first = next(iter(step["batches"].values()))["frames_per_s"]
    lines += [
        f"  {batch:>5} {row['p50_ms']:8.2f} {row['p95_ms']:8.2f} {row['frames_per_s']:9.1f} "
        f"{row['frames_per_s'] / first:10.2f}x {row['share_of_bandwidth']:12.0%}"
        for batch, row in step["batches"].items()
    ]
    lines += ["", "against transformers.generate, batch 1   frames/s  generate  ratio"]
    lines += [
        f"  {name:<37} {row['decoder_frames_per_s']:9.1f} {row['generate_frames_per_s']:9.1f} {row['ratio']:5.2f}x"
        for name, row in report["generate"].items()
    ]
    lines += ["", "codec   frames  batch       ms  s per s of sound kept"]
    lines += [
        f"        {row['frames']:6} {row['batch']:6} {row['p50_ms']:8.2f} {row['realtime_factor']:10.4f}"
        for row in report["codec"]
    ]
    lines += ["", f"text to first PCM, alone: {serving['first_pcm_ms']:.1f} ms"]
    lines += ["streams  first PCM ms  audio s/s"]
    lines += [
        f"  {streams:>5} {row['first_pcm_ms']:13.1f} {row['audio_s_per_s']:10.2f}"
        for streams, row in serving["streams"].items()
    ]
    if graphs := report["graphs"]:
        same = "equal" if graphs["equal"] else f"unequal from column {graphs['first_difference']}"
        lines += ["", f"graphs captured in {graphs['capture_s']:.1f} s; columns with and without: {same}"]
    return "\n".join(lines)
