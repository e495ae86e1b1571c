"""Which replica takes a request: the one that a client comes back to, else the one of two that has less to do.

A client comes back with a resume token, which begins with the name of the replica that gave it.
"""

from __future__ import annotations

import logging
import pickle
import random
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from ray.serve.request_router import RequestRouter

from backend.resume_tokens import instance_of

if TYPE_CHECKING:
    from ray.serve.request_router import PendingRequest, RunningReplica

log = logging.getLogger(__name__)

CHOICES = 2
"""The least loaded of two drawn at random is nearly as good as that of all, and nobody need ask them all."""


class StickyRouter(RequestRouter):
    """Made by Serve in each of its proxies."""

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """Ranks of replicas, the first that takes the request has it. Full ones are asked again, after a pause."""
        if not candidate_replicas:
            return []
        wanted = None
        if pending_request is not None:
            pending_request.routing_context.should_backoff = True
            wanted = instance_of(_resume_token(pending_request))
        left = [replica for replica in candidate_replicas if replica.replica_id.unique_id == wanted]
        drawn = random.sample(candidate_replicas, min(CHOICES, len(candidate_replicas)))
        return [left, drawn] if left else [drawn]


def _resume_token(request: PendingRequest) -> str:
    """The one in the address that was asked for; Serve's proxy passes the request on as a pickle of its own, whose form
    is its own affair: where it is not understood, the client goes anywhere."""
    if not request.metadata.is_http_request:
        return ""
    try:
        query: bytes = pickle.loads(request.args[0]).asgi_scope.get("query_string", b"")
    except (pickle.UnpicklingError, AttributeError, IndexError, TypeError, ImportError) as error:
        log.warning("clients do not find back to their replicas: a request of Serve's cannot be read: %s", error)
        return ""
    return parse_qs(query.decode("latin-1")).get("resume", [""])[0]
