"""What a person does at the keyboard, as asyncio queues: lines typed and Ctrl-C."""

from __future__ import annotations

import asyncio
import io
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator


def stdin_lines() -> asyncio.Queue[str | None]:
    """The lines typed from now on, stripped; `None` when there are no more."""
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def pass_on(line: str | None) -> None:
        with suppress(RuntimeError):  # the loop is closed: the program has ended while this thread waited for a line
            loop.call_soon_threadsafe(lines.put_nowait, line)

    # Unbuffered: a thread that waits inside a buffered reader holds its lock while the interpreter ends.
    stdin = io.FileIO(sys.stdin.fileno(), closefd=False)

    def read() -> None:
        with suppress(OSError):  # reading from a terminal that has gone is an error, and the end
            for line in stdin:
                pass_on(line.decode(errors="replace").strip())
        pass_on(None)

    threading.Thread(target=read, name="stdin", daemon=True).start()
    return lines


@contextmanager
def ctrl_c_into(presses: asyncio.Queue[None]) -> Generator[None]:
    """Inside, Ctrl-C puts an item into `presses` and does nothing else."""
    loop = asyncio.get_running_loop()

    def pressed(_signal: int, _frame: object) -> None:
        loop.call_soon_threadsafe(presses.put_nowait, None)

    before = signal.signal(signal.SIGINT, pressed)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
