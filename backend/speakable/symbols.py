"""Emoji and emoticons, signs in words, and punctuation as a reader breathes it."""

from __future__ import annotations

import re

_PICTURES = re.compile(
    "[0-9#*]\ufe0f?\u20e3|"
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2300-\u23ff\u2b00-\u2bff\u2900-\u297f\u2500-\u25ff\u2139\u24c2\u3030\u303d\u3297\u3299\ue000-\uf8ff"
    "\ufe0e\ufe0f\u20e3\ufffc\ufffd\ufeff\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u00ad\u203c\u2049"
    "\U000e0000-\U000e007f\U000f0000-\U0010ffff\ud800-\udfff\x00-\x08\x0b\x0e-\x1b\x7f-\x84\x86-\x9f]"
    "(?:\u200d[\u2190-\u21ff]?)?"
)
_EMOTICON = re.compile(
    r"(?<![\w:;=])(?:[:;=][-'^o]?[)(\]\[DPpOo3|/\\*]+(?![\w/])|(?<![)(])[)(]{1,4}[-']?[:;=](?!\w)|<3+(?!\w)|</3|\^[_.-]?\^|"
    r"[-Tt>oO][_.][-Tt<oO](?!\w)|[xX]D+(?!\w)|:['’][)(]|¯\\?_\(ツ\)_/¯|¯\\\(ツ\)/¯)"
)
_ANY_SIGN = re.compile(r"[&@%°§×÷±∞√≠≤≥≈→⇒➜➔⟶↦©€£¥=<>+^#/]|->")
_LANGUAGES = re.compile(r"(?<!\w)([CFJ])(\+\+|#)(?!\w)")
_ARROW = re.compile(r"\s*(?:<?[-=]{1,2}>|[→⇒➜➔⟶↦])\s*")
_COMPARISON = re.compile(r"(?<=[\w)\s])(!==?|<=|>=|={2,3}|≠|≤|≥|≈|<|>|=)(?=[\w(\s]|$)")
_COMPARISONS = {
    "!=": "is not equal to",
    "!==": "is not equal to",
    "≠": "is not equal to",
    "<=": "is at most",
    "≤": "is at most",
    ">=": "is at least",
    "≥": "is at least",
    "≈": "is about",
    "<": "is less than",
    ">": "is greater than",
}
_SIGNS = {
    "&": "and",
    "@": "at",
    "%": "percent",
    "°": "degrees",
    "§": "section",
    "©": "copyright",
    "×": "times",
    "÷": "divided by",
    "±": "plus or minus",
    "∞": "infinity",
    "√": "the square root of",
    "€": "euro",
    "£": "pound",
    "¥": "yen",
}
_SIGN = re.compile("[&@%°§©×÷±∞√€£¥]")
_PLUS = re.compile(r"(?<=[\w)])\s?\+\s?(?=[\w(])|(?<=\s)\+(?=\s?\w)|(?<=\w)\+(?=[\s,.;!?]|$)")
_POWER = re.compile(r"(?<=\w)\s?\^\s?(?=\w)")
_PER = re.compile(r"(?<=[a-z])\s?/\s?(?=(?:month|year|day|week|hour|person|night|minute|second|month|user|kg|km)s?\b)")
_ALTERNATIVES = re.compile(
    r"\b(he|she|him|his|her|and|yes|either|true|on|win)/(she|he|her|hers|him|or|no|false|off|lose)\b"
)
_DROPPED = re.compile(r"[*_`~^|\\<>(){}\[\]#=+$/®™•·‣◦¯¶†‡←↑↓↔⇐⇔¬^\u2190-\u22ff]+")
_BRACKETED = re.compile(r"\s*[(（]\s*([^()（）]*?)\s*[)）](\s*[.,;:!?…])?")
_LOOSE_DASH = re.compile(r"[—―–−‒]|(?<![A-Za-z])-|-(?![A-Za-z])")
_DASH = re.compile(r"\s*(?:[—―]+|--+|\s–|–\s)(?:[\s,—–-]*)|(?<=\s)-(?=\s)\s*")
_BROKEN_OFF = re.compile(r"(?:[—―]|(?<!-)--++)(?=[\"”]?\Z)")
_HYPHENS = re.compile(r"(?<!\w)[-–−‒]+(?=\w)|(?<=\w)[-–−‒]+(?!\w)|(?<!\w)[-–−‒]+(?!\w)")
_JOINED = re.compile(r"(?<=\w)[–−‒](?=\w)")
_ELLIPSIS = re.compile(r"\.(?:\s?\.)+|…(?:\s*[….])*")
_RUN = re.compile(r"[,;:.!?…](?:\s*[,;:.!?…])+")
_BEFORE_STOP = re.compile(r"\s+(?=[,.…])")
_OPENING = re.compile(r"\A[\s,;:.!?…)\]\-]+")
_WORD = re.compile(r"[^\W_]")
_STRENGTH = "?!….:;,"


def without_pictures(text: str) -> str:
    """`text` without emoji, emoticons, control characters and lone surrogates."""
    if not text.isascii() or not text.isprintable():
        text = _PICTURES.sub(" ", text)
    return _EMOTICON.sub(" ", text)


def spoken_signs(text: str) -> str:
    """Signs that stand for a word, as that word."""
    if not _ANY_SIGN.search(text):
        return text
    text = _LANGUAGES.sub(lambda match: f"{match[1]} {'plus plus' if match[2] == '++' else 'sharp'}", text)
    text = _ARROW.sub(" to ", text)
    text = _COMPARISON.sub(lambda match: f" {_COMPARISONS.get(match[1], 'equals')} ", text)
    text = _PLUS.sub(" plus ", text)
    text = _POWER.sub(" to the power of ", text)
    if "/" in text:
        text = _ALTERNATIVES.sub(r"\1 or \2", _PER.sub(" per ", text)).replace("and or or", "and or")
    return _SIGN.sub(lambda match: f" {_SIGNS[match[0]]} ", text)


def tidy(text: str) -> str:
    """`text` without what is left of markup, pauses as commas and ellipses, single spaces; empty if nothing is said."""
    if "(" in text or "（" in text:
        text = _BRACKETED.sub(_clause, text)
    text = " ".join(_DROPPED.sub(" ", text).split())
    if _LOOSE_DASH.search(text):
        text = _HYPHENS.sub(" ", _JOINED.sub("-", _DASH.sub(", ", _BROKEN_OFF.sub("…", text))))
    text = _RUN.sub(_strongest, _ELLIPSIS.sub("…", text))
    text = _BEFORE_STOP.sub("", text)
    text = " ".join(_OPENING.sub("", text).split())
    return text if _WORD.search(text) else ""


def _clause(match: re.Match[str]) -> str:
    """A bracketed remark is spoken between pauses."""
    if not match[1]:
        return match[2] or " "
    before = match.string[: match.start()].rstrip()[-1:]
    opening = ", " if before and before not in ".,;:!?…" else " "
    return f"{opening}{match[1]}{match[2].strip() if match[2] else ', '}"


def _strongest(match: re.Match[str]) -> str:
    """One mark for a run of them."""
    run = match[0]
    mark = next(mark for mark in _STRENGTH if mark in run)
    return mark + (" " if run[-1].isspace() else "")
