from __future__ import annotations

import numpy as np
import pytest
import torch

from boson_multimodal.model.higgs_audio.decoder import Decoder
from boson_multimodal.model.higgs_audio.sampling import SamplingParams
from tests.boson_multimodal.models import generated, random_model, random_rows

GREEDY = SamplingParams(temperature=0, ras_win_len=None)


def with_bos(decoder: Decoder, rows: np.ndarray) -> np.ndarray:
    bos = np.full((1, rows.shape[1]), decoder.bos, dtype=np.int64)
    bos[0, 0] = decoder.audio_id
    return np.concatenate((rows, bos))


@torch.inference_mode()
def drawn(decoder: Decoder, rows: np.ndarray, columns: int, params: SamplingParams = GREEDY) -> list[list[int]]:
    """What the decoder draws in its first slot, from the BOS column to the last code or to `columns`."""
    rows = with_bos(decoder, rows)
    hidden = decoder.prefill(0, rows, 0)
    first = decoder.begin(0, hidden, len(rows), params, seed=params.seed or 0, limit=10_000)
    found = [[decoder.bos] * decoder.codebooks, first[0].tolist()]
    while len(found) < columns and decoder.eos not in found[-1][decoder.codebooks - 2 :]:
        found.append(decoder.step(1, len(rows) + len(found) - 2)[0].tolist())
    decoder.release(0)
    return found


@pytest.mark.parametrize("seed", range(30))  # every combination of codebooks, layers and audio
def test_greedy_columns_are_those_of_transformers(seed: int) -> None:
    """The fused step loop computes what the original model computes, with reference audio and without."""
    rng = np.random.default_rng(seed)
    codebooks = (8, 4)[seed % 5 == 4]
    model = random_model(seed, codebooks=codebooks, layers=1 + seed % 3)
    length = int(rng.integers(24, 60))
    rows = random_rows(rng, length, audio=seed % 2 * int(rng.integers(2, 12)), codebooks=codebooks)
    expected = generated(model, rows, 60)
    found = drawn(Decoder(model, slots=2, spans=[128]), rows, 60)
    assert found == expected[: len(found)]
    assert len(found) == 60 or len(expected) - len(found) in {0, 1, 2}


def test_a_prompt_prefilled_in_pieces_gives_the_same(seed: int = 3) -> None:
    """A long prompt may be taken in between the steps of others."""
    rng = np.random.default_rng(seed)
    model = random_model(seed)
    rows = random_rows(rng, 50, audio=20)
    decoder = Decoder(model, slots=2, spans=[128])
    with torch.inference_mode():
        whole = decoder.prefill(0, rows, 0)
        for begin, end in ((0, 1), (1, 15), (15, 49), (49, 50)):
            last = decoder.prefill(1, rows[begin:end], begin)
    torch.testing.assert_close(last, whole)


def test_swapped_slots_go_on_with_their_own() -> None:
    """Slots change places while they speak, and their utterances go on undisturbed."""
    model = random_model(4)
    rng = np.random.default_rng(0)
    prompts = [random_rows(rng, 20, audio=5), random_rows(rng, 33)]
    alone = [drawn(Decoder(model, slots=1, spans=[128]), rows, 30) for rows in prompts]
    decoder = Decoder(model, slots=2, spans=[128])
    found: list[list[list[int]]] = []
    with torch.inference_mode():
        for slot, rows in enumerate(prompts):
            full = with_bos(decoder, rows)
            hidden = decoder.prefill(slot, full, 0)
            column = decoder.begin(slot, hidden, len(full), GREEDY, seed=0, limit=10_000)
            found.append([[decoder.bos] * 8, column[0].tolist()])
        order = [0, 1]
        for step in range(12):
            if step % 5 == 2:
                decoder.swap(0, 1, decoder.capacity)
                order.reverse()
            for which, column in zip(order, decoder.step(2, 60).tolist(), strict=True):
                found[which].append(column)
    for mine, whole in zip(found, alone, strict=True):
        assert mine[: len(whole)] == whole[: len(mine)]


def test_the_original_module_still_works_beside_it() -> None:
    """Fusing the weights leaves the module whole, since its parameters are views of the fused tensors."""
    model = random_model(6)
    ids = torch.arange(20)[None]
    before = model.model(input_ids=ids).last_hidden_state
    Decoder(model, slots=1, spans=[64])
    torch.testing.assert_close(model.model(input_ids=ids).last_hidden_state, before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_graphs_draw_what_eager_steps_draw() -> None:
    """A captured step is the step."""
    rng = np.random.default_rng(0)
    rows = random_rows(rng, 40, audio=8)
    params = SamplingParams(seed=5)
    found = [
        drawn(
            Decoder(random_model(2, dtype=torch.float32).cuda(), slots=2, spans=[64, 128], graphs=graphs),
            rows,
            60,
            params,
        )
        for graphs in (False, True)
    ]
    assert found[0] == found[1]
