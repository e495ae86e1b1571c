"""Several servers as one: which one is asked, which ones are left alone for a while, and what became of that.

A server that fails is down: nothing is asked of it while another is up. It is probed after a pause that doubles each
time, by a task that sleeps until that is due, and asked again once it answers. Its failures are forgotten when it has
spoken a text to its end, so one that answers probes and nothing else is asked ever less often.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, Literal

from backend.engines.speech_server import ServerFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from backend.engines.speech_server import SpeechServer
    from backend.errors import EngineError

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0

BUSIER = 2
"""A voice leaves its server, which has its prompt and its recording in memory, for one with so many fewer texts in
work. One more is nothing: servers speak several texts at once."""


class ServerPool:
    """`servers` in the order they were named. `changed` is called when one goes down or comes up."""

    def __init__(self, servers: Sequence[SpeechServer], changed: Callable[[], None] = lambda: None) -> None:
        self.servers = tuple(servers)
        self.failovers: Counter[tuple[str, str, Literal["start", "middle"]]] = Counter()
        """From which server to which, and whether something had been heard."""
        self.finished_elsewhere: Counter[tuple[str, str]] = Counter()
        """Texts by which server left off, and who has spoken them to their end."""
        self._changed = changed
        self._went_down = asyncio.Event()

    @property
    def down(self) -> Sequence[SpeechServer]:
        return [server for server in self.servers if not server.up]

    def choose(
        self, voice: str, own: SpeechServer | None, tried: Collection[SpeechServer], *, up_only: bool
    ) -> SpeechServer | None:
        """Who speaks for a voice that was spoken for by `own`; `None` if nobody is left.

        A voice stays with its server while that is up and not clearly busier than others. Else it goes to the least
        busy, and of equally busy ones always to the same. Of servers that are down, the one due first is asked.
        """
        left = [server for server in self.servers if server not in tried]
        up = [server for server in left if server.up]
        if up:
            least = min(up, key=lambda server: (server.in_flight, _rank(voice, server)))
            return own if own in up and own.in_flight - least.in_flight < BUSIER else least
        return None if up_only else min(left, key=lambda server: server.retry_at, default=None)

    def is_left(self, tried: Collection[SpeechServer]) -> bool:
        """Whether a server is up that was not tried."""
        return any(server.up for server in self.servers if server not in tried)

    def best_pace(self, tried: Collection[SpeechServer]) -> float | None:
        """Of those: seconds for a second of speech, as they spoke last; `None` if none of them has."""
        left = (server for server in self.servers if server not in tried and server.up)
        return min((server.pace.per_s for server in left if server.pace is not None), default=None)

    def spoke(self, server: SpeechServer, instead_of: Sequence[SpeechServer] = ()) -> None:
        """A server has spoken a text to its end, which others had left off."""
        server.troubles = 0
        self._set_up(server)
        for left in instead_of[-1:]:
            self.finished(left, server.name)

    def failed(self, server: SpeechServer, error: EngineError) -> None:
        """A server has failed at a text; of several at once the first one counts. One that refuses it is not down: the
        text may be to blame."""
        server.failures += 1
        server.failed_at = time.time()
        if not isinstance(error, ServerFailed):
            log.warning("speech server %s refuses a text", server.name)
        elif server.up:
            self._pause(server, error.retry_after_s)
            server.up = False
            log.warning("speech server %s is down: %s", server.name, error)
            self._changed()
            self._went_down.set()

    def finished(self, left: SpeechServer, by: str) -> None:
        """What one left off, another has spoken to its end."""
        self.finished_elsewhere[left.name, by] += 1
        log.info("speech that %s left off was finished by %s", left.name, by)

    def failed_over(self, left: SpeechServer, to: str, *, heard: bool) -> None:
        """Another one speaks, in the middle of a text if something of it was heard."""
        self.failovers[left.name, to, "middle" if heard else "start"] += 1
        log.warning("speech goes on with %s instead of %s", to, left.name)

    async def probe_those_down(self) -> None:
        """For as long as the servers are used."""
        loop = asyncio.get_running_loop()
        while True:
            self._went_down.clear()
            try:
                async with asyncio.timeout_at(min((server.retry_at for server in self.down), default=None)):
                    await self._went_down.wait()
            except TimeoutError:
                now = loop.time()
                await asyncio.gather(*(self._probe(server) for server in self.down if server.retry_at <= now))

    async def _probe(self, server: SpeechServer) -> None:
        if await server.probe():
            self._set_up(server)
        else:
            self._pause(server, 0.0)

    def _pause(self, server: SpeechServer, at_least_s: float) -> None:
        doubled_s = FIRST_PAUSE_S * 2.0 ** min(server.troubles, 10)
        server.troubles += 1
        pause_s = min(max(doubled_s, at_least_s), LONGEST_PAUSE_S)
        server.retry_at = asyncio.get_running_loop().time() + pause_s

    def _set_up(self, server: SpeechServer) -> None:
        if not server.up:
            server.up = True
            log.info("speech server %s is up", server.name)
            self._changed()


def _rank(voice: str, server: SpeechServer) -> bytes:
    """An order of the servers of its own for every voice, which stays as it is when servers are added."""
    return hashlib.sha256(f"{voice}\n{server.name}".encode(errors="replace")).digest()
