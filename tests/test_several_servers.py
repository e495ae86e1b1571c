"""Several servers over one database: whoever has a conversation writes to it, and clients find what was said."""

from __future__ import annotations

import pytest
from websockets.exceptions import ConnectionClosed

from backend.resume_tokens import instance_of
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


@pytest.mark.parametrize(("instance", "named"), [("replica-1_b", "replica-1_b"), ("", "")])
async def test_a_token_says_which_server_it_leads_to(instance, named):
    """Whoever stands in front of several servers can send a client back; one server alone has no name."""
    async with running(instance=instance) as (port, _, _), talk(port) as client:
        assert instance_of(client.ready["resume_token"]) == named
        assert len(client.ready["resume_token"]) >= 32
