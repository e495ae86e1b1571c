"""Cards as nobody means them: the fixtures with bytes flipped, chunks spliced, values swapped, nested and blown up."""

from __future__ import annotations

import base64
import json
import zlib
from typing import TYPE_CHECKING, Any

from backend.cards import png
from tests.cards.files import FIXTURES, SIGNATURE, chunk, header
from tests.cards.files import png as png_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

SOURCES = [path.read_bytes() for path in FIXTURES]
PICTURES = [source for source in SOURCES if source.startswith(SIGNATURE)]


def mutated(random: Random) -> bytes:
    """One card that is wrong in one to three ways, or wrong inside."""
    if random.random() < 0.5:
        return in_some_file(json_with_swaps(random), random)
    file = random.choice(SOURCES)
    for _ in range(random.randint(1, 3)):
        file = random.choice(FILE_MUTATIONS)(file, random)
    return file


def card_in(file: bytes) -> Any:
    """The JSON of a card that is right."""
    if file.startswith(SIGNATURE):
        file = base64.b64decode(png.read_text(file, ("ccv3", "chara")) or b"")
    return json.loads(file)


def in_some_file(text: bytes, random: Random) -> bytes:
    """A card as JSON, or in a picture in one of the ways there are."""
    encoded = base64.b64encode(text)
    keyword = random.choice([b"chara", b"ccv3"])
    return random.choice(
        [
            text,
            png_file(chunk(b"tEXt", keyword + b"\0" + encoded)),
            png_file(chunk(b"zTXt", keyword + b"\0\0" + zlib.compress(encoded))),
            png_file(chunk(b"iTXt", keyword + b"\0\1\0\0\0" + zlib.compress(encoded))),
        ]
    )


def json_with_swaps(random: Random) -> bytes:
    """A card, some of whose values are others, or somewhere else."""
    card = card_in(random.choice(SOURCES))
    for _ in range(random.randint(1, 4)):
        places = list(_places(card))
        holder, key = random.choice(places)
        holder[key] = random.choice(VALUES)(random, holder[key])
    return json.dumps(card).encode()


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items):
        yield value, key
        yield from _places(item)


def _nested(random: Random, value: Any) -> Any:
    for _ in range(random.choice([3, 70, 300])):
        value = [value] if random.random() < 0.5 else {"data": value}
    return value


NUMBERS = [True, False, 0, -1, 2**70, 10**400, 1e308, -0.5, float("nan"), float("inf")]
TEXTS = ["", " ", "\0", "\ud800", "\udc00x", "\u202e", "NaN", "true", "1e999", "{{char}}" * 500, "{{//" * 2000]
PATHS = ["../../etc/passwd", "/etc/passwd", "C:\\x", "..", "%2e%2e%2f", "a\0.png", "~", "http://127.0.0.1:9/"]
PATTERNS = ["(a+)+$", "/(.*)*x/", "[", "<script>x</script>"]

VALUES: list[Callable[[Random, Any], Any]] = [
    lambda random, value: None,
    lambda random, value: random.choice(NUMBERS),
    lambda random, value: random.choice(TEXTS),
    lambda random, value: random.choice(PATHS),
    lambda random, value: random.choice(PATTERNS),
    lambda random, value: "x" * random.choice([127, 129, 50_001, 600_000]),
    lambda random, value: [value] * random.choice([0, 1, 101, 1001]),
    lambda random, value: {str(value)[:50]: value, "keys": value, "__class__": value, "model_config": value},
    lambda random, value: list(value) if isinstance(value, str | dict) else [value],
    lambda random, value: str(value),
    _nested,
]


def _flipped(file: bytes, random: Random) -> bytes:
    changed = bytearray(file)
    for _ in range(random.randint(1, 20)):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _cut(file: bytes, random: Random) -> bytes:
    start, end = sorted((random.randrange(len(file)), random.randrange(len(file))))
    return random.choice([file[:end], file[start:], file[:start] + file[end:], file[:end] + file[start:]]) or b"\0"


def _joined(file: bytes, random: Random) -> bytes:
    other = random.choice(SOURCES)
    return file[: random.randrange(len(file))] + other[random.randrange(len(other)) :]


def _spliced(_file: bytes, random: Random) -> bytes:
    """Whole chunks with right checksums, in another order, twice, or with their contents changed."""
    parts = [part for source in random.sample(PICTURES, 2) for part in png.chunks(source)]
    chosen = random.choices(parts, k=random.randint(0, len(parts)))
    names = [b"tEXt", b"zTXt", b"iTXt", b"IHDR", b"IDAT", b"IEND"]
    chunks = [
        chunk(
            bytes(part.name) if random.random() < 0.7 else random.choice(names),
            _flipped(bytes(part.data), random) if part.data and random.random() < 0.3 else bytes(part.data),
        )
        for part in chosen
    ]
    side = random.choice([0, 1, 16, 4096, 4097, 2**32 - 1])
    return png_file(*chunks, first=random.choice([header(side, 1), header(1, side), header(), b""]))


def _bomb(_file: bytes, random: Random) -> bytes:
    size = random.choice([1, 9, 40]) << 20
    packed = zlib.compress(random.choice([b"[", b" ", b"A", b"\0"]) * size, 9)
    return png_file(chunk(b"zTXt", b"chara\0\0" + packed))


FILE_MUTATIONS = [_flipped, _flipped, _cut, _joined, _spliced, _spliced, _bomb]
