"""What a Dockerfile of this project keeps to. Each rule is a function that yields what breaks it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scripts.container import dockerignore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scripts.container.dockerfile import Dockerfile, Instruction

_PINNED = re.compile(r"[^:@\s]+(?::[\w.-]*\d+\.\d+[\w.-]*|@sha256:[0-9a-f]{64})")
_SECRET = re.compile(r"(?i)(^|_)(password|passwd|secret|token|credentials?|key)s?(_|$)")


@dataclass(frozen=True, slots=True)
class Finding:
    """What breaks a rule, and where."""

    rule: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.rule}: {self.message}"


def findings(dockerfile: Dockerfile, context: Path) -> list[Finding]:
    """Everything that breaks a rule, by line. `context` is the folder that is built."""
    return sorted(
        (found for rule in RULES for found in rule(dockerfile, context)), key=lambda found: (found.line, found.rule)
    )


def base_is_pinned(dockerfile: Dockerfile, _context: Path) -> Iterator[Finding]:
    """A base image is named with major and minor version, or by its digest."""
    for stage in dockerfile.stages.values():
        if stage.base not in dockerfile.stages and not _PINNED.fullmatch(stage.base):
            yield Finding("base-is-pinned", stage.line, f"{stage.base} may be another image tomorrow")


def nothing_runs_as_root(dockerfile: Dockerfile, _context: Path) -> Iterator[Finding]:
    """The last USER is a number that is not root's, which orchestrators can check without the image's passwd."""
    for name in dockerfile.images:
        user = dockerfile.last(name, "USER")
        if user is None or not re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", user.value):
            line = user.line if user else dockerfile.stages[name].line
            yield Finding("nothing-runs-as-root", line, f"{name} ends as {user.value if user else 'root'}")


def debian_stays_as_it_is(dockerfile: Dockerfile, _context: Path) -> Iterator[Finding]:
    """Every dependency is a wheel: what a Debian package brings would be a second thing to keep up to date."""
    for each in _all(dockerfile, "RUN"):
        if re.search(r"\b(apt|apt-get|dpkg)\b", each.value):
            yield Finding("debian-stays-as-it-is", each.line, each.value[:60])


def pip_leaves_nothing(dockerfile: Dockerfile, _context: Path) -> Iterator[Finding]:
    """pip's cache stays out of the layers; from an index it installs wheels only, for there is no compiler."""
    for each in _all(dockerfile, "RUN"):
        if not re.search(r"\bpip3?\b.*\b(install|wheel|download)\b", each.value):
            continue
        cached = any(mount["type"] == "cache" for mount in each.mounts)
        if not cached and "--no-cache-dir" not in each.value:
            yield Finding("pip-leaves-nothing", each.line, "with neither a cache mount nor --no-cache-dir")
        if "--no-deps" not in each.value and "--only-binary" not in each.value:
            yield Finding("pip-leaves-nothing", each.line, "without --only-binary=:all: it may have to compile")


def commands_get_signals(dockerfile: Dockerfile, _context: Path) -> Iterator[Finding]:
    """CMD and ENTRYPOINT are lists: a shell in between would keep SIGTERM to itself."""
    for name in dockerfile.images:
        commands = [each for kind in ("CMD", "ENTRYPOINT") if (each := dockerfile.last(name, kind))]
        for each in commands:
            if not each.exec_form:
                yield Finding("commands-get-signals", each.line, f"{each.keyword} of {name} is not a list of words")
        if not commands:
            yield Finding("commands-get-signals", dockerfile.stages[name].line, f"{name} has no command")


def health_is_checked(dockerfile: Dockerfile, _context: Path) -> Iterator[Finding]:
    """Each image says how to see that it is well, or says that it cannot."""
    for name in dockerfile.images:
        each = dockerfile.last(name, "HEALTHCHECK")
        if each is None:
            yield Finding("health-is-checked", dockerfile.stages[name].line, f"{name} has no HEALTHCHECK")
        elif each.value != "NONE" and not each.exec_form:
            yield Finding("health-is-checked", each.line, "the check is not a list of words")


def sources_reach_the_builder(dockerfile: Dockerfile, context: Path) -> Iterator[Finding]:
    """What is copied exists: in the folder, not left out by .dockerignore; or as an earlier stage."""
    patterns = dockerignore.read(context / ".dockerignore")
    known: set[str] = set()
    for stage in dockerfile.stages.values():
        for each in stage.instructions:
            for earlier in each.reads:
                if earlier not in known:
                    yield Finding("sources-reach-the-builder", each.line, f"there is no earlier stage {earlier}")
            if each.keyword != "COPY" or each.flag("from"):
                continue
            for source in each.words[:-1]:
                if source == "." or not dockerignore.files(context, source, patterns):
                    yield Finding("sources-reach-the-builder", each.line, f"nothing to copy from {source}")
        known.add(stage.name)


def secrets_stay_outside(dockerfile: Dockerfile, _context: Path) -> Iterator[Finding]:
    """Variables of an image, and arguments of its build, can be read by all who have it."""
    for keyword in ("ENV", "ARG"):
        for each in _all(dockerfile, keyword):
            for variable in each.pairs:
                if _SECRET.search(variable):
                    yield Finding("secrets-stay-outside", each.line, f"{keyword} {variable}")


def extras_exist(dockerfile: Dockerfile, context: Path) -> Iterator[Finding]:
    """pip only warns of an extra that a project does not have, and leaves it out."""
    known = tomllib.loads((context / "pyproject.toml").read_text())["project"].get("optional-dependencies", {})
    for each in _all(dockerfile, "ARG"):
        for variable, value in each.pairs.items():
            if variable.endswith("EXTRAS"):
                for extra in set(filter(None, value.split(","))) - set(known):
                    yield Finding("extras-exist", each.line, f"pyproject.toml has no extra {extra}")


def modules_exist(dockerfile: Dockerfile, context: Path) -> Iterator[Finding]:
    """`python -m` names a module of this project."""
    for name in dockerfile.images:
        each = dockerfile.last(name, "CMD")
        words = each.words if each else []
        if each and "-m" in words[:-1]:
            module = words[words.index("-m") + 1]
            path = context / module.replace(".", "/")
            if not path.with_suffix(".py").exists() and not (path / "__main__.py").exists():
                yield Finding("modules-exist", each.line, f"there is no module {module}")


def volumes_are_the_users(dockerfile: Dockerfile, _context: Path) -> Iterator[Finding]:
    """A volume starts as a copy of its folder in the image, owner included: it is made and given away before."""
    for name in dockerfile.images:
        volumes = {path for each in dockerfile.inherited(name) if each.keyword == "VOLUME" for path in each.words}
        runs = [each.value for each in dockerfile.inherited(name) if each.keyword == "RUN"]
        owned = {word for run in runs if "chown" in run for word in run.split("chown", 1)[1].split("&&")[0].split()}
        for volume in sorted(volumes - owned):
            yield Finding("volumes-are-the-users", dockerfile.stages[name].line, f"{name}: {volume} stays root's")


RULES = (
    *(base_is_pinned, nothing_runs_as_root, debian_stays_as_it_is, pip_leaves_nothing, commands_get_signals),
    *(health_is_checked, sources_reach_the_builder, secrets_stay_outside, extras_exist, modules_exist),
    volumes_are_the_users,
)


def _all(dockerfile: Dockerfile, keyword: str) -> list[Instruction]:
    return [each for stage in dockerfile.stages.values() for each in stage.instructions if each.keyword == keyword]
