"""The flow by chunks, several utterances at a time."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from boson_multimodal.model.step_audio2.flow_matching import join_conditions
from boson_multimodal.model.step_audio2.flow_stream import FlowStream
from boson_multimodal.model.step_audio2.noise import Noise

from .flows import block_causal, random_codes, random_prompt, random_sizes, tiny_flow

if TYPE_CHECKING:
    from boson_multimodal.model.step_audio2.flow import Flow, FlowPrompt

COUNTS = [1, 2, 3, 27, 28, 29]


def spoken(stream: FlowStream, codes: Tensor, sizes: list[int]) -> list[Tensor]:
    """What each push of so many codes gives, and the end."""
    return [*(stream.push(part) for part in codes.split(sizes)), stream.finish()]


def masked_whole(flow: Flow, prompt: FlowPrompt, codes: Tensor, chunks: list[int], seed: int) -> Tensor:
    """Frames of `codes` made at once, under a mask by which no chunk of so many codes sees a later one."""
    blocks = [prompt.codes.shape[1], *chunks]
    ids = torch.cat((prompt.codes[0], codes))[None]
    mu = flow.encoder_proj(flow.encoder(flow.embed(ids), block_causal(blocks)))
    given = prompt.mel.shape[1]
    known = torch.zeros_like(mu)
    known[:, :given] = prompt.mel
    noise = Noise(seed, 80).take(mu.shape[1])[None]
    mask = block_causal([2 * size for size in blocks])
    return flow.decoder.solve(noise, join_conditions(mu, flow.speaker(prompt), known), mask)[0, given:].T


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("seed", range(3))
def test_a_code_is_two_frames(count: int, seed: int) -> None:
    """However the codes come, the frames are twice as many in all, at any moment for all but the last three codes."""
    stream, codes = FlowStream(tiny_flow(1), random_prompt(), seed=0), random_codes(count)
    given = frames = 0
    for part in codes.split(random_sizes(count, seed)):
        frames += stream.push(part).shape[1]
        given += len(part)
        assert frames == 2 * max(given - 3, 0)
    last = stream.finish()
    assert last.shape == (80, 2 * count - frames)
    assert last.dtype == torch.float32


@pytest.mark.parametrize("sizes", [[28, 25, 6], [11, 1, 3, 20], [4, 4], [3]])
def test_a_stream_is_the_whole_under_a_block_causal_mask(sizes: list[int]) -> None:
    """Encoder, noise, conditions and solver go together as in one pass over prompt and utterance, with no chunk seeing
    a later one. Only the prompt's own lookahead is another: its first codes stand for what is not known yet."""
    flow, prompt, codes = tiny_flow(), random_prompt(8), random_codes(sum(sizes))
    # So that the whole, too, finds the prompt's first codes after the prompt.
    codes[:3] = prompt.codes[0, :3]
    stream = FlowStream(flow, prompt, seed=6, history=None)
    chunks = [chunk for chunk in spoken(stream, codes, sizes) if chunk.shape[1]]
    whole = masked_whole(flow, prompt, codes, [chunk.shape[1] // 2 for chunk in chunks], seed=6)
    torch.testing.assert_close(torch.cat(chunks, dim=1), whole, atol=2e-5, rtol=0)


def test_interleaved_streams_are_each_alone() -> None:
    """Streams that take turns on one flow share nothing: each gives exactly what it gives alone."""
    flow = tiny_flow(2)
    plans = [(random_prompt(6, seed=1), 40, 3), (random_prompt(9, seed=2), 35, 4)]
    cuts = [[12, 10, 18], [5, 20, 10]]
    codes = [random_codes(count, seed=seed) for _, count, seed in plans]
    alone = [
        spoken(FlowStream(flow, prompt, seed), row, sizes)
        for (prompt, _, seed), row, sizes in zip(plans, codes, cuts, strict=True)
    ]
    streams = [FlowStream(flow, prompt, seed) for prompt, _, seed in plans]
    parts = [row.split(sizes) for row, sizes in zip(codes, cuts, strict=True)]
    together: list[list[Tensor]] = [[], []]
    for turn in range(3):
        for which, stream in enumerate(streams):
            together[which].append(stream.push(parts[which][turn]))
    for which, stream in enumerate(streams):
        together[which].append(stream.finish())
    for mine, ours in zip(alone, together, strict=True):
        for before, now in zip(mine, ours, strict=True):
            assert torch.equal(before, now)


def test_the_seed_decides() -> None:
    """The same seed and cuts give the same frames, another seed others."""
    flow, codes, prompt = tiny_flow(2), random_codes(30), random_prompt()
    first, again, other = (
        torch.cat(spoken(FlowStream(flow, prompt, seed), codes, [14, 16]), dim=1) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert (first - other).abs().max() > 1e-2


def test_forgetting_begins_after_the_history() -> None:
    """Frames are those of unlimited memory until more than the prompt and the history lies behind, then near them."""
    flow, codes, prompt = tiny_flow(2), random_codes(60), random_prompt()
    remembered, limited = (
        spoken(FlowStream(flow, prompt, 1, history=history), codes, [10] * 6) for history in (None, 40)
    )
    # Settled are 7, 17, 27, 37 and so on: 54 frames lie behind the fourth chunk, 34 behind the third.
    for mine, theirs in zip(remembered[:3], limited[:3], strict=True):
        assert torch.equal(mine, theirs)
    for mine, theirs in zip(remembered[4:], limited[4:], strict=True):
        assert 0 < (mine - theirs).std() < 0.1 * mine.std()


def test_what_is_kept_stays_bounded() -> None:
    """Of the estimator's memory, by far the largest, only the prompt and the history are kept."""
    stream = FlowStream(tiny_flow(1), random_prompt(6), 1, history=40)
    for part in random_codes(200).split(20):
        stream.push(part)
    frames = {pair.shape[-2] for cache in stream._solver_caches for pair in cache.attention}
    assert frames == {12 + 40}


def test_more_than_5000_frames() -> None:
    """An utterance may be longer than any table of positions: frames go on, and stay finite and varied."""
    stream = FlowStream(tiny_flow(1), random_prompt(), 1)
    chunks = [stream.push(part) for part in random_codes(2700).split(300)]
    mel = torch.cat([*chunks, stream.finish()], dim=1)
    assert mel.shape == (80, 5400)
    assert mel.isfinite().all()
    assert abs(float(mel[:, 5000:].std() / mel[:, :400].std()) - 1) < 0.2


def test_an_empty_push_changes_nothing() -> None:
    """Nothing new gives nothing, and the frames after it are the same."""
    flow, codes, prompt = tiny_flow(2), random_codes(20), random_prompt()
    plain = spoken(FlowStream(flow, prompt, 1), codes, [12, 8])
    stream = FlowStream(flow, prompt, 1)
    assert stream.push([]).shape == (80, 0)
    first = stream.push(codes[:12].tolist())
    assert stream.push([]).shape == (80, 0)
    assert torch.equal(first, plain[0])
    assert torch.equal(stream.push(codes[12:]), plain[1])


def test_the_last_codes_may_come_with_the_end() -> None:
    """They are then one chunk with those that waited: the whole utterance at once, under the mask that says so."""
    flow, codes, prompt = tiny_flow(2), random_codes(20), random_prompt()
    codes[:3] = prompt.codes[0, :3]
    stream = FlowStream(flow, prompt, 1)
    first, rest = stream.push(codes[:10]), stream.finish(codes[10:])
    assert (first.shape, rest.shape) == ((80, 14), (80, 26))
    whole = masked_whole(flow, prompt, codes, [7, 13], seed=1)
    torch.testing.assert_close(torch.cat((first, rest), dim=1), whole, atol=2e-5, rtol=0)
    with pytest.raises(ValueError, match="7000 is no speech code"):
        FlowStream(flow, prompt, 1).finish([7000])


def test_an_utterance_without_codes_is_empty() -> None:
    """A stream that is finished at once gives no frames."""
    assert FlowStream(tiny_flow(1), random_prompt(), 1).finish().shape == (80, 0)


def test_a_wrong_id_leaves_the_stream_as_it_was() -> None:
    """The id is named, none of its push is taken, and the stream goes on."""
    flow, codes, prompt = tiny_flow(2), random_codes(20), random_prompt()
    plain = spoken(FlowStream(flow, prompt, 1), codes, [12, 8])
    stream = FlowStream(flow, prompt, 1)
    first = stream.push(codes[:12])
    with pytest.raises(ValueError, match=r"^6561 is no speech code"):
        stream.push([5, 6561])
    assert torch.equal(first, plain[0])
    assert torch.equal(stream.push(codes[12:]), plain[1])


def test_a_finished_stream_is_finished() -> None:
    """What comes after the end is an error, since it would be cut off from what it follows."""
    stream = FlowStream(tiny_flow(1), random_prompt(), 1)
    stream.finish()
    with pytest.raises(RuntimeError, match="finished"):
        stream.push([1])
    with pytest.raises(RuntimeError, match="finished"):
        stream.finish()


def test_a_prompt_that_does_not_fit_is_refused() -> None:
    """A stream checks its prompt as the whole utterance does."""
    prompt = random_prompt()
    prompt.codes[0, 0] = 6561
    with pytest.raises(ValueError, match="6561 is no speech code"):
        FlowStream(tiny_flow(1), prompt, 1)


def test_inputs_follow_the_flow_to_its_device() -> None:
    """Prompts and codes come from the CPU: a flow on another device, here one without values, takes them whole, padded
    and by chunks, and mixes no devices."""
    flow = deepcopy(tiny_flow(1)).to("meta")
    codes, prompts = [random_codes(9), random_codes(4)], [random_prompt(5), random_prompt(7)]
    stream = FlowStream(flow, prompts[0], 0, history=8)
    mels = [*flow.generate_batch(codes, prompts, [0, 1]), stream.push(codes[0]), stream.finish()]
    assert [tuple(mel.shape) for mel in mels] == [(80, 18), (80, 8), (80, 12), (80, 6)]
    assert {mel.device.type for mel in mels} == {"meta"}
