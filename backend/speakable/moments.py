"""Dates, decades, times of day and telephone numbers in words."""

from __future__ import annotations

import re

from backend.speakable.number_words import cardinal, ordinal, plural, spelled, two_digits, year
from backend.speakable.wordlists import words

_MONTHS = words("January February March April May June July August September October November December")
_SHORT = {month[:3]: month for month in _MONTHS} | {"Sept": "September"}
_MONTH = "|".join([*_MONTHS, *(short for short in _SHORT if short not in _MONTHS)])

_ISO = re.compile(
    r"(?<![\w-])([0-9]{4})-([0-9]{2})-([0-9]{2})(?![0-9-])"
    r"(?:[T ](?=[0-9]{2}:)|(?!\w))"
    r"(?:([0-9]{2}:[0-9]{2})(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?(?!\w))?"
)
_NUMERIC = re.compile(r"(?<![\w./-])([0-9]{1,2})([/.])([0-9]{1,2})\2((?:19|20)?[0-9]{2})(?![\w/-]|\.[0-9])")
_MONTH_DAY = re.compile(
    rf"\b({_MONTH})\s([0-9]{{1,2}})(?:st|nd|rd|th)?(?:\s?[-–—]\s?([0-9]{{1,2}})(?:st|nd|rd|th)?)?"
    r"(?:,?\s([0-9]{4}))?(?![\w:%°/]|[.,][0-9])"
)
_DAY_MONTH = re.compile(
    rf"(?<![\w.,:/$€£-])([0-9]{{1,2}})(?:st|nd|rd|th)?(?:\s(?:of\s)?)({_MONTH})\b(?:,?\s([0-9]{{4}})(?!\w))?"
)
_DECADE = re.compile(r"(?<![\w.,$€£])['’]?((?:1[0-9]|20)?)([0-9])0['’]?s(?!\w)")
_SHORT_YEAR = re.compile(r"(?<!\w)['’](?=[0-9]{2}(?!\w))")
_ON_DAY = re.compile(r"\b([Oo]n|[Bb]y|[Uu]ntil|[Bb]efore|[Ss]ince|[Aa]fter) ([0-9]{1,2})/([0-9]{1,2})(?![\w/])")
_CLOCK = re.compile(
    r"(?<![\w:.,])([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?(?![0-9:]|[.,][0-9])(?:\s?([AaPp])(?:\.[Mm]\.|[Mm](?!\w)))?"
)
_HOUR = re.compile(r"(?<![\w:.,])(1[0-2]|0?[1-9])\s?([AaPp])(?:\.[Mm]\.|[Mm](?!\w))")
_OCLOCK = re.compile(r"o'clock o['’]clock")

_PHONE = re.compile(
    r"(?<![\w.+/-])(?:"
    r"\+[0-9]{1,3}(?:[\s.-]?\(?[0-9]{2,5}\)?){2,5}"
    r"|(?:1[\s.-])?\([0-9]{3,5}\)\s?[0-9]{3,4}[\s.-]?[0-9]{3,4}"
    r"|(?:1[\s.-])?[0-9]{3}([\s.-])[0-9]{3}\1[0-9]{4}"
    r"|[0-9]{4}(?:[ -][0-9]{4}){2,4}"
    r"|0[0-9]{2,4}[\s-][0-9]{3,4}(?:[\s-][0-9]{3,4})?"
    r"|[0-9]{3}-[0-9]{4}"
    r"|[0-9]{1,9}(?:-[0-9]{1,9}){2,8}"
    r")(?![\w-])"
)
_GROUP = re.compile(r"[0-9]+")


def spoken_moments(text: str) -> str:
    """Dates ("2024-05-17", "3/4/2024", "May 3rd"), times ("7:30 pm", "14:05") and telephone numbers in words.

    Numeric dates with slashes are month first, those with dots day first, whichever is possible.
    """
    if "-" in text:
        text = _ISO.sub(_iso_date, text)
    if "/" in text or "." in text:
        text = _ON_DAY.sub(_on_day, _NUMERIC.sub(_numeric_date, text))
    text = _SHORT_YEAR.sub("", _DECADE.sub(_decade, text))
    text = _DAY_MONTH.sub(_day_month, _MONTH_DAY.sub(_month_day, text))
    return _PHONE.sub(_phone, text)


def spoken_times(text: str) -> str:
    """Times of day in words; ranges of times must have become "to" before."""
    if ":" in text:
        text = _OCLOCK.sub("o'clock", _CLOCK.sub(_clock, text))
    return _HOUR.sub(lambda match: f"{cardinal(match[1].lstrip('0'))} {match[2].upper()}M{_stop(match)}", text)


def _date(month: int, day: str, of_year: str) -> str:
    """ "May third, twenty twenty-four", or an empty string for a day that does not exist."""
    if not (1 <= month <= 12 and 1 <= int(day) <= 31):
        return ""
    said = f"{_MONTHS[month - 1]} {ordinal(str(int(day)))}"
    if not of_year:
        return said
    return f"{said}, {two_digits(of_year) if len(of_year) == 2 else year(of_year)}"


def _iso_date(match: re.Match[str]) -> str:
    date = _date(int(match[2]), match[3], match[1])
    if not date:
        return match[0]
    return f"{date} at {match[4]}" if match[4] else date


def _numeric_date(match: re.Match[str]) -> str:
    first, separator, second, of_year = match.groups()
    month, day = (first, second) if separator == "/" else (second, first)
    if separator == "." and len(of_year) == 2:
        return match[0]
    return _date(int(month), day, of_year) or _date(int(day), month, of_year) or match[0]


def _on_day(match: re.Match[str]) -> str:
    date = _date(int(match[2]), match[3], "")
    return f"{match[1]} {date}" if date else match[0]


def _month_day(match: re.Match[str]) -> str:
    month, day, last_day, of_year = match.groups()
    date = _date(_month_number(month), day, "")
    if not date or (last_day and int(last_day) > 31):
        return match[0]
    until = f" to {ordinal(str(int(last_day)))}" if last_day else ""
    return f"{date}{until}{f', {year(of_year)}' if of_year else ''}"


def _day_month(match: re.Match[str]) -> str:
    day, month, of_year = match.groups()
    if not 1 <= int(day) <= 31:
        return match[0]
    article = "" if match.string[max(0, match.start() - 4) : match.start()].casefold() == "the " else "the "
    said = f"{article}{ordinal(str(int(day)))} of {_MONTHS[_month_number(month) - 1]}"
    return f"{said}, {year(of_year)}" if of_year else said


def _decade(match: re.Match[str]) -> str:
    century, tens = match[1], match[2]
    if century == "20" and tens == "0":
        return "two thousands"
    if tens == "0":
        return f"{cardinal(century)} hundreds" if century else match[0]
    said = "tens" if tens == "1" else plural(cardinal(f"{tens}0"))
    return f"{cardinal(century)} {said}" if century else said


def _month_number(name: str) -> int:
    return [*_SHORT].index(name[:3]) + 1


def _clock(match: re.Match[str]) -> str:
    hour, minute, second, half = match.groups()
    if minute == "00" and not second:
        said = cardinal(str(int(hour))) + ("" if half else " o'clock" if 1 <= int(hour) <= 12 else " hundred")
    else:
        said = f"{cardinal(str(int(hour)))} {two_digits(minute)}" + (f" {two_digits(second)}" if second else "")
    return f"{said} {half.upper()}M{_stop(match)}" if half else said


def _stop(match: re.Match[str]) -> str:
    """The dot of "p.m." that also ends the text."""
    return "." if match[0].endswith(".") and not match.string[match.end() :][:3].strip("\"'”’) ") else ""


def _phone(match: re.Match[str]) -> str:
    number = match[0]
    groups = _GROUP.findall(number)
    if len(groups) == 2 and groups[1].endswith("00") and "(" not in number:
        return number
    if number[0] == "+" and sum(map(len, groups)) < 8:
        return number
    said = ", ".join([spelled(group) for group in groups])
    return f"plus {said}" if number[0] == "+" else said
