"""PNG files as envelopes."""

import tracemalloc
import zlib

import pytest

from backend.cards import png
from backend.errors import InvalidRequest, TooLarge, VoiceChatError
from tests.cards import files


@pytest.mark.parametrize(
    "chunk",
    [
        files.chunk(b"tEXt", b"chara\0hello"),
        files.chunk(b"zTXt", b"chara\0\0" + zlib.compress(b"hello")),
        files.chunk(b"iTXt", b"chara\0\0\0en\0Figur\0hello"),
        files.chunk(b"iTXt", b"chara\0\1\0\0\0" + zlib.compress(b"hello")),
    ],
)
def test_a_text_is_found_in_every_kind_of_chunk(chunk):
    """Tools write the card into plain, compressed and international texts; each is read."""
    assert png.read_text(files.png(chunk), ("chara",)) == b"hello"


def test_the_first_keyword_that_there_is_wins():
    """A picture with a card of version 3 and one of version 2 for older tools gives the better one."""
    both = files.png(files.text("chara", b"old"), files.text("other", b"no"), files.text("ccv3", b"new"))
    assert png.read_text(both, ("ccv3", "chara")) == b"new"
    assert png.read_text(both, ("chara",)) == b"old"
    assert png.read_text(both, ("none",)) is None


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"GIF89a",
        files.SIGNATURE,
        files.SIGNATURE + files.chunk(b"IEND"),
        files.png()[:-1],
        files.png()[:-12],
        files.png(files.header()),
        files.png().replace(b"IDAT", b"IDAX"),
        files.SIGNATURE + b"\xff\xff\xff\xffIHDR" + bytes(30),
        files.png(*[files.chunk(b"aaAa")] * png.MAX_CHUNKS),
        files.png(files.chunk(b"zTXt", b"chara\0\0" + b"no zlib")),
        files.png(files.chunk(b"zTXt", b"chara\0\0" + zlib.compress(b"hello")[:-6])),
        files.png(files.chunk(b"zTXt", b"chara\0\7" + zlib.compress(b"hello"))),
    ],
)
def test_a_damaged_file_is_said_to_be_so(file):
    """Whatever is wrong with a file, the answer is a sentence."""
    with pytest.raises(InvalidRequest, match=r"^(the|it|a) "):
        png.read_text(file, ("chara",))


@pytest.mark.parametrize("name", [b"zTXt", b"iTXt"])
def test_a_bomb_does_not_go_off(name):
    """A text that expands beyond all bounds is refused before it has: memory stays near the bound."""
    before = b"chara\0\0" if name == b"zTXt" else b"chara\0\1\0\0\0"
    bomb = files.png(files.chunk(name, before + zlib.compress(bytes(20 * png.MAX_TEXT_BYTES), 9)))
    tracemalloc.start()
    with pytest.raises(TooLarge):
        png.read_text(bomb, ("chara",))
    assert tracemalloc.get_traced_memory()[1] < 4 * png.MAX_TEXT_BYTES
    tracemalloc.stop()


def test_a_picture_keeps_what_is_seen_and_nothing_else():
    """A portrait has no texts, no Exif data and nothing after its end, where people's places and cards are."""
    plain = files.png()
    full = files.png(files.text("chara", b"x"), files.chunk(b"eXIf", b"GPS"), files.chunk(b"zTXt", b"a\0\0x"))
    assert png.picture(full + b"more") == plain
    assert png.picture(plain) == plain


@pytest.mark.parametrize("size", [(0, 1), (1, 0), (png.MAX_SIDE + 1, 1), (1, 2**32 - 1)])
def test_a_picture_has_a_size_that_can_be_shown(size):
    """Nobody's browser is given a picture of gigabytes to unpack."""
    with pytest.raises(InvalidRequest, match="4096"):
        png.picture(files.png(first=files.header(*size)))


def test_a_header_that_is_too_short_is_no_header():
    """A header without a size is refused like one of no size."""
    with pytest.raises(VoiceChatError):
        png.picture(files.png(first=files.chunk(b"IHDR", b"1234")))


def test_texts_are_written_so_that_they_are_found():
    """What is put in can be taken out, and the picture is as it was."""
    blank = png.blank(16, 2)
    written = png.with_texts(blank, {"chara": b"one", "ccv3": b"two"})
    assert (png.read_text(written, ("chara",)), png.read_text(written, ("ccv3",))) == (b"one", b"two")
    assert png.picture(written) == blank
