"""What Step-Audio 2 writes, told apart: words of the speech, its sound, and what stands beside it.

The model writes a spoken answer as one text token, four speech tokens, one text token and so on, between `<tts_start>`
and `<tts_end>`; after that may follow plain text and tool calls. The text arrives in pieces cut anywhere, so the end of
a piece is held back while it may still become a tag: at most 13 characters.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from boson_multimodal.audio_tokens import CODEBOOK_SIZE, PAD_CODE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from boson_multimodal.audio_tokens import TokenIds

log = logging.getLogger(__name__)

Kind: TypeAlias = Literal["text", "audio", "speech_start", "speech_end", "other"]
Delta: TypeAlias = "str | Sequence[int] | Mapping[str, str | None]"

_START, _END = "<tts_start>", "<tts_end>"
_DROPPED = (
    *("<tts_pad>", "<audio_start>", "<audio_end>", "<audio_patch>"),
    *("<|EOT|>", "<|BOT|>", "<|endoftext|>", "<|im_end|>"),
)
_NAMES = (_START, _END, *_DROPPED)
_TAG = re.compile("<audio_([0-9]{1,6})>|" + "|".join(map(re.escape, _NAMES)))
_BEGUN_CODE = re.compile(r"<audio_[0-9]{1,6}")
_BEGUN = frozenset(name[:length] for name in (*_NAMES, "<audio_>") for length in range(1, len(name)))
_LONGEST_BEGUN = len("<audio_123456")


@dataclass(frozen=True, slots=True)
class ParserEvent:
    """One thing the model wrote. `text` is of the transcript and `other` is not, with a str as `value`; `audio` has a
    list of speech codes 0 to 6560; `speech_start` and `speech_end` have None."""

    kind: Kind
    value: str | list[int] | None = None


@dataclass(frozen=True, slots=True)
class ParsedSpeech:
    """A whole answer: what is said, its speech codes, the text outside the speech, and how many codes were fillers or
    were none."""

    transcript: str
    audio_ids: list[int]
    other: str
    pads: int
    invalid: int


class InvalidSpeechCodeError(ValueError):
    """The model wrote a speech code that does not exist."""


class AudioTokenParser:
    """Fed with one answer, in order, in any of three forms.

    A str is raw text. A sequence of ints is token ids; these need `token_ids`, and `detokenize`, which is called with
    the next text ids and returns the text that is certain by then, and is called with none for the rest. A mapping is
    a `tts_content` delta with `tts_text` and `tts_audio`, from a server that tells both apart; a str beside such deltas
    is what stands outside the speech.

    `in_speech`: the prompt ended with `<tts_start>`. `strict`: a speech code above 6561 raises `InvalidSpeechCodeError`
    instead of being counted.

    Counters: `audio` codes, `text` characters of the transcript, `pads` (speech codes that only fill a slot),
    `invalid` (codes that do not exist, and tags that were cut off at the end).
    """

    def __init__(
        self,
        *,
        in_speech: bool = False,
        strict: bool = False,
        token_ids: TokenIds | None = None,
        detokenize: Callable[[Sequence[int]], str] | None = None,
    ) -> None:
        self.in_speech = in_speech
        self.audio = self.text = self.pads = self.invalid = 0
        self._strict = strict
        self._ids = token_ids
        self._tag_of = {number: tag for tag, number in token_ids.tags.items()} if token_ids else {}
        self._detokenize = detokenize
        self._held = {"content": "", "tts_text": "", "tts_audio": ""}
        self._structured = False
        self._warned = False
        self._out: list[tuple[Kind, list[Any]]] = []

    def feed(self, delta: Delta) -> list[ParserEvent]:
        """What is certain after `delta`, in the order it was written; neighbours are of different kinds.

        Raises `ValueError` for token ids without a table and a detokenizer.
        """
        if isinstance(delta, str):
            self._feed_content(delta)
        elif isinstance(delta, Mapping):
            self._feed_structured(delta)
        else:
            self._feed_ids(delta)
        return self._events()

    def finish(self) -> list[ParserEvent]:
        """The rest, at the end of the answer. A lone `<` is text; a longer piece of a tag is dropped and counted."""
        if self._detokenize is not None:
            self._scan("content", self._detokenize(()))
        for channel, held in self._held.items():
            self._held[channel] = ""
            if len(held) > 1:
                self.invalid += 1
            else:
                self._say(channel, held)
        return self._events()

    def parse(self, answer: Delta) -> ParsedSpeech:
        """A whole answer at once. The parser must be new, and is used up."""
        events = [*self.feed(answer), *self.finish()]

        def joined(kind: Kind) -> str:
            return "".join(cast("str", event.value) for event in events if event.kind == kind)

        runs = [cast("list[int]", event.value) for event in events if event.kind == "audio"]
        return ParsedSpeech(joined("text"), list(chain(*runs)), joined("other"), self.pads, self.invalid)

    def _feed_content(self, content: str) -> None:
        if self._structured and content:
            self._release("tts_text")
            self._leave()
        self._scan("content", content)

    def _feed_structured(self, delta: Mapping[str, str | None]) -> None:
        text, audio = delta.get("tts_text"), delta.get("tts_audio")
        self._structured = True
        if not text and not audio:
            return
        self._release("content")
        self._enter()
        self._scan("tts_text", text or "")
        self._scan("tts_audio", audio or "")

    def _feed_ids(self, ids: Sequence[int]) -> None:
        table, detokenize = self._ids, self._detokenize
        if table is None or detokenize is None:
            raise ValueError("token ids need token_ids and detokenize; give both, or feed text")
        words: list[int] = []
        for number in ids:
            tag = self._tag_of.get(number)
            if tag is None and number < table.first_audio_id:
                words.append(number)
                continue
            if words:
                self._scan("content", detokenize(words))
                words = []
            self._release("content")
            if tag is not None:
                self._scan("content", tag)
            else:
                # Above the speech tokens are only rows that pad the embedding, which nothing names.
                self._code(number - table.first_audio_id)
        if words:
            self._scan("content", detokenize(words))

    def _scan(self, channel: str, piece: str) -> None:
        """Take apart what was held back of `channel` and `piece`; hold back what may still become a tag."""
        text = self._held[channel] + piece
        place = 0
        if "<" in text:
            for match in _TAG.finditer(text):
                self._say(channel, text[place : match.start()])
                place = match.end()
                if match[1]:
                    self._code(int(match[1]))
                else:
                    self._name(match[0])
        end = _held_from(text, place)
        self._say(channel, text[place:end])
        self._held[channel] = text[end:]

    def _release(self, channel: str) -> None:
        """What is held back is text, as something else follows it."""
        held, self._held[channel] = self._held[channel], ""
        self._say(channel, held)

    def _say(self, channel: str, text: str) -> None:
        # Between the codes of a structured delta stands nothing that is meant to be read.
        if not text or channel == "tts_audio":
            return
        if self.in_speech:
            self.text += len(text)
        self._put("text" if self.in_speech else "other", text)

    def _code(self, code: int) -> None:
        if code < CODEBOOK_SIZE:
            if not self.in_speech:
                if not self._warned:
                    log.warning("speech codes outside the speech: was <tts_start> lost? They are spoken all the same")
                self._warned = True
                self._enter()
            self.audio += 1
            self._put("audio", code)
        elif code == PAD_CODE:
            self.pads += 1
        elif self._strict:
            raise InvalidSpeechCodeError(f"there is no speech code {code}; codes are 0 to {CODEBOOK_SIZE - 1}")
        else:
            self.invalid += 1

    def _name(self, name: str) -> None:
        if name == _START:
            self._enter()
        elif name == _END:
            self._leave()

    def _enter(self) -> None:
        if not self.in_speech:
            self.in_speech = True
            self._put("speech_start", None)

    def _leave(self) -> None:
        if self.in_speech:
            self.in_speech = False
            self._put("speech_end", None)

    def _put(self, kind: Kind, value: str | int | None) -> None:
        if not self._out or self._out[-1][0] != kind:
            self._out.append((kind, []))
        self._out[-1][1].append(value)

    def _events(self) -> list[ParserEvent]:
        runs, self._out = self._out, []
        return [ParserEvent(kind, _joined(kind, values)) for kind, values in runs]


def _joined(kind: Kind, values: list[Any]) -> str | list[int] | None:
    if kind == "audio":
        return list(values)
    return "".join(values) if kind in {"text", "other"} else None


def _held_from(text: str, place: int) -> int:
    """Where the end of `text` begins that may still become a tag, not before `place`; its length if none does.

    A tag has no second `<`, so only the last one can open it.
    """
    start = text.rfind("<", max(place, len(text) - _LONGEST_BEGUN))
    if start < 0:
        return len(text)
    tail = text[start:]
    return start if tail in _BEGUN or _BEGUN_CODE.fullmatch(tail) else len(text)
