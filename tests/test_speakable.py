"""What a voice says for what a language model writes."""

from __future__ import annotations

import re
import string

import emoji
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.speakable import speakable

MARKUP = {
    "**Bold**, ***both***, ~~old~~ and __strong__.": "Bold, both, old and strong.",
    "# A heading": "A heading",
    "## Heading ##": "Heading",
    "- an item": "an item",
    "* another": "another",
    "• a third": "a third",
    "- [x] done": "done",
    "1. Buy milk": "one: Buy milk",
    "> quoted": "quoted",
    "See [the docs](https://x.com/a(b)c).": "See the docs.",
    "See [the docs][1].": "See the docs.",
    "![a cat](cat.png)": "a cat",
    "| apples | pears |": "apples, pears",
    "| Name | Age |\n|---|---|\n| Ann | 5 |": "Name, Age. Ann, five",
    "---": "",
    "***": "",
    "Hi <b>there</b> &amp; you.": "Hi there and you.",
    "<think>hidden</think>Hello.": "Hello.",
    "Use `foo_bar()` now.": "Use foo bar now.",
    "Use `getUserName`.": "Use get User Name.",
    "Set `x = 5`.": "Set x equals five.",
    "Try:\n```python\nprint(1)\n```\nDone.": "Try: Done.",
    "As known [1] and [^2].": "As known and.",
    "# Title\nFirst line\nsecond line\n\n- a\n- b": "Title. First line second line. a. b",
    r"A \*star\*": "A star",
}
PICTURES = {
    "Great 🙂 job!": "Great job!",
    "👩‍👩‍👧 family": "family",
    "🇩🇪 ok 👍🏽": "ok",
    "1️⃣ first": "first",
    "Nice :) and yes ;-) <3 XD": "Nice and yes",
    "🙂": "",
    ":)": "",
}
ACTIONS = {
    "*nods slowly*": "",
    "*nods*": "",
    "*smiles* Hello.": "Hello.",
    "*nods slowly* I agree.": "I agree.",
    "I agree. *She looks away.* Go on.": "I agree. Go on.",
    "Well, *sighs* fine.": "Well, fine.",
    "Sure *leans back in her chair* why not.": "Sure why not.",
    "Sure (laughs) thing.": "Sure thing.",
    "[sighing softly] Fine.": "Fine.",
    "*sighs* *looks away* I can't.": "I can't.",
    "_waves_ Hi!": "Hi!",
    "I *really* mean it.": "I really mean it.",
    "*This* is it.": "This is it.",
    "*Never!*": "Never!",
    "I read *The Old Man and the Sea* twice.": "I read The Old Man and the Sea twice.",
    "You *always* say so.": "You always say so.",
    "It is (as I said) late.": "It is, as I said, late.",
}
NUMBERS = {
    "1,234,567 people": "one million two hundred thirty-four thousand five hundred sixty-seven people",
    "3.14": "three point one four",
    "It is -5 now": "It is minus five now",
    "42.": "forty-two.",
    "1st, 2nd, 3rd, 12th, 20th, 21st": "first, second, third, twelfth, twentieth, twenty-first",
    "in 1999": "in nineteen ninety-nine",
    "in 2024": "in twenty twenty-four",
    "in 2005 and 1905": "in two thousand five and nineteen oh five",
    "the 1990s and '80s": "the nineteen nineties and eighties",
    "Call 555-123-4567.": "Call five five five, one two three, four five six seven.",
    "(555) 123-4567": "five five five, one two three, four five six seven",
    "v2.0.1": "version two point zero point one",
    "192.168.0.1": "one nine two dot one six eight dot zero dot one",
    "3-5 apples": "three to five apples",
    "1990–1999": "nineteen ninety to nineteen ninety-nine",
    "1/2 cup": "one half cup",
    "3/4 and 2 1/2": "three quarters and two and a half",
    "1½ cups": "one and a half cups",
    "They won 3-1.": "They won three to one.",
    "8/10, open 24/7": "eight out of ten, open twenty-four seven",
    "3.5% or 50 %": "three point five percent or fifty percent",
    "2+2=4": "two plus two equals four",
    "7 - 4 = 3": "seven minus four equals three",
    "5 * 3 and 2*3": "five times three and two times three",
    "3x faster": "three times faster",
    "1920x1080": "nineteen twenty by one thousand eighty",
    "#5": "number five",
    "~5 or <5": "about five or less than five",
    "COVID-19, MP3, GPT-4o": "COVID nineteen, MP three, GPT four o",
    "Agent 007": "Agent zero zero seven",
    "a 10-year-old": "a ten-year-old",
    "~5% of 1 000 000": "about five percent of one million",
    "221B Baker St.": "two hundred twenty-one B Baker Street.",
    "E = mc²": "E equals mc squared",
    "1e10": "one times ten to the power of ten",
}
AMOUNTS = {
    "$3.50": "three dollars and fifty cents",
    "$1 and $0.99": "one dollar and ninety-nine cents",
    "€20 or 20 €": "twenty euros or twenty euros",
    "£5m": "five million pounds",
    "$1.2 billion": "one point two billion dollars",
    "$5-10": "five to ten dollars",
    "a $20 bill": "a twenty dollar bill",
    "$100/month": "one hundred dollars per month",
    "5 km": "five kilometers",
    "1 km": "one kilometer",
    "a 5 km run": "a five kilometer run",
    "10kg": "ten kilograms",
    "72°F, 20 °C": "seventy-two degrees Fahrenheit, twenty degrees Celsius",
    "60 mph": "sixty miles per hour",
    "3 GB in 100 ms": "three gigabytes in one hundred milliseconds",
    "5'11\"": "five foot eleven",
    "20 m²": "twenty square meters",
    "10k views": "ten thousand views",
}
MOMENTS = {
    "at 7:30 pm": "at seven thirty PM",
    "at 14:05": "at fourteen oh five",
    "at 7:00": "at seven o'clock",
    "9 a.m. sharp": "nine AM sharp",
    "Until 9 p.m.": "Until nine PM.",
    "9am-5pm": "nine AM to five PM",
    "2024-05-17": "May seventeenth, twenty twenty-four",
    "3/4/2024": "March fourth, twenty twenty-four",
    "31.12.2024": "December thirty-first, twenty twenty-four",
    "May 3rd": "May third",
    "May 3, 2024": "May third, twenty twenty-four",
    "on 17 May": "on the seventeenth of May",
    "the 3rd of May": "the third of May",
    "May 2024": "May twenty twenty-four",
    "back in '87": "back in eighty-seven",
    "on 12/25": "on December twenty-fifth",
    "Sept. 5": "September fifth",
    "You may 5 times": "You may five times",
}
WORDS = {
    "Dr. Smith, Mr. X and Mrs. Y": "Doctor Smith, Mister X and Missus Y",
    "St. Mary on Main St.": "Saint Mary on Main Street.",
    "Fruit, e.g. apples, i.e. food.": "Fruit, for example apples, that is food.",
    "Nuts, etc.": "Nuts, et cetera.",
    "A vs. B vs C": "A versus B versus C",
    "approx. No. 5": "approximately number five",
    "the U.S.A. today": "the USA today",
    "J. R. R. Tolkien": "J R R. Tolkien",
    "Henry VIII and Louis XIV": "Henry the Eighth and Louis the Fourteenth",
    "Chapter IV of World War II": "Chapter four of World War two",
    "Mary I love you": "Mary I love you",
    "Tom & Jerry @ home": "Tom and Jerry at home",
    "he/she": "he or she",
    "C++ and C#": "C plus plus and C sharp",
    "x >= 3": "x is at least three",
    "A → B": "A to B",
    "© 2024": "copyright twenty twenty-four",
    "#winning": "hashtag winning",
    "https://www.example.com/a/b?c=d": "example dot com",
    "Go to www.example.com.": "Go to example dot com.",
    "example.org/page": "example dot org",
    "a.b@example.com": "a dot b at example dot com",
    "README.md and Node.js": "README dot md and Node dot js",
    "STOP NOW": "STOP NOW",
    "foo_bar": "foo bar",
}
PAUSES = {
    "Well... I": "Well… I",
    "I — uh -- guess—so": "I, uh, guess, so",
    "I can't—": "I can't…",
    "What?!?! No!!!": "What? No!",
    "...": "",
    "": "",
    " \n\t ": "",
    '"Quoted," she said.': '"Quoted," she said.',
    "a   b\n c": "a b c",
}
OTHER_LANGUAGES = {
    "Я купил 3 яблока за 20 € 🙂 **да**.": "Я купил 3 яблока за 20 € да.",
    "今日は2024年5月です。😀": "今日は2024年5月です。",
    "नमस्ते **दुनिया** 😀": "नमस्ते दुनिया",
    "Ich habe 3 Äpfel und 20 €.": "Ich habe 3 Äpfel und 20 €.",
    "مرحبا **بالعالم** 3": "مرحبا بالعالم 3",
    "می‌خواهم": "می‌خواهم",
    "¿Qué tal, señor?": "¿Qué tal, señor?",
}
CASES = [
    case
    for table in (MARKUP, PICTURES, ACTIONS, NUMBERS, AMOUNTS, MOMENTS, WORDS, PAUSES, OTHER_LANGUAGES)
    for case in table.items()
]

LANGUAGE_LIKE = st.lists(
    st.sampled_from(
        [*(written for written, _ in CASES), *string.punctuation, " ", "\n", "word", "7", "Dr.", "é", "漢", "🙂"]
    ),
    max_size=6,
).map("".join)


@pytest.mark.parametrize(("written", "said"), CASES)
def test_is_said_as_a_person_reads_it(written: str, said: str) -> None:
    """Every kind of thing a model writes for the eye has its wording for the ear."""
    assert speakable(written) == said


@pytest.mark.parametrize("written", [written for written, _ in CASES])
def test_what_is_said_is_said_the_same_again(written: str) -> None:
    """A text that passes twice is not read differently."""
    assert speakable(speakable(written)) == speakable(written)


@settings(max_examples=400, deadline=None)
@given(st.text() | LANGUAGE_LIKE | st.text(string.printable) | st.text(st.characters(codec=None)))
def test_takes_any_text_and_settles_at_once(text: str) -> None:
    """No input raises, what comes out is final, and no markup is left in it."""
    said = speakable(text)
    assert speakable(said) == said
    assert not re.search(r"[*_`#|~<>\[\]{}\\^]", said)
    assert said == said.strip()
    assert not said or any(character.isalnum() for character in said)


@settings(max_examples=200, deadline=None)
@given(st.text(string.digits + string.ascii_letters + string.punctuation + " "))
def test_no_digit_is_left_to_the_voice(text: str) -> None:
    """Voices read bare digits each in their own way, so English text has none."""
    said = speakable(f"This is what you and I have, that is: {text}")
    assert not re.search("[0-9]", said)


def test_no_emoji_is_left_to_the_voice() -> None:
    """Voices read emoji by their names."""
    signs = "©®™"
    arrows = re.compile("[\u2190-\u21ff]")
    left = [
        picture
        for picture in emoji.EMOJI_DATA
        if picture[0] not in signs and not arrows.match(picture) and speakable(f"Good {picture} day.") != "Good day."
    ]
    assert left == []


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text(string.ascii_lowercase, min_size=2, max_size=9), min_size=1, max_size=12),
    st.sampled_from([".", "!", "?", "…", ""]),
    st.sampled_from([" ", ", ", "; ", ": "]),
)
def test_plain_prose_is_left_alone(words: list[str], end: str, joint: str) -> None:
    """A sentence of words and ordinary punctuation is said as it is written."""
    prose = f"So {words[0]}{joint}{' '.join(['then', *words[1:]])}{end}"
    if {"xd", "vs", "etc", "dept", "approx", "cf", "govt", "jr", "sr", "inc", "ltd", "corp"} & set(words):
        return
    assert speakable(prose) == prose


@pytest.mark.parametrize(
    "unit",
    [
        "*",
        "* ",
        "_",
        "`",
        "[",
        "](",
        "[a](",
        "<",
        "<a",
        "<think>",
        "(",
        "|a",
        "- ",
        "\n- ",
        "1",
        "1,",
        "1.",
        "1-",
        "1 ",
        "a-",
        " ",
        "\t",
        ".",
        ". ",
        "@",
        "a@",
        "a.b@",
        "www.",
        "http://",
        "&",
        "🙂",
        "*a b",
        "a.",
        "A.",
        "漢",
        "�",
        "$",
        "+1 ",
    ],
)
def test_hostile_repetition_is_read_in_linear_time(unit: str) -> None:
    """A hundred thousand characters of anything do not hold up the conversation's event loop for long."""
    speakable(unit * (100_000 // len(unit)))
    speakable(f"Hi {unit * (100_000 // len(unit))}x")
