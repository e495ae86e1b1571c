"""Reads a Dockerfile: stages, instructions, flags, words. Of the format it knows what this project's file uses, and
refuses the rest (heredocs, other escape characters, ADD, ONBUILD) instead of misreading it."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pathlib import Path

KEYWORDS = frozenset(
    {
        *("ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM"),
        *("HEALTHCHECK", "LABEL", "RUN", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
    }
)
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


class NotUnderstood(Exception):
    """The file holds something that cannot be read; the message says what and in which line."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; `value` is what follows keyword and flags, its lines joined."""

    keyword: str
    flags: tuple[str, ...]
    value: str
    line: int

    @property
    def exec_form(self) -> list[str] | None:
        """The list of a value that is one in JSON; `None` for the shell form."""
        value = self.value.removeprefix("CMD").lstrip() if self.keyword == "HEALTHCHECK" else self.value
        try:
            words: Any = json.loads(value)
        except ValueError:
            return None
        if isinstance(words, list) and all(isinstance(word, str) for word in cast("list[Any]", words)):
            return cast("list[str]", words)
        return None

    @property
    def words(self) -> list[str]:
        """The value's words, without quotes; of ENV, LABEL and ARG `name=value` each."""
        return self.exec_form or shlex.split(self.value)

    @property
    def pairs(self) -> dict[str, str]:
        """What ENV, LABEL or ARG sets; a name without a value has an empty one."""
        return {name: value for name, _, value in (word.partition("=") for word in self.words)}

    def flag(self, name: str) -> list[str]:
        """The values of a flag that may be given several times."""
        return [flag.partition("=")[2] for flag in self.flags if flag.startswith(f"--{name}=")]

    @property
    def mounts(self) -> list[dict[str, str]]:
        """The fields of every `--mount`."""
        mounts = [[part.partition("=") for part in mount.split(",")] for mount in self.flag("mount")]
        return [{name: value for name, _, value in parts} for parts in mounts]

    @property
    def reads(self) -> list[str]:
        """The stages whose files it copies or mounts."""
        return self.flag("from") + [mount["from"] for mount in self.mounts if "from" in mount]


@dataclass(slots=True)
class Stage:
    """What stands between one FROM and the next."""

    base: str
    name: str
    line: int
    instructions: list[Instruction] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """All stages, by name, in their order."""

    stages: dict[str, Stage]

    def chain(self, name: str) -> list[Stage]:
        """The stage and those it is built on, the lowest first. Raises `NotUnderstood` for a name that is none."""
        if name not in self.stages:
            raise NotUnderstood(f"there is no stage {name}; there are {', '.join(self.stages)}")
        stage = self.stages[name]
        below = self.chain(stage.base) if stage.base in self.stages else []
        return [*below, stage]

    def inherited(self, name: str) -> list[Instruction]:
        """All instructions that make the image of a stage, in order."""
        return [instruction for stage in self.chain(name) for instruction in stage.instructions]

    def last(self, name: str, keyword: str) -> Instruction | None:
        """The instruction of this kind that holds in the image of a stage."""
        return next((each for each in reversed(self.inherited(name)) if each.keyword == keyword), None)

    @property
    def images(self) -> list[str]:
        """Stages that no other is built on or copies from: those that are made to be run."""
        used = {stage.base for stage in self.stages.values()}
        for stage in self.stages.values():
            used.update(name for each in stage.instructions for name in each.reads)
        return [name for name in self.stages if name not in used]


def parse(path: Path) -> Dockerfile:
    """Read the file. Raises `NotUnderstood`, with the line, for what this module does not know."""
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for number, text in _logical_lines(path.read_text()):
        instruction = _instruction(number, text)
        if instruction.keyword == "FROM":
            stage = _stage(instruction, len(stages))
            if stage.name in {stage.base, *stages}:
                raise NotUnderstood(f"line {number}: {stage.name} names two things")
            stages[stage.name] = stage
        elif stage is None:
            raise NotUnderstood(f"line {number}: {instruction.keyword} stands before the first FROM")
        else:
            stage.instructions.append(instruction)
    return Dockerfile(stages)


def expand(text: str, values: dict[str, str]) -> str:
    """`text` with `$NAME` and `${NAME}` filled in. Raises `NotUnderstood` for other things with a dollar."""
    if "$" in _VARIABLE.sub("", text):
        raise NotUnderstood(f"{text} holds more than names of variables")
    return _VARIABLE.sub(lambda match: values.get(match[1] or match[2], ""), text)


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Instructions with the number of their first line; continued lines joined, comments and empty lines left out."""
    found: list[tuple[int, str]] = []
    parts: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("#") and re.match(r"#\s*escape\s*=", stripped):
            raise NotUnderstood(f"line {number}: another escape character")
        if not stripped or stripped.startswith("#"):
            continue
        first = first if parts else number
        parts.append(stripped.removesuffix("\\").rstrip())
        if not stripped.endswith("\\"):
            found.append((first, " ".join(parts)))
            parts = []
    if parts:
        raise NotUnderstood(f"line {first}: the last line is continued")
    return found


def _instruction(line: int, text: str) -> Instruction:
    keyword, _, rest = text.partition(" ")
    keyword = keyword.upper()
    if keyword not in KEYWORDS or "<<" in rest:
        raise NotUnderstood(f"line {line}: {text[:40]!r} is not understood here")
    flags: list[str] = []
    while match := re.match(r"(--[a-z-]+(?:=\S+)?)\s*", rest):
        flags.append(match[1])
        rest = rest[match.end() :]
    return Instruction(keyword, tuple(flags), rest.strip(), line)


def _stage(instruction: Instruction, index: int) -> Stage:
    base, *alias = instruction.words
    if alias and (len(alias) != 2 or alias[0].upper() != "AS"):
        raise NotUnderstood(f"line {instruction.line}: FROM {instruction.value}")
    return Stage(base, alias[1] if alias else str(index), instruction.line)
