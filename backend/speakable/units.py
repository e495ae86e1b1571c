"""Units of measure and money as people say them, singular and plural."""

from __future__ import annotations

_COUNTED = """
km kilometer | m meter | cm centimeter | mm millimeter | µm micrometer | μm micrometer | nm nanometer | mi mile
yd yard | yds yard | kg kilogram | g gram | mg milligram | µg microgram | μg microgram | mcg microgram
lb pound | lbs pound | oz ounce | L liter | l liter | ml milliliter | mL milliliter | cl centiliter
cL centiliter | dl deciliter | gal gallon | tsp teaspoon | tbsp tablespoon | kB kilobyte | KB kilobyte
MB megabyte | GB gigabyte | TB terabyte | PB petabyte | KiB kibibyte | MiB mebibyte | GiB gibibyte | s second
sec second | secs second | ms millisecond | µs microsecond | μs microsecond | ns nanosecond | min minute
mins minute | h hour | hr hour | hrs hour | wk week | wks week | yr year | yrs year | W watt | kW kilowatt
MW megawatt | GW gigawatt | V volt | mA milliamp | mV millivolt | kV kilovolt | J joule | kJ kilojoule
cal calorie | kcal kilocalorie | dB decibel | px pixel | ° degree
"""
_UNCOUNTED = """
Hz hertz | kHz kilohertz | MHz megahertz | GHz gigahertz | % percent | ‰ per mille | kWh kilowatt hours | Wh watt hours
mAh milliamp hours | psi p s i | Pa pascals | hPa hectopascals | kPa kilopascals | bpm beats per minute
rpm revolutions per minute | fps frames per second | dpi dots per inch | ppm parts per million | mph miles per hour
km/h kilometers per hour | kph kilometers per hour | m/s meters per second | Mbps megabits per second
Mb/s megabits per second | Gbps gigabits per second | kbps kilobits per second | MB/s megabytes per second
GB/s gigabytes per second | m² square meters | m2 square meters | km² square kilometers | km2 square kilometers
cm² square centimeters | ft² square feet | m³ cubic meters | m3 cubic meters | cm³ cubic centimeters
"""


def _rows(table: str) -> list[tuple[str, str]]:
    cells = [cell.strip().partition(" ") for line in table.strip().splitlines() for cell in line.split(" | ")]
    return [(written, said) for written, _, said in cells]


def _temperatures() -> dict[str, tuple[str, str]]:
    scales = {"C": "Celsius", "F": "Fahrenheit", "K": "Kelvin"}
    written = {f"{sign}{letter}": scale for letter, scale in scales.items() for sign in ("°", "º", "° ")}
    written |= {"℃": "Celsius", "℉": "Fahrenheit"}
    return {unit: (f"degree {scale}", f"degrees {scale}") for unit, scale in written.items()}


UNITS: dict[str, tuple[str, str]] = {
    **{written: (said, f"{said}s") for written, said in _rows(_COUNTED)},
    **{written: (said, said) for written, said in _rows(_UNCOUNTED)},
    **_temperatures(),
    "ft": ("foot", "feet"),
    "sq ft": ("square foot", "square feet"),
}
"""Written unit: what is said for one and for several."""

_DOLLAR = ("dollar", "dollars", "cent", "cents")
_EURO = ("euro", "euros", "cent", "cents")
_POUND = ("pound", "pounds", "penny", "pence")
_YEN = ("yen", "yen", "sen", "sen")
_RUPEE = ("rupee", "rupees", "paisa", "paise")
MONEY: dict[str, tuple[str, str, str, str]] = {
    "$": _DOLLAR,
    "USD": _DOLLAR,
    "€": _EURO,
    "EUR": _EURO,
    "£": _POUND,
    "GBP": _POUND,
    "¥": _YEN,
    "JPY": _YEN,
    "₹": _RUPEE,
    "INR": _RUPEE,
    "₩": ("won", "won", "jeon", "jeon"),
    "₽": ("ruble", "rubles", "kopeck", "kopecks"),
    "₿": ("bitcoin", "bitcoins", "cent", "cents"),
    "CHF": ("Swiss franc", "Swiss francs", "centime", "centimes"),
    "¢": ("cent", "cents", "", ""),
}
"""Written currency: one, several, one hundredth, several hundredths."""

COUNTRIES = {
    "US": "US ",
    "C": "Canadian ",
    "CA": "Canadian ",
    "A": "Australian ",
    "AU": "Australian ",
    "NZ": "New Zealand ",
}
"""Letters before a dollar sign."""

SCALES = {
    "k": "thousand",
    "K": "thousand",
    "m": "million",
    "M": "million",
    "mn": "million",
    "b": "billion",
    "B": "billion",
    "bn": "billion",
    "tn": "trillion",
    "T": "trillion",
}
"""Abbreviated powers of a thousand."""
