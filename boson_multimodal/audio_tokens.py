"""The speech codes of Step-Audio 2, the ids of their tokens, and where these are learnt from.

The vocabulary ends with one token for each speech code, `<audio_0>` to `<audio_6560>`, and `<audio_6561>`, which only
fills a slot. The ids depend on the tokenizer, so they are read from its files, asked of the server that serves the
model, or, where neither is to be had, taken from the table of Step-Audio-2-mini.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

log = logging.getLogger(__name__)

CODEBOOK_SIZE = 6561
"""Speech codes: a finite scalar quantizer of 3^8 entries. Codes are 0 to 6560."""

PAD_CODE = CODEBOOK_SIZE
"""What stands in an audio slot once the audio is over. It has no sound."""

CODES_PER_SECOND = 25

SPEECH_RATE_HZ = 24_000
"""Samples a second of the sound that codes become."""

SAMPLES_PER_CODE = SPEECH_RATE_HZ // CODES_PER_SECOND
"""40 ms."""

HEARING_RATE_HZ = 16_000
"""Samples a second of the sound that is heard: by the language model, by the speech tokenizer and by the speaker
encoder."""

TAGS = (
    *("<tts_start>", "<tts_end>", "<tts_pad>", "<audio_start>", "<audio_end>", "<audio_patch>"),
    *("<|BOT|>", "<|EOT|>", "<|im_end|>", "<|endoftext|>"),
)
"""The tags with a meaning of their own."""

_SPEECH_CODE = re.compile(r"<audio_(0|[1-9][0-9]{0,5})>")


class TokenTableError(ValueError):
    """A tokenizer's speech tokens are incomplete or out of order; the message says which."""


@dataclass(frozen=True, slots=True)
class TokenIds:
    """`<audio_N>` has the id `first_audio_id + N` for N from 0 to `count - 1`; `tags` holds the ids of those of `TAGS`
    that are known."""

    first_audio_id: int
    count: int = CODEBOOK_SIZE + 1
    tags: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def pad_id(self) -> int:
        """The id of `<audio_6561>`."""
        return self.first_audio_id + PAD_CODE

    @property
    def end_id(self) -> int:
        """The first id after the speech tokens."""
        return self.first_audio_id + self.count


STEP_AUDIO_2_MINI = TokenIds(
    first_audio_id=151696,
    tags=MappingProxyType(
        {
            "<|endoftext|>": 151643,
            "<|im_end|>": 151645,
            "<|EOT|>": 151665,
            "<audio_start>": 151688,
            "<audio_end>": 151689,
            "<audio_patch>": 151690,
            "<tts_start>": 151693,
            "<tts_end>": 151694,
            "<tts_pad>": 151695,
        }
    ),
)
"""The published tokenizer of stepfun-ai/Step-Audio-2-mini."""


class Answer(Protocol):
    """What is read of an HTTP answer."""

    @property
    def status_code(self) -> int: ...

    def json(self) -> Any: ...


class HttpClient(Protocol):
    """What is used of an HTTP client; `httpx2.AsyncClient` is one."""

    async def post(self, url: str, *, json: Any) -> Answer: ...


async def resolve_token_ids(
    folder: Path | None = None, *, http: HttpClient | None = None, server: str = "", model: str | None = None
) -> TokenIds:
    """The ids by the tokenizer in `folder`, else by the server at `server` (its root, without `/v1`), else those of
    Step-Audio-2-mini, with a warning in the log.

    Raises `TokenTableError` when the folder holds speech tokens that are not one unbroken range.
    """
    if folder is not None and (ids := await asyncio.to_thread(read_token_ids, folder)) is not None:
        return ids
    if http is not None and (ids := await ask_token_ids(http, server, model)) is not None:
        return ids
    log.warning(
        "no tokenizer and no /tokenize to learn the speech token ids from: those of Step-Audio-2-mini are assumed"
    )
    return STEP_AUDIO_2_MINI


def read_token_ids(folder: Path) -> TokenIds | None:
    """The ids by the files of a tokenizer, None where no file knows a speech token.

    Raises `TokenTableError` when a file cannot be read, when files contradict each other, and when the speech tokens
    are not one unbroken range of at least 6561.
    """
    ids: dict[str, int] = {}
    for token, number in _added_tokens(folder):
        if ids.setdefault(token, number) != number:
            raise TokenTableError(
                f"{folder}: {token} has the ids {ids[token]} and {number}; its files are of two models"
            )
    codes = {int(match[1]): number for token, number in ids.items() if (match := _SPEECH_CODE.fullmatch(token))}
    if not codes:
        return None
    if 0 not in codes or len(codes) < CODEBOOK_SIZE or max(codes) != len(codes) - 1:
        raise TokenTableError(
            f"{folder} knows {len(codes)} of the tokens <audio_0> to <audio_{max(*codes, PAD_CODE)}>; "
            "give the tokenizer of a Step-Audio 2 model"
        )
    first = codes[0]
    for code, number in sorted(codes.items()):
        if number - code != first:
            raise TokenTableError(
                f"{folder}: <audio_0> has the id {first}, so <audio_{code}> must have {first + code} and has {number}; "
                "speech tokens must be one unbroken range"
            )
    return TokenIds(first, len(codes), MappingProxyType({tag: ids[tag] for tag in TAGS if tag in ids}))


def _added_tokens(folder: Path) -> Iterator[tuple[str, int]]:
    """Tokens and their ids, from each file that names some."""
    try:
        for token, number in _json(folder / "added_tokens.json").items():
            yield token, int(number)
        for entry in _json(folder / "tokenizer.json").get("added_tokens", []):
            yield entry["content"], int(entry["id"])
        for number, entry in _json(folder / "tokenizer_config.json").get("added_tokens_decoder", {}).items():
            yield entry["content"], int(number)
    except (AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        raise TokenTableError(f"{folder} holds a tokenizer file that cannot be read: {error!r}") from error


def _json(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


async def ask_token_ids(http: HttpClient, server: str, model: str | None = None) -> TokenIds | None:
    """The ids by `POST /tokenize` of the server, None where it has no such route or does not know the tokens."""
    url = server.rstrip("/") + "/tokenize"
    codes = (0, CODEBOOK_SIZE - 1, PAD_CODE)
    found = await _tokenize(http, url, model, "".join(f"<audio_{code}>" for code in codes))
    if len(found) != len(codes):
        return None
    first = found[0]
    if [number - first for number in found] != list(codes):
        raise TokenTableError(f"{url} gives <audio_0>, <audio_6560>, <audio_6561> the ids {found}, which is no range")
    tags: dict[str, int] = {}
    for tag in TAGS:
        numbers = await _tokenize(http, url, model, tag)
        if len(numbers) == 1:
            tags[tag] = numbers[0]
    return TokenIds(first, tags=MappingProxyType(tags))


async def _tokenize(http: HttpClient, url: str, model: str | None, prompt: str) -> list[int]:
    """The ids of `prompt`, none where the server does not say."""
    import httpx2

    named = {"model": model} if model else {}
    try:
        answer = await http.post(url, json={**named, "prompt": prompt, "add_special_tokens": False})
        if answer.status_code != 200:
            return []
        return [int(number) for number in cast("dict[str, Any]", answer.json())["tokens"]]
    except (httpx2.HTTPError, AttributeError, KeyError, TypeError, ValueError) as error:
        log.info("%s does not tell token ids: %r", url, error)
        return []
