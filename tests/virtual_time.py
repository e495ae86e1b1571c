"""An event loop whose clock jumps instead of waiting: what would take a minute takes a moment, and always the same."""

from __future__ import annotations

import asyncio
import selectors


class _JumpingSelector(selectors.BaseSelector):
    """Never blocks on a timeout: when nothing is readable it moves the loop's clock to the next timer."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.now = 1000.0

    def select(self, timeout=None):
        ready = self._real.select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            return self._real.select(5)  # only another thread or a socket can wake the loop
        self.now += timeout
        return ready

    def register(self, fileobj, events, data=None):
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj):
        return self._real.unregister(fileobj)

    def modify(self, fileobj, events, data=None):
        return self._real.modify(fileobj, events, data)

    def get_map(self):
        return self._real.get_map()

    def close(self):
        self._real.close()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """`loop.time()` is virtual and starts at 1000 s."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now
