from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from boson_multimodal.model.higgs_audio.utils import build_delay_pattern, revert_delay_pattern


@given(st.integers(1, 8), st.integers(0, 40), st.integers(0, 1000))
def test_reverting_the_pattern_gives_the_frames_back(codebooks: int, frames: int, seed: int) -> None:
    """Columns written and read back are the same audio, whatever their number."""
    codes = torch.randint(0, 1024, (codebooks, frames), generator=torch.Generator().manual_seed(seed))
    columns = build_delay_pattern(codes, 1024, 1025)
    assert columns.shape == (codebooks, frames + codebooks + 1)
    assert (columns[:, 0] == 1024).all()
    assert (columns[:, -1] == 1025).all()
    assert torch.equal(revert_delay_pattern(columns)[:, 1:-1], codes)


@pytest.mark.parametrize("data", [torch.zeros(8, 7), torch.zeros(8, 0), torch.zeros(8)])
def test_columns_without_a_whole_frame_are_refused(data: torch.Tensor) -> None:
    """Too few columns are an error, not an empty or wrong waveform."""
    with pytest.raises(ValueError, match=r"no whole frame|shape"):
        revert_delay_pattern(data)
