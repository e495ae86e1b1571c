"""The flow over whole utterances, one or several."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from boson_multimodal.model.step_audio2.flow import FlowPrompt

from .flows import random_codes, random_prompt, tiny_flow

COUNTS = [1, 2, 3, 27, 28, 29]


@pytest.mark.parametrize("count", COUNTS)
def test_a_code_is_two_frames(count: int) -> None:
    """The vocoder and all durations rely on it, from a single code on; the prompt's frames are not given out."""
    mel = tiny_flow(2).generate(random_codes(count), random_prompt(), seed=0)
    assert mel.shape == (80, 2 * count)
    assert mel.dtype == torch.float32
    assert mel.isfinite().all()


def test_the_seed_decides() -> None:
    """The same seed gives the same frames, another one others."""
    flow, codes, prompt = tiny_flow(2), random_codes(10), random_prompt()
    mel = flow.generate(codes, prompt, seed=4)
    assert torch.equal(mel, flow.generate(codes.tolist(), prompt, seed=4))
    assert (mel - flow.generate(codes, prompt, seed=5)).abs().max() > 1e-2


@pytest.mark.parametrize("part", ["codes", "mel", "speaker"])
def test_every_part_of_the_prompt_matters(part: str) -> None:
    """Codes, frames and speaker of the voice all reach the frames; only the speaker's direction does."""
    flow, codes, prompt = tiny_flow(2), random_codes(10), random_prompt()
    parts = {name: getattr(prompt, name) for name in ("codes", "mel", "speaker")}
    mel = flow.generate(codes, prompt, seed=0)
    other = FlowPrompt(**(parts | {part: getattr(random_prompt(seed=9), part)}))
    assert (flow.generate(codes, other, seed=0) - mel).abs().max() > 1e-3
    louder = FlowPrompt(prompt.codes, prompt.mel, 10 * prompt.speaker)
    torch.testing.assert_close(flow.generate(codes, louder, seed=0), mel, atol=1e-4, rtol=0)


def test_a_batch_is_its_rows() -> None:
    """Utterances of all lengths and voices come out of a padded batch as each alone."""
    flow = tiny_flow()
    codes = [random_codes(count, seed=count) for count in COUNTS]
    prompts = [random_prompt(4 + index, seed=index) for index in range(len(COUNTS))]
    seeds = list(range(len(COUNTS)))
    batch = flow.generate_batch(codes, prompts, seeds)
    for mel, row, prompt, seed in zip(batch, codes, prompts, seeds, strict=True):
        torch.testing.assert_close(mel, flow.generate(row, prompt, seed), atol=1e-5, rtol=0)


def test_a_batch_of_one_length_is_its_rows() -> None:
    """Without padding there is no mask, and the rows are as alone as well."""
    flow, prompt = tiny_flow(), random_prompt()
    codes = [random_codes(9, seed=seed) for seed in range(3)]
    batch = flow.generate_batch(codes, [prompt] * 3, [1, 2, 3])
    for mel, row, seed in zip(batch, codes, [1, 2, 3], strict=True):
        torch.testing.assert_close(mel, flow.generate(row, prompt, seed), atol=1e-5, rtol=0)


def test_a_batch_needs_a_prompt_and_a_seed_for_each() -> None:
    """A list too short is an error, never a row without a voice."""
    flow, codes, prompt = tiny_flow(2), random_codes(3), random_prompt()
    with pytest.raises(ValueError, match="zip"):
        flow.generate_batch([codes, codes], [prompt], [1, 2])
    with pytest.raises(ValueError, match="zip"):
        flow.generate_batch([codes, codes], [prompt, prompt], [1])


@pytest.mark.parametrize("wrong", [-1, 6561, 158257])
def test_ids_that_are_no_codes_are_refused_by_name(wrong: int) -> None:
    """The padding's id and text tokens never reach the embedding, where they would stop a GPU's whole process."""
    with pytest.raises(ValueError, match=f"^{wrong} is no speech code; these are 0 to 6560"):
        tiny_flow(2).generate([0, 6560, wrong, -7], random_prompt(), seed=0)
    prompt = random_prompt()
    prompt.codes[0, 3] = wrong
    with pytest.raises(ValueError, match=f"^{wrong} is no speech code"):
        tiny_flow(2).generate([0, 6560], prompt, seed=0)


@pytest.mark.parametrize(
    ("codes", "mel", "speaker", "message"),
    [
        ((1, 5), (1, 9, 80), (1, 192), r"2 frames of mel a code; here are \[1, 5\], \[1, 9, 80\]"),
        ((2, 5), (2, 10, 80), (2, 192), "one voice"),
        ((1, 5), (1, 10, 80), (2, 192), "one voice"),
        ((5,), (1, 10, 80), (1, 192), r"codes \[1, T\]"),
        ((1, 5), (10, 80), (1, 192), r"codes \[1, T\]"),
        ((1, 5), (1, 10, 80), (192,), r"codes \[1, T\]"),
    ],
)
def test_a_prompt_that_does_not_fit_together_is_refused(
    codes: tuple[int, ...], mel: tuple[int, ...], speaker: tuple[int, ...], message: str
) -> None:
    """Frames that are not two for each code would shift the voice against its codes."""
    with pytest.raises(ValueError, match=message):
        FlowPrompt(torch.zeros(codes, dtype=torch.long), torch.zeros(mel), torch.zeros(speaker))


@pytest.mark.parametrize(
    ("mel", "speaker", "count", "message"),
    [
        (100, 192, 5, "100 mel channels"),
        (80, 512, 5, "a speaker of 512 values"),
        (80, 192, 2, "2 codes; .* at least 3"),
    ],
)
def test_a_prompt_of_another_model_is_refused(mel: int, speaker: int, count: int, message: str) -> None:
    """The message says what this flow takes."""
    prompt = FlowPrompt(torch.zeros(1, count).long(), torch.zeros(1, 2 * count, mel), torch.zeros(1, speaker))
    with pytest.raises(ValueError, match=message):
        tiny_flow(2).generate([1, 2], prompt, seed=0)


def test_codes_are_a_list() -> None:
    """A batch given where one utterance is due is an error."""
    with pytest.raises(ValueError, match=r"shape \[N\], not \[1, 4\]"):
        tiny_flow(2).generate(torch.zeros(1, 4, dtype=torch.long), random_prompt(), seed=0)


def test_no_codes_are_no_frames() -> None:
    """An utterance without speech is empty, not an error, alone and beside others."""
    flow, prompt = tiny_flow(2), random_prompt()
    assert flow.generate([], prompt, seed=0).shape == (80, 0)
    none, some = flow.generate_batch([[], [5, 6]], [prompt, prompt], [0, 0])
    assert (none.shape, some.shape) == ((80, 0), (80, 4))


def test_frames_are_float32_in_any_model() -> None:
    """A model in bfloat16 solves in float32 and comes near the one in float32."""
    codes, prompt = random_codes(10), random_prompt()
    mel = tiny_flow(2).generate(codes, prompt, seed=0)
    coarse = deepcopy(tiny_flow(2)).bfloat16().generate(codes, prompt, seed=0)
    assert coarse.dtype == torch.float32
    assert (coarse - mel).abs().mean() < 0.05 * mel.std()
