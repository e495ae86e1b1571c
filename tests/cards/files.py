"""Card files for tests: those of `tests/fixtures/cards`, laid out as known tools write them, and ones made to order."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from pathlib import Path

FIXTURES = sorted((Path(__file__).parent.parent / "fixtures" / "cards").iterdir())
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, data: bytes = b"") -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I4s", len(data), name) + data + struct.pack(">I", zlib.crc32(name + data))


def header(width: int = 1, height: int = 1) -> bytes:
    """The first chunk of a PNG file."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))


def png(*chunks: bytes, first: bytes = header()) -> bytes:
    """A PNG file of one pixel, with more chunks."""
    return b"".join((SIGNATURE, first, chunk(b"IDAT", zlib.compress(b"\0\0")), *chunks, chunk(b"IEND")))


def text(keyword: str, content: bytes) -> bytes:
    """A chunk with a text."""
    return chunk(b"tEXt", keyword.encode() + b"\0" + content)


def in_base64(card: object) -> bytes:
    """A card as it stands in a PNG file."""
    return base64.b64encode(json.dumps(card).encode())


def in_png(card: object, keyword: str = "chara") -> bytes:
    """A card in a PNG file."""
    return png(text(keyword, in_base64(card)))


def v2(**data: object) -> dict[str, object]:
    """A card of version 2."""
    return {"spec": "chara_card_v2", "spec_version": "2.0", "data": {"name": "Ada", **data}}
