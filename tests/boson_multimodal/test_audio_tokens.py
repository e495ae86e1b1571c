"""Where the ids of speech tokens are learnt from, and what is refused."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import httpx2
import pytest

from boson_multimodal.audio_tokens import (
    STEP_AUDIO_2_MINI,
    TAGS,
    TokenIds,
    TokenTableError,
    ask_token_ids,
    read_token_ids,
    resolve_token_ids,
)


def vocabulary(first: int, count: int = 6562) -> dict[str, int]:
    """Added tokens with the speech codes from `first` on and the named tags right before them."""
    named = {tag: first - len(TAGS) + place for place, tag in enumerate(TAGS)}
    return {"<|fim_pad|>": 3, **named, **{f"<audio_{code}>": first + code for code in range(count)}}


def write(folder, kind: str, tokens: dict[str, int]) -> None:
    """The tokens as one of the three files that tokenizers keep them in."""
    contents = {
        "added_tokens.json": tokens,
        "tokenizer.json": {"added_tokens": [{"id": number, "content": token} for token, number in tokens.items()]},
        "tokenizer_config.json": {
            "added_tokens_decoder": {str(number): {"content": token} for token, number in tokens.items()}
        },
    }
    (folder / kind).write_text(json.dumps(contents[kind]), encoding="utf-8")


class Server:
    """A server with `/tokenize`, as an HTTP transport."""

    def __init__(self, tokens: dict[str, int], status: int = 200) -> None:
        self.tokens, self.status = tokens, status
        self.asked: list[dict] = []

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content)
        self.asked.append(body)
        assert (request.url.path, body["add_special_tokens"]) == ("/tokenize", False)
        ids = []
        for token in body["prompt"].replace(">", ">\n").split():
            # An unknown tag is spelt out in several tokens.
            ids += [self.tokens[token]] if token in self.tokens else [1, 2, 3]
        return httpx2.Response(self.status, json={"count": len(ids), "tokens": ids})

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self.answer))


@pytest.mark.parametrize("kind", ["added_tokens.json", "tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("first", [151696, 160000])
def test_any_tokenizer_file_tells_the_ids(tmp_path, kind, first):
    """The ids are those of the tokenizer at hand, published or shifted."""
    write(tmp_path, kind, vocabulary(first))
    ids = read_token_ids(tmp_path)
    assert ids is not None
    assert (ids.first_audio_id, ids.count, ids.pad_id, ids.end_id) == (first, 6562, first + 6561, first + 6562)
    assert ids.tags["<tts_pad>"] == vocabulary(first)["<tts_pad>"]
    assert set(ids.tags) == set(TAGS)


def test_the_built_in_table_is_that_of_the_published_model():
    """The pad of the published model is where its servers have it."""
    assert STEP_AUDIO_2_MINI.pad_id == 158257
    assert STEP_AUDIO_2_MINI.tags["<tts_start>"] == 151693


def test_a_hole_in_the_range_is_refused(tmp_path):
    """Codes that are not where arithmetic puts them would be heard as other sounds."""
    tokens = vocabulary(1000)
    tokens["<audio_17>"], tokens["<audio_18>"] = tokens["<audio_18>"], tokens["<audio_17>"]
    write(tmp_path, "added_tokens.json", tokens)
    with pytest.raises(TokenTableError, match="<audio_17> must have 1017 and has 1018"):
        read_token_ids(tmp_path)


@pytest.mark.parametrize("missing", ["<audio_0>", "<audio_3000>"])
def test_an_incomplete_set_is_refused(tmp_path, missing):
    """A tokenizer without all codes is another model's."""
    tokens = vocabulary(1000)
    del tokens[missing]
    write(tmp_path, "tokenizer.json", tokens)
    with pytest.raises(TokenTableError, match="knows 6561 of"):
        read_token_ids(tmp_path)


def test_a_set_that_ends_early_is_refused(tmp_path):
    """An unbroken range with fewer codes than the codebook is no range of this codebook."""
    write(tmp_path, "added_tokens.json", vocabulary(1000, count=6560))
    with pytest.raises(TokenTableError, match="knows 6560 of"):
        read_token_ids(tmp_path)


def test_files_of_two_models_are_refused(tmp_path):
    """Mixed-up folders are noticed, not averaged."""
    write(tmp_path, "added_tokens.json", vocabulary(1000))
    write(tmp_path, "tokenizer_config.json", vocabulary(2000))
    with pytest.raises(TokenTableError, match="two models"):
        read_token_ids(tmp_path)


def test_a_broken_file_is_named(tmp_path):
    """The error leads to the folder."""
    (tmp_path / "added_tokens.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(TokenTableError, match=tmp_path.name):
        read_token_ids(tmp_path)


async def test_the_server_is_asked():
    """Without a tokenizer at hand the server's counts, also a shifted one; the model is named where it is known."""
    server = Server(vocabulary(2000))
    ids = await resolve_token_ids(http=server.client(), server="http://llm:8000/", model="step")
    assert (ids.first_audio_id, ids.tags["<tts_end>"]) == (2000, vocabulary(2000)["<tts_end>"])
    assert {body["model"] for body in server.asked} == {"step"}


async def test_the_folder_comes_before_the_server(tmp_path):
    """Files are exact and need no network."""
    write(tmp_path, "added_tokens.json", vocabulary(1000))
    server = Server(vocabulary(2000))
    assert (await resolve_token_ids(tmp_path, http=server.client(), server="http://llm")).first_audio_id == 1000
    assert server.asked == []


async def test_a_server_with_codes_out_of_order_is_refused():
    """A server of another tokenizer is not taken for one of this model."""
    with pytest.raises(TokenTableError, match="no range"):
        await ask_token_ids(Server({**vocabulary(1000), "<audio_6561>": 9}).client(), "http://llm")


@pytest.mark.parametrize("server", [Server({}), Server(vocabulary(1000), status=404)])
async def test_the_published_ids_are_assumed_at_last(tmp_path, caplog, server):
    """Nothing known is no failure, but it is said."""
    with caplog.at_level(logging.WARNING):
        ids = await resolve_token_ids(tmp_path, http=server.client(), server="http://llm")
    assert ids is STEP_AUDIO_2_MINI
    assert "Step-Audio-2-mini" in caplog.text


async def test_a_server_that_is_not_there_is_no_failure():
    """Ids are asked for at start, when the server may still be loading."""

    def refuse(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    client = httpx2.AsyncClient(transport=httpx2.MockTransport(refuse))
    assert await ask_token_ids(client, "http://llm") is None


async def test_tags_the_server_does_not_know_are_left_out():
    """A tokenizer without some of the names is still useful."""
    tokens = vocabulary(1000)
    del tokens["<|im_end|>"]
    ids = await ask_token_ids(Server(tokens).client(), "http://llm")
    assert isinstance(ids, TokenIds)
    assert "<|im_end|>" not in ids.tags


def test_a_server_of_answers_needs_no_networks():
    """Whoever only reads codes, or has them spoken elsewhere, need not load torch: the rates are said without it."""
    program = "import sys, boson_multimodal.audio_server; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout == b"False\n"
