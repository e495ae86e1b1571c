"""The ids of a prompt, put together piece by piece in the format the model was trained on.

A message is `<|start_header_id|>{role}<|end_header_id|>`, an empty line, its content, `<|eot_id|>`. Header, content and
end are encoded each for itself, so that the ids of a piece do not depend on what stands beside it and what a prompt has
in common with the last one is found row by row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from boson_multimodal.data_types import AudioContent, ChatMLSample, Message
from boson_multimodal.model.higgs_audio.utils import build_delay_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

Codes: TypeAlias = Tensor | NDArray[np.integer]
"""Frames of one piece of audio, `[C, T]`, without BOS and EOS."""

INSTRUCTION = "Generate audio following instruction."
# The instructions and the scene are trained text: their wording is fixed.
MULTI_SPEAKER_INSTRUCTION = (
    "You are an AI assistant designed to convert text into speech.\n"
    "If the user's message includes a [SPEAKER*] tag, do not read out the tag and generate speech for the following "
    "text, using the specified voice.\n"
    "If no speaker tag is present, select a suitable voice on your own."
)

_ROLES = ("system", "user", "assistant")
_TEXT_MARKS = {"<|scene_desc_start|>", "<|scene_desc_end|>", "<|speaker_id_start|>", "<|speaker_id_end|>"}


class Tokenizer(Protocol):
    """What is used of a transformers tokenizer."""

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...
    def get_added_vocab(self) -> dict[str, int]: ...


@dataclass(frozen=True, eq=False, slots=True)
class Prompt:
    """Positions of a prompt, `rows [L, 1 + C]` int64: the text id, and where that is the id of `<|AUDIO_OUT|>` the
    delayed codes of that column, zeros elsewhere."""

    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    @staticmethod
    def joined(*pieces: Prompt) -> Prompt:
        """Pieces (at least one) one after the other."""
        return Prompt(np.concatenate([piece.rows for piece in pieces]))


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """The ids of the tokens that give a prompt its structure."""

    begin_of_text: int
    start_header_id: int
    end_header_id: int
    eot_id: int
    audio_bos: int
    audio_eos: int
    audio_out_bos: int
    AUDIO: int
    AUDIO_OUT: int

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> SpecialIds:
        """The ids in a tokenizer; `ValueError` names the first token it does not have."""
        added = tokenizer.get_added_vocab()
        return cls(*(_id(added, f"<|{field.name}|>") for field in fields(cls)))


def _id(added: dict[str, int], token: str) -> int:
    if token not in added:
        raise ValueError(f"the tokenizer has no token {token}: it does not belong to a Higgs Audio v2 model")
    return added[token]


class PromptBuilder:
    """Pieces of a prompt for a tokenizer and a model with `codebooks` codebooks and the codes `bos` and `eos`."""

    def __init__(self, tokenizer: Tokenizer, codebooks: int, bos: int, eos: int) -> None:
        self.ids = SpecialIds.of(tokenizer)
        self.codebooks, self.bos, self.eos = codebooks, bos, eos
        self._tokenizer = tokenizer
        self._added = tokenizer.get_added_vocab()
        control = [token for token in self._added if token.startswith("<|") and token not in _TEXT_MARKS]
        self._control = re.compile("|".join(map(re.escape, control)))
        self._headers = {role: self._header(role) for role in _ROLES}

    def begin_of_text(self) -> Prompt:
        """The opening of every prompt, once."""
        return self._text_rows([self.ids.begin_of_text])

    def system(self, text: str) -> Prompt:
        """The system message."""
        return self._message("system", self.text(text))

    def user(self, text: str) -> Prompt:
        """What is to be spoken, or the transcript of the audio that follows."""
        return self._message("user", self.text(text))

    def assistant_audio(self, codes: Codes) -> Prompt:
        """A message of the assistant that says `codes [C, T]`, in T + C + 1 columns from BOS to EOS."""
        return self._message("assistant", self.audio(codes, self.ids.audio_out_bos))

    def generation_prompt(self) -> Prompt:
        """The opening of the assistant's audio; the all-BOS column that comes next is not in it."""
        return Prompt.joined(self._headers["assistant"], self._text_rows([self.ids.audio_out_bos]))

    def text(self, text: str) -> Prompt:
        """Text within a message. Control tokens that are written out in it are left out: text from outside neither
        ends a message nor begins another."""
        # Encoded part by part: joined, the parts could spell a control token again.
        return self._text_rows([number for part in self._control.split(text) for number in self._encoded(part)])

    def audio(self, codes: Codes, opening: int) -> Prompt:
        """Audio within a message: the id `opening`, the delayed columns of `codes [C, T]`, `<|audio_eos|>`.

        Raises `ValueError` for another number of codebooks, no frame, or a code that is no sound.
        """
        array = codes.cpu().numpy() if isinstance(codes, Tensor) else codes
        frames = torch.tensor(np.array(array, dtype=np.int64))
        if frames.ndim != 2 or frames.shape[0] != self.codebooks or not frames.shape[1]:
            raise ValueError(f"audio has the shape [{self.codebooks}, frames], not {tuple(frames.shape)}")
        lowest, highest, limit = int(frames.min()), int(frames.max()), min(self.bos, self.eos)
        if lowest < 0 or highest >= limit:
            raise ValueError(f"codes of audio are 0 to {limit - 1}, not {lowest} to {highest}")
        columns = build_delay_pattern(frames, self.bos, self.eos)
        # Every column has the id of AUDIO_OUT. transformers' processor gives the last C - 1 of them a delay id, which
        # the model routes the same way.
        rows = np.empty((columns.shape[1], 1 + self.codebooks), dtype=np.int64)
        rows[:, 0] = self.ids.AUDIO_OUT
        rows[:, 1:] = columns.numpy().T
        return Prompt.joined(self._text_rows([opening]), Prompt(rows), self._text_rows([self.ids.audio_eos]))

    def from_sample(self, sample: ChatMLSample, audio_codes: Sequence[Codes]) -> Prompt:
        """A whole conversation from the begin of text, without a generation prompt.

        `audio_codes` are the codes `[C, T]` of each audio content, in order. Raises `ValueError` when there are more or
        fewer of them than audio contents, for an unknown role and for a message with a recipient.
        """
        supplied = list(audio_codes)
        wanted = sum(isinstance(piece, AudioContent) for message in sample.messages for piece in message.contents())
        if wanted != len(supplied):
            raise ValueError(f"the conversation has {wanted} audio contents and came with codes for {len(supplied)}")
        remaining = iter(supplied)
        followers = [message.role for message in sample.messages[1:]] + [""]
        pieces = [self.begin_of_text()]
        for message, follower in zip(sample.messages, followers, strict=True):
            if message.recipient is not None:
                raise ValueError(f"what is said to a recipient is not spoken: {message.recipient!r}")
            content: list[Prompt] = []
            # Between two messages of the assistant stands <|eom_id|>: its turn goes on.
            continued = message.role == follower == "assistant"
            for piece in message.contents():
                if isinstance(piece, AudioContent):
                    # Heard audio differs from the assistant's only by its opening: boson's <|AUDIO|> is a placeholder
                    # for embeddings that AUDIO_OUT columns give as well.
                    opening = self.ids.audio_out_bos if message.role == "assistant" else self.ids.audio_bos
                    content.append(self.audio(next(remaining), opening))
                else:
                    content.append(self.text(piece.text))
            pieces.append(self._message(message.role, *content, continued=continued))
        return Prompt.joined(*pieces)

    def _message(self, role: str, *content: Prompt, continued: bool = False) -> Prompt:
        if role not in self._headers:
            raise ValueError(f"a message is from {', '.join(_ROLES)}, not from {role!r}")
        end = _id(self._added, "<|eom_id|>") if continued else self.ids.eot_id
        return Prompt.joined(self._headers[role], *content, self._text_rows([end]))

    def _header(self, role: str) -> Prompt:
        ids = self.ids
        return self._text_rows([ids.start_header_id, *self._encoded(role), ids.end_header_id, *self._encoded("\n\n")])

    def _text_rows(self, ids: Sequence[int]) -> Prompt:
        rows = np.zeros((len(ids), 1 + self.codebooks), dtype=np.int64)
        rows[:, 0] = ids
        return Prompt(rows)

    def _encoded(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False) if text else []


@dataclass(frozen=True, slots=True)
class Reference:
    """A voice to speak with: audio as in `AudioContent`, and what is said in it ("" when that is not known)."""

    transcript: str
    audio_url: str = ""
    raw_audio: str | None = None


def system_text(
    scene_prompt: str | None = None,
    speaker_descriptions: str | Sequence[str] | None = None,
    *,
    references: bool = False,
) -> str:
    """The system message for a scene and its speakers.

    A single string describes one speaker. Entries of a list are `SPEAKERn: ...`, or descriptions that take the number
    of their place. Several speakers without `references` have an instruction of their own. Raises `ValueError` for a
    blank entry and for two of the same number.
    """
    speakers = _speaker_lines(speaker_descriptions)
    instruction = MULTI_SPEAKER_INSTRUCTION if len(speakers) > 1 and not references else INSTRUCTION
    scene = "\n\n".join(part for part in ((scene_prompt or "").strip(), "\n".join(speakers)) if part)
    return f"{instruction}\n\n<|scene_desc_start|>\n{scene}\n<|scene_desc_end|>" if scene else instruction


def base_messages(
    scene_prompt: str | None = None,
    speaker_descriptions: str | Sequence[str] | None = None,
    references: Sequence[Reference] = (),
) -> tuple[Message, ...]:
    """What every prompt of a voice begins with: the system message, then each reference as a question and its answer.

    With several references the n-th (from 0) is the voice of `[SPEAKERn]`.
    """
    messages = [Message("system", system_text(scene_prompt, speaker_descriptions, references=bool(references)))]
    for number, reference in enumerate(references):
        tag = f"[SPEAKER{number}] " if len(references) > 1 else ""
        messages.append(Message("user", (tag + reference.transcript.strip()).strip()))
        messages.append(Message("assistant", AudioContent(reference.audio_url, reference.raw_audio)))
    return tuple(messages)


def _speaker_lines(descriptions: str | Sequence[str] | None) -> list[str]:
    """One line a speaker, `SPEAKERn: ...`."""
    entries = ([descriptions] if descriptions.strip() else []) if isinstance(descriptions, str) else descriptions or ()
    lines: dict[str, str] = {}
    for place, entry in enumerate(entries):
        line = " ".join(entry.split())
        if not line:
            raise ValueError(f"the description of speaker {place} is blank")
        if not re.match(r"SPEAKER\d+:", line):
            line = f"SPEAKER{place}: {line}"
        name = line.partition(":")[0]
        if name in lines:
            raise ValueError(f"two descriptions are of {name}")
        lines[name] = line
    return list(lines.values())
