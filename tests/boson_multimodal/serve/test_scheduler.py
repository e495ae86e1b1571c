from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest

from boson_multimodal.model.higgs_audio.decoder import Decoder
from boson_multimodal.model.higgs_audio.sampling import SamplingParams
from boson_multimodal.serve import scheduler as scheduler_module
from boson_multimodal.serve.scheduler import Scheduler
from boson_multimodal.serve.utterance import FinishReason, Utterance
from tests.boson_multimodal.models import random_model, random_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SPANS = [128, 256]


@dataclass
class Sink:
    """Collects an utterance; `at` columns it calls `then` in the scheduler's thread."""

    at: int = -1
    then: Callable[[], None] = lambda: None
    columns: list[list[int]] = field(default_factory=list)
    outcome: FinishReason | BaseException | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def put(self, value: np.ndarray) -> None:
        self.columns.append(value.tolist())
        if len(self.columns) == self.at:
            self.then()

    def end(self, finish_reason: FinishReason) -> None:
        self.outcome = finish_reason
        self.ended.set()

    def error(self, error: BaseException) -> None:
        self.outcome = error
        self.ended.set()

    def wait(self) -> list[list[int]]:
        assert self.ended.wait(60)
        return self.columns


@pytest.fixture
def three() -> Iterator[Scheduler]:
    """A scheduler of three slots on a random model."""
    made = Scheduler(Decoder(random_model(5), slots=3, spans=SPANS))
    yield made
    made.close()


def requests() -> list[tuple[np.ndarray, SamplingParams]]:
    rng = np.random.default_rng(0)
    return [
        (random_rows(rng, 12 + 7 * i, audio=5 * (i % 2)), SamplingParams(temperature=1.0, top_p=0.9, seed=i))
        for i in range(8)
    ]


def alone(rows: np.ndarray, params: SamplingParams, columns: int = 80) -> list[list[int]]:
    single = Scheduler(Decoder(random_model(5), slots=1, spans=SPANS))
    sink = Sink()
    single.submit(Utterance(rows, params, columns, sink))
    found = sink.wait()
    single.close()
    return found


def test_a_staggered_batch_equals_single_runs(three: Scheduler) -> None:
    """Each utterance begins when another has come some way, more than there are slots, and none notices."""
    sinks: list[Sink] = []
    asked = requests()

    def ask(number: int) -> None:
        rows, params = asked[number]
        following = (lambda: ask(number + 1)) if number + 1 < len(asked) else lambda: None
        sink = Sink(at=3 + number % 4, then=following)
        sinks.append(sink)
        three.submit(Utterance(rows, params, 80, sink))

    ask(0)
    for number, (rows, params) in enumerate(asked):
        while len(sinks) <= number:
            sinks[-1].ended.wait(0.01)
        assert sinks[number].wait() == alone(rows, params)
    assert three.active_slots == 0


def test_another_seed_speaks_otherwise(three: Scheduler) -> None:
    """The seed decides, and without one every run is its own."""
    rows, _ = requests()[0]
    found = []
    for seed in (1, 2, 1, None, None):
        sink = Sink()
        three.submit(Utterance(rows, SamplingParams(seed=seed), 40, sink))
        found.append(sink.wait())
    assert found[0] == found[2]
    assert len({str(columns) for columns in found}) == 4


def test_an_utterance_has_the_delay_patterns_shape(three: Scheduler) -> None:
    """From the all-BOS to the all-EOS column, whatever ends it, so that reverting it gives whole frames."""
    for rows, params in requests():
        sink = Sink()
        three.submit(Utterance(rows, params, 50, sink))
        columns = np.array(sink.wait())
        assert len(columns) <= 50
        assert sink.outcome == ("length" if len(columns) == 50 else "stop")
        for k in range(8):
            assert (columns[: k + 1, k] == 64).all()
            assert (columns[len(columns) - 8 + k :, k] == 65).all()
            assert (columns[k + 1 : len(columns) - 8 + k, k] < 64).all()


@pytest.mark.parametrize("at", [1, 2, 5])
def test_cancelling_frees_the_slot_at_once(three: Scheduler, at: int) -> None:
    """Cancelled in its midst an utterance ends there; what waited takes its slot."""
    rows, params = requests()[1]
    running = Sink(at=at)
    utterance = Utterance(rows, params, 200, running)
    running.then = lambda: three.cancel(utterance)
    three.submit(utterance)
    running.wait()
    assert running.outcome == "cancelled"
    # The step under way when the wish came is the last.
    assert at <= len(running.columns) <= at + 2
    assert three.active_slots == 0
    three.cancel(utterance)
    again = Sink()
    three.submit(Utterance(rows, params, 80, again))
    assert again.wait() == alone(rows, params)


def test_what_waits_can_be_cancelled(three: Scheduler) -> None:
    """An utterance that has no slot yet is dropped without having had one."""
    rows, params = requests()[1]
    waiting = [Sink() for _ in range(6)]
    utterances = [Utterance(rows, params, 200, sink) for sink in waiting]
    for utterance in utterances:
        three.submit(utterance)
    for utterance in reversed(utterances):
        three.cancel(utterance)
    for sink in waiting:
        sink.wait()
    assert {sink.outcome for sink in waiting} <= {"cancelled", "length", "stop"}
    assert waiting[-1].columns == []
    assert three.active_slots == 0


def test_a_prompt_already_in_the_cache_is_not_prefilled_again(three: Scheduler, prefilled: list[int]) -> None:
    """The next chunk of a voice computes only what is new, and says the same as if it had computed everything."""
    rows, params = requests()[3]
    first = Sink()
    three.submit(Utterance(rows, params, 60, first))
    columns = np.array(first.wait())
    spoken = np.concatenate((np.full((len(columns), 1), 300), columns), axis=1)
    following = np.concatenate((rows, spoken, random_rows(np.random.default_rng(9), 20)))
    prefilled.clear()
    second = Sink()
    three.submit(Utterance(following, params, 60, second))
    found = second.wait()
    assert sum(prefilled) <= 20 + 1 + 9
    assert found == alone(following, params, 60)


def test_a_prompt_that_shares_its_opening_gets_a_copy(three: Scheduler, prefilled: list[int]) -> None:
    """Two voices with the same reference at the same time: the reference is computed once."""
    rng = np.random.default_rng(4)
    opening = random_rows(rng, 60, audio=30)
    prompts = [np.concatenate((opening, random_rows(rng, 15))) for _ in range(3)]
    sinks = [Sink() for _ in prompts]
    for prompt, sink in zip(prompts, sinks, strict=True):
        three.submit(Utterance(prompt, SamplingParams(seed=2), 60, sink))
    found = [sink.wait() for sink in sinks]
    assert sum(prefilled) == 76 + 16 + 16
    assert found == [alone(prompt, SamplingParams(seed=2), 60) for prompt in prompts]


def test_a_failure_reaches_everybody_concerned_and_ends_there(
    three: Scheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of the decoder is each consumer's error, and the next utterance is served."""
    rows, params = requests()[1]
    original = Decoder.step

    def broken(_decoder: Decoder, _batch: int, _longest: int) -> object:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(Decoder, "step", broken)
    sinks = [Sink(), Sink()]
    for sink in sinks:
        three.submit(Utterance(rows, params, 80, sink))
    for sink in sinks:
        sink.wait()
        assert str(sink.outcome) == "out of memory"
    assert three.active_slots == 0
    monkeypatch.setattr(Decoder, "step", original)
    caplog.clear()
    again = Sink()
    three.submit(Utterance(rows, params, 80, again))
    assert again.wait() == alone(rows, params)


def test_an_endless_sound_is_ended(three: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that holds one sound is made to stop, cleanly, long before its budget is spent."""

    class Impatient:
        def __init__(self) -> None:
            self.fed = 0

        def feed(self, _code: int) -> str | None:
            self.fed += 1
            return "the test says so" if self.fed == 10 else None

    rows, params = next(asked for asked in requests() if len(alone(*asked)) > 40)
    sink = Sink()
    utterance = Utterance(rows, params, 150, sink)
    monkeypatch.setattr(utterance, "watchdog", Impatient())
    three.submit(utterance)
    columns = sink.wait()
    assert len(columns) == 10 + 2 + 8
    assert sink.outcome == "length"
    assert set(columns[-1]) == {65}


def test_a_prompt_that_cannot_fit_is_refused(three: Scheduler) -> None:
    """What leaves no room to speak is an error at once that says what to do."""
    with pytest.raises(ValueError, match="keep fewer chunks"):
        three.submit(Utterance(random_rows(np.random.default_rng(0), 250), SamplingParams(), 80, Sink()))


def test_closing_cancels_everything() -> None:
    """No thread and no waiting consumer is left behind."""
    made = Scheduler(Decoder(random_model(5), slots=1, spans=SPANS))
    before = threading.active_count()
    rows, params = requests()[1]
    sinks = [Sink() for _ in range(3)]
    for sink in sinks:
        made.submit(Utterance(rows, params, 200, sink))
    made.close()
    for sink in sinks:
        sink.wait()
    assert threading.active_count() == before - 1
    with pytest.raises(RuntimeError, match="closed"):
        made.submit(Utterance(rows, params, 200, Sink()))


def test_a_long_prompt_does_not_hold_up_the_others(three: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    """While others speak a prompt is taken in pieces, a step of theirs between any two."""
    monkeypatch.setattr(scheduler_module, "PREFILL_ROWS", 16)
    order: list[str] = []
    prefill, step = Decoder.prefill, Decoder.step

    def noted_prefill(decoder: Decoder, slot: int, new: np.ndarray, start: int) -> object:
        order.append("prefill")
        return prefill(decoder, slot, new, start)

    def noted_step(decoder: Decoder, batch: int, longest: int) -> object:
        order.append("step")
        return step(decoder, batch, longest)

    monkeypatch.setattr(Decoder, "prefill", noted_prefill)
    monkeypatch.setattr(Decoder, "step", noted_step)
    rng = np.random.default_rng(1)
    long, params = random_rows(rng, 100), SamplingParams(seed=1)
    second = Sink()
    first = Sink(at=3, then=lambda: three.submit(Utterance(long, params, 40, second)))
    three.submit(Utterance(requests()[1][0], params, 80, first))
    first.wait()
    found = second.wait()
    pieces = [place for place, what in enumerate(order) if what == "prefill"][1:]
    assert len(pieces) == 7
    assert all(later - earlier == 2 for earlier, later in itertools.pairwise(pieces))
    assert found == alone(long, params, 40)
