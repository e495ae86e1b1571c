"""Settings as options of a command, one for each, and errors of both in one line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import ValidationError

from backend.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from backend.settings import Settings

_Kind = TypeVar("_Kind", bound="Settings")
_PREFIX = "setting_"


def add_options(parser: argparse.ArgumentParser, kind: type[Settings]) -> None:
    """One option per setting; what is not given falls back to environment, configuration file and default."""
    for name, field in kind.model_fields.items():
        default = field.get_default(call_default_factory=True)
        shown = "" if default is None or default == () else f" (default: {default})"
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            dest=f"{_PREFIX}{name}",
            metavar=_placeholder(name, field.annotation),
            help=f"{field.description}{shown}; VOICECHAT_{name.upper()}",
        )


def _placeholder(name: str, annotation: object) -> str:
    """What stands for the value of a setting in the help."""
    kind = name.rsplit("_", 1)[-1]
    return "FILE" if Path in get_args(annotation) and kind != "dir" else kind.upper()


def chosen(options: argparse.Namespace, kind: type[_Kind]) -> _Kind:
    """The settings with what was given on the command line. Raises `ConfigurationError`."""
    given = {
        name.removeprefix(_PREFIX): value
        for name, value in vars(options).items()
        if name.startswith(_PREFIX) and value is not None
    }
    return read(given, kind)


def read(given: Mapping[str, Any], kind: type[_Kind]) -> _Kind:
    """The settings with these values for some of them. Raises `ConfigurationError`."""
    try:
        return kind(**given)
    except ValidationError as error:
        problem = error.errors()[0]
        said = problem["msg"].removeprefix("Value error, ")
        named = "".join(f"--{str(field).replace('_', '-')}: " for field in problem["loc"][:1])
        raise ConfigurationError(named + said) from error
    except ValueError as error:
        raise ConfigurationError(f"voicechat.toml cannot be read: {error}") from error
