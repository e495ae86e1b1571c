"""Fetch a model into the Hugging Face cache. Run as a process of its own, which prints one line for everything it has
to say: `progress 34 % of 145 MB`, and at the end `folder PATH` or `failure REASON`.

A download runs in its library's own threads and cannot be told to stop; a process can be killed. Imports nothing of
this project.
"""

from __future__ import annotations

import importlib
import sys
import threading
from typing import Any

FILES = ("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*")
"""What faster-whisper needs of a model's repository."""


def main(repository: str) -> int:
    """Returns the exit status, 0 when the model is in the cache."""
    hub: Any = importlib.import_module("huggingface_hub")
    try:
        folder = hub.snapshot_download(repository, allow_patterns=list(FILES), tqdm_class=_progress_printer())
    except Exception as error:  # whatever it is, the process that waits is told
        _print("failure", str(error).partition("\n")[0] or type(error).__name__)
        return 1
    _print("folder", folder)
    return 0


def _progress_printer() -> type:
    """A progress bar that prints lines: the hub takes its bars as a class.

    The hub updates one bar from a thread for each file, and does not lock the total that the files add up to.
    """
    tqdm: Any = importlib.import_module("tqdm.auto").tqdm

    class Progress(tqdm):
        n: float
        total: float | None

        def __init__(self, *args: Any, unit: str = "it", **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": True})  # pyright: ignore[reportUnknownMemberType]
            self.counts_bytes = unit == "B"
            self.shown = ""
            self.one_at_a_time = threading.Lock()

        def update(self, n: float | None = 1) -> None:
            with self.one_at_a_time:
                self.n += n or 0
                if self.counts_bytes and self.total:
                    line = f"{min(100, 100 * self.n // self.total):.0f} % of {self.total / 1e6:.0f} MB"
                    if line != self.shown:
                        self.shown = line
                        _print("progress", line)

    return Progress


def _print(kind: str, text: str) -> None:
    print(kind, text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
