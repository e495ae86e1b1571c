"""What can be answered truly without a language model: sums, the time and the date."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING

from backend.speakable.number_words import cardinal, decimal, ordinal, two_digits, year

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


def _quotient(left: float, right: float) -> float:
    return left / right


_OPERATIONS: dict[str, tuple[str, Callable[[float, float], float]]] = {
    "plus": ("plus", operator.add),
    "+": ("plus", operator.add),
    "minus": ("minus", operator.sub),
    "-": ("minus", operator.sub),
    "times": ("times", operator.mul),
    "x": ("times", operator.mul),
    "*": ("times", operator.mul),
    "×": ("times", operator.mul),
    "multiplied by": ("times", operator.mul),
    "divided by": ("divided by", _quotient),
    "/": ("divided by", _quotient),
    "over": ("divided by", _quotient),
}
_SMALL = {cardinal(str(number)): number for number in range(21)} | {
    cardinal(str(number)): number for number in range(30, 100, 10)
}
_NUMBER_WORD = "|".join([*sorted(_SMALL, key=len, reverse=True), "hundred", "thousand"])
_NUMBER = rf"(?:-?[0-9]{{1,9}}(?:\.[0-9]{{1,6}})?|(?:(?:{_NUMBER_WORD})[ -]?)+)"
_SUM = re.compile(
    rf"(?<![\w.])({_NUMBER})\s*(\+|-|\*|×|x|/|plus|minus|times|multiplied by|divided by|over)\s*({_NUMBER})(?![\w])",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\bwhat(?:'s| is)? (?:the )?time\b|\b(?:tell me|know) (?:the|what) time\b|\bwhat time is it\b|\btime is it\b",
    re.IGNORECASE,
)
_DAY = re.compile(
    r"\b(?:what|which)(?:'s| is)? (?:the )?(?:day|date|weekday)\b|\btoday's date\b|\bthe date today\b", re.IGNORECASE
)
_YEAR = re.compile(r"\b(?:what|which) year\b", re.IGNORECASE)


def computed(text: str) -> str:
    """ "twelve times seven is eighty-four" for a text that asks for a sum of two numbers, else empty."""
    found = _SUM.search(text[:400])
    if not found:
        return ""
    left, right = _value(found[1]), _value(found[3])
    word, operation = _OPERATIONS[found[2].lower()]
    try:
        result = operation(left, right)
    except ZeroDivisionError:
        return f"nobody can divide {_said(left)} by zero"
    return f"{_said(left)} {word} {_said(right)} is {_said(result)}"


def told(text: str, now: datetime) -> str:
    """The time, the day or the year by the machine's clock, when the text asks for it, else empty."""
    if _TIME.search(text):
        hour = cardinal(str(now.hour % 12 or 12))
        minute = two_digits(f"{now.minute:02}") if now.minute else "o'clock"
        part = "in the morning" if now.hour < 12 else "in the afternoon" if now.hour < 18 else "in the evening"
        return f"it is {hour} {minute} {part}"
    if _DAY.search(text):
        return f"today is {now:%A}, {now:%B} {ordinal(str(now.day))}"
    return f"the year is {year(str(now.year))}" if _YEAR.search(text) else ""


def _value(written: str) -> float:
    written = written.strip().lower()
    if written.lstrip("-")[:1].isdigit():
        return float(written)
    total = group = 0
    for word in re.split(r"[ -]+", written):
        if word == "hundred":
            group = max(1, group) * 100
        elif word == "thousand":
            total, group = total + max(1, group) * 1000, 0
        else:
            group += _SMALL.get(word, 0)
    return float(total + group)


def _said(value: float) -> str:
    sign = "minus " if value < 0 else ""
    rounded = f"{abs(value):.4f}".rstrip("0").rstrip(".")
    return sign + (cardinal(rounded) if "." not in rounded else decimal(rounded))
