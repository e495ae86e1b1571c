"""Amounts of something in words: money, measures, percentages, large round numbers."""

from __future__ import annotations

import re

from backend.speakable.number_words import cardinal, decimal, spelled
from backend.speakable.units import COUNTRIES, MONEY, SCALES, UNITS

NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3})++(?![0-9])(?:\.[0-9]++)?|[0-9]++(?:\.[0-9]++)?|\.[0-9]++)"
"""A number with optional thousands separators and decimals; whoever embeds this excludes a digit right before it."""

_SCALE = r"(?:[\s-]?(hundred|thousand|million|billion|trillion|mn|bn|tn|[kKmMbBT])(?!\w))?"
_CODE = r"(?:[$€£¥₹₩₽₿]|(?:USD|EUR|GBP|JPY|INR|CHF)\s?)"
_PRICE = re.compile(
    rf"(?<![\w.,])([-−])?(US|CA?|AU?|NZ)?({_CODE})\s?({NUMBER})(?:\s(?:to)\s{_CODE}?({NUMBER})(?![\w:%]))?{_SCALE}"
)
_PRICE_AFTER = re.compile(
    rf"(?<![\w.,])([-−])?({NUMBER}){_SCALE}\s?([€£¥₹₩₽₿$¢]|(?:USD|EUR|GBP|JPY|INR|CHF)\b)(?![\w])"
)

_MONEY_SIGN = re.compile(r"[$€£¥₹₩₽₿¢]|USD|EUR|GBP|JPY|INR|CHF")

_UNIT = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
_MEASURE = re.compile(rf"(?<![\w.,:/])([-−])?({NUMBER})(\s|-)?({_UNIT})(?![\w²³]|/[a-z])(?:\.(?=\s[a-z]))?")
_HEIGHT = re.compile(r"(?<![\w.,])([0-9]{1,2})['’′]\s?([0-9]{1,2})(?:[\"”″]|''|(?!\w))")
_LARGE = re.compile(rf"(?<![\w.,])(?<!number )({NUMBER})(k|M|mn|bn|B)(?!\w|\s[A-Z])")
_ARTICLE = re.compile(r"\b[Aa]n?\s\Z")


def spoken_amounts(text: str) -> str:
    """Money, heights, measures and abbreviated thousands in words."""
    if _MONEY_SIGN.search(text):
        text = _PRICE_AFTER.sub(_price_after, _PRICE.sub(_price, text))
    if "'" in text or "’" in text or "′" in text:
        text = _HEIGHT.sub(lambda match: f"{cardinal(match[1])} foot {cardinal(match[2])}", text)
    text = _LARGE.sub(lambda match: f"{decimal(match[1])} {SCALES[match[2]]}", text)
    return _MEASURE.sub(_measure, text)


def _price(match: re.Match[str]) -> str:
    sign, country, code, number, until, scale = match.groups()
    said = f"{decimal(number)} to " if until else ""
    return (
        _minus(sign)
        + said
        + _sum_of_money(match, until or number, scale, code.strip(), COUNTRIES.get(country or "", ""))
    )


def _price_after(match: re.Match[str]) -> str:
    sign, number, scale, code = match.groups()
    return _minus(sign) + _sum_of_money(match, number, scale, code, "")


def _sum_of_money(match: re.Match[str], number: str, scale: str | None, code: str, country: str) -> str:
    one, several, cent, cents = MONEY[code]
    if scale:
        return f"{decimal(number)} {SCALES.get(scale, scale)} {country}{several}"
    whole, _, fraction = number.partition(".")
    if len(fraction) != 2 or not cent:
        return f"{decimal(number)} {country}{one if number == '1' or _is_attribute(match) else several}"
    parts: list[str] = []
    if whole.strip("0") or fraction == "00":
        parts.append(f"{decimal(whole)} {country}{one if whole == '1' else several}")
    if fraction != "00":
        parts.append(f"{cardinal(str(int(fraction)))} {cent if fraction == '01' else cents}")
    return " and ".join(parts)


def _measure(match: re.Match[str]) -> str:
    sign, number, joint, unit = match.groups()
    one, several = UNITS[unit]
    singular = number == "1" or joint == "-" or _is_attribute(match)
    return f"{_minus(sign)}{quantity(number)} {one if singular else several}"


def _is_attribute(match: re.Match[str]) -> bool:
    """True in "a $20 bill" and "a 5 km run"."""
    before = match.string[max(0, match.start() - 4) : match.start()]
    return bool(_ARTICLE.search(before)) and match.string[match.end() : match.end() + 2].strip().isalpha()


def _minus(sign: str | None) -> str:
    return "minus " if sign else ""


def quantity(number: str) -> str:
    """A number that is no name: a leading zero is read out."""
    return spelled(number) if number.isdigit() and len(number) > 1 and number[0] == "0" else decimal(number)
