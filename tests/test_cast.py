"""The cast of a server."""

import json

import pytest

from backend.cast import DEFAULT_CAST, deal_voices, load_cast
from backend.characters import Character, LoreEntry
from backend.errors import ConfigurationError

TOML = """
[[characters]]
id = "ada"
name = "Ada"
voice = "nova"
system_prompt = "You are Ada."

[[characters]]
id = "bob"
"""


def test_toml_and_json_hold_the_same(tmp_path):
    """A cast can be written in either format; what is left out has sensible values."""
    (tmp_path / "cast.toml").write_text(TOML)
    (tmp_path / "cast.json").write_text(
        json.dumps([{"id": "ada", "name": "Ada", "voice": "nova", "system_prompt": "You are Ada."}, {"id": "bob"}])
    )
    cast = load_cast(tmp_path / "cast.toml")
    assert cast == load_cast(tmp_path / "cast.json")
    ada, bob = (one.character() for one in cast)
    assert (ada, bob) == (Character("ada", "Ada", "nova", "You are Ada."), Character("bob", "bob"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[[characters]]\nname = 'x'",
        "characters = 3",
        "[[characters]]\nid = 'a'\n[[characters]]\nid = 'a'",
        "[[characters]]\nid = '../a'",
        "[[characters]]\nid = 'a'\nprompt = 'x'",
        "[[characters]]\nid = 'a'\ntalkativeness = nan",
        "not toml",
    ],
)
def test_a_wrong_file_is_said_in_one_line(tmp_path, text):
    """A mistake in the file is named, with the file, and is no traceback."""
    path = tmp_path / "cast.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"cast\.toml") as caught:
        load_cast(path)
    assert "\n" not in str(caught.value)


def test_a_file_can_say_everything_of_a_character(tmp_path):
    """A character of a file has all the fields that one of the HTTP API has, its lorebook too."""
    (tmp_path / "cast.toml").write_text(
        """
        [[characters]]
        id = "ada"
        talkativeness = 1
        first_message = "Ahoy, {{user}}."
        [characters.lorebook]
        entries = [{ keys = ["tide"], content = "Tides are high." }]
        """
    )
    ada = load_cast(tmp_path / "cast.toml")[0].character()
    assert (ada.name, ada.talkativeness, ada.persona.greetings) == ("ada", 1, ("Ahoy, {{user}}.",))
    assert ada.persona.lorebook.entries == (LoreEntry("Tides are high.", ("tide",)),)


def test_a_missing_file_is_said(tmp_path):
    """A wrong path is named."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_cast(tmp_path / "nobody.toml")


def test_everybody_gets_a_voice_of_their_own():
    """Characters without a voice are dealt voices that nobody else in the cast has."""
    cast = [Character("a", "A"), Character("b", "B", "one"), Character("c", "C")]
    assert [c.voice for c in deal_voices(cast, ("one", "two", "three"))] == ["two", "one", "three"]


def test_the_shipped_cast_is_three_people_with_voices_of_their_own():
    """The default cast has three names, prompts and voices, all different."""
    for attribute in ("id", "name", "voice", "system_prompt"):
        assert len({getattr(character, attribute) for character in DEFAULT_CAST} - {""}) == 3
