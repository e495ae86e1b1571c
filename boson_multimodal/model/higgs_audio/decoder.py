"""One model, many slots: prefill a prompt into a slot, then draw one column a step for all active slots at once.

The active slots are always the first ones, so a step reads the cache without gathering; `swap` keeps it so. A step is
fixed tensors updated in place: on CUDA it is captured once per batch size and cache span, and replayed.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from boson_multimodal.model.higgs_audio.backbone import Backbone, KeyValueCache, Routing
from boson_multimodal.model.higgs_audio.sampling import SamplerState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from transformers import HiggsAudioV2ForConditionalGeneration

    from boson_multimodal.model.higgs_audio.sampling import SamplingParams

_SCRATCH = 8
"""Positions beyond the capacity. A slot that is not active writes into the first of them, and nobody reads it."""

_EAGER_SPAN = 64
"""Without graphs a step reads the cache up to the next multiple of this."""


class Decoder:
    """Runs in one thread, under `torch.inference_mode()`."""

    def __init__(
        self,
        model: HiggsAudioV2ForConditionalGeneration,
        *,
        slots: int,
        spans: Sequence[int],
        graphs: bool | None = None,
    ) -> None:
        """`slots` utterances at once, each of `max(spans)` positions at most. `graphs` None: on CUDA."""
        config = model.config
        self.backbone = Backbone(model)
        self.slots, self.capacity = slots, max(spans)
        self.codebooks = self.backbone.codebooks
        self.bos, self.eos = int(config.audio_stream_bos_id), int(config.audio_stream_eos_id)
        self.audio_id = int(config.audio_token_id)
        self.device = self.backbone.device
        self.cache = KeyValueCache(self.backbone, slots, self.capacity + _SCRATCH)
        self.sampler = SamplerState(slots, self.codebooks, self.bos, self.eos, self.device)
        self._rotary = self.backbone.rotary_table(self.capacity + _SCRATCH)
        self._positions = torch.full((slots,), self.capacity, dtype=torch.long, device=self.device)
        self._active = torch.zeros(slots, dtype=torch.long, device=self.device)
        self._spans = sorted(set(spans))
        self._batches = [size for size in (1, 2, 4, 8, 16, 32, 64) if size < slots] + [slots]
        self._graphs: dict[tuple[int, int], tuple[torch.cuda.CUDAGraph, Tensor]] = {}
        if graphs if graphs is not None else self.device.type == "cuda":
            self._capture()

    def prefill(self, slot: int, rows: NDArray[np.int64], start: int) -> Tensor:
        """Write the positions from `start` of a slot: `rows [L, 1 + C]`, a text id and, where that is the audio id,
        the codes of a column. Returns the last hidden state `[1, hidden]`."""
        table = torch.from_numpy(rows).to(self.device)
        is_audio = rows[:, 0] == self.audio_id
        routing = Routing(
            is_audio=torch.from_numpy(is_audio[:, None]).to(self.device),
            text=torch.from_numpy(np.flatnonzero(~is_audio)).to(self.device),
            audio=torch.from_numpy(np.flatnonzero(is_audio)).to(self.device),
        )
        hidden = torch.where(
            routing.is_audio,
            self.backbone.embedded_columns(table[:, 1:]),
            self.backbone.embedded_text(table[:, 0]),
        )
        return self.backbone.prefill(hidden, routing, self.cache, slot, start, self._rotary)[-1:]

    def begin(
        self, slot: int, hidden: Tensor, position: int, params: SamplingParams, *, seed: int, limit: int
    ) -> Tensor:
        """Draw the first column `[1, C]` after the BOS column, whose `hidden` state the prefill gave, and make the slot
        active: its next column is written at `position`. See `SamplerState.begin`."""
        self.sampler.begin(slot, params, seed, limit)
        self._positions[slot] = position
        self._active[slot] = 1
        return self.sampler.draw(slice(slot, slot + 1), self.backbone.logits(hidden))

    def step(self, batch: int, longest: int) -> Tensor:
        """The next column `[batch, C]` of each of the first `batch` slots, all of which are active; `longest` is the
        highest position any of them writes. The result is overwritten by the next step."""
        if not self._graphs:
            return self._step(batch, min(-(-(longest + 1) // _EAGER_SPAN) * _EAGER_SPAN, self.capacity))
        size = self._batches[bisect_left(self._batches, batch)]
        span = self._spans[bisect_left(self._spans, longest + 1)]
        graph, column = self._graphs[size, span]
        graph.replay()
        return column[:batch]

    def end_by(self, slot: int, limit: int) -> None:
        """Let the slot's codebook 0 end in column `limit` at the latest; later columns only, not drawn yet."""
        self.sampler.limit[slot] = limit

    def release(self, slot: int) -> None:
        """The slot draws no more. What its positions hold stays."""
        self._positions[slot] = self.capacity
        self._active[slot] = 0

    def swap(self, a: int, b: int, length: int) -> None:
        """Exchange two slots whole, `length` positions of cache included."""
        self.cache.swap(a, b, length)
        for tensor in (self._positions, self._active, *self.sampler.tensors()):
            tensor[[a, b]] = tensor[[b, a]]

    def _step(self, batch: int, span: int) -> Tensor:
        rows = slice(0, batch)
        positions = self._positions[rows]
        hidden = self.backbone.embedded_columns(self.sampler.columns[rows])
        hidden = self.backbone.decode(hidden, self.cache, span, positions, self._rotary)
        column = self.sampler.draw(rows, self.backbone.logits(hidden))
        self._positions[rows] = torch.clamp(positions + self._active[rows], max=self.capacity)
        return column

    @torch.inference_mode()
    def _capture(self) -> None:
        """Capture the step for every batch size and span, largest first, all sharing one memory pool."""
        pool = torch.cuda.graph_pool_handle()
        for size in reversed(self._batches):
            for span in reversed(self._spans):
                side = torch.cuda.Stream()
                side.wait_stream(torch.cuda.current_stream())
                with torch.cuda.stream(side):
                    self._step(size, span)
                torch.cuda.current_stream().wait_stream(side)
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph, pool=pool):
                    column = self._step(size, span)
                self._graphs[size, span] = graph, column
