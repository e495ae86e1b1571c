"""`voicechat talk`: a conversation in the terminal, by voice where there is a microphone, typed, or from a WAV file."""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backend.audio import wav_bytes
from backend.client.connection import DEFAULT_URL, connect
from backend.client.devices import Loudspeaker, opened
from backend.client.microphone import read_speech
from backend.client.options import add_server_arguments, output_file
from backend.client.talking import RATE_HZ, Left, Talking
from backend.client.terminal import Terminal
from backend.errors import ConfigurationError, VoiceChatError

if TYPE_CHECKING:
    import argparse


@dataclass(frozen=True, slots=True)
class TalkOptions:
    """What was asked for on the command line."""

    url: str = DEFAULT_URL
    api_key: str | None = None
    texts: tuple[str, ...] = ()
    wav: Path | None = None
    save: Path | None = None
    to: str | None = None
    devices: bool = True
    """False: neither microphone nor loudspeaker."""

    @property
    def scripted(self) -> bool:
        """True when everything that will be said is known from the start."""
        return bool(self.texts) or self.wav is not None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `voicechat talk`."""
    add_server_arguments(parser)
    parser.add_argument("--text", action="append", default=[], metavar="LINE", help="say this and leave; repeatable")
    parser.add_argument("--wav", type=Path, metavar="FILE", help="speak this 16-bit WAV file and leave")
    parser.add_argument(
        "--save", type=output_file, metavar="FILE", help="write all audio heard to this WAV file (24 kHz)"
    )
    parser.add_argument("--to", metavar="NAME", help="the character who shall answer, by name or id")
    parser.add_argument("--no-audio", action="store_true", help="use neither microphone nor loudspeaker")


def run(args: argparse.Namespace) -> int:
    """Talk as the parsed options say; returns 0, 1 when the connection or a turn failed, 2 for options that cannot
    work."""
    options = TalkOptions(
        url=args.url,
        api_key=args.api_key,
        texts=tuple(args.text),
        wav=args.wav,
        save=args.save,
        to=args.to,
        devices=not args.no_audio,
    )
    try:
        return asyncio.run(talk(options))
    except VoiceChatError as error:
        Terminal(sys.stderr).error(str(error))
        return 2 if isinstance(error, ConfigurationError) else 1


async def talk(options: TalkOptions) -> int:
    """Talk until the last line is answered, the typed input ends or the person leaves; returns 0, or 1 when a scripted
    turn failed.

    Raises `ConnectionFailed` when the connection fails, `ConfigurationError` for options that cannot work.
    """
    speech = read_speech(options.wav) if options.wav is not None else None
    terminal = Terminal(sys.stdout)
    recording = bytearray()
    try:
        async with connect(options.url, options.api_key) as connection:
            if connection.ready["output_rate"] != RATE_HZ:
                await connection.configure(output_rate=RATE_HZ)
            terminal.header(options.url, connection.ready)
            with ExitStack() as devices:
                loudspeaker = opened(lambda: Loudspeaker(RATE_HZ), terminal.note) if options.devices else None
                if loudspeaker is not None:
                    devices.enter_context(loudspeaker)
                return await Talking(connection, terminal, loudspeaker, recording).run(options, speech)
    except Left:
        return 0
    finally:
        terminal.close()
        if options.save is not None and recording:
            options.save.write_bytes(wav_bytes(bytes(recording), RATE_HZ))
