"""The better recogniser when it is there, the other one until then."""

from __future__ import annotations

import asyncio
from typing import Self

import pytest

from backend.engines.interfaces import Transcript
from backend.engines.preferred import PreferredSpeechToText
from backend.errors import ConfigurationError
from tests.engines import contract


class Echo:
    """A recogniser that answers every utterance with its own name."""

    def __init__(self, name: str, *, stand_in: bool, ready: bool, broken: bool = False) -> None:
        self.name = name
        self.stand_in = stand_in
        self.ready = ready
        self.detail = f"about {name}"
        self.entered = 0
        self._broken = broken

    async def __aenter__(self) -> Self:
        if self._broken:
            raise ConfigurationError("it is not installed")
        self.entered += 1
        return self

    async def __aexit__(self, *exception: object) -> None:
        self.entered -= 1

    async def stream(self, audio, hints):
        async for _ in audio:
            yield Transcript(self.name, final=False)
        yield Transcript(self.name, final=True)


@pytest.fixture
def better() -> Echo:
    return Echo("better", stand_in=False, ready=False)


@pytest.fixture
def meanwhile() -> Echo:
    return Echo("meanwhile", stand_in=True, ready=True)


async def heard_by(stt: PreferredSpeechToText) -> str:
    return (await contract.drain(stt.stream(contract.windows(b""))))[-1].text


@pytest.mark.parametrize("check", contract.CHECKS)
async def test_keeps_the_contract(better, meanwhile, check):
    """Two engines behind one face behave as every engine must."""
    async with PreferredSpeechToText(better, meanwhile) as stt:
        await check(contract.hearing(stt, bytes(4096), idle=lambda: True))


async def test_changes_over_when_the_better_one_is_ready(better, meanwhile):
    """Streams go to the other engine until the better one is ready, and what is reported goes with them."""
    async with PreferredSpeechToText(better, meanwhile) as stt:
        assert (stt.name, stt.stand_in, stt.ready) == ("meanwhile", True, True)
        assert stt.detail == "about meanwhile; better about better"
        assert await heard_by(stt) == "meanwhile"
        better.ready = True
        assert (stt.name, stt.stand_in, stt.ready) == ("better", False, True)
        assert stt.detail == "about better"
        assert await heard_by(stt) == "better"


async def test_a_stream_stays_where_it_began(better, meanwhile):
    """An utterance during which the better engine becomes ready is finished by the one that heard its beginning."""
    async with PreferredSpeechToText(better, meanwhile) as stt:
        stream = stt.stream(contract.windows(bytes(4096)))
        await anext(stream)
        better.ready = True
        assert {transcript.text for transcript in await contract.drain(stream)} == {"meanwhile"}


async def test_a_better_one_that_cannot_start_is_left_alone(meanwhile, caplog):
    """Without the better engine everything works as before, and the log says once why it is not there."""
    broken = Echo("better", stand_in=False, ready=False, broken=True)
    async with PreferredSpeechToText(broken, meanwhile) as stt:
        assert stt.ready
        assert stt.detail == "about meanwhile; better it is not installed"
        assert await heard_by(stt) == "meanwhile"
    assert [record.getMessage() for record in caplog.records] == ["better is not available: it is not installed"]


async def test_enters_and_leaves_both(better, meanwhile):
    """Both engines are entered, and left also when the server is cancelled."""
    stt = PreferredSpeechToText(better, meanwhile)
    with pytest.raises(asyncio.CancelledError):
        async with stt:
            assert (better.entered, meanwhile.entered) == (1, 1)
            raise asyncio.CancelledError
    assert (better.entered, meanwhile.entered) == (0, 0)


async def test_fails_when_neither_can_start(better):
    """A server without any recogniser does not start, and nothing stays entered."""
    broken = Echo("meanwhile", stand_in=True, ready=False, broken=True)
    with pytest.raises(ConfigurationError):
        async with PreferredSpeechToText(better, broken):
            pass
    assert better.entered == 0
