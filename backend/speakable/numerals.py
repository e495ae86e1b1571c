"""Every number that is left when dates, times and amounts are in words: years, ordinals, versions, sums, codes."""

from __future__ import annotations

import re

from backend.speakable.amounts import NUMBER
from backend.speakable.number_words import cardinal, decimal, fraction, ordinal, spelled, year

_RANGE = re.compile(
    r"(?<![\w.,/-])([$€£]?[0-9]++(?:[.,:][0-9]++)*+(?:%|°[CF]?|st|nd|rd|th|\s?[AaPp]\.?[Mm]\.?|[a-zA-Z]{1,2})?)(\s?)[–—-](\s?)"
    r"(?=[$€£]?[0-9])"
)
_VERSION = re.compile(r"(?<![\w.])([vV]\.?\s?)?([0-9]++(?:\.[0-9]++)*+)(?=[^0-9]|$)")
_ORDINAL = re.compile(r"(?<![\w.])([0-9][0-9,]*+)(?:st|nd|rd|th)(?![^\W\d_])")
_FRACTION = re.compile(r"(?<![\w./])(?:([0-9]{1,6})\s)?([0-9]{1,3})[/⁄]([0-9]{1,3})(?![\w/])")
_FRACTIONS_SAID = {"24/7": "twenty-four seven", "9/11": "nine eleven", "50/50": "fifty fifty"}
_VULGAR = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5", "⅘": "4/5",
    "⅙": "1/6", "⅚": "5/6", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8",
}  # fmt: skip
_VULGAR_SIGN = re.compile(f"\\s?([{''.join(_VULGAR)}])")
_POWERS = {"²": " squared", "³": " cubed"}
_POWER = re.compile(r"(?<=[\w)])[²³]")
_EXPONENT = re.compile(rf"(?<![\w.,])({NUMBER})[eE]([+-]?)([0-9]{{1,4}})(?!\w)")
_BY = re.compile(r"(?<=[0-9])[x×](?=[0-9])")
_TIMES = re.compile(r"(?<=[0-9])\s+[x×]\s+(?=[0-9])")
_TIMES_AS = re.compile(r"(?<=[0-9])[x×](?!\w)")
_DIVIDED = re.compile(r"(?<=[0-9])\s+/\s+(?=[0-9])|(?<=[0-9])\s?÷\s?(?=[0-9])")
_RATIO = re.compile(r"(?<=[0-9]):(?=[0-9])")
_MINUS = re.compile(r"(?<![\w)\]])[-−](?=\.?[0-9])")
_SIGNED = re.compile(r"(?<![\w)\]])(?:([+])|([~≈])\s?|(<)\s?|(>)\s?|#|№\s?|(±)\s?)(?=[$€£]?\.?[0-9])")
_SIGNS = ("plus ", "about ", "less than ", "more than ", "plus or minus ")
_ANY_SIGN = re.compile("[+~≈<>#№±]")
_SPACED = re.compile(r"(?<![\w.,])([0-9]{1,3})((?: 000)+)(?!\w)")
_TIGHT_MINUS = re.compile(r"(?<=[0-9])\s?−\s?(?=[0-9])")
_CODE_HYPHEN = re.compile(r"(?<=[^\W\d_])-(?=[0-9])")
_ANY = re.compile(NUMBER)
_LISTED = re.compile(r"(?<=[0-9]),(?=[0-9])")


def join_numbers(text: str) -> str:
    """What stands between and before numbers in words: "3-5" becomes "3 to 5", or "3 minus 5" where the text is a sum,
    "~5" becomes "about 5". The numbers stay digits, "10 000" becomes 10000."""
    if _ANY_SIGN.search(text):
        text = _SIGNED.sub(_sign, text)
    if " 000" in text:
        text = _SPACED.sub(lambda match: match[1] + match[2].replace(" ", ""), text)
    text = _TIGHT_MINUS.sub(" minus ", text)
    word = "minus" if "=" in text else "to"
    return _RANGE.sub(rf"\1 {word} ", text) if "-" in text or "–" in text or "—" in text else text


def spoken_numerals(text: str) -> str:
    """Every run of ASCII digits in words."""
    if not text.isascii():
        text = _VULGAR_SIGN.sub(lambda match: f" {_VULGAR[match[1]]}", text)
        text = _POWER.sub(lambda match: _POWERS[match[0]], text)
    if "/" in text or "÷" in text or "⁄" in text:
        text = _FRACTION.sub(_fraction, _DIVIDED.sub(" divided by ", text))
    if "x" in text or "×" in text:
        text = _TIMES_AS.sub(" times", _TIMES.sub(" times ", _BY.sub(" by ", text)))
    if ":" in text:
        text = _RATIO.sub(" to ", text)
    if "," in text:
        text = _LISTED.sub(_list_comma, text)
    text = _EXPONENT.sub(_exponent, _ORDINAL.sub(lambda match: ordinal(match[1].replace(",", "")), text))
    text = _MINUS.sub("minus ", text)
    if text.count(".") > 1 or "v" in text or "V" in text:
        text = _VERSION.sub(_version, text)
    return _ANY.sub(_number, _CODE_HYPHEN.sub(" ", text))


def _sign(match: re.Match[str]) -> str:
    return next((words for words, found in zip(_SIGNS, match.groups(), strict=True) if found), "number ")


def _fraction(match: re.Match[str]) -> str:
    whole, above, below = match.groups()
    known = _FRACTIONS_SAID.get(match[0])
    if known:
        return known
    if below in ("10", "100") and not whole:
        return f"{cardinal(above)} out of {cardinal(below)}"
    said = fraction(above, below)
    if not whole:
        return said
    return f"{cardinal(whole)} and {'a' + said[3:] if said.startswith('one ') else said}"


def _exponent(match: re.Match[str]) -> str:
    sign = "minus " if match[2] == "-" else ""
    return f"{decimal(match[1])} times ten to the power of {sign}{cardinal(match[3])}"


def _version(match: re.Match[str]) -> str:
    """ "v2.0.1", or any number with more than one dot; four parts are a network address."""
    mark, number = match.groups()
    parts = number.split(".")
    if not mark and len(parts) < 3:
        return match[0]
    joint = " dot " if len(parts) == 4 and not mark else " point "
    said = joint.join([spelled(part) if len(parts) == 4 and not mark else cardinal(part) for part in parts])
    return f"version {said}" if mark else said


def _list_comma(match: re.Match[str]) -> str:
    """Keeps thousands separators, and parts the numbers of a list written without spaces."""
    text, position = match.string, match.start()
    after = text[position + 1 : position + 5]
    return "," if after[:3].isdigit() and len(after[:3]) == 3 and not after[3:].isdigit() else ", "


def _number(match: re.Match[str]) -> str:
    number, text = match[0], match.string
    before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    code = before.isalpha() or after.isalpha()
    if len(number) == 4 and number.isdigit() and not code and "1100" <= number <= "2099":
        said = year(number)
    else:
        said = decimal(number)
    return f"{' ' if before.isalnum() or before == '.' else ''}{said}{' ' if after.isalnum() else ''}"
