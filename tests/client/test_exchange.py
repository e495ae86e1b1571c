"""When a line has been answered."""

from __future__ import annotations

import asyncio

import pytest

from backend.client.exchange import Exchange

STARTED = {"type": "speech.started"}


def heard(text: str) -> dict:
    return {"type": "transcript.final", "text": text}


def turn_started(turn: int) -> dict:
    return {"type": "turn.started", "turn": turn}


def turn_done(turn: int, outcome: str = "completed") -> dict:
    return {"type": "turn.done", "turn": turn, "outcome": outcome, "ledger": [{"reply": 0}]}


def error(code: str = "llm_error", **fields) -> dict:
    return {"type": "error", "code": code, "message": "gone", **fields}


def after(*events: dict) -> Exchange:
    exchange = Exchange()
    exchange.said()
    for event in events:
        exchange.take(event)
    return exchange


def test_a_typed_line_is_over_with_its_turn():
    """The ledger belongs to the turn that answered."""
    assert not after(turn_started(3)).finished
    exchange = after(turn_started(3), turn_done(3))
    assert exchange.finished
    assert exchange.failure is None
    assert exchange.ledger == [{"reply": 0}]


def test_the_end_of_an_older_turn_is_not_the_end():
    """A turn that is still being interrupted ends after the new line has been sent."""
    assert not after(turn_done(1, "interrupted"), turn_started(2)).finished


def test_a_pause_in_a_recording_does_not_end_the_exchange():
    """Only the turn that answers the rest of the recording counts, at every moment in between."""
    events = [STARTED, heard("one"), turn_started(1), STARTED, turn_done(1, "interrupted"), heard("two")]
    for count in range(1, len(events) + 1):
        assert not after(*events[:count]).finished
    assert after(*events, turn_started(2), turn_done(2)).failure is None


def test_a_turn_that_is_done_while_the_recording_goes_on_is_not_the_end():
    """The rest of the recording will begin another turn."""
    exchange = Exchange()
    for event in (STARTED, heard("one"), turn_started(1), turn_done(1)):
        exchange.take(event)
    assert not exchange.finished
    exchange.said()
    assert exchange.finished


def test_no_words_are_a_failure_with_a_reason():
    """Nobody waits for an answer to noise."""
    exchange = after(STARTED, heard(""))
    assert exchange.finished
    assert exchange.failure == "the server understood no words"


def test_a_refusal_ends_the_exchange():
    """No turn will come after an error that has taken its place."""
    for events in ([error("invalid_request")], [STARTED, error("stt_error")]):
        exchange = after(*events)
        assert exchange.finished
        assert exchange.failure == f"{events[-1]['code']}: gone"


def test_a_failed_turn_gives_the_servers_reason():
    """The error comes before the turn's end."""
    exchange = after(turn_started(1), error(turn=1), turn_done(1, "failed"))
    assert exchange.failure == "llm_error: gone"


def test_an_error_the_turn_survives_is_no_failure():
    """The session goes on after an error; so does the turn where it can."""
    assert after(turn_started(1), error("invalid_request"), turn_done(1)).failure is None


@pytest.mark.virtual_time
async def test_a_server_that_falls_silent_has_failed():
    """Nobody waits for ever."""
    exchange = Exchange(patience_s=5)
    exchange.said()
    began = asyncio.get_running_loop().time()
    await exchange.end()
    assert exchange.failure == "the server has sent nothing for 5 s"
    assert asyncio.get_running_loop().time() - began == pytest.approx(5)


@pytest.mark.virtual_time
async def test_a_server_that_sends_anything_is_waited_for():
    """A long answer may take longer than the server may be silent."""
    exchange = Exchange(patience_s=5)
    exchange.said()
    exchange.take(turn_started(1))
    loop = asyncio.get_running_loop()
    for seconds in (4, 8, 12):
        loop.call_later(seconds, exchange.audio_received)
    loop.call_later(16, exchange.take, turn_done(1))
    await exchange.end()
    assert exchange.failure is None
