"""Numbers as English words: cardinals, ordinals, years, single digits.

Works on strings of ASCII digits, so that a number of any length has words in linear time. Knows nothing of what a
number counts.
"""

from __future__ import annotations

from backend.speakable.wordlists import words

_SMALL = words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = words("zero ten twenty thirty forty fifty sixty seventy eighty ninety")
_SCALES = ("", " thousand", " million", " billion", " trillion", " quadrillion")
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_FRACTIONS = {2: ("half", "halves"), 4: ("quarter", "quarters")}

LONGEST_CARDINAL = 18
"""Numbers of more digits than this are read digit by digit."""


def cardinal(digits: str) -> str:
    """`"1234"` is "one thousand two hundred thirty-four". Very long numbers and those with a leading zero are read
    digit by digit."""
    if len(digits) > LONGEST_CARDINAL or (len(digits) > 1 and digits[0] == "0"):
        return spelled(digits)
    number = int(digits)
    if number == 0:
        return _SMALL[0]
    parts: list[str] = []
    for scale in _SCALES:
        number, group = divmod(number, 1000)
        if group:
            parts.append(_below_thousand(group) + scale)
    return " ".join(reversed(parts))


def ordinal(digits: str) -> str:
    """`"21"` is "twenty-first"."""
    words = cardinal(digits)
    start = max(words.rfind(" "), words.rfind("-")) + 1
    last = words[start:]
    regular = f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"
    return words[:start] + _ORDINALS.get(last, regular)


def year(digits: str) -> str:
    """`"1999"` is "nineteen ninety-nine", `"2005"` "two thousand five". Other than four digits: a cardinal."""
    if len(digits) != 4 or digits[1:3] == "00" or digits[0] == "0":
        return cardinal(digits)
    century, rest = cardinal(digits[:2]), digits[2:]
    if rest == "00":
        return f"{century} hundred"
    return f"{century} {two_digits(rest)}"


def two_digits(digits: str) -> str:
    """Two digits after a century or an hour: `"05"` is "oh five"."""
    return f"oh {cardinal(digits[1])}" if digits[0] == "0" else cardinal(digits)


def plural(words: str) -> str:
    """ "eighty" is "eighties", "hundred" is "hundreds"."""
    if words.endswith("y"):
        return f"{words[:-1]}ies"
    return f"{words}es" if words.endswith("x") else f"{words}s"


def spelled(digits: str) -> str:
    """Digit by digit: `"007"` is "zero zero seven"."""
    return " ".join([_SMALL[int(digit)] for digit in digits])


def decimal(number: str) -> str:
    """`"3.14"` is "three point one four"; separators in the whole part are ignored: `"1,234"`, `".5"`."""
    whole, _, fraction = number.partition(".")
    words = cardinal(whole.replace(",", "") or "0")
    return f"{words} point {spelled(fraction)}" if fraction else words


def fraction(numerator: str, denominator: str) -> str:
    """`"3", "4"` is "three quarters"; from a denominator of 100 on, and for improper fractions, "over" is said."""
    above, below = int(numerator), int(denominator)
    if not 2 <= below < 100 or above >= below:
        return f"{cardinal(numerator)} over {cardinal(denominator)}"
    singular, several = _FRACTIONS.get(below, (ordinal(denominator), f"{ordinal(denominator)}s"))
    return f"{cardinal(numerator)} {singular if above == 1 else several}"


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    parts = [f"{_SMALL[hundreds]} hundred"] if hundreds else []
    if rest >= 20:
        tens, ones = divmod(rest, 10)
        parts.append(_TENS[tens] + (f"-{_SMALL[ones]}" if ones else ""))
    elif rest:
        parts.append(_SMALL[rest])
    return " ".join(parts)
