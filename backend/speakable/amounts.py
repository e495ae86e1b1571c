"""Amounts of something in words: money, measures, percentages, large round numbers."""

from __future__ import annotations

import re

from backend.speakable.number_words import cardinal, decimal, spelled

NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3})++(?![0-9])(?:\.[0-9]++)?|[0-9]++(?:\.[0-9]++)?|\.[0-9]++)"
"""A number with optional thousands separators and decimals; whoever embeds this excludes a digit right before it."""

_SCALES = {
    "k": "thousand",
    "K": "thousand",
    "m": "million",
    "M": "million",
    "mn": "million",
    "bn": "billion",
    "b": "billion",
    "B": "billion",
    "tn": "trillion",
    "T": "trillion",
}
_SCALE = r"(?:[\s-]?(hundred|thousand|million|billion|trillion|mn|bn|tn|[kKmMbBT])(?!\w))?"
_MONEY = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "₩": ("won", "won", "jeon", "jeon"),
    "₽": ("ruble", "rubles", "kopeck", "kopecks"),
    "₿": ("bitcoin", "bitcoins", "cent", "cents"),
    "¢": ("cent", "cents", "", ""),
}
_MONEY |= {"USD": _MONEY["$"], "EUR": _MONEY["€"], "GBP": _MONEY["£"], "JPY": _MONEY["¥"], "INR": _MONEY["₹"]}
_MONEY["CHF"] = ("Swiss franc", "Swiss francs", "centime", "centimes")
_COUNTRIES = {"US": "US ", "C": "Canadian ", "CA": "Canadian ", "A": "Australian ", "AU": "Australian ", "NZ": "New Zealand "}
_CODE = r"(?:[$€£¥₹₩₽₿]|(?:USD|EUR|GBP|JPY|INR|CHF)\s?)"
_PRICE = re.compile(
    rf"(?<![\w.,])([-−])?(US|CA?|AU?|NZ)?({_CODE})\s?({NUMBER})(?:\s(?:to)\s{_CODE}?({NUMBER})(?![\w:%]))?{_SCALE}"
)
_PRICE_AFTER = re.compile(rf"(?<![\w.,])([-−])?({NUMBER}){_SCALE}\s?([€£¥₹₩₽₿$¢]|(?:USD|EUR|GBP|JPY|INR|CHF)\b)(?![\w])")

_UNITS: dict[str, tuple[str, str]] = {}
for _written, _words in (
    ("km", "kilometer"), ("m", "meter"), ("cm", "centimeter"), ("mm", "millimeter"), ("µm μm", "micrometer"),
    ("nm", "nanometer"), ("mi", "mile"), ("yd yds", "yard"), ("kg", "kilogram"), ("g", "gram"), ("mg", "milligram"),
    ("µg μg mcg", "microgram"), ("lb lbs", "pound"), ("oz", "ounce"), ("L l", "liter"), ("ml mL", "milliliter"),
    ("cl cL", "centiliter"), ("dl dL", "deciliter"), ("gal", "gallon"), ("tsp", "teaspoon"), ("tbsp", "tablespoon"),
    ("B", "byte"), ("kB KB", "kilobyte"), ("MB", "megabyte"), ("GB", "gigabyte"), ("TB", "terabyte"), ("PB", "petabyte"),
    ("KiB", "kibibyte"), ("MiB", "mebibyte"), ("GiB", "gibibyte"), ("s sec secs", "second"), ("ms", "millisecond"),
    ("µs μs", "microsecond"), ("ns", "nanosecond"), ("min mins", "minute"), ("h hr hrs", "hour"), ("wk wks", "week"),
    ("yr yrs", "year"), ("W", "watt"), ("kW", "kilowatt"), ("MW", "megawatt"), ("GW", "gigawatt"), ("V", "volt"),
    ("mA", "milliamp"), ("mV", "millivolt"), ("kV", "kilovolt"), ("J", "joule"), ("kJ", "kilojoule"), ("cal", "calorie"),
    ("kcal", "kilocalorie"), ("dB", "decibel"), ("px", "pixel"), ("°", "degree"),
):
    _UNITS |= dict.fromkeys(_written.split(), (_words, f"{_words}s"))
for _written, _words in (
    ("Hz", "hertz"), ("kHz", "kilohertz"), ("MHz", "megahertz"), ("GHz", "gigahertz"), ("%", "percent"), ("‰", "per mille"),
    ("kWh", "kilowatt hours"), ("Wh", "watt hours"), ("mAh", "milliamp hours"), ("psi", "p s i"), ("Pa", "pascals"),
    ("hPa", "hectopascals"), ("kPa", "kilopascals"), ("bpm", "beats per minute"), ("rpm", "revolutions per minute"),
    ("fps", "frames per second"), ("dpi", "dots per inch"), ("ppm", "parts per million"), ("mph", "miles per hour"),
    ("km/h kph kmh", "kilometers per hour"), ("m/s", "meters per second"), ("mbps Mbps Mb/s", "megabits per second"),
    ("Gbps Gb/s", "gigabits per second"), ("kbps kb/s", "kilobits per second"), ("MB/s", "megabytes per second"),
    ("GB/s", "gigabytes per second"), ("m² m2", "square meters"), ("km² km2", "square kilometers"),
    ("cm²", "square centimeters"), ("ft²", "square feet"), ("m³ m3", "cubic meters"), ("cm³", "cubic centimeters"),
):
    _UNITS |= dict.fromkeys(_written.split(), (_words, _words))
for _scale, _named in (("C", "Celsius"), ("F", "Fahrenheit"), ("K", "Kelvin")):
    for _sign in ("°", "º", "° "):
        _UNITS[f"{_sign}{_scale}"] = (f"degree {_named}", f"degrees {_named}")
_UNITS |= {"ft": ("foot", "feet"), "sq ft": ("square foot", "square feet"), "℃": _UNITS["°C"], "℉": _UNITS["°F"]}

_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_MEASURE = re.compile(rf"(?<![\w.,:/])([-−])?({NUMBER})(\s|-)?({_UNIT})(?![\w²³]|/[a-z])")
_HEIGHT = re.compile(r"(?<![\w.,])([0-9]{1,2})['’′]\s?([0-9]{1,2})(?:[\"”″]|''|(?!\w))")
_LARGE = re.compile(rf"(?<![\w.,])({NUMBER})(k|M|mn|bn|B)(?!\w)")
_ARTICLE = re.compile(r"\b[Aa]n?\s\Z")


def spoken_amounts(text: str) -> str:
    """Money, heights, measures and abbreviated thousands in words."""
    text = _PRICE_AFTER.sub(_price_after, _PRICE.sub(_price, text))
    if "'" in text or "’" in text or "′" in text:
        text = _HEIGHT.sub(lambda match: f"{cardinal(match[1])} foot {cardinal(match[2])}", text)
    text = _LARGE.sub(lambda match: f"{decimal(match[1])} {_SCALES[match[2]]}", text)
    return _MEASURE.sub(_measure, text)


def _price(match: re.Match[str]) -> str:
    sign, country, code, number, until, scale = match.groups()
    said = f"{decimal(number)} to " if until else ""
    return _minus(sign) + said + _sum_of_money(match, until or number, scale, code.strip(), _COUNTRIES.get(country or "", ""))


def _price_after(match: re.Match[str]) -> str:
    sign, number, scale, code = match.groups()
    return _minus(sign) + _sum_of_money(match, number, scale, code, "")


def _sum_of_money(match: re.Match[str], number: str, scale: str | None, code: str, country: str) -> str:
    one, several, cent, cents = _MONEY[code]
    if scale:
        return f"{decimal(number)} {_SCALES.get(scale, scale)} {country}{several}"
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
    one, several = _UNITS[unit]
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
