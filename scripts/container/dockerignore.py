"""Which files of a folder reach the builder, by the rules of `.dockerignore`: the last line that fits a path, or a
folder above it, decides; `!` takes it back in; `**` is any number of folders."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path) -> list[tuple[re.Pattern[str], bool]]:
    """The patterns, each with whether it leaves out (`True`) or takes back in."""
    if not path.exists():
        return []
    lines = [line.strip() for line in path.read_text().splitlines()]
    return [
        (_pattern(line.removeprefix("!").strip("/")), not line.startswith("!"))
        for line in lines
        if line and not line.startswith("#")
    ]


def ignored(path: str, patterns: list[tuple[re.Pattern[str], bool]]) -> bool:
    """Whether `path`, relative to the folder and with `/`, is left out."""
    verdict = False
    for pattern, leaves_out in patterns:
        if pattern.fullmatch(path):
            verdict = leaves_out
    return verdict


def files(folder: Path, source: str, patterns: list[tuple[re.Pattern[str], bool]]) -> list[Path]:
    """The files that `COPY source` finds: the file itself, or all below the folder that are not left out."""
    start = folder / source
    candidates = [start] if start.is_file() else sorted(path for path in start.rglob("*") if path.is_file())
    return [path for path in candidates if not ignored(path.relative_to(folder).as_posix(), patterns)]


def _pattern(line: str) -> re.Pattern[str]:
    """What fits the line, or lies in a folder that does."""
    parts: list[str] = []
    for token in re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|.", line):
        match token:
            case "**/":
                parts.append("(?:[^/]+/)*")
            case "**":
                parts.append(".*")
            case "*":
                parts.append("[^/]*")
            case "?":
                parts.append("[^/]")
            case _ if token.startswith("[") and len(token) > 1:
                parts.append(token.replace("[^", "[^/"))
            case _:
                parts.append(re.escape(token))
    return re.compile("".join(parts) + "(?:/.*)?")
