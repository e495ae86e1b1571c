"""Stage directions of role play: `*nods slowly*` is played, not spoken; `*really*` is spoken with emphasis.

The rule for a span between single asterisks (or underscores):

- It stands alone between sentence ends: an action, unless it ends with "!" or "?" and is no stage verb ("*Never!*").
- It opens a sentence that goes on: an action when it has two words or more, or is a stage verb or looks like one
  ("*grins*", "*waving*").
- It stands within a sentence: an action when it is a stage verb without a subject before it ("Well, *sighs* fine"),
  begins with one ("*leans back in her chair*") or with a pronoun ("*her voice drops*"), follows a punctuation mark and
  has two words or more, or has four words or more. A span that begins with a capital letter is a title and spoken.

Brackets hold a direction only when they begin with an inflected stage verb: "(laughs)", "[sighing softly]".
"""

from __future__ import annotations

import re

from backend.speakable.wordlists import words

_VERBS = words(
    "adjust beam bite blink blush bow breathe chuckle clap clear close cough cringe cross crouch cry curtsy dance "
    "drum eye facepalm fidget flinch flutter frown furrow gasp gesture giggle glance glare gasp grimace grin groan "
    "growl grumble grunt gulp hesitate hug hum kiss kneel laugh lean lick lower mumble murmur mutter narrow nod nudge "
    "pat pause peer place point ponder pout puff purr purse raise roar roll rub salute scoff scratch scowl shake "
    "shiver shrug shudder sigh sip sit slam slouch slump smile smirk snap snarl sneer sniff sniffle snicker snort sob "
    "squint stammer stare step stomp straighten stretch stroke swallow tap tear think throw tilt tremble tug turn "
    "twirl wait wave weep whimper whisper whistle widen wince wink wipe yawn yell"
)
_IRREGULAR = words(
    "beat silence laughter applause music softly quietly slowly suddenly nervously thoughtfully cheerfully"
)


def _forms(verb: str) -> tuple[str, ...]:
    stem = verb[:-1] if verb.endswith("e") else verb
    third = f"{verb[:-1]}ies" if verb.endswith("ry") else f"{verb}{'es' if verb.endswith(('s', 'sh', 'ch')) else 's'}"
    return verb, third, f"{stem}ing", f"{stem}{stem[-1]}ing"


_STAGE_VERBS = frozenset(form for verb in _VERBS for form in _forms(verb)) | frozenset(_IRREGULAR)
_NOT_VERBS = frozenset(
    words(
        "this his is was as us yes always perhaps less its ours yours theirs hers plus minus thus besides towards "
        "sometimes afterwards unless whereas nothing something anything everything during thing things king ring "
        "spring evening morning"
    )
)
_PRONOUNS = frozenset(words("he she they his her their its he's she's they're"))
_SUBJECTS = frozenset(words("i you he she it we they who that and or to not never will would can don't"))

_SPAN = re.compile(r"(?<![\w*_\\])([*_])(?![\s*_])([^*_]+?)(?<![\s\\])\1(?![\w*_])")
_STRONG = re.compile(r"\*{2,3}([^*]+)\*{2,3}")
_STRONG_UNDERSCORE = re.compile(r"(?<!\w)__([^_]+)__(?!\w)")
_BRACKETS = re.compile(r"\s*(?:\(([^()\[\]]{3,60})\)|\[([^()\[\]]{3,60})\])")
_TIMES = re.compile(r"(?<=[0-9])\s*\*\s*(?=[0-9])")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"(?<!\.\w)[.!?…。！？\"”)*_]\Z")
_TAIL = re.compile(r"[\s.!?…,*\"”)]*")


def without_actions(text: str) -> str:
    """`text` without stage directions and without the marks of emphasis."""
    if "*" in text:
        text = _TIMES.sub(" × ", text)
        text = _STRONG.sub(r"\1", text) if "**" in text else text
    if "__" in text:
        text = _STRONG_UNDERSCORE.sub(r"\1", text)
    if "*" in text or "_" in text:
        text = _SPAN.sub(_spoken_span, text)
    if "(" in text or "[" in text:
        text = _BRACKETS.sub(_spoken_brackets, text)
    return text


def _spoken_span(span: re.Match[str]) -> str:
    content = span[2]
    words = _WORD.findall(content)
    if not words:
        return content
    text, start, end = span.string, span.start(), span.end()
    before = text[max(0, start - 40) : start].rstrip()
    opens = not before or bool(_SENTENCE_END.search(before))
    tail = _TAIL.match(text, end)
    closes = content[-1] in ".!?…" or tail is None or tail.end() == len(text) or text[end] in ".!?…"
    if opens and closes:
        action = _is_stage_verb(words[0]) or text[end - 2] not in "!?"
    elif opens:
        action = len(words) > 1 or _looks_like_verb(words[0]) or not content.isascii()
    else:
        action = _interrupts(words, before)
    return " " if action else content


def _interrupts(words: list[str], before: str) -> bool:
    """Whether a span within a sentence is an action, `before` being the words that precede it."""
    first = words[0]
    if before[-1] in ",;:—-" and len(words) > 1:
        return True
    if first[0].isupper():
        return False
    if len(words) == 1:
        subject = before.rsplit(None, 1)[-1].casefold().strip(",;:")
        return _is_stage_verb(first) and subject not in _SUBJECTS
    return len(words) > 3 or _is_stage_verb(first) or first.casefold() in _PRONOUNS


def _spoken_brackets(brackets: re.Match[str]) -> str:
    content = brackets[1] or brackets[2]
    words = _WORD.findall(content)
    if not words or len(words) > 6 or not _is_stage_verb(words[0]):
        return brackets[0]
    first = words[0].casefold()
    return "" if first.endswith(("s", "ing")) or (first in _IRREGULAR and len(words) == 1) else brackets[0]


def _is_stage_verb(word: str) -> bool:
    return word.casefold() in _STAGE_VERBS


def _looks_like_verb(word: str) -> bool:
    word = word.casefold()
    return word in _STAGE_VERBS or (word.endswith(("s", "ing")) and len(word) > 3 and word not in _NOT_VERBS)
