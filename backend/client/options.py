"""Command line options that every client has in common."""

from __future__ import annotations

import argparse
from pathlib import Path

from backend.client.connection import DEFAULT_URL


def add_server_arguments(parser: argparse.ArgumentParser) -> None:
    """Which server to talk to."""
    parser.add_argument("--url", default=DEFAULT_URL, help="the server's native WebSocket (default: %(default)s)")
    parser.add_argument("--api-key", metavar="KEY", help="where the server asks for one")


def positive(text: str) -> int:
    """A whole number from 1. Raises `ArgumentTypeError` for anything else."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def seconds(text: str) -> float:
    """A duration from 0. Raises `ArgumentTypeError` for anything else."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


def output_file(text: str) -> Path:
    """A file to write. Raises `ArgumentTypeError` when there is no such folder: better now than when all is done."""
    path = Path(text)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} cannot be written: there is no such folder, or it is one")
    return path
