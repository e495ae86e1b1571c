"""What spoken words say about the turn: is the sentence finished, is it only a backchannel, does it say the same as
another, is it what a character is saying.

For English; in other languages only punctuation is judged. Pure functions of text.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from enum import Enum, auto


class Completeness(Enum):
    """Whether a sentence could end where it stands."""

    FINISHED = auto()
    UNCLEAR = auto()
    UNFINISHED = auto()


def _vocabulary(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")

_GOES_ON = (",", ";", ":", "-", "\u2014", "\u2026", "...", "\u3001", "\uff0c")
_ENDS = (".", "!", "?", "\u3002", "\uff01", "\uff1f", "\u061f")
_ASKS = ("?", "\uff1f", "\u061f")

FILLERS = _vocabulary("um uh er erm uhm hm hmm mm ah eh")
"""Sounds of somebody who is looking for words."""

_LEADS_ON = _vocabulary(
    "and or but nor because than if when while although though unless until whether which whose the a an my your his "
    "its our their every of to for with from at into onto between among during without i we they he she is are was "
    "were am be been being i'm we're they're he's she's it's there's i'd we'd i'll we'll i've want wants need needs "
    "very really basically near behind beside toward towards under another about"
)
"""Words after which an English statement goes on."""

_MAY_LEAD_ON = _vocabulary(
    "that this these those some any no each in on by over through like so then since "
    "do does did have has had can could will would shall should may might must not just also even plus too more most "
    "maybe perhaps well actually probably usually always sometimes often mainly mostly either definitely never"
)
"""Words that may as well be the last one."""

_LEADS_ON_EVEN_IN_QUESTIONS = _vocabulary(
    "and or but because if when while the a an my your his its our their every this these those very another"
)

_DETERMINERS = _vocabulary("the a an my your his her its our their these those some any every another")
_ADJECTIVES = _vocabulary(
    "new old big small little large great good bad better nice young long short high low early late whole only main "
    "full empty easy hard hot cold warm happy sad important special "
    "beautiful pretty lovely wonderful strange different real true favorite favourite black white red blue green "
    "yellow brown quick slow strong rich poor clean dirty cheap expensive local public free"
)
"""Words that a noun follows when a determiner stands before them ("my new", "a very old")."""
_INTENSIFIERS = _vocabulary("very really quite so much")
_RANKS = _vocabulary("best worst first second last next same other own")
"""Those after which the noun may as well be left out ("the best")."""

_AUXILIARY = r"(?:do|does|did|is|are|was|were|can|could|will|would|shall|should|may|have|has|am)"
_PRONOUN = "(?:i|you|he|she|it|we|they|that|this|there)"
_YES_NO_QUESTION = re.compile(rf"(?:\w+, )?{_AUXILIARY}\b", re.IGNORECASE)
_QUESTION = re.compile(
    rf"(?:\w+,? )?(?:what|where|who|whom|whose|why|how|which|when {_AUXILIARY})\b|{_YES_NO_QUESTION.pattern}",
    re.IGNORECASE,
)
"""A question begins with one of these, or a name stands before it."""

_OPENING = re.compile(
    r"on the (?:other|one) hand|(?:for|as an) example|for instance|in (?:other words|fact|general|my opinion)"
    r"|by the way|first of all|to (?:be honest|tell the truth)"
    r"|(?:the|my) (?:thing|point|problem|question|name|idea) is(?: that)?|what (?:i|we) .* (?:is|was)(?: that)?"
    r"|i mean|you know|i (?:think|guess|suppose|feel like|was wondering)"
    r"|(?:can|could|would|will) (?:you|we|i)(?: please)?",
    re.IGNORECASE,
)
"""Ways to begin what is still to be said."""
_EMBEDDED = re.compile(
    rf".*\b(?:who|what|how|where|when|why|than|as|whatever) (?:\w+ )?{_PRONOUN} {_AUXILIARY}"
    r"|.*\b(?:what|who|that|nothing|something|anything) .*\b(?:about|near|under)",
    re.IGNORECASE,
)
"""Clauses that end with a word which leads on elsewhere ("who you are", "what I think about")."""

_NAMED_BEFORE = r"(?!.*\b(?:what|whatever|which|who|that|how|\w+thing)\b)"
_LACKS_OBJECT = re.compile(rf"{_NAMED_BEFORE}.*\b(?:give|hand|lend|bring|send|pass|buy) (?:me|us)")
"""What is given is still to come ("can you give me")."""
_MAY_LACK_OBJECT = re.compile(rf"{_NAMED_BEFORE}.*\b(?:tell|show|teach) (?:me|us)")
"""The same with verbs that may do without ("show me")."""

_SUBORDINATE = _vocabulary("when if while because although though unless until since after before once as")
_SUBJECTS = _vocabulary(
    "i you he she it we they there this that who what everybody everyone somebody someone nobody people let please "
    "i'm i'll i'd i've you're you'll you'd we're we'll we'd they're they'll they'd he's he'll she's she'll it's it'll "
    "that's there's let's don't"
)
"""Words with which a clause begins."""
_SHORT_ANSWERS = _vocabulary("yes no yeah nope sure okay ok right maybe thanks please hello hi bye stop wait")

_LEAST_CLAUSE = 10
"""Words a sentence that opens with a subordinate clause has at least, when its main clause is there and begins with
none of these."""

_WHOLE_ANSWER = re.compile(
    r"(?:not really|(?:i )?(?:think|guess|hope|suppose|believe) (?:so|not)"
    rf"|(?:(?:yes|no|yeah|sure|of course|well|oh),? )?{_PRONOUN} {_AUXILIARY}(?:n't| not)?"
    r"|(?:yes|no|yeah|nope|okay|ok|sure)[ ,]+(?:please|thanks|thank you|sir|madam|not really))",
    re.IGNORECASE,
)
"""Answers that end with a word that mostly leads on, and are all that is meant."""

BACKCHANNELS = _vocabulary(
    "mhm mm mmhm hm hmm uh huh uhhuh yeah yes yep yup ya right okay ok sure really oh wow ah aha i see nice cool "
    "great good exactly true indeed totally absolutely alright haha ha heh hah lol mm-hmm uh-huh mmm"
)
"""Words of somebody who listens and does not want to speak."""

_MOST_BACKCHANNEL_WORDS = 4

_TAKES_THE_FLOOR = _vocabulary(
    "wait stop no not hey hold hang sorry excuse but what why who whose how when where which can could let please "
    "listen shut quiet enough actually tell next skip back again never louder slower"
)
_MOST_MISHEARD_WORDS = 2
_ECHO_SHARE = 0.6


def words(text: str) -> list[str]:
    """The words of `text`, lower case, without punctuation."""
    return [word.casefold().replace("\u2019", "'") for word in _WORD.findall(text)]


def completeness(text: str) -> Completeness:
    """Whether `text`, with or without punctuation, could be all that was meant."""
    spoken = words(text)
    if not spoken:
        return Completeness.UNCLEAR
    asks = _QUESTION.match(text) is not None
    if is_whole_answer(text):
        return Completeness.FINISHED
    if _must_go_on(text, spoken, asks):
        return Completeness.UNFINISHED
    if text.rstrip().endswith(_ENDS):
        return Completeness.FINISHED
    if len(spoken) == 1:
        return Completeness.UNCLEAR
    # Whoever punctuates would have closed a finished sentence.
    punctuates = any(mark in text for mark in ",.!?;")
    may_go_on = not asks and (spoken[-1] in _MAY_LEAD_ON or _lacks_noun(spoken, _RANKS))
    may_go_on = may_go_on or _MAY_LACK_OBJECT.fullmatch(" ".join(spoken)) is not None
    return Completeness.UNCLEAR if punctuates or may_go_on or not text.isascii() else Completeness.FINISHED


def written_completeness(text: str) -> Completeness:
    """The same in any language, by punctuation alone."""
    written = text.rstrip()
    if written.endswith(_GOES_ON):
        return Completeness.UNFINISHED
    return Completeness.FINISHED if written.endswith(_ENDS) else Completeness.UNCLEAR


def is_whole_answer(text: str) -> bool:
    """Whether this is one of the short answers that are mostly all that is meant."""
    written = text.strip().rstrip(".!")
    return written.casefold() in _SHORT_ANSWERS or _WHOLE_ANSWER.fullmatch(written) is not None


def is_question(text: str) -> bool:
    """Whether this asks something, by its mark or, in English, by how it begins."""
    return text.rstrip().endswith(_ASKS) or _QUESTION.match(text) is not None


def is_unmarked_yes_no_question(text: str) -> bool:
    """Whether this asks, by how it begins alone, for a yes or a no: such a question rises whether or not it is over."""
    return not text.rstrip().endswith(_ASKS) and _YES_NO_QUESTION.match(text) is not None


def _must_go_on(text: str, spoken: list[str], asks: bool) -> bool:
    written, last = text.rstrip(), spoken[-1]
    if written.endswith(_GOES_ON) or last in FILLERS:
        return True
    if len(spoken) > 1 and last in (_LEADS_ON_EVEN_IN_QUESTIONS if asks else _LEADS_ON):
        return _EMBEDDED.fullmatch(" ".join(spoken)) is None
    whole = " ".join(spoken)
    if _OPENING.fullmatch(whole) or (_LACKS_OBJECT.fullmatch(whole) and not written.endswith(_ENDS)):
        return True
    if asks:
        return False
    return _lacks_noun(spoken, _ADJECTIVES) or (spoken[0] in _SUBORDINATE and _lacks_main_clause(written, spoken))


def _lacks_noun(spoken: list[str], adjectives: frozenset[str]) -> bool:
    """Whether the last word is one of these adjectives, whose noun is still to come."""
    before = [word for word in spoken[:-1] if word not in _INTENSIFIERS]
    return spoken[-1] in adjectives and bool(before) and before[-1] in _DETERMINERS


def _lacks_main_clause(written: str, spoken: list[str]) -> bool:
    """Whether a sentence that opens with a subordinate clause has only that."""
    goes_on = "," in written or any(word in _SUBJECTS for word in spoken[4:])
    return not goes_on and len(spoken) < _LEAST_CLAUSE


def is_backchannel(text: str) -> bool:
    """Whether this is what a listener says without wanting the floor."""
    spoken = words(text)
    return len(spoken) <= _MOST_BACKCHANNEL_WORDS and all(word in BACKCHANNELS or word in FILLERS for word in spoken)


def may_be_backchannel(text: str) -> bool:
    """Whether this may be one that was misheard: hardly a word, and none with which people take the floor."""
    spoken = words(text)
    return len(spoken) <= _MOST_MISHEARD_WORDS and not any(word in _TAKES_THE_FLOOR for word in spoken)


def same_meaning(one: str, other: str) -> bool:
    """Whether both say the same, hesitation and punctuation aside."""
    return _meant(one) == _meant(other)


def echoes(text: str, spoken: str) -> bool:
    """Whether `text` is largely what a character said in `spoken`, in that order: it came back by the microphone."""
    heard = words(text)
    if not heard:
        return False
    matcher = SequenceMatcher(None, heard, words(spoken), autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks()) >= _ECHO_SHARE * len(heard)


def _meant(text: str) -> list[str]:
    return [word for word in words(text) if word not in FILLERS]
