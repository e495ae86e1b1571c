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

FILLERS = _vocabulary("um uh er erm uhm hm hmm mm ah eh")
"""Sounds of somebody who is looking for words."""

_LEADS_ON = _vocabulary(
    "and or but nor because than if when while although though unless until whether which whose the a an my your his "
    "its our their every of to for with from at into onto between among during without i we they he she is are was "
    "were am be been being i'm we're they're he's she's it's there's i'd we'd i'll we'll i've want wants need needs "
    "very really basically"
)
"""Words after which an English statement goes on."""

_MAY_LEAD_ON = _vocabulary(
    "that this these those some any no each another in on by over under near behind about through like so then since "
    "do does did have has had can could will would shall should may might must not just also even plus too more most "
    "maybe perhaps well actually"
)
"""Words that may as well be the last one."""

_LEADS_ON_EVEN_IN_QUESTIONS = _vocabulary(
    "and or but because if when while the a an my your his its our their every this these those very"
)

_AUXILIARY = r"(?:do|does|did|is|are|was|were|can|could|will|would|shall|should|may|have|has|am)"
_QUESTION = re.compile(
    rf"(?:\w+,? )?(?:what|where|who|whom|whose|why|how|which|when {_AUXILIARY})\b|(?:\w+, )?{_AUXILIARY}\b",
    re.IGNORECASE,
)
"""A question begins with one of these, or a name stands before it."""

_SUBORDINATE = _vocabulary("when if while because although though unless until since after before once")
_SHORT_ANSWERS = _vocabulary("yes no yeah nope sure okay ok right maybe thanks please hello hi bye stop wait")

_LEAST_CLAUSE = 7
"""Words a sentence that opens with a subordinate clause has at least, when its main clause is there."""

BACKCHANNELS = _vocabulary(
    "mhm mm mmhm hm hmm uh huh uhhuh yeah yes yep yup ya right okay ok sure really oh wow ah aha i see nice cool "
    "great good exactly true indeed totally absolutely alright haha ha heh hah lol mm-hmm uh-huh mmm"
)
"""Words of somebody who listens and does not want to speak."""

_MOST_BACKCHANNEL_WORDS = 4
_ECHO_SHARE = 0.6


def words(text: str) -> list[str]:
    """The words of `text`, lower case, without punctuation."""
    return [word.casefold().replace("\u2019", "'") for word in _WORD.findall(text)]


def completeness(text: str) -> Completeness:
    """Whether `text`, with or without punctuation, could be all that was meant."""
    spoken, ending = words(text), text.rstrip()[-1:]
    if not spoken:
        return Completeness.UNCLEAR
    asks = _QUESTION.match(text) is not None
    if _must_go_on(text, spoken, asks):
        return Completeness.UNFINISHED
    if ending in ".!?\u3002\uff01\uff1f\u061f":
        return Completeness.FINISHED
    if len(spoken) == 1:
        return Completeness.FINISHED if spoken[0] in _SHORT_ANSWERS else Completeness.UNCLEAR
    # Whoever punctuates would have closed a finished sentence.
    punctuates = any(mark in text for mark in ",.!?;")
    may_go_on = not asks and spoken[-1] in _MAY_LEAD_ON
    return Completeness.UNCLEAR if punctuates or may_go_on or not text.isascii() else Completeness.FINISHED


def _must_go_on(text: str, spoken: list[str], asks: bool) -> bool:
    written, last = text.rstrip(), spoken[-1]
    if written.endswith((",", ";", ":", "-", "\u2014", "\u2026", "...")) or last in FILLERS:
        return True
    if len(spoken) > 1 and last in (_LEADS_ON_EVEN_IN_QUESTIONS if asks else _LEADS_ON):
        return True
    return not asks and spoken[0] in _SUBORDINATE and len(spoken) < _LEAST_CLAUSE


def is_backchannel(text: str) -> bool:
    """Whether this is what a listener says without wanting the floor."""
    spoken = words(text)
    return len(spoken) <= _MOST_BACKCHANNEL_WORDS and all(word in BACKCHANNELS or word in FILLERS for word in spoken)


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
