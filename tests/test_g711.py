"""G.711: the levels of the recommendation, and the nearest of them for every sample."""

from __future__ import annotations

import numpy as np
import pytest

from backend.g711 import decoded, encoded

ALL_CODES = bytes(range(256))
ALL_SAMPLES = np.arange(-32768, 32768).astype("<i2").tobytes()

MU = {0xFF: 0, 0xFE: 2, 0xEF: 33, 0xDF: 99, 0xCF: 231, 0xBF: 495, 0xAF: 1023, 0x9F: 2079, 0x8F: 4191, 0x80: 8031}
"""Table 2a: 14-bit values of codes at the ends of the segments, each a quarter of the 16-bit sample."""

A = {
    0x80: 1,
    0x81: 3,
    0x8F: 31,
    0x90: 33,
    0xA0: 66,
    0xB0: 132,
    0xC0: 264,
    0xD0: 528,
    0xE0: 1056,
    0xF0: 2112,
    0xFF: 4032,
}
"""Table 1a: 13-bit values of codes before the even bits are inverted, each an eighth of the 16-bit sample."""


def levels(codes: bytes, law) -> list[int]:
    return np.frombuffer(decoded(codes, law), "<i2").tolist()


def test_mu_law_has_the_published_levels():
    """The ends of all segments, of either sign."""
    assert levels(bytes(MU), "mu") == [4 * value for value in MU.values()]
    assert levels(bytes(code & 0x7F for code in MU), "mu") == [-4 * value for value in MU.values()]


def test_a_law_has_the_published_levels():
    """The ends of all segments, of either sign."""
    assert levels(bytes(code ^ 0x55 for code in A), "a") == [8 * value for value in A.values()]
    assert levels(bytes((code & 0x7F) ^ 0x55 for code in A), "a") == [-8 * value for value in A.values()]


@pytest.mark.parametrize("law", ["mu", "a"])
def test_a_level_is_coded_as_itself(law):
    """Passing a telephone's audio through loses nothing."""
    assert levels(encoded(decoded(ALL_CODES, law), law), law) == levels(ALL_CODES, law)


@pytest.mark.parametrize("law", ["mu", "a"])
def test_every_sample_is_coded_as_its_nearest_level(law):
    """No other code is nearer, for any of the 65,536."""
    there = np.unique(levels(ALL_CODES, law))
    samples = np.arange(-32768, 32768)
    at = np.searchsorted(there, samples).clip(1, len(there) - 1)
    nearest = np.minimum(np.abs(samples - there[at - 1]), np.abs(samples - there[at]))
    assert np.array_equal(np.abs(samples - levels(encoded(ALL_SAMPLES, law), law)), nearest)


@pytest.mark.parametrize(("law", "silence"), [("mu", b"\xff"), ("a", b"\xd5")])
def test_silence_has_the_code_that_telephones_send(law, silence):
    """Other codes sound the same, but are not known for silence."""
    assert encoded(b"\0\0" * 3, law) == 3 * silence


@pytest.mark.parametrize("law", ["mu", "a"])
def test_nothing_comes_of_nothing(law):
    """Empty audio is audio."""
    assert decoded(b"", law) == encoded(b"", law) == b""
