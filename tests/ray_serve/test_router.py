"""Which replica takes a request."""

from __future__ import annotations

import asyncio
import pickle
from collections import Counter
from types import SimpleNamespace

import pytest
from ray.serve._private.common import StreamingHTTPRequest

from backend.ray_serve.router import StickyRouter
from backend.resume_tokens import new_token

REPLICAS = [SimpleNamespace(replica_id=SimpleNamespace(unique_id=name)) for name in ("one", "two", "three")]


def request(query: str, kind: str = "http") -> SimpleNamespace:
    """As Serve's proxy passes it on."""
    scope = {"type": "websocket", "path": "/ws", "query_string": query.encode()}
    passed_on = pickle.dumps(StreamingHTTPRequest(asgi_scope=scope, proxy_actor_name="proxy"))
    metadata = SimpleNamespace(is_http_request=kind == "http")
    return SimpleNamespace(args=[passed_on], metadata=metadata, routing_context=SimpleNamespace(should_backoff=False))


def ranks(asked: SimpleNamespace | None, replicas: list[SimpleNamespace] = REPLICAS) -> list[list[str]]:
    """The names of the replicas in the order in which they are asked."""
    router = StickyRouter.__new__(StickyRouter)
    chosen = asyncio.run(router.choose_replicas(replicas, asked))
    return [[replica.replica_id.unique_id for replica in rank] for rank in chosen]


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_a_client_comes_back_to_its_replica(name):
    """A resume token leads where the session is, before all others."""
    first, *others = ranks(request(f"api_key=k&resume={new_token(name)}"))
    assert first == [name]
    assert others


@pytest.mark.parametrize(
    "query", ["", f"resume={new_token('gone')}", f"resume={new_token('')}", "resume=", "resume=%ff."]
)
def test_who_comes_from_nowhere_goes_anywhere(query):
    """New clients, and those whose replica is gone, are spread over all; one of two has less to do and gets them."""
    drawn = [ranks(request(query)) for _ in range(200)]
    assert {len(found) for found in drawn} == {1}
    assert {len(set(rank)) for (rank,) in drawn} == {2}
    assert set(Counter(name for (rank,) in drawn for name in rank)) == {"one", "two", "three"}


@pytest.mark.parametrize("passed_on", [b"no pickle", pickle.dumps(None), None])
def test_a_request_that_is_not_understood_goes_anywhere(passed_on):
    """Another version of Serve may pass requests on in another form: clients are served nevertheless."""
    asked = request(f"resume={new_token('one')}")
    asked.args = [passed_on]
    assert len(ranks(asked)) == 1


def test_a_full_replica_is_asked_again_after_a_pause():
    """Without it a proxy would ask full replicas as fast as it can."""
    asked = request("")
    ranks(asked)
    assert asked.routing_context.should_backoff


def test_what_is_no_request_from_outside_has_no_token():
    """Calls between deployments carry arguments of their own, which nobody unpacks."""
    asked = request("", kind="call")
    asked.args = [object()]
    assert len(ranks(asked)) == 1
    assert ranks(None) and ranks(None, REPLICAS[:1]) == [["one"]]
    assert ranks(asked, []) == []
