"""The matrices that every step multiplies with, laid out for the processor they are on."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

_ROWS = 8
"""How many rows the packed layout is chosen for. It is as good for one row and for hundreds."""


class Projection:
    """Several linear maps of one input as a single product, `[rows, inputs]` -> `[rows, sum of outputs]`.

    Elsewhere than on a CPU the maps' own weights become views of the fused one. On a CPU they stay, and the fused one
    is packed for oneDNN: that uses all cores for a few rows, where MKL uses one, and gives a row the same numbers
    whatever rows stand beside it.
    """

    def __init__(self, *maps: nn.Linear) -> None:
        """`maps` have the same inputs and no bias."""
        fused = torch.cat([part.weight for part in maps])
        self.bytes = fused.numel() * fused.element_size()
        self._packed = _packed(fused)
        self._weight = fused if self._packed is None else None
        if self._weight is not None:
            begin = 0
            for part in maps:
                end = begin + part.out_features
                part.weight.data = self._weight[begin:end]
                begin = end

    def __call__(self, x: Tensor) -> Tensor:
        """`x [rows, inputs]` mapped."""
        if self._weight is not None:
            return F.linear(x, self._weight)
        return _onednn()._linear_pointwise(x, self._packed, None, "none", [], "")

    def added(self, x: Tensor, residual: Tensor) -> Tensor:
        """`residual [rows, outputs]` plus `x` mapped."""
        if self._weight is not None:
            return torch.addmm(residual, x, self._weight.t())
        return _onednn()._linear_pointwise.binary(x, residual, self._packed, None, "add")


def _onednn() -> Any:
    return torch.ops.mkldnn


def _packed(weight: Tensor) -> Tensor | None:
    """`weight` in oneDNN's own layout; `None` where torch has no oneDNN, or not for this kind of tensor."""
    if weight.device.type != "cpu" or weight.dtype is not torch.float32 or not torch.backends.mkldnn.is_available():
        return None
    try:
        packed = _onednn()._reorder_linear_weight(weight.contiguous(), _ROWS)
        _onednn()._linear_pointwise(weight[:1], packed, None, "none", [], "")
    except (AttributeError, NotImplementedError, RuntimeError):
        # These operators are torch's own business, made for its compiler: a version may have others.
        return None
    return packed
