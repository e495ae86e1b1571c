"""The `voicechat` command: serve, talk, ttfa, voices, check."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from backend.errors import VoiceChatError

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
    from backend.setting_options import add_options
    from backend.settings import Settings

    add_options(parser, Settings)


def _settings(options: argparse.Namespace) -> Settings:
    from backend.setting_options import chosen
    from backend.settings import Settings

    return chosen(options, Settings)


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
