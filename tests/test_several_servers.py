"""Several servers over one database: whoever has a conversation writes to it, and clients find what was said."""

from __future__ import annotations

import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from backend.resume_tokens import instance_of
from tests.scripted import ScriptedLanguageModel
from tests.test_recording import LIST, running, talk


async def test_a_conversation_goes_on_at_another_server_when_the_first_is_gone():
    """The token that one server gave leads to the conversation on every other; what was said is there."""
    async with running(instance="one") as (port, _, _), talk(port) as client:
        await client.say("Hello?")
    async with running(instance="two") as (port, api, _):
        async with talk(port, f"?resume={client.ready['resume_token']}") as again:
            assert again.problem is None
            assert again.ready["conversation"] == client.ready["conversation"]
            await again.say("Still there?")
        kept = (await api.get(f"{LIST}/{client.ready['conversation']}")).json()
        assert [turn["text"] for turn in kept["turns"]] == ["Hello?", "Still there?"]


async def test_who_lost_a_conversation_to_another_server_learns_it_and_writes_no_more():
    """Two servers that cannot see each other never mix what they write: the newer session has the conversation."""
    async with running(instance="one") as (one, _, _), running(instance="two") as (two, api, _), talk(one) as client:
        await client.say("Hello?")
        async with talk(two, f"?conversation={client.ready['conversation']}") as other:
            await other.say("I am here now.")
            await client.send("user.text", text="And I am still here.")
            with pytest.raises(ConnectionClosed) as closed:
                await client.until("never")
            assert closed.value.rcvd.code == 4409
            await other.say("Good.")
        kept = (await api.get(f"{LIST}/{client.ready['conversation']}")).json()
        assert [turn["text"] for turn in kept["turns"]] == ["Hello?", "I am here now.", "Good."]


async def test_a_turn_that_is_not_kept_is_not_told_as_over():
    """Whoever loses the conversation in the middle of a turn is not told that it is over, for it is nowhere."""
    slow = ScriptedLanguageModel("One two three four five six. " * 20, first_token_s=0.0)
    async with (
        running(slow, instance="one") as (one, api, _),
        running(instance="two") as (two, _, _),
        talk(one) as client,
    ):
        client.reports = False
        await client.send("user.text", text="Count.")
        await client.until("audio")
        await kept_soon(api, client)
        async with talk(two, f"?conversation={client.ready['conversation']}") as other:
            assert other.problem is None
            client.reports = True
            await client.send("interrupt")
            with pytest.raises(ConnectionClosed) as closed:
                await client.until("turn.done")
            assert closed.value.rcvd.code == 4409


async def test_who_comes_back_to_a_conversation_that_is_elsewhere_is_told_at_once():
    """Not in the middle of the next turn."""
    async with running(instance="one") as (one, _, _), running(instance="two") as (two, _, _):
        async with talk(one) as client:
            await client.say("Hello?")
        async with talk(two, f"?conversation={client.ready['conversation']}") as other:
            await other.say("I am here now.")
            async with talk(one, f"?resume={client.ready['resume_token']}") as again:
                with pytest.raises(ConnectionClosed) as closed:
                    await again.until("never")
                assert closed.value.rcvd.code == 4409


async def test_a_conversation_that_another_server_deletes_stays_deleted():
    """The one where it goes on closes it, and keeps nothing more."""
    async with running(instance="one") as (one, api, _), running(instance="two") as (_, there, _), talk(one) as client:
        await client.say("My secret is 42.")
        id = client.ready["conversation"]
        assert (await there.delete(f"{LIST}/{id}")).status_code == 200
        await client.send("user.text", text="And another one.")
        with pytest.raises(ConnectionClosed):
            await client.until("turn.done")
        assert (await api.get(f"{LIST}/{id}")).status_code == 404


async def test_a_realtime_client_learns_that_it_lost_its_conversation():
    """By an error event and the end of the connection, as nothing of what it says would be kept."""
    async with (
        running(instance="one") as (one, api, _),
        running(instance="two") as (two, _, _),
        connect(f"ws://127.0.0.1:{one}/v1/realtime?model=nora", subprotocols=["realtime"]) as socket,
    ):
        await asks(socket, "Hello?")
        id = (await api.get(LIST)).json()["conversations"][0]["id"]
        async with talk(two, f"?conversation={id}") as other:
            await other.say("I am here now.")
            told = []
            with pytest.raises(ConnectionClosed) as closed:
                await asks(socket, "And I?", told, until="never")
            assert closed.value.rcvd.code == 4409
            assert told[-1]["error"]["code"] == "conflict"


async def asks(socket, text, told=None, until="response.done"):
    """Asks, and hears what is told up to the end of the answer; fails when the connection is closed before."""
    told = [] if told is None else told
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
    await socket.send(json.dumps({"type": "response.create"}))
    while not told or told[-1]["type"] != until:
        told.append(json.loads(await socket.recv()))


async def kept_soon(api, client):
    """Returns when the turn that goes on can be read; it is written without anybody waiting for it."""
    while True:
        answer = await api.get(f"{LIST}/{client.ready['conversation']}")
        if answer.status_code == 200 and answer.json()["turns"]:
            return


@pytest.mark.parametrize(("instance", "named"), [("replica-1_b", "replica-1_b"), ("", "")])
async def test_a_token_says_which_server_it_leads_to(instance, named):
    """Whoever stands in front of several servers can send a client back; one server alone has no name."""
    async with running(instance=instance) as (port, _, _), talk(port) as client:
        assert instance_of(client.ready["resume_token"]) == named
        assert len(client.ready["resume_token"]) >= 32
