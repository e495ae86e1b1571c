from __future__ import annotations

import math

import pytest
import torch
from transformers.generation.logits_process import TopKLogitsWarper, TopPLogitsWarper

from boson_multimodal.model.higgs_audio.sampling import (
    MAX_RAS_WINDOW,
    NEVER,
    SamplerState,
    SamplingParams,
    gumbel_noise,
    warped,
)

CODES, CODEBOOKS = 16, 4
BOS, EOS = CODES, CODES + 1
ALL = SamplingParams(temperature=1, top_p=1, ras_win_len=None)


def state(params: SamplingParams, *, slots: int = 1, limit: int = 1000) -> SamplerState:
    made = SamplerState(slots, CODEBOOKS, BOS, EOS, torch.device("cpu"))
    for slot in range(slots):
        made.begin(slot, params, seed=slot, limit=limit)
    return made


def certain(code: int, *, first: int | None = None) -> torch.Tensor:
    """Logits that leave no doubt: `code` in every codebook, or `first` in the first."""
    logits = torch.zeros(1, CODEBOOKS, CODES + 2)
    logits[..., code] = 50
    if first is not None:
        logits[:, 0] = 0
        logits[:, 0, first] = 50
    return logits


def columns(sampler: SamplerState, logits: torch.Tensor, count: int) -> list[list[int]]:
    return [sampler.draw(slice(0, 1), logits)[0].tolist() for _ in range(count)]


def test_codebooks_begin_one_after_another() -> None:
    """BOS fills what a codebook has not begun, and the model cannot write it itself."""
    logits = certain(BOS)
    logits[..., 3] = 40
    assert columns(state(ALL), logits, 5) == [
        [3, BOS, BOS, BOS],
        [3, 3, BOS, BOS],
        [3, 3, 3, BOS],
        [3, 3, 3, 3],
        [3, 3, 3, 3],
    ]


def test_only_the_first_codebook_ends_an_utterance() -> None:
    """A stray EOS in another codebook is not drawn, however likely the model finds it."""
    logits = certain(EOS, first=5)
    logits[:, 1:, 6] = 40
    assert columns(state(ALL), logits, 6)[-1] == [5, 6, 6, 6]


def test_codebooks_end_one_after_another() -> None:
    """After the first codebook's EOS each further one ends one column later, and may in the column it is due."""
    sampler = state(ALL)
    columns(sampler, certain(7), 5)
    ending = columns(sampler, certain(7, first=EOS), 4)
    assert ending == [[EOS, 7, 7, 7], [EOS, 7, 7, 7], [EOS, EOS, 7, 7], [EOS, EOS, EOS, 7]]
    assert int(sampler.eos_at[0]) == 6
    due = state(ALL)
    columns(due, certain(7), 5)
    logits = certain(EOS)
    logits[..., 7] = 40
    assert columns(due, logits, 3) == [[EOS, 7, 7, 7], [EOS, EOS, 7, 7], [EOS, EOS, EOS, 7]]


def test_the_limit_ends_an_utterance() -> None:
    """In the column of the limit the first codebook ends, whatever the model wants."""
    sampler = state(ALL, limit=3)
    drawn = columns(sampler, certain(7), 5)
    assert [column[0] for column in drawn] == [7, 7, EOS, EOS, EOS]
    assert int(sampler.eos_at[0]) == 3


def test_a_repeated_code_is_drawn_again() -> None:
    """Two of a code among the last columns: the next is drawn from the unwarped distribution, so others come up."""
    logits = torch.zeros(1, CODEBOOKS, CODES + 2)
    logits[..., 2] = 3.0
    logits[..., EOS] = -50
    sharp = {"temperature": 0.05, "top_p": 0.5}
    without = columns(state(SamplingParams(**sharp, ras_win_len=None)), logits, 60)
    with_it = columns(state(SamplingParams(**sharp, ras_win_len=7, ras_win_max_num_repeat=2)), logits, 60)
    assert {column[0] for column in without} == {2}
    firsts = [column[0] for column in with_it]
    assert firsts[:2] == [2, 2]
    assert len(set(firsts)) > 1
    assert longest_run(firsts) < 20


def longest_run(codes: list[int]) -> int:
    longest = run = 0
    for before, code in zip([None, *codes], codes, strict=False):
        run = run + 1 if code == before else 1
        longest = max(longest, run)
    return longest


@pytest.mark.parametrize(
    ("window", "repeats", "history", "again"),
    [
        (7, 2, [2, 2], True),
        (7, 2, [2, 3], False),
        (7, 3, [2, 2], False),
        (7, 3, [2, 2, 2], True),
        (2, 2, [2, 2, 3], False),
        (2, 2, [2, 3, 2], False),
        (3, 2, [2, 3, 2], True),
        (1, 1, [2], True),
        (1, 1, [2, 3], False),
        (0, 1, [2, 2], False),
        (7, 1, [], False),
        (MAX_RAS_WINDOW, 2, [2, *[3] * 62, 2], True),
        (MAX_RAS_WINDOW, 2, [2, *[3] * 63, 2], False),
    ],
)
def test_the_window_and_the_count(window: int, repeats: int, history: list[int], again: bool) -> None:
    """A code counts as repeated exactly when it stands `repeats` times among the last `window` columns."""
    sampler = state(SamplingParams(ras_win_len=window, ras_win_max_num_repeat=repeats))
    for code in history:
        sampler.history = torch.cat((sampler.history[:, 1:], torch.full((1, 1, CODEBOOKS), code)), dim=1)
    assert sampler._repeated(slice(0, 1), torch.full((1, CODEBOOKS), 2)).all().item() is again


def test_ends_are_not_repeats() -> None:
    """EOS columns of an ending utterance are never drawn again as codes."""
    sampler = state(SamplingParams(ras_win_len=7, ras_win_max_num_repeat=1))
    sampler.history[:] = EOS
    assert not sampler._repeated(slice(0, 1), torch.full((1, CODEBOOKS), EOS)).any()


@pytest.mark.parametrize("top_k", [0, 1, 5])
@pytest.mark.parametrize("top_p", [0.05, 0.5, 0.95, 1.0])
def test_warping_is_that_of_transformers(top_k: int, top_p: float) -> None:
    """Top-k and top-p keep what the field's reference implementation keeps."""
    scores = torch.randn(2, CODEBOOKS, 50, generator=torch.Generator().manual_seed(1))
    expected = scores
    if top_k:
        expected = TopKLogitsWarper(top_k)(None, expected)
    if top_p < 1:
        expected = TopPLogitsWarper(top_p)(None, expected.view(-1, 50)).view(expected.shape)
    found = warped(scores, torch.full((2,), top_k), torch.full((2,), top_p))
    assert torch.equal(found, expected)


def test_noise_is_gumbel_and_depends_on_seed_and_step() -> None:
    """Sampling with it has the softmax's frequencies, over seeds as over steps."""
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    many = torch.arange(20_000)
    four = torch.arange(4)
    for noise in (
        gumbel_noise(many, torch.full_like(many, 5), four),
        gumbel_noise(torch.full_like(many, 7), many, four),
        gumbel_noise(
            torch.zeros(1, dtype=torch.long), torch.ones(1, dtype=torch.long), torch.arange(80_000).view(-1, 4)
        )[0],
    ):
        frequencies = torch.bincount((logits + noise).argmax(dim=-1).flatten(), minlength=4) / 20_000
        torch.testing.assert_close(frequencies, logits.exp(), atol=0.015, rtol=0)
        assert torch.isfinite(noise).all()


def test_neighbouring_draws_are_independent() -> None:
    """Seeds, steps and cells that follow one another give noise without any correlation."""
    cells = torch.arange(4096)
    one = torch.ones(1, dtype=torch.long)
    noise = [gumbel_noise(one * seed, one * step, cells)[0] for seed in range(6) for step in range(6)]
    noise += [gumbel_noise(one * 100, one, cells + 1)[0], gumbel_noise(one * 100, one, cells)[0]]
    correlation = torch.corrcoef(torch.stack(noise)) - torch.eye(len(noise))
    assert correlation.abs().max() < 0.07


def test_a_slots_draws_do_not_depend_on_its_neighbours() -> None:
    """The same seed draws the same columns alone and in a batch."""
    logits = torch.randn(3, CODEBOOKS, CODES + 2, generator=torch.Generator().manual_seed(2))
    together = state(SamplingParams(), slots=3)
    found = [together.draw(slice(0, 3), logits) for _ in range(20)]
    for slot in range(3):
        alone = SamplerState(1, CODEBOOKS, BOS, EOS, torch.device("cpu"))
        alone.begin(0, SamplingParams(), seed=slot, limit=NEVER)
        for column in found:
            assert alone.draw(slice(0, 1), logits[slot : slot + 1])[0].tolist() == column[slot].tolist()


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -1},
        {"temperature": math.nan},
        {"top_p": 0},
        {"top_p": 1.5},
        {"top_k": -1},
        {"ras_win_len": MAX_RAS_WINDOW + 1},
        {"ras_win_len": 7, "ras_win_max_num_repeat": 0},
    ],
)
def test_senseless_settings_are_refused(wrong: dict[str, float]) -> None:
    """A setting that cannot be meant is an error that names it, before anything is spoken."""
    with pytest.raises(ValueError, match=next(reversed(wrong))):
        SamplingParams(**wrong)
