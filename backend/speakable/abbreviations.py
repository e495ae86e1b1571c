"""Abbreviations and Roman numerals in full words.

An abbreviation's own dot disappears, unless it also ends the sentence.
"""

from __future__ import annotations

import re

from backend.speakable.number_words import cardinal, ordinal
from backend.speakable.wordlists import words

_TITLES = {
    "Dr": "Doctor",
    "Mr": "Mister",
    "Mrs": "Missus",
    "Ms": "Ms",
    "Prof": "Professor",
    "St": "Saint",
    "Mt": "Mount",
    "Ft": "Fort",
    "Lt": "Lieutenant",
    "Col": "Colonel",
    "Gen": "General",
    "Capt": "Captain",
    "Cpt": "Captain",
    "Sgt": "Sergeant",
    "Cmdr": "Commander",
    "Rev": "Reverend",
    "Gov": "Governor",
    "Sen": "Senator",
    "Rep": "Representative",
    "Pres": "President",
}
_STREETS = {"St": "Street", "Dr": "Drive", "Ave": "Avenue", "Rd": "Road", "Blvd": "Boulevard", "Ln": "Lane"}
_NUMBERED = {
    "No": "number",
    "Nos": "numbers",
    "no": "number",
    "p": "page",
    "pp": "pages",
    "Vol": "Volume",
    "vol": "volume",
    "Ch": "Chapter",
    "ch": "chapter",
    "Fig": "Figure",
    "fig": "figure",
    "Sec": "Section",
    "sec": "section",
    "Eq": "Equation",
    "ca": "about",
    "c": "about",
}
_ANYWHERE = {
    "e.g": "for example",
    "i.e": "that is",
    "etc": "et cetera",
    "vs": "versus",
    "approx": "approximately",
    "tsp": "teaspoon",
    "tbsp": "tablespoon",
    "apt": "Apartment",
    "a.k.a": "also known as",
    "cf": "compare",
    "dept": "department",
    "govt": "government",
    "Jr": "Junior",
    "Sr": "Senior",
    "Inc": "Incorporated",
    "Ltd": "Limited",
    "Corp": "Corporation",
    "Bros": "Brothers",
    "Ph.D": "PhD",
    "a.m": "AM",
    "p.m": "PM",
}
_MONTHS = {
    "Jan": "January",
    "Feb": "February",
    "Mar": "March",
    "Apr": "April",
    "Jun": "June",
    "Jul": "July",
    "Aug": "August",
    "Sep": "September",
    "Sept": "September",
    "Oct": "October",
    "Nov": "November",
    "Dec": "December",
}


_DOTTED = re.compile(r"(?<![\w.])((?:[A-Za-z]\.){1,3}[A-Za-z]|[A-Za-z]{1,6})\.(?!\w)")
_VERSUS = re.compile(r"(?<=\s)vs(?=\s)")
_WITH = re.compile(r"(?<![\w/])w/(o?)(?=\s)")

_ROMAN = re.compile(r"\b(?=[IVX])(X{0,3})(IX|IV|V?I{0,3})\b")
_REGNAL = frozenset(
    words(
        "Henry Louis Elizabeth Charles George Edward William James Richard Philip Philippe Paul Pius Benedict "
        "Napoleon Alexander Catherine Ivan Nicholas Frederick Leo Gregory Innocent Clement Peter Otto Ferdinand "
        "Francis Ramses Ramesses Ptolemy Mary Wilhelm Gustav Christian Haakon Harald Carl Carlos Juan Felipe Albert "
        "Margrethe Robert Malcolm Constantine Theodosius Darius Xerxes Cleopatra Amenhotep Thutmose Seti Mehmed Selim "
        "Murad Urban Boniface Sixtus Julius John Leopold Joseph Ludwig Friedrich Sigismund Afonso Alfonso Baldwin "
        "Stephen Vladimir Harold"
    )
)
_PARTS = frozenset(
    words(
        "Chapter Part Act Scene Volume Book Section Phase Type War Article Appendix Level Stage Class Figure Table "
        "Episode Season Title Amendment Unit Lesson Canto Symphony Mark Apollo Bowl Rocky Fantasy"
    )
)
_NUMBERED_NAME = re.compile(r"\b([A-Z][a-z]+)\s([IVX]{1,6})\b")
_AFTER_FIRST = re.compile(r"\s*(?:[.,;:!?)]|$)|\sof\b")


def spoken_abbreviations(text: str) -> str:
    """Titles, streets, "e.g." and the like, dotted initials, and Roman numerals behind names and parts of books."""
    if "." in text:
        text = _DOTTED.sub(_dotted, text)
    if "vs" in text:
        text = _VERSUS.sub("versus", text)
    if "w/" in text:
        text = _WITH.sub(lambda match: "without" if match[1] else "with", text)
    return _NUMBERED_NAME.sub(_roman, text)


def _dotted(match: re.Match[str]) -> str:
    """What a short word with a dot stands for here; the same text when it is no abbreviation."""
    word, rest = match[1], match.string[match.end() : match.end() + 4]
    following = rest.lstrip()[:1]
    if word in _STREETS and _ends_address(match, following):
        return _STREETS[word] + _stop(rest)
    if word in _TITLES and rest[:1].isspace() and following.isupper():
        return _TITLES[word]
    if following.isdecimal() and (word in _NUMBERED or word in _MONTHS):
        said = _NUMBERED.get(word) or _MONTHS[word]
        return said if rest[:1].isspace() else f"{said} "
    said = _ANYWHERE.get(word) or _ANYWHERE.get(word.casefold())
    if said:
        new_sentence = word in ("etc", "a.m", "p.m") and following.isupper()
        return said + ("." if new_sentence else _stop(rest))
    if "." in word and word.isupper():
        return word.replace(".", "") + _stop(rest)
    return word if len(word) == 1 and word.isupper() and rest[2:3] == "." and following.isupper() else match[0]


def _ends_address(match: re.Match[str], following: str) -> bool:
    """True in "123 Main St., Springfield" and "on Abbey Rd.": a word or number before, no name behind."""
    before = match.string[max(0, match.start() - 2) : match.start()]
    return before[1:].isspace() and before[0].isalnum() and not following.isupper() and not following.isdecimal()


def _stop(rest: str) -> str:
    """The dot an abbreviation leaves behind when it ends the text too."""
    return "" if rest.strip("\"'”’)* ") else "."


def _roman(match: re.Match[str]) -> str:
    name, numeral = match[1], match[2]
    value = _roman_value(numeral)
    if not value or (numeral == "I" and not _AFTER_FIRST.match(match.string, match.end())):
        return match[0]
    if name not in _REGNAL and name not in _PARTS:
        return match[0]
    if name in _REGNAL:
        return f"{name} the {ordinal(value).capitalize()}"
    return f"{name} {cardinal(value)}"


def _roman_value(numeral: str) -> str:
    """The value of a well-formed Roman numeral below forty as digits, else an empty string."""
    form = _ROMAN.fullmatch(numeral)
    if not form:
        return ""
    ones = {"IX": 9, "IV": 4}.get(form[2])
    if ones is None:
        ones = 5 * ("V" in form[2]) + form[2].count("I")
    return str(10 * len(form[1]) + ones)
