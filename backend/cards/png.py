"""PNG files as envelopes: texts in chunks, and the picture without them. Pictures are not decoded.

Formats: https://www.w3.org/TR/png-3/ (chunks 5, tEXt 11.3.3.2, zTXt 11.3.3.3, iTXt 11.3.3.4).
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from backend.errors import InvalidRequest, TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 10_000
MAX_SIDE = 4_096
MAX_PICTURE_BYTES = 5 << 20
MAX_TEXT_BYTES = 8 << 20
"""Of one text, decompressed."""

_HEAD = struct.Struct(">I4s")
_CRC = struct.Struct(">I")
_SIZE = struct.Struct(">II")

_PICTURE = frozenset({b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"IDAT", b"acTL", b"fcTL", b"fdAT"})
"""Chunks that a portrait keeps: what others hold may be private, and is for nobody to see."""


class Chunk(NamedTuple):
    """One chunk; `whole` has its length and checksum around it."""

    name: bytes
    data: memoryview
    whole: memoryview


def chunks(file: bytes) -> Iterator[Chunk]:
    """The chunks up to `IEND`. Raises `InvalidRequest` where the file is no PNG, or damaged."""
    if not file.startswith(SIGNATURE):
        raise InvalidRequest("it is no PNG file")
    view = memoryview(file)
    place = len(SIGNATURE)
    for number in range(MAX_CHUNKS):
        if place + _HEAD.size + _CRC.size > len(view):
            raise InvalidRequest("the PNG file ends too early")
        length, name = _HEAD.unpack_from(view, place)
        start = place + _HEAD.size
        end = start + length + _CRC.size
        if end > len(view):
            raise InvalidRequest("a chunk of the PNG file is longer than the file")
        data = view[start : start + length]
        if zlib.crc32(data, zlib.crc32(name)) != _CRC.unpack_from(view, end - _CRC.size)[0]:
            raise InvalidRequest("the PNG file is damaged: a checksum is wrong")
        if (number == 0) != (name == b"IHDR"):
            raise InvalidRequest("the PNG file does not begin with its one header")
        yield Chunk(name, data, view[place:end])
        if name == b"IEND":
            return
        place = end
    raise InvalidRequest(f"the PNG file has more than {MAX_CHUNKS} chunks")


def read_text(file: bytes, keywords: tuple[str, ...]) -> bytes | None:
    """The first text under the first of `keywords` that there is. Raises `InvalidRequest` and `TooLarge`."""
    found: dict[bytes, Chunk] = {}
    for chunk in chunks(file):
        if chunk.name in {b"tEXt", b"zTXt", b"iTXt"}:
            found.setdefault(bytes(chunk.data[:80]).partition(b"\0")[0], chunk)
    for keyword in keywords:
        chunk = found.get(keyword.encode())
        if chunk is not None:
            return _text(chunk)
    return None


def picture(file: bytes) -> bytes:
    """The same picture without texts and the like. Raises `InvalidRequest` for one that has too many pixels, or none,
    and `TooLarge`."""
    kept = [SIGNATURE]
    for chunk in chunks(file):
        if chunk.name == b"IHDR":
            width, height = _SIZE.unpack_from(chunk.data) if len(chunk.data) == 13 else (0, 0)
            if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
                raise InvalidRequest(f"a portrait has at most {MAX_SIDE} by {MAX_SIDE} pixels")
        if chunk.name in _PICTURE:
            kept.append(bytes(chunk.whole))
    picture = b"".join((*kept, _END))
    if len(picture) > MAX_PICTURE_BYTES:
        raise TooLarge(f"a portrait has at most {MAX_PICTURE_BYTES >> 20} MB")
    return picture


def with_texts(file: bytes, texts: Mapping[str, bytes]) -> bytes:
    """A PNG file with these texts, Latin-1, by keyword, before its end."""
    body, end = file[: -len(_END)], file[-len(_END) :]
    added = [_chunk(b"tEXt", keyword.encode("latin-1") + b"\0" + text) for keyword, text in texts.items()]
    return b"".join((body, *added, end))


def blank(width: int, height: int) -> bytes:
    """A grey picture; `width` is a multiple of 8."""
    header = _SIZE.pack(width, height) + bytes((1, 3, 0, 0, 0))  # one bit a pixel, of a palette
    rows = zlib.compress(bytes(1 + width // 8) * height, 0)
    parts = ((b"IHDR", header), (b"PLTE", b"\x80\x80\x80"), (b"IDAT", rows))
    return b"".join((SIGNATURE, *(_chunk(name, data) for name, data in parts), _END))


def _text(chunk: Chunk) -> bytes:
    _, _, rest = bytes(chunk.data).partition(b"\0")
    if chunk.name == b"tEXt":
        return rest
    if chunk.name == b"zTXt":
        method, text, compressed = rest[:1], rest[1:], True
    else:
        compressed, method = rest[:1] == b"\1", rest[1:2]
        text = rest[2:].split(b"\0", 2)[-1]  # after a language and a translated keyword
    if not compressed:
        return text
    if method != b"\0":
        raise InvalidRequest("a text of the PNG file is compressed in a way that there is none of")
    return _decompressed(text)


def _decompressed(text: bytes) -> bytes:
    decompressor = zlib.decompressobj()
    try:
        found = decompressor.decompress(text, MAX_TEXT_BYTES)
    except zlib.error as error:
        raise InvalidRequest("a text of the PNG file is damaged") from error
    if decompressor.unconsumed_tail or not decompressor.eof:
        if len(found) == MAX_TEXT_BYTES:
            raise TooLarge(f"a text of a PNG file has at most {MAX_TEXT_BYTES >> 20} MB")
        raise InvalidRequest("a text of the PNG file is damaged")
    return found


def _chunk(name: bytes, data: bytes) -> bytes:
    return _HEAD.pack(len(data), name) + data + _CRC.pack(zlib.crc32(data, zlib.crc32(name)))


_END = _chunk(b"IEND", b"")
