"""One product for several linear maps, whatever it is laid out for."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from boson_multimodal.model.higgs_audio.projection import Projection


def maps(*outputs: int, inputs: int = 48, dtype: torch.dtype = torch.float32) -> list[nn.Linear]:
    """Random maps of the same inputs, without bias."""
    torch.manual_seed(len(outputs))
    return [nn.Linear(inputs, size, bias=False, dtype=dtype).requires_grad_(False) for size in outputs]


@pytest.fixture(params=["packed", "plain"])
def layout(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With oneDNN, and on a machine without it."""
    if request.param == "plain":
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    return request.param


@torch.inference_mode()
@pytest.mark.parametrize("rows", [1, 3, 8, 40])
def test_it_maps_as_its_parts_do(layout: str, rows: int) -> None:
    """The outputs stand side by side, in the order of the maps; a residual is added."""
    parts = maps(32, 16, 16)
    projection = Projection(*parts)
    x, residual = torch.randn(rows, 48), torch.randn(rows, 64)
    expected = torch.cat([part(x) for part in parts], dim=-1)
    torch.testing.assert_close(projection(x), expected)
    torch.testing.assert_close(projection.added(x, residual), residual + expected)
    assert projection.bytes == 64 * 48 * 4


@torch.inference_mode()
def test_a_row_is_the_same_whatever_stands_beside_it() -> None:
    """A voice does not change with who else speaks: bit by bit, where oneDNN multiplies."""
    projection = Projection(*maps(64, 32))
    x, residual = torch.randn(16, 48), torch.randn(16, 96)
    alone = torch.cat([projection(row[None]) for row in x])
    assert torch.equal(projection(x), alone)
    added = torch.cat([projection.added(row[None], beside[None]) for row, beside in zip(x, residual, strict=True)])
    assert torch.equal(projection.added(x, residual), added)


@torch.inference_mode()
def test_the_maps_work_on_their_own(layout: str) -> None:
    """The module they belong to is still whole."""
    parts = maps(32, 16)
    x = torch.randn(2, 48)
    before = [part(x) for part in parts]
    Projection(*parts)
    for part, expected in zip(parts, before, strict=True):
        torch.testing.assert_close(part(x), expected)


@torch.inference_mode()
def test_other_numbers_are_multiplied_as_usual() -> None:
    """What oneDNN's layout is not made for goes the plain way."""
    parts = maps(32, 16, dtype=torch.bfloat16)
    projection = Projection(*parts)
    x = torch.randn(2, 48, dtype=torch.bfloat16)
    torch.testing.assert_close(projection(x), torch.cat([part(x) for part in parts], dim=-1))
