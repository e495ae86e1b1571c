"""When an utterance is read: the turns at the model, the audio and the pauses in time."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import anyio
import pytest

from backend.engines.interfaces import Pause, Transcript
from backend.engines.whisper_queue import FairQueue
from backend.engines.whisper_stream import recognise
from backend.engines.whisper_utterance import PARTIAL_BYTES, Urgency
from backend.engines.whisper_window import FULL_S
from backend.engines.whisper_words import split
from backend.errors import EngineError

pytestmark = pytest.mark.virtual_time

HALF = bytes(PARTIAL_BYTES)
HUNDREDTH = bytes(320)


class Model:
    """Reads how many hundredths of a second a passage has, which takes it a tenth of a second."""

    def __init__(self) -> None:
        self.queue = FairQueue()
        self.begun: list[int] = []

    async def __call__(self, passage):
        count = len(passage.pcm) // len(HUNDREDTH)
        self.begun.append(count)
        await asyncio.sleep(0.1)
        return split(str(count))

    async def keep_busy(self, seconds: float) -> None:
        """Work for somebody else, whom nobody overtakes."""
        async with self.queue.turn(Urgency.ANSWER):
            await asyncio.sleep(seconds)


async def heard(model: Model, *script: bytes | Pause | float) -> list[tuple[float, Transcript]]:
    """What comes out, and when, for audio, pauses and waits (seconds)."""
    sender, audio = anyio.create_memory_object_stream[bytes | Pause](100)

    async def speak() -> None:
        async with sender:
            for item in script:
                if isinstance(item, float):
                    await asyncio.sleep(item)
                else:
                    await sender.send(item)

    clock = asyncio.get_running_loop().time
    started, found = clock(), []
    async with asyncio.TaskGroup() as group, audio, aclosing(recognise(audio, model, model.queue)) as transcripts:
        group.create_task(speak())
        async for transcript in transcripts:
            found.append((round(clock() - started, 3), transcript))
    assert model.queue.idle
    return found


async def test_a_pause_is_answered_while_it_lasts():
    """The text is there while no audio comes and before the turn is decided; deciding costs no second decoding."""
    model = Model()
    assert await heard(model, HUNDREDTH, Pause(), 0.5) == [
        (0.1, Transcript("1", final=False, pauses=1)),
        (0.5, Transcript("1", final=True)),
    ]
    assert model.begun == [1]


async def test_a_pause_that_ends_early_is_the_final():
    """The end of the utterance waits for the decoding under way instead of beginning another one."""
    model = Model()
    assert await heard(model, HUNDREDTH, Pause(), 0.04) == [(0.1, Transcript("1", final=True))]
    assert model.begun == [1]


async def test_a_partial_of_everything_answers_the_pause():
    """A decoding that happens to have everything is not begun again for the pause after it, done or not."""
    for wait in (0.04, 0.3):
        model = Model()
        *_, answer, final = await heard(model, HALF, wait, Pause(), 0.5)
        assert answer == (max(wait, 0.1), Transcript("50", final=False, pauses=1))
        assert final == (wait + 0.5, Transcript("50", final=True))
        assert model.begun == [50]


async def test_a_pause_during_a_partial_is_answered_next():
    """A pause waits for the decoding under way, which tells what it has, and then has everything decoded."""
    model = Model()
    assert await heard(model, HALF, 0.04, HUNDREDTH, Pause(), 0.5) == [
        (0.1, Transcript("50", final=False)),
        (0.2, Transcript("51", final=False, pauses=1)),
        (0.54, Transcript("51", final=True)),
    ]


async def test_the_newest_pause_is_answered():
    """Speech after a pause takes back its right to an answer; the pause after that has everything."""
    model = Model()
    assert await heard(model, HUNDREDTH, Pause(), 0.04, HUNDREDTH, 0.3, Pause(), 0.2) == [
        (0.1, Transcript("1", final=False)),
        (0.44, Transcript("2", final=False, pauses=2)),
        (0.54, Transcript("2", final=True)),
    ]


async def test_a_claim_nobody_needs_any_more_is_given_up():
    """While others have the model, a pause that speech has overtaken does not decode when the turn comes."""
    model = Model()
    async with asyncio.TaskGroup() as group:
        group.create_task(model.keep_busy(1.0))
        await asyncio.sleep(0)
        found = await heard(model, HUNDREDTH, Pause(), 0.1, HUNDREDTH, 2.0, HUNDREDTH)
    assert model.begun == [3]
    assert found == [(2.2, Transcript("3", final=True))]


async def test_a_partial_has_what_came_in_while_it_waited():
    """When the turn comes at last, everything heard by then is decoded at once, and not what had been heard before."""
    model = Model()
    async with asyncio.TaskGroup() as group:
        group.create_task(model.keep_busy(1.0))
        await asyncio.sleep(0)
        found = await heard(model, HALF, 0.4, HALF, 0.4, HALF, 1.0)
    assert model.begun == [150]
    assert found == [(1.1, Transcript("150", final=False)), (1.8, Transcript("150", final=True))]


async def test_a_pause_makes_a_waiting_partial_urgent():
    """A stream that waits for a partial goes before other streams' partials as soon as an answer is wanted of it."""
    model = Model()
    async with asyncio.TaskGroup() as group:
        group.create_task(model.keep_busy(1.0))
        await asyncio.sleep(0)
        talking = group.create_task(heard(model, *(HALF, 0.4) * 5))
        await asyncio.sleep(0.1)
        pausing = group.create_task(heard(model, HALF, 0.1, HUNDREDTH, Pause(), 2.0))
    assert model.begun[0] == 51
    assert pausing.result()[0][1] == Transcript("51", final=False, pauses=1)
    assert talking.result()[-1][1].final


async def test_no_more_is_taken_than_there_is_room_for():
    """A stream whose model is busy leaves the audio where it is when its window is full, and loses none of it."""
    model, taken = Model(), 0

    async def microphone():
        nonlocal taken
        for _ in range(200):
            taken += 1
            yield HALF

    stream = recognise(microphone(), model, model.queue)
    async with asyncio.TaskGroup() as group, aclosing(stream) as transcripts:
        group.create_task(model.keep_busy(1.0))
        await asyncio.sleep(0)
        reading = group.create_task(anext(transcripts))
        await asyncio.sleep(0.9)
        assert taken == 2 * FULL_S + 1
        await reading
        text = [transcript.text async for transcript in transcripts][-1]
    assert sum(int(word) for word in text.split()) == 200 * 50


@pytest.mark.parametrize("others_work_s", [0.0, 1.0])
async def test_closing_gives_the_turn_back(others_work_s):
    """A session that ends in the middle of a decoding, or waiting for one, leaves neither task nor turn behind."""
    model = Model()
    sender, audio = anyio.create_memory_object_stream[bytes | Pause](100)
    async with asyncio.TaskGroup() as group:
        group.create_task(model.keep_busy(others_work_s))
        async with sender, audio, aclosing(recognise(audio, model, model.queue)) as stream:
            sender.send_nowait(HALF)
            waiting = group.create_task(anext(stream))
            await asyncio.sleep(0.05)
            waiting.cancel()
            await asyncio.wait((waiting,))
            assert model.queue.idle == (others_work_s == 0.0)
    assert model.queue.idle
    assert model.begun == ([] if others_work_s else [50])


async def test_a_failure_ends_the_stream():
    """What goes wrong in the model reaches the consumer, even while no audio comes."""

    async def fail(passage):
        raise EngineError("stt", "no")

    queue = FairQueue()
    sender, audio = anyio.create_memory_object_stream[bytes | Pause](100)
    with sender, audio:
        sender.send_nowait(HALF)
        with pytest.raises(EngineError, match="no"):
            await anext(recognise(audio, fail, queue))
    assert queue.idle
