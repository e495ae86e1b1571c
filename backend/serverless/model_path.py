"""Where a model is: a folder that is named, a model the platform has cached, a folder on the volume, or the hub.

RunPod mounts a network volume at `/runpod-volume` and keeps cached models there as Hugging Face's hub does.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal, NamedTuple

log = logging.getLogger(__name__)

Source = Literal["explicit", "cached model", "volume", "hub"]


class Found(NamedTuple):
    """What a loader is given, and where that comes from."""

    path: str
    source: Source


def find_model(name: str, volume: Path) -> Found:
    """Where the model `name` is: a folder, or a repository id. What is found is logged, if only for debugging where it
    is what was named."""
    found = _find(name, volume)
    level = logging.DEBUG if found.source == "explicit" else logging.INFO
    log.log(level, "model path", extra={"model": name, "source": found.source.replace(" ", "-"), "path": found.path})
    return found


def _find(name: str, volume: Path) -> Found:
    if Path(name).is_absolute() or name.startswith((".", "~")) or Path(name).is_dir():
        return Found(str(Path(name).expanduser()), "explicit")
    cached = _snapshot(volume / "huggingface-cache" / "hub" / f"models--{name.replace('/', '--')}")
    if cached is not None:
        return Found(str(cached), "cached model")
    for folder in (volume / "models" / name, volume / name, volume / name.rsplit("/", 1)[-1]):
        if folder.is_dir():
            return Found(str(folder), "volume")
    return Found(name, "hub")


def _snapshot(repository: Path) -> Path | None:
    """The snapshot that `main` points to, or else the newest there is."""
    snapshots = repository / "snapshots"
    try:
        main = snapshots / (repository / "refs" / "main").read_text().strip()
    except OSError:
        main = snapshots
    if main != snapshots and main.is_dir():
        return main
    there = [folder for folder in snapshots.iterdir() if folder.is_dir()] if snapshots.is_dir() else []
    return max(there, key=lambda folder: folder.stat().st_mtime, default=None)
