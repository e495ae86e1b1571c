"""Performs the steps of a Dockerfile without a container engine: a folder stands for the image, this machine's Python
for the base image's.

What is the image's own (`/venv`, `/data`, ...) lies in the folder and is called so in commands and variables; the
system's folders are this machine's. What would change this machine is left out and told: Debian packages, users,
owners, everything that names a system's folder. So is the user: all runs as whoever runs this.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scripts.container import dockerignore
from scripts.container.dockerfile import NotUnderstood, expand

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.container.dockerfile import Dockerfile, Instruction, Stage

LEFT_OUT = frozenset({"apt-get", "useradd", "chown"})
INSTALLING = frozenset({"pip", "python", "find", "ln", "test"})
"""What installs packages, and what is done with them."""
_SYSTEM = "bin|boot|dev|etc|home|lib|lib64|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var"
_FIRST_FOLDER = re.compile(r"(?<![\w.*-])/([\w.-]+)")
_NAMES_SYSTEM = re.compile(rf"(?<![\w.*-])/(?:{_SYSTEM})(?![\w.-])")
_NETWORK = re.compile(r"(?i)PIP_\w+|\w+_proxy|SSL_CERT_\w+")


class StepFailed(Exception):
    """A step of the file ended with an error; the message says which and how."""


@dataclass(slots=True)
class Image:
    """What the steps have made so far."""

    variables: dict[str, str]
    arguments: dict[str, str] = field(default_factory=dict[str, str])
    workdir: str = "/"


class Builder:
    """Makes stages of `dockerfile` from the folder `context` below the empty folder `work`.

    `install` false: nothing is installed; the packages of this machine's Python and the copied sources stand for it.
    """

    def __init__(self, dockerfile: Dockerfile, context: Path, work: Path, *, python: str, install: bool) -> None:
        self.root = work / "root"
        self.left_out: list[str] = []
        self._dockerfile, self._context, self._install = dockerfile, context, install
        self._work, self._tools = work, work / "tools"
        self._patterns = dockerignore.read(context / ".dockerignore")
        self._made: dict[str, Image] = {}
        own = "|".join(sorted(map(re.escape, _own_folders(dockerfile)))) or "(?!)"
        self._own = re.compile(rf"(?<![\w.*-])/({own})(?![\w.-])")
        (work / "home").mkdir()
        self._tools.mkdir()
        self._tool("python", shlex.quote(python))
        self._tool("pip", f"{shlex.quote(python)} -m pip")

    def build(self, name: str) -> Image:
        """Make the stage and those it needs. Raises `StepFailed`."""
        for needed in [stage for stage in self._dockerfile.stages if stage in self._needs(name)]:
            self._made[needed] = self._stage(self._dockerfile.stages[needed])
            if needed != name:
                self.root.rename(self._work / needed)
        return self._made[name]

    def environment(self, image: Image) -> dict[str, str]:
        """The variables that a process of the image finds."""
        return {name: self.inside(value) for name, value in image.variables.items()}

    def inside(self, text: str) -> str:
        """`text` with the image's own folders where they are here."""
        return self._own.sub(lambda match: f"{self.root}/{match[1]}", text)

    def _needs(self, name: str) -> set[str]:
        needed: set[str] = set()
        for stage in self._dockerfile.chain(name):
            used = {name for each in stage.instructions for name in each.flag("from")}
            needed |= {stage.name}.union(*(self._needs(other) for other in used))
        return needed

    def _stage(self, stage: Stage) -> Image:
        """Every stage is made in the same place, so that paths written into files hold where they are copied to."""
        below = self._made.get(stage.base)
        if below is None:
            self.root.mkdir()
            image = Image({"PATH": f"{self._tools}:/usr/bin:/bin", "HOME": str(self._work / "home")})
        else:
            shutil.copytree(self._work / stage.base, self.root, symlinks=True)
            image = Image(dict(below.variables), dict(below.arguments), below.workdir)
        for each in stage.instructions:
            match each.keyword:
                case "ENV":
                    image.variables |= {name: expand(value, image.variables) for name, value in each.pairs.items()}
                case "ARG":
                    image.arguments |= each.pairs
                case "WORKDIR":
                    image.workdir = os.path.join(image.workdir, each.value)  # noqa: PTH118 - a path of the image
                    self._at(image.workdir).mkdir(parents=True, exist_ok=True)
                case "COPY":
                    self._copy(image, each)
                case "RUN":
                    self._run(image, each)
                case _:
                    pass
        return image

    def _at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def _copy(self, image: Image, step: Instruction) -> None:
        if any(not flag.startswith("--from=") for flag in step.flags):
            raise NotUnderstood(f"line {step.line}: COPY with {' '.join(step.flags)}")
        *sources, target = step.words
        place = self._at(os.path.join(image.workdir, target))  # noqa: PTH118 - a path of the image
        for source in sources:
            if stages := step.flag("from"):
                self._copy_tree(self._work / stages[0] / source.lstrip("/"), place)
                continue
            found = dockerignore.files(self._context, source, self._patterns)
            if not found:
                raise StepFailed(f"line {step.line}: nothing to copy from {source}")
            start = self._context / source
            for path in found:
                to = place / path.relative_to(start) if start.is_dir() else place / path.name
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, to)

    def _copy_tree(self, source: Path, place: Path) -> None:
        if source.exists():
            shutil.copytree(source, place, symlinks=True, dirs_exist_ok=True)
        elif self._install:
            raise StepFailed(f"there is nothing in {source.relative_to(self._work)}")
        else:
            self.left_out.append(f"copying {source.relative_to(self._work)}")

    def _run(self, image: Image, step: Instruction) -> None:
        if step.exec_form or any(mount["type"] != "cache" for mount in step.mounts):
            raise NotUnderstood(f"line {step.line}: RUN as a list, or with files of elsewhere")
        left_out = LEFT_OUT if self._install else LEFT_OUT | INSTALLING
        if re.search(r"\|\||;", step.value):
            raise NotUnderstood(f"line {step.line}: a RUN that is more than commands joined by &&")
        parts = [part.strip() for part in step.value.split("&&")]
        untouched = [part for part in parts if part.split()[0] in left_out or _NAMES_SYSTEM.search(part)]
        self.left_out += untouched
        performed = [part for part in parts if part not in untouched]
        if not self._install and any(part.startswith("pip wheel ") for part in parts):
            self._as_if_installed(image)
        command = self.inside(" && ".join(performed))
        done = subprocess.run(
            ["/bin/sh", "-c", command or ":"],
            cwd=self._at(image.workdir),
            env=self.environment(image) | image.arguments | _network(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StepFailed(f"line {step.line}: status {done.returncode} of {command}\n{done.stdout[-2000:]}")

    def _as_if_installed(self, image: Image) -> None:
        """The project's commands run what was copied, with the packages that this Python has."""
        project = self._at(image.workdir) / "pyproject.toml"
        stage = next(name for name in self._dockerfile.stages if name not in self._made)
        sources = self._work / stage / image.workdir.lstrip("/")
        self._tool("python", f"env PYTHONPATH={shlex.quote(str(sources))} {shlex.quote(sys.executable)}")
        for name, entry in tomllib.loads(project.read_text())["project"]["scripts"].items():
            module, function = entry.split(":")
            self._tool(name, f'python -c "import sys; from {module} import {function}; sys.exit({function}())"')

    def _tool(self, name: str, command: str) -> None:
        path = self._tools / name
        path.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        path.chmod(0o755)


def _own_folders(dockerfile: Dockerfile) -> set[str]:
    """The first folder of every path that is not the system's in what makes the image. Commands that run later have
    other things that begin with a slash in them."""
    steps = [each for stage in dockerfile.stages.values() for each in stage.instructions]
    making = [each.value for each in steps if each.keyword in {"COPY", "ENV", "RUN", "VOLUME", "WORKDIR"}]
    return {name for value in making for name in _FIRST_FOLDER.findall(value)} - set(_SYSTEM.split("|"))


def _network() -> dict[str, str]:
    """How this machine reaches a package index."""
    return {name: value for name, value in os.environ.items() if _NETWORK.fullmatch(name)}
