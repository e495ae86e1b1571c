"""The delay pattern: codebook k is written k columns later than codebook 0.

T frames become T + C + 1 columns of C codebooks: a BOS column, the frames, an EOS column, each codebook shifted by its
index and filled with BOS before and EOS after. Frame i (from 0) is whole with column i + C.
"""

from __future__ import annotations

import torch
from torch import Tensor


def build_delay_pattern(codes: Tensor, bos: int, eos: int) -> Tensor:
    """Frames `[C, T]` -> columns `[C, T + C + 1]`, from the all-BOS to the all-EOS column."""
    codebooks, frames = codes.shape
    columns = codes.new_full((codebooks, frames + codebooks + 1), eos)
    for k in range(codebooks):
        columns[k, : k + 1] = bos
        columns[k, k + 1 : k + 1 + frames] = codes[k]
    return columns


def revert_delay_pattern(data: Tensor) -> Tensor:
    """Columns `[C, N]` -> `[C, N - C + 1]`, each codebook moved back to its frame.

    Of a whole utterance the result begins with a frame of BOS and ends with one of EOS; `[:, 1:-1]` are the frames.
    Raises `ValueError` when there are fewer columns than codebooks, that is not one whole frame.
    """
    if data.ndim != 2:
        raise ValueError(f"columns have the shape [codebooks, columns], not {tuple(data.shape)}")
    codebooks, columns = data.shape
    frames = columns - codebooks + 1
    if frames < 1:
        raise ValueError(f"{columns} columns of {codebooks} codebooks hold no whole frame")
    return torch.stack([data[k, k : k + frames] for k in range(codebooks)])
