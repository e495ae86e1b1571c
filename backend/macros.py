"""The macros of character cards: short forms in a text that stand for names, and comments. Knows no other ones; what
they leave is text, never looked through again."""

from __future__ import annotations

import re

_MACRO = re.compile(
    r"\{\{\s*(?P<name>char|bot|user|original)\s*\}\}"
    r"|<(?P<tag>bot|char|user)>"
    # A comment ends where its braces do, those of macros in it left out. What cannot match fails within one comment.
    r"|\{\{\s*(?://|comment:|hidden_key:)[^{}]*+(?:\{\{[^{}]*+\}\}[^{}]*+)*+\}\}",
    re.IGNORECASE,
)


def expand(text: str, char: str, user: str) -> str:
    """`text` with the name of the character for `{{char}}`, `{{bot}}`, `<BOT>` and `<CHAR>`, that of the person for
    `{{user}}` and `<USER>`, in any case, and without its comments: `{{// ...}}`, `{{comment: ...}}`, `{{hidden_key:
    ...}}`. `{{original}}`, the prompt that a card replaces, is nothing. Macros in a name stay as they are."""
    if "{{" not in text and "<" not in text:
        return text

    def meaning(found: re.Match[str]) -> str:
        match (found["name"] or found["tag"] or "").lower():
            case "char" | "bot":
                return char
            case "user":
                return user
            case _:
                return ""

    return _MACRO.sub(meaning, text)
