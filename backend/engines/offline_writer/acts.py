"""What a line does: greets, thanks, asks for the speaker's name, tells of a feeling, states something, ..."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from backend.engines.offline_writer.wording import words
from backend.speakable.language import is_english
from backend.speakable.wordlists import words as words_of

if TYPE_CHECKING:
    from backend.engines.offline_writer.scene import Scene


class Act(NamedTuple):
    """`kind` names a group of phrases; `detail` is what the kind's pattern caught, such as a name."""

    kind: str
    detail: str = ""


_MACHINE = r"real|ai|a\.i\.|human|bot|robot|machine|model|person|computer|chatbot|program|stand-in|alive"
_ADDRESS = r"(?:,? (?:\w+|there|all|everyone|everybody|again|old friend))?"
_PHRASED = {
    "repeat": r"\b(?:repeat (?:that|it|yourself)|say (?:that|it) again|come again|what did you (?:just )?say|pardon)\b",
    "own_words": r"\bwhat did I (?:just )?(?:say|tell|ask)(?! about)",
    "my_name": r"\b(?:what(?:'s| is| was) my name|who am I|(?:know|remember) my name)\b",
    "nature": (
        rf"\b(?:are you|you are|you're) (?:really |just |only |actually )?(?:an? )?(?:\w+ )?(?:{_MACHINE})\b"
        r"|\bwhat are you\b(?! \w+ing)|\b(?:language model|chat ?gpt|artificial)\b"
    ),
    "name": (
        r"\b(?:(?:what(?:'s| is)|tell me|say) your name|who are you|your name\?|introduce yourself|who is this)\b"
    ),
    "self": (
        r"\b(?:about (?:yourself|you)\b(?! \w)|what do you do\b|your (?:job|work|trade|profession|story|past)\b"
        r"|where are you from|who were you)"
    ),
    "taste": (
        r"\bwhat do you (?:really )?(?:like|love|enjoy|miss|adore|care about|dream of|want)\b|\byour favou?rite\b"
    ),
    "company": r"\bwho(?:'s| is| are)? (?:else|all|here|there|with (?:us|you|me))\b",
    "say": r"^(?:please )?(?:say|repeat after me)[,:]? (.{2,120})$",
    "remember": (
        r"\b(?:do you remember|remember when|what did I (?:say|tell you) about|did I (?:mention|tell you|say))\b(.*)"
    ),
    "introduces": r"\b(?:my name is|my name's|call me|I am called) ([^\W\d_][\w'’-]{0,20})",
    "how_are_you": (
        r"\bhow (?:are|do) you (?:doing|feel|feeling|today|keeping)?\W*$|\bhow(?:'s it| is it) going\b"
        r"|\bhow are you\b|\bwhat'?s up\b|\bhow have you been\b"
    ),
    "farewell": r"\b(?:good ?bye|bye|see you|farewell|good ?night|have to go|gotta go|talk (?:to you )?later)\b",
    "thanks": r"\b(?:thanks|thank you|cheers|much appreciated)\b",
    "sorry": r"^(?:oh )?(?:I'm |I am )?(?:so |very )?sorry\b|\bmy apologies\b",
    "greeting": rf"^(?:oh )?(?:hi|hello|hey|howdy|greetings|good (?:morning|evening|afternoon|day)){_ADDRESS}\W*$",
    "entertain": r"\b(?:joke|story|song|poem|sing|riddle|make me laugh)\b",
    "opinion": (
        r"\b(?:what do you think|what's your (?:opinion|view)|do you agree|your thoughts|(?:how|what) about you)\b"
    ),
}
_PATTERNS = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _PHRASED.items()}
_YES = frozenset(words_of("yes yeah yep sure absolutely definitely indeed aye exactly certainly correct true"))
_NO = frozenset(words_of("no nope nah never wrong false"))
_NODS = frozenset(
    words_of("ok okay hm hmm mhm uh-huh right i see alright fine oh ah wow cool nice great good interesting really um")
)
_MAYBE = frozenset(words_of("maybe perhaps possibly dunno unsure"))
_SAD = (
    "sad|unhappy|lonely|depressed|tired|exhausted|afraid|scared|worried|anxious|angry|upset|sick|hurt|lost|stressed|bored|"
    "frustrated|nervous|heartbroken|miserable|awful|terrible"
)
_GLAD = "happy|glad|excited|proud|delighted|thrilled|relieved|grateful|wonderful|fantastic|amazing|joyful"
_FEELS = r"\b(?:I'm|I am|I feel|I felt|I've been|I was|feeling|makes me) (?:\w+ ){0,3}?"
_FEELINGS = {
    "sad": re.compile(rf"{_FEELS}({_SAD})\b", re.IGNORECASE),
    "glad": re.compile(rf"{_FEELS}({_GLAD})\b", re.IGNORECASE),
    "grief": re.compile(r"\b(?:died|dead|passed away|funeral|grieving|mourning)\b", re.IGNORECASE),
}
_CHARGED = re.compile(
    r"^(?:I think |well,? |wow,? )?(?:you are|you're)(?: (?:so|very|really|such|just|an?|quite|too))*"
    r" ([a-z]{3,20}(?: [a-z]{3,20})?)(?: about (?:that|this|it))?\W*$",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"^(?:(?:and|but|so|well|oh|okay|hey|then|tell me|i wonder)[, ]+)*"
    r"(?:(?P<wh>why|how|what|when|where|who|whose|which)|(?P<yesno>is|are|am|was|were|do|does|did|can|could|will|"
    r"would|should|have|has|had|may|might|shall|isn't|aren't|don't|doesn't|didn't|won't|can't))\b",
    re.IGNORECASE,
)
_COMMAND = re.compile(
    r"^(?:please |can you |could you |would you |will you |now )*"
    r"(?:tell|explain|describe|help|show|give|teach|make|write|list|find|let's|let us|imagine|pretend|count|spell|"
    r"translate|recommend|suggest|compare|talk|play|open|turn|stop|go)\b",
    re.IGNORECASE,
)


def act_of(text: str, scene: Scene) -> Act:
    """What `text`, said by the person to the character, does."""
    text = text[:600].replace("’", "'").strip()
    found = [word.casefold() for word in words(text)]
    if not found:
        return Act("silence")
    if not is_english(text):
        return Act("foreign")
    for other in (*scene.others, *filter(None, [scene.name])):
        quoting = rf"\bwhat (?:did|was|has|does) {re.escape(other)}\b.*\b(?:say|said|saying|think|mean|tell)"
        if re.search(quoting, text, re.IGNORECASE):
            return Act("repeat") if other == scene.name else Act("quote_other", other)
    for kind, pattern in _PATTERNS.items():
        match = pattern.search(text)
        if match and not (kind in ("greeting", "thanks") and len(found) > 6):
            return Act(kind, (match[1] or "").strip() if pattern.groups else "")
    return _by_words(text, found, scene)


def introduced_name(text: str) -> str:
    """The name in "my name is Ann", with its capital; else empty."""
    found = _PATTERNS["introduces"].search(text[:600])
    return found[1][:1].upper() + found[1][1:] if found else ""


def _by_words(text: str, found: list[str], scene: Scene) -> Act:
    if len(found) <= 3:
        for kind, signs in (("yes", _YES), ("no", _NO), ("maybe", _MAYBE)):
            if found[0] in signs:
                return Act(kind, found[0])
        if all(word in _NODS for word in found):
            return Act("nod", " ".join(found))
    named = next((other for other in scene.others if re.search(rf"\b{re.escape(other)}\b", text, re.IGNORECASE)), "")
    if named:
        return Act("other", named)
    charged = _CHARGED.match(text)
    if charged:
        return Act("charged", charged[1].lower())
    return _by_form(text)


def _by_form(text: str) -> Act:
    question = _QUESTION.match(text)
    if _COMMAND.match(text):
        return Act("command")
    if question:
        return Act(f"{question['wh'].lower()}" if question["wh"] else "yesno")
    if text.rstrip().endswith("?"):
        return Act("yesno")
    for kind, pattern in _FEELINGS.items():
        felt = pattern.search(text)
        if felt:
            return Act(kind, felt[1].lower() if pattern.groups else "")
    return Act("statement")
