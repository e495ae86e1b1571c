"""What the id of an added voice is."""

from __future__ import annotations

import pytest

from backend.voice_library import content_id, is_id


def test_an_id_is_made_from_its_content():
    """The same recording is the same voice, and no other is."""
    assert content_id(b"a") == content_id(b"a") != content_id(b"b")
    assert is_id(content_id(b"a"))


@pytest.mark.parametrize(
    "name", ["", "nova", "voice_of_god", "voice_" + "g" * 24, content_id(b"") + "\n", "voice_\ud800"]
)
def test_other_names_are_no_ids(name):
    """What no voice of the library can be called is never looked up, so that no odd name reaches the database."""
    assert not is_id(name)
