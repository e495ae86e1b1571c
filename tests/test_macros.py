"""The macros of character cards."""

import pytest

from backend.macros import expand


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("{{char}} greets {{user}}.", "Ada greets Ben."),
        ("{{Char}}, {{ USER }}, <Bot>, <user>, <CHAR>, {{bot}}", "Ada, Ben, Ada, Ben, Ada, Ada"),
        ("a{{// a note}}b{{comment: another}}c{{hidden_key:x}}d", "abcd"),
        ("a{{// about {{char}}\nand {{user}} }}b", "ab"),
        ("{{original}}Speak.", "Speak."),
        ("{{random:a,b}} {{//open", "{{random:a,b}} {{//open"),
        ("a < b, {char} and <START>", "a < b, {char} and <START>"),
    ],
)
def test_names_stand_for_macros(text, expanded):
    """Cards of every tool say the names of both, comments are not told, and what is no macro stays."""
    assert expand(text, "Ada", "Ben") == expanded


def test_a_name_is_no_macro():
    """Somebody who calls themselves a macro is called so: nothing is expanded twice, and nothing for ever."""
    assert expand("{{char}} {{user}}", "{{user}}", "{{char}}") == "{{user}} {{char}}"


@pytest.mark.parametrize("unit", ["{{", "{{//", "{{// {{a}}", "{{a}}{{//", "<bot", "{{ ", "}}", "{{//{{//}}"])
def test_hostile_texts_are_only_text(unit):
    """Braces that never close are kept, but for comments that do; a text of them is read once, not once a brace."""
    text = unit * 20_000
    assert expand(text, "Ada", "Ben") == text.replace("{{//}}", "")
