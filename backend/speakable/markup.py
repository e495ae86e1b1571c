"""What of a marked-up text is for the ear: Markdown, HTML and code become plain sentences.

Every pattern stops at the next opening mark of its kind, so that unclosed markup costs linear time.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FENCES = ("```", "~~~")
_UNHEARD_ELEMENTS = ("script", "style", "think", "svg", "pre")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!--[^<>]*-->|<![A-Za-z][^<>]*>")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)?[^\s<>]+[.@:][^\s<>]+)>")
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/h[1-6]|/tr)\b[^<>]*>", re.IGNORECASE)
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\([^()\[\]]*(?:\([^()\[\]]*\)[^()\[\]]*)?\)|\[[^\[\]]*\])")
_FOOTNOTE = re.compile(r"\[(?:\^[^\[\]\s]*|[0-9]{1,3}|[ xX])\](?!\w):?")
_INLINE_CODE = re.compile(r"(`{1,2})([^`]+)\1(?!`)")
_SPACED_THOUSANDS = re.compile(r"(?<=[0-9])[\u00a0\u202f](?=[0-9]{3}(?![0-9]))")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_CALL = re.compile(r"\([^()]*\)")
_CODE_MARKS = re.compile(r"[_(){}\[\];\"'$\\|*`]+|(?<![^\s])--?(?=\w)")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")

_RULE = re.compile(r"\s*(?:(?:[-_*=]\s*){3,}|(?:=+|-+)\s*)")
_TABLE_RULE = re.compile(r"[\s|:-]*-[\s|:-]*")
_LINE_MARKS = re.compile(r"(?:(?:[-*+•‣◦·▪→➜]|>+|#{1,6})(?:\s+|$)|>+(?=\S))+")
_CHECKBOX = re.compile(r"\[[ xX]\]\s+")
_NUMBERED = re.compile(r"\(?([0-9]{1,2})[.)]\s+(?=\S)")
_CLOSING_HASHES = re.compile(r"\s#+$")
_ENDS = ".,;:!?…。！？"


def plain(text: str) -> str:
    """`text` without code blocks, tags, links, images, tables and line marks; emphasis marks are still there."""
    if "```" in text or "~~~" in text:
        text = _without_fences(text)
    if "`" in text:
        text = _INLINE_CODE.sub(lambda match: _spoken_code(match[2]), text)
    if "<" in text:
        text = _without_tags(text)
    if "&" in text:
        text = html.unescape(text)
    if "[" in text:
        text = _FOOTNOTE.sub("", _LINK.sub(r"\1", text))
    if not text.isascii():
        text = _SPACED_THOUSANDS.sub("", text)
    text = " ".join(_plain_lines(text))
    return _ESCAPE.sub(r"\1", text) if "\\" in text else text


def _without_fences(text: str) -> str:
    """Code between fences is nothing to say; an unclosed fence runs to the end."""
    for fence in _FENCES:
        text = "\n".join(text.split(fence)[::2])
    return text


def _without_tags(text: str) -> str:
    for element in _UNHEARD_ELEMENTS:
        if f"<{element}>" in text:
            text = " ".join(_outside(text, element))
    text = _AUTOLINK.sub(r"\1", _BREAK.sub("\n", text))
    return _TAG.sub("", text)


def _outside(text: str, element: str) -> Iterator[str]:
    """The parts of `text` before, between and after closed elements of that name."""
    position = 0
    while (start := text.find(f"<{element}>", position)) >= 0:
        end = text.find(f"</{element}>", start)
        if end < 0:
            break
        yield text[position:start]
        position = end + len(element) + 3
    yield text[position:]


def _spoken_code(code: str) -> str:
    """A name in code as words: `foo_bar()` is "foo bar", `getName` is "get Name"."""
    code = _CALL.sub(" ", code) if code.rstrip().endswith(")") else code
    return " ".join(_CAMEL.sub(" ", _CODE_MARKS.sub(" ", code)).split())


def _plain_lines(text: str) -> Iterator[str]:
    """Lines without their marks. Where the layout ended a thought, punctuation does."""
    lines = text.splitlines() or [""]
    last = len(lines) - 1
    for index, written in enumerate(lines):
        line, structured = _plain_line(written.strip())
        if not line:
            continue
        following_blank = index < last and not lines[index + 1].strip()
        if index < last and line[-1] not in _ENDS and (structured or following_blank or _starts_item(lines[index + 1])):
            line += "."
        yield line


def _starts_item(line: str) -> bool:
    line = line.lstrip()
    return bool(_LINE_MARKS.match(line) or _NUMBERED.match(line) or line.startswith("|"))


def _plain_line(line: str) -> tuple[str, bool]:
    """The text of one line, and whether it was a heading, an item or a row."""
    if _RULE.fullmatch(line) or _TABLE_RULE.fullmatch(line):
        return "", True
    if line.startswith("|") and line.count("|") > 1:
        return ", ".join([cell.strip() for cell in line.strip("|").split("|") if cell.strip()]), True
    marks = _LINE_MARKS.match(line)
    if marks:
        heading = "#" in marks[0]
        line = line[marks.end() :]
        line = _CLOSING_HASHES.sub("", line) if heading else line
    box = _CHECKBOX.match(line)
    line = line[box.end() :] if box else line
    number = _NUMBERED.match(line)
    if number:
        line = f"{number[1]}: {line[number.end() :]}"
    return line, bool(marks or number)
