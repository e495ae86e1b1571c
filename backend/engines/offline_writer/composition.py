"""Puts a reply together: a sentence that takes up what was said, something of the character, a question back.

Deterministic: the same messages give the same reply. No sentence comes twice in a conversation.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from string import Formatter
from typing import TYPE_CHECKING

from backend.engines.offline_writer import phrases
from backend.engines.offline_writer.acts import Act, act_of, introduced_name
from backend.engines.offline_writer.answers import computed, told
from backend.engines.offline_writer.reactions import REACTIONS
from backend.engines.offline_writer.scene import Scene, content_words, read_scene
from backend.engines.offline_writer.sentences import (
    SENTENCE,
    clean,
    comparable,
    ended,
    focus,
    listed,
    quoted,
    unaddressed,
    without_quotation,
)
from backend.engines.offline_writer.wording import asked, definite, echo, topic, words
from backend.speakable.number_words import cardinal
from backend.speakable.wordlists import words as words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from backend.engines.interfaces import Message

_QUESTIONS = frozenset(("why", "how", "when", "where", "who", "whose", "which", "what", "yesno"))
_FEELINGS = frozenset(("sad", "glad", "grief"))
_TOPICAL = _QUESTIONS | _FEELINGS | {"statement", "command", "opinion", "remember", "other"}
_LASTING = _QUESTIONS | {"statement", "command", "opinion"}
_KINDRED = frozenset(("yesno", "statement", "opinion", "command"))
_OPENED_SHARE, _ASIDE_SHARE, _MEMORY_SHARE, _OTHER_SHARE, _TOPIC_SHARE = 0.4, 0.55, 0.25, 0.5, 0.25
_LOWERABLE = frozenset(words_of("you if about for with on the a my when as few"))
_KEPT = frozenset(("i", "i'm", "i'd", "i'll", "i've"))
_EVENT = re.compile(r"\b(?:went|came|got|lost|broke|fell|died|met|saw|happened|\w{3,}ed)\b", re.IGNORECASE)
_QUOTED_WORDS = 24
_HEARD_WORDS = 7
_LINES_RECALLED = 12
_ENTERTAINMENTS = frozenset(("joke", "story", "song", "poem", "riddle"))


def compose(messages: Sequence[Message], now: datetime) -> str:
    """The character's next line: two to five plain sentences."""
    seed = hashlib.blake2b(
        json.dumps([[message["role"], message["content"]] for message in messages]).encode()
    ).digest()
    return _Reply(read_scene(messages), random.Random(seed)).written(now)


class _Reply:
    """One reply in the making."""

    def __init__(self, scene: Scene, chance: random.Random) -> None:
        self.scene = scene
        self.chance = chance
        self.used = {comparable(sentence) for line in scene.own_lines for sentence in SENTENCE.findall(line)}
        self.heard = focus(unaddressed(scene.person_lines[-1], scene.name)) if scene.person_lines else ""
        self.act = act_of(self.heard, scene) if scene.person_lines else Act("opening")
        self.slots = self._slots()

    def written(self, now: datetime) -> str:
        """The whole reply."""
        self._answer_truly(now)
        sentences = [self._reaction(), *self._about_self()]
        if not self.scene.own_lines or self.act.kind == "nature":
            sentences.append(
                self._pick(phrases.STAND_IN[self.scene.manner]) or self._pick(_everything(phrases.STAND_IN))
            )
        elif self.chance.random() < _MEMORY_SHARE and self.act.kind in _TOPICAL - _FEELINGS:
            sentences.append(self._pick(phrases.MEMORIES))
        elif self.chance.random() < _ASIDE_SHARE and self.act.kind in _TOPICAL - _FEELINGS:
            sentences.append(self._pick(phrases.ASIDES[self.scene.manner]))
        if self.scene.heard_before and self.chance.random() < _OTHER_SHARE:
            sentences.append(self._pick(phrases.HEARD_OTHER))
        sentences.append(self._ending())
        said = [sentence for sentence in sentences if sentence][:5]
        while len(said) < 2:
            said.append(self._pick(phrases.ON_NOTHING) or self._counted())
        return " ".join(said)

    def _slots(self) -> dict[str, str]:
        scene, heard = self.scene, self.heard
        about = topic(heard, _names(scene))
        earlier = self._earlier_topics(about)
        other = scene.heard_before[-1] if scene.heard_before else ""
        own_question = next(
            (part for part in reversed(SENTENCE.findall(_last(scene.own_lines))) if part.endswith("?")), ""
        )
        introduced = next((name for line in reversed(scene.person_lines) if (name := introduced_name(line))), "")
        person = introduced or (scene.person if scene.person.casefold() not in ("user", "human", "you") else "")
        return {
            "topic": about if self.act.kind in _QUESTIONS else definite(about),
            "echo": echo(heard),
            "asked": asked(heard) or (f"about {about}" if about else ""),
            "heard": quoted(heard, _HEARD_WORDS),
            "detail": clean(self.act.detail),
            "earlier": self.chance.choice(earlier) if earlier else "",
            "interest": self.chance.choice(scene.interests) if scene.interests else "",
            "role": clean(scene.role),
            "name": clean(scene.name),
            "person": clean(person),
            "vocative": f", {clean(person)}" if person and self.chance.random() < 0.6 else " ",  # never empty
            "company": listed(scene.others),
            "mine": definite(topic(own_question, _names(scene))),
            "other": clean(self.act.detail if self.act.kind in ("other", "quote_other") else other),
        }

    def _earlier_topics(self, about: str) -> list[str]:
        """What the person spoke of lately, other than what this line is about."""
        lines = [focus(unaddressed(line, self.scene.name)) for line in self.scene.person_lines[:-1][-_LINES_RECALLED:]]
        lasting = [line for line in lines if act_of(line, self.scene).kind in _LASTING and not computed(line)]
        topics = [definite(topic(line, _names(self.scene))) for line in lasting]
        return [phrase for phrase in topics if phrase and not content_words(phrase) & content_words(about)]

    def _answer_truly(self, now: datetime) -> None:
        """Acts whose detail has to be looked up or worked out."""
        kind, detail = self.act
        for answered, answer in (("computed", computed(self.heard)), ("told", told(self.heard, now))):
            if answer and kind in (*_QUESTIONS, "command", "statement"):
                self.act = Act(answered)
                self.slots["detail"] = answer
                return
        found = {
            "repeat": lambda: without_quotation(_last(self.scene.own_lines)),
            "own_words": lambda: _last(self.scene.person_lines[:-1]),
            "quote_other": lambda: self.scene.last_of(detail),
            "my_name": lambda: self.slots["person"],
            "remember": lambda: self._said_about(content_words(self.heard)),
            "entertain": lambda: next((word for word in words(self.heard) if word.lower() in _ENTERTAINMENTS), "joke"),
        }.get(kind)
        if found:
            self.slots["detail"] = quoted(found(), _QUOTED_WORDS)

    def _said_about(self, sought: frozenset[str]) -> str:
        """The person's earlier line that shares most words with `sought`."""
        earlier = self.scene.person_lines[:-1]
        best = max(earlier, key=lambda line: len(content_words(line) & sought), default="")
        return best if content_words(best) & sought else ""

    def _reaction(self) -> str:
        kind = self.act.kind
        pools: list[tuple[str, ...]] = []
        about = content_words(self.slots["topic"])
        if kind in _KINDRED and about & content_words(" ".join((self.scene.persona, *self.scene.interests))):
            pools.append(REACTIONS["kin"])
        kind = {"whose": "who", "which": "what"}.get(kind, kind)
        kind = "greeting_first" if kind == "greeting" and not self.scene.own_lines else kind
        if kind == "statement" and self.chance.random() < _TOPIC_SHARE:
            pools.append(REACTIONS["statement_topic"])
        pools += [REACTIONS.get(kind, ()), REACTIONS.get(f"{kind}_nothing", ())]
        pools.append(REACTIONS["statement_topic"] if kind == "statement" else ())
        pools.append(REACTIONS["lost_question" if kind in _QUESTIONS else "lost"])
        sentence = next((picked for picked in map(self._pick, pools) if picked), "") or self._counted()
        return self._opened(sentence)

    def _opened(self, sentence: str) -> str:
        """Now and then the sentence begins with one of the character's own little words."""
        first = sentence.split(" ", 1)[0].rstrip(",").casefold()
        if first not in _LOWERABLE | _KEPT or self.act.kind not in _TOPICAL or self.chance.random() > _OPENED_SHARE:
            return sentence
        opener = self.chance.choice(phrases.OPENERS[self.scene.manner])
        return f"{opener}, {sentence if first in _KEPT else sentence[0].lower() + sentence[1:]}"

    def _about_self(self) -> list[str]:
        """What the prompt says of the character, where that is the subject."""
        kind, own = self.act.kind, [ended(clean(sentence)) for sentence in self.scene.about_self]
        new = [sentence for sentence in own if comparable(sentence) not in self.used]
        if kind == "self":
            chosen = new[:2] or [self._pick(("I'm {role}.",))]
        elif kind in _KINDRED:
            about = content_words(self.slots["topic"])
            chosen = [sentence for sentence in new if content_words(sentence) & about][:1]
        elif kind == "name":
            chosen = [self._pick(("I'm {role}.",))]
        else:
            chosen = []
        self.used |= {comparable(sentence) for sentence in chosen}
        return chosen

    def _ending(self) -> str:
        """A question that hands the word back, or a parting word."""
        kind, manner = self.act.kind, self.scene.manner
        if kind == "farewell":
            return self._pick(phrases.PARTINGS)
        groups: list[tuple[str, ...]] = [phrases.ON_NOTHING]
        if kind in _FEELINGS:
            groups = [phrases.ON_FEELING, *groups]
        elif kind in _QUESTIONS and self.slots["topic"]:
            groups = [phrases.ON_QUESTION[manner], phrases.ON_TOPIC, *groups]
        elif kind == "statement" and self.slots["topic"]:
            told_of = _EVENT.search(self.heard) is not None and self.chance.random() < 0.5
            own = (phrases.ON_STATEMENT[manner], phrases.ON_TOPIC)
            groups = [*((phrases.ON_EVENT,) if told_of else ()), *own, *groups]
        elif kind in _TOPICAL and self.slots["topic"]:
            groups = [phrases.ON_TOPIC, *groups]
        return next((sentence for sentence in map(self._pick, groups) if sentence), "")

    def _pick(self, pool: Iterable[str]) -> str:
        """A phrase of the pool whose slots can be filled and which has not been said yet; else empty."""
        shuffled = list(pool)
        self.chance.shuffle(shuffled)
        for phrase in shuffled:
            if all(self.slots[slot] for _, slot, _, _ in Formatter().parse(phrase) if slot):
                sentence = ended(phrase.format_map(self.slots))
                if comparable(sentence) not in self.used:
                    self.used.add(comparable(sentence))
                    return sentence
        return ""

    def _counted(self) -> str:
        count = len(self.scene.lines)
        while comparable(sentence := phrases.COUNTED.format(count=cardinal(str(count)))) in self.used:
            count += 1
        self.used.add(comparable(sentence))
        return ended(sentence)


def _names(scene: Scene) -> frozenset[str]:
    return frozenset(word.casefold() for word in words(" ".join((scene.name, scene.person, *scene.others))))


def _last(lines: Sequence[str]) -> str:
    return lines[-1] if lines else ""


def _everything(groups: dict[str, tuple[str, ...]]) -> list[str]:
    return [phrase for group in groups.values() for phrase in group]
