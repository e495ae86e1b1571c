"""The `voicechat` command: serve, talk, ttfa, voices, check."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from backend.errors import ConfigurationError, VoiceChatError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status. Errors made on purpose are one line on stderr, never a traceback."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except VoiceChatError as error:
        print(f"voicechat: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    from backend.client import talk, ttfa

    parser = argparse.ArgumentParser(prog="voicechat", description="Talk with a cast of characters.")
    commands = parser.add_subparsers(required=True, metavar="command")

    server = commands.add_parser("serve", help="run the server", description="Run the server.")
    _add_settings(server)
    server.set_defaults(run=_serve)

    terminal = commands.add_parser("talk", help="talk to a running server from the terminal")
    talk.add_arguments(terminal)
    terminal.set_defaults(run=talk.run)

    harness = commands.add_parser("ttfa", help="measure a running server's time to first audio")
    ttfa.add_arguments(harness)
    harness.set_defaults(run=ttfa.run)

    voices = commands.add_parser("voices", help="list the voices of the speech engine that would serve")
    _add_settings(voices)
    voices.set_defaults(run=_voices)

    check = commands.add_parser("check", help="say what is installed and which engine each stage would use")
    _add_settings(check)
    check.set_defaults(run=_check)
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """One option per setting; what is not given falls back to environment, configuration file and default."""
    from backend.settings import Settings

    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        shown = "" if default is None or default == () else f" (default: {default})"
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            dest=f"setting_{name}",
            metavar=_placeholder(name, field.annotation),
            help=f"{field.description}{shown}; VOICECHAT_{name.upper()}",
        )


def _placeholder(name: str, annotation: object) -> str:
    """What stands for the value of a setting in the help."""
    kind = name.rsplit("_", 1)[-1]
    return "FILE" if Path in get_args(annotation) and kind != "dir" else kind.upper()


def _settings(options: argparse.Namespace) -> Settings:
    from backend.settings import Settings

    prefix = "setting_"
    given: dict[str, Any] = {
        name.removeprefix(prefix): value
        for name, value in vars(options).items()
        if name.startswith(prefix) and value is not None
    }
    try:
        return Settings(**given)
    except ValidationError as error:
        problem = error.errors()[0]
        said = problem["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"--{str(problem['loc'][0]).replace('_', '-')}: {said}") from error
    except ValueError as error:
        raise ConfigurationError(f"voicechat.toml cannot be read: {error}") from error


def _serve(options: argparse.Namespace) -> int:
    from backend.serving import serve

    serve(_settings(options))
    return 0


def _voices(options: argparse.Namespace) -> int:
    from backend.app import choose_engines

    tts = choose_engines(_settings(options)).tts
    print(f"{tts.name}: {tts.detail}")
    for voice in tts.voices:
        print(f"  {voice}")
    return 0


def _check(options: argparse.Namespace) -> int:
    from backend.check import report

    print(report(_settings(options)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
