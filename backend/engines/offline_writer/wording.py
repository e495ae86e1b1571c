"""Finding and turning words: the topic of a line, pronouns from one speaker's view to the other's, indirect questions.

Works on words alone, without grammar; where it is unsure it gives an empty string and the caller says less.
"""

from __future__ import annotations

import re

from backend.speakable.wordlists import words as words_of

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_LONGEST_WORD = 30
_WORDS_READ = 60
"""Of a longer line only the beginning is read."""

_FUNCTION_WORDS = frozenset(
    words_of(
        """
        a an the this that these those my your his her its our their mine yours and or but so because if then
        than though although while as of at by for with about into onto to from in on off out up down over under
        again further i me we us you he him she they them it who whom whose which what when where why how all
        any both each few more most other another some such no nor not only own same too very just now ever
        never always often sometimes maybe perhaps also really quite rather still yet already here there is am
        are was were be been being have has had having do does did doing done can could will would shall should
        may might must ought i'm i've i'd i'll you're you've you'd you'll he's she's it's we're they're that's
        there's what's who's where's how's don't doesn't didn't isn't aren't wasn't weren't can't couldn't won't
        wouldn't shouldn't haven't hasn't let's lot lots bit kind sort thing things something anything nothing
        everything someone anyone everyone way okay ok yes yeah no nope well oh ah hmm hm um uh please hello hi
        hey thanks thank today yesterday tomorrow tonight ago soon later before after during since until without
        within around good great nice fine bad big little much many enough one two first last next new old sure
        right actually basically user im dont like self myself yourself himself herself itself themselves else
        wrong either neither besides beside behind whole honestly please thing's across along near divided
        multiplied plus minus times
        """
    )
)
_COMMON_VERBS = frozenset(
    words_of(
        """
        go goes going went gone get gets getting got make makes making made take takes taking took taken come
        comes coming came see sees seeing saw seen know knows knowing knew known think thinks thinking thought
        want wants wanting wanted need needs needed say says saying said tell tells telling told ask asks asking
        asked give gives giving gave given find finds found feel feels feeling felt try tries trying tried leave
        leaves left call calls called keep keeps kept let lets begin begins began seem seems seemed help helps
        helped talk talks talking talked turn turned start started show shows showed hear hears heard play
        played run runs ran move moved live lives lived believe bring brings brought happen happens happened
        write wrote sit sat stand stood lose lost pay paid meet met include continue set learn learned change
        lead understand understood watch follow stop speak speaks spoke read spend spent grow grew walk win won
        offer remember love loves loved hate hates hated enjoy wait serve die send expect build stay fall cut
        reach kill miss misses missed forget forgot forgotten sort break broke broken steal stole stolen adore
        prefer sound sounds sounded end ended close closed join joined remain suggest raise pass sell require
        report decide pull mean means meant explain describe guess hope wish wonder bought buy eat ate drink
        drank look looks looked looking use used work works
        """
    )
)
_DETERMINERS = {
    "my": "your", "our": "your", "your": "my", "his": "his", "her": "her", "their": "their", "its": "its", "the": "the",
    "a": "a", "an": "an", "this": "that", "that": "that", "these": "those", "those": "those",
}  # fmt: skip
_DEFINITE = frozenset(words_of("the my your his her our their"))
_LEADS = frozenset(words_of("about of with like love loves hate for called named regarding on"))

_TURNED = {
    "i am": "you are", "i'm": "you're", "i was": "you were", "i've": "you've", "i'd": "you'd", "i'll": "you'll",
    "i": "you", "me": "you", "my": "your", "mine": "yours", "myself": "yourself", "am": "are", "we": "you", "us": "you",
    "our": "your", "are you": "am I", "were you": "was I", "you are": "I am", "you're": "I'm", "you were": "I was",
    "you've": "I've", "you'd": "I'd", "you'll": "I'll", "your": "my", "yours": "mine", "yourself": "myself",
}  # fmt: skip
_TURN = re.compile(rf"\b(?:{'|'.join(sorted(_TURNED, key=len, reverse=True))}|(\w+ )?you)\b(?!')", re.IGNORECASE)
_BEFORE_OBJECT = frozenset(
    words_of(
        """
        to for with at of about from like love hate tell see hear ask told help thank know than on by miss meet
        trust believe call called give gave show need want let make teach annoy bother
        """
    )
)
_CLAUSE_END = re.compile(r"[.,;:!?…\n]|\s(?:but|because|although|so)\s")
_QUESTION_WORDS = ("what", "why", "how", "when", "where", "who", "which")
_BE = ("is", "are", "was", "were")
_MODALS = ("can", "could", "will", "would", "should", "may", "might", "must", "shall")


def words(text: str) -> list[str]:
    """The words of the beginning of `text`, each of bearable length."""
    return [word[:_LONGEST_WORD].replace("’", "'") for word in WORD.findall(text[: _WORDS_READ * 40])[:_WORDS_READ]]


def topic(text: str, avoid: frozenset[str] = frozenset()) -> str:
    """The phrase of up to three words that a line is most likely about, with its possessive turned around."""
    found = words(text)
    best, best_score = "", 0.0
    asks_how_it_is = any(word.lower() in _BE for word in found[:2])
    for start, end in _runs(found, avoid):
        if asks_how_it_is and end == len(found) > start + 1 and found[start - 1].lower() in _DEFINITE:
            end -= 1  # noqa: PLW2901  ("is the sea dangerous" is about the sea)
        score = sum(len(word) for word in found[start:end]) + 4.0 * (start > 0 and found[start - 1].lower() in _LEADS)
        before = found[start - 1].lower() if start else ""
        lead = found[start - 2].lower() if start > 1 and before in _DETERMINERS else ""
        score += 4 * (before in _DETERMINERS) + 3 * (lead in _LEADS) + 5 * ("about" in (before, lead))
        if score > best_score:
            determiner = _DETERMINERS.get(before, "")
            phrase = " ".join(_plain_case(found, index) for index in range(start, end))
            best, best_score = f"{determiner} {phrase}{_complement(found, end)}".strip(), score
    return best


def _complement(found: list[str], end: int) -> str:
    """The "of France" in "the capital of France"."""
    if [word.lower() for word in found[end : end + 1]] != ["of"]:
        return ""
    determiner = _DETERMINERS.get(found[end + 1].lower(), "") if end + 2 < len(found) else ""
    first = end + 2 if determiner else end + 1
    if first >= len(found) or not carries_meaning(found[first]):
        return ""
    return f" of {determiner} {found[first]}".replace("  ", " ")


def definite(phrase: str) -> str:
    """A topic that has been mentioned: "a red coat" is "the red coat" from then on."""
    return re.sub(r"^an? ", "the ", phrase)


def _runs(found: list[str], avoid: frozenset[str]) -> list[tuple[int, int]]:
    """Stretches of up to three neighbouring words that carry meaning."""
    runs: list[tuple[int, int]] = []
    for index, word in enumerate(found):
        if not carries_meaning(word) or word.casefold() in avoid:
            continue
        if runs and runs[-1][1] == index and index - runs[-1][0] < 3:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return runs


def carries_meaning(word: str) -> bool:
    """True for a word that is neither grammar nor one of the verbs everybody uses."""
    lowered = word.casefold()
    return lowered not in _FUNCTION_WORDS and lowered not in _COMMON_VERBS and (len(word) > 2 or not word.isascii())


def _plain_case(found: list[str], index: int) -> str:
    """A word as it stands within a sentence: the first one loses its capital."""
    word = found[index]
    return word if index and not word.isupper() else word.lower()


def turned(text: str) -> str:
    """`text` from the other speaker's view: "I lost my keys" is "you lost your keys"."""
    return _TURN.sub(_turn, text)


def _turn(match: re.Match[str]) -> str:
    known = _TURNED.get(match[0].casefold())
    if known:
        return known
    before = (match[1] or "").strip()
    if before.casefold() in _TURNED:
        return f"{_TURNED[before.casefold()]} me"
    is_object = before.casefold() in _BEFORE_OBJECT or match.end() == len(match.string)
    return f"{before} {'me' if is_object else 'I'}".strip()


def echo(text: str) -> str:
    """The first clause of a statement, turned around, to stand behind "so" or "you say"; empty if none fits."""
    for clause in _CLAUSE_END.split(text[:400]):
        found = words(clause)
        while found and found[0].lower() in (
            "well",
            "so",
            "oh",
            "and",
            "but",
            "yes",
            "no",
            "okay",
            "ok",
            "hello",
            "hi",
            "hey",
        ):
            found = found[1:]
        if found and found[-1].lower() == "please":
            found = found[:-1]
        if 3 <= len(found) <= 14:
            first = found[0] if found[0] == "I" or found[0].startswith("I'") else _plain_case(found, 0)
            return turned(" ".join([first, *found[1:]]))
    return ""


def asked(question: str) -> str:
    """A short question in indirect form, turned around: "why do you like rain" is "why I like rain"; else empty."""
    found = [word.lower() if not index else word for index, word in enumerate(words(question))]
    if not 3 <= len(found) <= 11:
        return ""
    first, second, rest = found[0], found[1].lower(), found[2:]
    if first in _QUESTION_WORDS and second in _BE and rest[0].lower() != "there":
        described = first in ("why", "how", "when") or rest[0].lower() in ("you", "i", "he", "she", "they", "it")
        return turned(f"{first} {_with_be(second, rest) if described else ' '.join([*rest, second])}")
    if (
        first in _QUESTION_WORDS
        and second in ("do", *_MODALS)
        and len(rest) > 1
        and rest[0].lower() in ("you", "i", "we", "they")
    ):
        modal = "" if second == "do" else f"{second} "
        return turned(f"{first} {rest[0]} {modal}{' '.join(rest[1:])}")
    subject = found[1].lower()
    if first in ("do", *_MODALS) and subject in ("you", "i", "we", "they"):
        modal = "" if first == "do" else f"{first} "
        return turned(f"whether {subject} {modal}{' '.join(rest)}")
    if first in _BE and subject in ("you", "i", "it", "he", "she", "they", "we", "there", *_DEFINITE):
        return turned(f"whether {_with_be(first, found[1:])}")
    return ""


def _with_be(verb: str, rest: list[str]) -> str:
    """Puts the verb behind the subject: "is", "the sky blue" is "the sky is blue"."""
    subject = 2 if rest[0].lower() in _DEFINITE else 1
    return " ".join([*rest[:subject], verb, *rest[subject:]])
