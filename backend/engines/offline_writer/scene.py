"""What the messages tell: who the character is and how it speaks, who else is there, and who said what."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from backend.engines.offline_writer.wording import carries_meaning, topic, turned, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.engines.interfaces import Message

_READ_CHARACTERS = 4000
"""Of a longer message only the beginning is read."""

_NAME = r"[^\W\d_][\w'’.-]{0,30}(?: (?:of |the |van |von |de )?[A-Z][\w'’-]{0,30}){0,3}"
_SETTING = re.compile(
    rf"You are ({_NAME}) in a spoken conversation with ([^.\n]{{1,60}})\.(?: Also present: ([^.\n]{{1,400}})\.)?"
)
_INTRODUCED = re.compile(
    rf"(?:[Yy]ou are|[Yy]ou're|[Nn]ame is|[Nn]amed|[Yy]ou play|[Aa]ct as) ((?=[^\W\d_a-z])(?!A |An |The ){_NAME})"
)
_ROLE = re.compile(
    r"(?:,|[Yy]ou are|[Yy]ou're|\bas) (an? [^.,;\n]{3,80}?)(?: who | that | with | and | in the |[.,;\n]|$)"
)
_ABOUT_SELF = re.compile(
    r"\bYou(?:'re| are| were| have| had| love| like| hate| own| run| work| live| grew| used| know| believe| think)\b"
    r"[^.\n]{3,140}"
)
_INTEREST = re.compile(
    r"\b(?:loves?|likes?|enjoys?|adores?|fond of|obsessed with|passionate about|proud of|misses|dreams? of|collects?|"
    r"talks? about|cares? about|knows? (?:everything |all )?about|speaks? of|swears? by|believes? in) ([^.;\n]{3,80})"
)
_DISLIKED = re.compile(r"\s*(?:hates?|dislikes?|despises?|distrusts?|loathes?)\b")
_CUT = re.compile(r"\[cut(?:ting you)? off[^\]]*\]\s*")
_FOR_MODELS = re.compile(
    r"(?:\A|\n+)\[(?:Instruction: [^\]]*\]|The conversation goes on\.\]|"
    r"(?s:Note to [^\]\n]{1,200}, which nobody else reads\].*))"
)
"""What stands among the lines and was said by nobody."""

_LABEL = re.compile(r"([^\W\d_][\w'’. -]{0,40}):\s+")

_ADJECTIVES = re.compile(
    r"\b(?:gruff|grumpy|terse|blunt|surly|curt|stern|cheerful|bubbly|friendly|upbeat|bouncy|perky|pedantic|formal|gentle|calm|"
    r"sarcastic|witty|sardonic|cynical|wry|deadpan|snarky),? (?:and )?"
)
"""How others describe the character, which it would not say of itself."""

_MANNERS = {
    "gruff": "gruff grumpy terse blunt surly curt rough stern brusque laconic grizzled hard-bitten blacksmith few",
    "cheerful": "cheerful bubbly friendly warm enthusiastic upbeat energetic happy perky sunny jolly playful excited",
    "precise": "pedantic precise robot android formal logical scholarly librarian exact analytical butler professor",
    "gentle": "gentle calm calmly gently softly wise kind soft dreamy poetic quiet patient serene soothing storyteller",
    "wry": "sarcastic witty dry sardonic ironic cynical wry deadpan snarky detective",
}


@dataclass(frozen=True, slots=True)
class Line:
    """Something that was said. `speaker` is empty for the character itself."""

    speaker: str
    text: str


@dataclass(slots=True)
class Scene:
    """Everything the writer knows before it answers."""

    name: str = ""
    person: str = ""
    others: tuple[str, ...] = ()
    persona: str = ""
    role: str = ""
    manner: str = "plain"
    interests: tuple[str, ...] = ()
    about_self: tuple[str, ...] = ()
    lines: list[Line] = field(default_factory=list[Line])

    @property
    def own_lines(self) -> list[str]:
        """What the character has said, oldest first."""
        return [line.text for line in self.lines if not line.speaker]

    @property
    def person_lines(self) -> list[str]:
        """What the person has said, oldest first."""
        return [line.text for line in self.lines if line.speaker and line.speaker not in self.others]

    def last_of(self, other: str) -> str:
        """What another character said last; empty if nothing."""
        return next((line.text for line in reversed(self.lines) if line.speaker == other), "")

    @property
    def heard_before(self) -> tuple[str, ...]:
        """The other characters who have answered the person's latest line already."""
        names: list[str] = []
        for line in reversed(self.lines):
            if line.speaker not in self.others:
                break
            names.append(line.speaker)
        return tuple(reversed(names))


def read_scene(messages: Sequence[Message]) -> Scene:
    """The scene that `messages` describe; with nothing to go by, a nameless character of plain manner."""
    told = "\n".join(message["content"] for message in messages if message["role"] == "system")
    system = told[:_READ_CHARACTERS]
    scene = Scene()
    setting = _SETTING.search(told)
    scene.persona = system[: setting.start()] if setting else system
    if setting:
        scene.name, scene.person = setting[1], setting[2]
        scene.others = tuple(name.strip() for name in (setting[3] or "").split(",") if name.strip())
    else:
        introduced = _INTRODUCED.search(system)
        scene.name = introduced[1].rstrip(".") if introduced else ""
    _read_persona(scene)
    for message in messages:
        if message["role"] == "assistant":
            scene.lines.append(Line("", message["content"][:_READ_CHARACTERS]))
        elif message["role"] == "user":
            said = _FOR_MODELS.sub("", message["content"][:_READ_CHARACTERS]).strip()
            scene.lines += _said_lines(said, scene, system) if said or not message["content"] else []
    if not setting:
        speakers = dict.fromkeys(line.speaker for line in scene.lines if line.speaker)
        scene.others = tuple(name for name in speakers if name in system and name != scene.name)
    return scene


def _read_persona(scene: Scene) -> None:
    persona = scene.persona
    role = _ROLE.search(persona)
    scene.role = _of_itself(role[1].strip()) if role else ""
    known = set(words(persona.lower()))
    scores = {manner: len(known & set(signs.split())) for manner, signs in _MANNERS.items()}
    best = max(scores, key=lambda manner: scores[manner])
    scene.manner = best if scores[best] else "plain"
    of_name = frozenset(word.casefold() for word in words(f"{scene.name} {scene.role}"))
    phrases = [part for found in _INTEREST.finditer(persona) for part in re.split(r",| and | or ", found[1])]
    topics = [topic(phrase, of_name) for phrase in phrases[:8] if not _DISLIKED.match(phrase)]
    scene.interests = tuple(dict.fromkeys(_plainly(phrase) for phrase in topics if phrase))
    scene.about_self = tuple(_in_first_person(found[0], scene.name) for found in _ABOUT_SELF.finditer(persona))[:6]


def _in_first_person(sentence: str, name: str) -> str:
    """ "You love storms" as the character would say it: "I love storms"."""
    said = turned(_of_itself(sentence)).strip().replace(f"I am {name}, ", "I am ", 1)
    return said[0].upper() + said[1:]


def _of_itself(description: str) -> str:
    """A description without the adjectives of manner, and with the article that fits then."""
    bare = _ADJECTIVES.sub("", description)
    return re.sub(r"\ba (?=[aeio])", "an ", re.sub(r"\ban (?=[^aeiouh\W])", "a ", bare))


def _plainly(phrase: str) -> str:
    """The prompt's "your forge" is the character's "my forge"."""
    return re.sub(r"^(?:your|his|her|their|its)\b", "my", phrase)


def _said_lines(content: str, scene: Scene, system: str) -> list[Line]:
    """A user message holds one line or several, each with its speaker's name in front where there is a cast."""
    lines: list[Line] = []
    for written in content.splitlines() or [""]:
        text = _CUT.sub("", written).strip()
        label = _LABEL.match(text)
        speaker = label[1].strip() if label else ""
        if label and (
            speaker in scene.others or speaker == scene.person or speaker in ("User", "Human") or speaker in system
        ):
            lines.append(Line(speaker, _CUT.sub("", text[label.end() :]).strip()))
        elif lines:
            lines[-1] = Line(lines[-1].speaker, f"{lines[-1].text} {text}".strip())
        else:
            lines.append(Line(scene.person or "User", text))
    return lines


def content_words(text: str) -> frozenset[str]:
    """The words of `text` that carry meaning, case folded."""
    return frozenset(word.casefold() for word in words(text) if carries_meaning(word))
