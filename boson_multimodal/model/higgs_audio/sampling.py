"""From the logits of one step to one column of codes for every slot, as tensor operations only.

Nothing here reads a value back to the host, so a whole step can be captured as one CUDA graph. Every slot has its own
settings, seed and history; what is drawn for one slot does not depend on what else is in the batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

MAX_RAS_WINDOW = 64

NEVER = 2**30
"""A column that is never reached."""

_GOLDEN = 0x9E3779B97F4A7C15 - 2**64
_STEP = 0xD1B54A32D192ED03 - 2**64
_CELL = 0x8CB92BA72F3D8DD7 - 2**64
_MIX = (0xFF51AFD7ED558CCD - 2**64, 0xC4CEB9FE1A85EC53 - 2**64)


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How columns are drawn. Raises `ValueError` for what cannot be meant.

    `temperature` 0 takes the likeliest code. `top_k` None or 0 and `top_p` 1 keep all. Repetition-aware sampling draws
    a code again, from the unwarped distribution, when it stands `ras_win_max_num_repeat` times or more among the last
    `ras_win_len` columns of its codebook; `ras_win_len` None or 0 turns it off. `seed` None draws one.
    """

    temperature: float = 0.7
    top_k: int | None = None
    top_p: float = 0.95
    ras_win_len: int | None = 7
    ras_win_max_num_repeat: int = 2
    seed: int | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise ValueError(f"temperature is a number from 0, not {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is above 0 and at most 1, not {self.top_p}")
        if self.top_k is not None and self.top_k < 0:
            raise ValueError(f"top_k is a count or None, not {self.top_k}")
        window = self.ras_win_len
        if window is not None and window > MAX_RAS_WINDOW:
            raise ValueError(f"ras_win_len is at most {MAX_RAS_WINDOW}, not {window}")
        if window is not None and window > 0 and self.ras_win_max_num_repeat < 1:
            raise ValueError(f"ras_win_max_num_repeat is at least 1, not {self.ras_win_max_num_repeat}")


class SamplerState:
    """The state of all slots, rows of fixed tensors updated in place.

    `columns [slots, C]` the newest column; `index [slots]` how many follow the BOS column; `eos_at [slots]` the column
    in which codebook 0 ended, `NEVER` before; `limit [slots]` the column in which it is made to; `history
    [slots, MAX_RAS_WINDOW, C]` the newest columns, oldest first.
    """

    def __init__(self, slots: int, codebooks: int, bos: int, eos: int, device: torch.device) -> None:
        self.codebooks, self.bos, self.eos = codebooks, bos, eos
        long = torch.long

        def row(value: float, dtype: torch.dtype) -> Tensor:
            return torch.full((slots,), value, dtype=dtype, device=device)

        self.columns = torch.full((slots, codebooks), eos, dtype=long, device=device)
        self.history = torch.full((slots, MAX_RAS_WINDOW, codebooks), -1, dtype=long, device=device)
        self.index, self.eos_at, self.limit = row(0, long), row(0, long), row(0, long)
        self.seed, self.window, self.repeats = row(0, long), row(0, long), row(1, long)
        self.temperature, self.greedy = row(1, torch.float32), row(1, torch.bool)
        self.top_k, self.top_p = row(0, long), row(1, torch.float32)
        self._age = torch.arange(MAX_RAS_WINDOW, 0, -1, device=device)
        self._codebook = torch.arange(codebooks, device=device)
        self._numbers: Tensor | None = None

    def tensors(self) -> tuple[Tensor, ...]:
        """All that belongs to a slot, each with the slot as its first dimension."""
        return (
            *(self.columns, self.history, self.index, self.eos_at, self.limit, self.seed, self.window, self.repeats),
            *(self.temperature, self.greedy, self.top_k, self.top_p),
        )

    def begin(self, slot: int, params: SamplingParams, seed: int, limit: int) -> None:
        """An utterance begins in `slot`, its BOS column written; in column `limit` codebook 0 ends at the latest."""
        self.columns[slot] = self.bos
        self.history[slot] = -1
        self.index[slot] = 0
        self.eos_at[slot] = NEVER
        self.limit[slot] = limit
        self.seed[slot] = seed
        self.window[slot] = params.ras_win_len or 0
        self.repeats[slot] = params.ras_win_max_num_repeat
        self.greedy[slot] = params.temperature == 0
        self.temperature[slot] = params.temperature or 1.0
        self.top_k[slot] = params.top_k or 0
        self.top_p[slot] = params.top_p

    def draw(self, rows: slice, logits: Tensor) -> Tensor:
        """Draw the next column of the slots in `rows` from `logits [rows, C, V]`, advance their state, and return the
        columns `[rows, C]`. Column C - 2 after the one in which codebook 0 ended holds the last code."""
        index, eos_at = self.index[rows] + 1, self.eos_at[rows]
        since_end = (index - eos_at)[:, None]
        forced = self._forced(index, since_end, self.limit[rows])
        raw = self._masked(logits.float(), since_end)
        noise, other_noise = gumbel_noise(self.seed[rows], index, self._cells(raw.shape[-1])).unbind(1)
        scores = warped(raw / self.temperature[rows, None, None], self.top_k[rows], self.top_p[rows])
        drawn = (scores + noise.masked_fill(self.greedy[rows, None, None], 0.0)).argmax(dim=-1)
        redrawn = (raw + other_noise).argmax(dim=-1)
        drawn = torch.where(self._repeated(rows, drawn), redrawn, drawn)
        column = torch.where(forced >= 0, forced, drawn)

        ended = (column[:, 0] == self.eos) & (eos_at == NEVER)
        self.eos_at[rows] = torch.where(ended, index, eos_at)
        self.index[rows] = index
        self.history[rows] = torch.cat((self.history[rows][:, 1:], column[:, None]), dim=1)
        self.columns[rows] = column
        return column

    def _cells(self, size: int) -> Tensor:
        """Numbers of the cells of two draws, `[2, C, V]`."""
        if self._numbers is None:
            numbers = torch.arange(2 * self.codebooks * size, device=self.columns.device)
            self._numbers = numbers.view(2, self.codebooks, size)
        return self._numbers

    def _forced(self, index: Tensor, since_end: Tensor, limit: Tensor) -> Tensor:
        """The delay pattern: BOS where a codebook has not begun, EOS where it has ended, -1 where it is free.

        In the column in which a codebook is due to end, it is free to: the model knows, and transformers leaves it.
        """
        index = index[:, None]
        free = torch.full_like(self._codebook, -1)
        forced = torch.where(self._codebook >= index, self.bos, free)
        ended = (self._codebook < since_end) | ((self._codebook == 0) & (index >= limit[:, None]))
        return torch.where(ended, self.eos, forced)

    def _masked(self, logits: Tensor, since_end: Tensor) -> Tensor:
        """Without BOS, which only the pattern writes, and with EOS in codebook 0 and where it is due only: a stray one
        elsewhere would end the sentence."""
        due = (self._codebook == 0) | (self._codebook == since_end)
        logits = logits.clone()
        logits[..., self.bos] = -math.inf
        logits[..., self.eos] = torch.where(due, logits[..., self.eos], -math.inf)
        return logits

    def _repeated(self, rows: slice, drawn: Tensor) -> Tensor:
        """Where repetition-aware sampling draws again, `[rows, C]`. Cells before the utterance hold -1, and an end is
        no code: neither is counted."""
        window = self.window[rows, None]
        seen = (self.history[rows] == drawn[:, None]) & (self._age <= window)[..., None]
        return (seen.sum(dim=1) >= self.repeats[rows, None]) & (drawn != self.eos) & (window > 0)


def warped(scores: Tensor, top_k: Tensor, top_p: Tensor) -> Tensor:
    """`scores [B, C, V]` with -inf outside the `top_k [B]` best (0: all) and outside the smallest set whose
    probability reaches `top_p [B]`."""
    ranked = _descending(scores)
    size = ranked.shape[-1]
    rank = torch.arange(size, device=scores.device)
    k = torch.where(top_k > 0, top_k, size)[:, None, None]
    ranked = ranked.masked_fill(rank >= k, -math.inf)
    probability = ranked.softmax(dim=-1)
    before = probability.cumsum(dim=-1) - probability
    kept = (before < top_p[:, None, None]) & (rank < k)
    least = ranked.masked_fill(~kept, math.inf).amin(dim=-1, keepdim=True)
    return scores.masked_fill(scores < least, -math.inf)


def _descending(scores: Tensor) -> Tensor:
    """Each row of `scores`, highest first."""
    if scores.device.type == "cpu":
        # torch sorts the places along with the values, which takes a CPU many times as long.
        return torch.from_numpy(np.sort(scores.numpy(), axis=-1)).flip(-1)
    return scores.sort(dim=-1, descending=True).values


def gumbel_noise(seed: Tensor, step: Tensor, cells: Tensor) -> Tensor:
    """Standard Gumbel noise `[B, *cells]`, a function of `seed [B]`, `step [B]` and the cell's number alone.

    Adding it to logits and taking the maximum samples their softmax (the Gumbel-max trick). Seed, step and cell make a
    counter that is mixed as in MurmurHash3's 64-bit finaliser; integer arithmetic wraps alike on every device.
    """
    counter = (seed * _GOLDEN + step * _STEP).view(-1, *[1] * cells.ndim) + cells * _CELL
    for factor in _MIX:
        counter = (counter ^ ((counter >> 33) & 0x7FFFFFFF)) * factor
    bits = (counter >> 41) & 0x7FFFFF
    return -torch.log(-torch.log((bits.float() + 0.5) * 2**-23))
