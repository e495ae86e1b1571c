"""The native protocol from the client's side."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import serve

from backend.client import connection as wire
from backend.client.concurrency import beside
from backend.client.connection import AudioFrame, ConnectionFailed, ProtocolViolation, connect, parse_event, parse_frame
from tests.client.scripted_server import RATE_HZ, Script, frame, scripted_server

U16, U32 = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
READY = {"type": "session.ready", "protocol": 1, "output_rate": RATE_HZ, "engines": {}, "characters": []}


@asynccontextmanager
async def server_that_says(*messages):
    """A server that sends `messages` to whoever connects, and closes."""

    async def handle(socket):
        for message in messages:
            await socket.send(message if isinstance(message, bytes) else json.dumps(message))

    async with serve(handle, "127.0.0.1", 0) as listening:
        yield f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/ws"


@given(turn=U32, reply=U16, first=U32, flags=st.integers(0, 255), pcm=st.binary(max_size=64).map(lambda b: b * 2))
def test_frames_are_read_as_the_protocol_lays_them_out(turn, reply, first, flags, pcm):
    """Every field of the header lands where the protocol puts it, for all values it can have."""
    parsed = parse_frame(frame(turn, reply, first, pcm, flags))
    assert parsed == AudioFrame(turn, reply, 0, 0, first, flags, pcm)
    assert parsed.samples == len(pcm) // 2


@given(st.binary(max_size=64))
def test_arbitrary_bytes_are_a_frame_or_a_violation(data):
    """No binary message brings the client down in any other way than the one it is ready for."""
    try:
        parsed = parse_frame(data)
    except ProtocolViolation:
        return
    assert data[0] == 1
    assert parsed.pcm == data[16:]


@given(st.text(max_size=32))
def test_arbitrary_text_is_an_event_or_a_violation(text):
    """No text message brings the client down in any other way than the one it is ready for."""
    for message in (text, json.dumps(text), json.dumps({"type": text})):
        with suppress(ProtocolViolation):
            assert isinstance(parse_event(message)["type"], str)


def test_commands_have_the_protocols_names():
    """A misspelt type or field would only show as an error of the server."""
    assert [
        wire.session_configure(output_rate=24000, captions=False),
        wire.user_text("hi"),
        wire.user_text("hi", ["mara"]),
        wire.playback_position(1, 2, 3),
        wire.interrupt(),
        wire.audio_commit(),
        wire.regenerate(),
        wire.conversation_clear(),
        wire.ping("n"),
    ] == [
        {"type": "session.configure", "output_rate": 24000, "captions": False},
        {"type": "user.text", "text": "hi"},
        {"type": "user.text", "text": "hi", "to": ["mara"]},
        {"type": "playback.position", "turn": 1, "reply": 2, "samples": 3},
        {"type": "interrupt"},
        {"type": "audio.commit"},
        {"type": "regenerate"},
        {"type": "conversation.clear"},
        {"type": "ping", "nonce": "n"},
    ]


async def test_frames_of_older_turns_are_dropped():
    """After a barge-in, audio of the turn that was cut off is still on its way and must not be heard."""
    messages = [
        READY,
        frame(1, 0, 0, b"aa"),
        {"type": "turn.started", "turn": 2},
        frame(1, 0, 1, b"bb"),
        frame(2, 0, 0, b"cc"),
    ]
    async with server_that_says(*messages) as url, connect(url) as connection:
        assert [m.pcm for m in [m async for m in connection] if isinstance(m, AudioFrame)] == [b"aa", b"cc"]


async def test_the_latest_configuration_is_known():
    """Playing at a rate that is no longer in force would change the pitch."""
    async with scripted_server() as server, connect(server.url) as connection:
        assert connection.ready["output_rate"] == 16_000
        await connection.configure(output_rate=24_000)
        assert connection.ready["output_rate"] == 24_000


async def test_the_api_key_opens_the_door():
    """Without the right key the reason is given in words; with it, a query that is already there stays."""
    async with scripted_server(Script(api_key="k&=y")) as server:
        with pytest.raises(ConnectionFailed, match=r"the API key is wrong \(4401\)"):
            async with connect(server.url, "no"):
                pass
        async with connect(f"{server.url}?conversation=c1", "k&=y") as connection:
            assert connection.ready["session"] == "sess_1"


async def test_no_server_is_one_clear_line():
    """The commonest mistake is a server that has not been started."""
    async with scripted_server() as server:
        url = server.url
    with pytest.raises(ConnectionFailed, match="no server listens there"):
        async with connect(url):
            pass


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "nonsense", "ws://"])
async def test_a_url_that_cannot_work_is_named(url):
    """A wrong URL is a mistake of the person, not a bug."""
    with pytest.raises(ConnectionFailed, match="cannot connect"):
        async with connect(url):
            pass


async def test_another_protocol_is_refused():
    """A later server may mean other things by the same words."""
    async with server_that_says(READY | {"protocol": 2}) as url:
        with pytest.raises(ProtocolViolation, match="protocol 2"):
            async with connect(url):
                pass


async def test_a_server_that_hangs_up_before_it_is_ready_has_failed():
    """A normal closing is no success when nothing was offered yet."""
    async with server_that_says() as url:
        with pytest.raises(ConnectionFailed, match="closed"):
            async with connect(url):
                pass


async def test_a_refused_configuration_gives_the_servers_reason():
    """What the server says is wrong with a setting must reach the person who chose it."""
    async with scripted_server(Script(refuses=True)) as server, connect(server.url) as connection:
        with pytest.raises(ConnectionFailed, match="invalid_request: this cannot be"):
            await connection.configure(characters=["x"])


async def test_sending_to_a_server_that_is_gone_fails():
    """A lost connection is noticed by whoever sends first."""
    async with server_that_says(READY) as url, connect(url) as connection:
        assert [m async for m in connection] == []
        with pytest.raises(ConnectionFailed):
            await connection.send(wire.interrupt())


async def test_a_failure_beside_the_body_is_raised_as_itself():
    """An exception group would hide from `except ConnectionFailed` what has happened."""

    async def fail():
        raise ConnectionFailed("gone")

    with pytest.raises(ConnectionFailed, match="gone"):
        async with beside(fail(), asyncio.Event().wait()):
            await asyncio.Event().wait()


async def test_a_bug_beside_the_body_is_not_mistaken_for_a_failure():
    """Unknown exceptions keep their traceback."""

    async def fail():
        raise KeyError("bug")

    with pytest.raises(BaseExceptionGroup):
        async with beside(fail()):
            await asyncio.Event().wait()
