"""The voice loop with a language model that speaks for itself, over real sockets."""

from __future__ import annotations

import asyncio
import json
import struct
from contextlib import asynccontextmanager

import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect

from boson_multimodal.tiny_step_audio2 import write_tiny_step_audio2
from tests.boson_multimodal.step_server import ABORT, STOP, codes, content, delta, usage
from tests.speech_model import CALLS, CODES, FORMS, PADS, RAW, SPEECH, WORDS, sound_of, speaking_server

NORA = {"id": "nora", "name": "Nora", "voice": "anna", "system_prompt": "You are Nora."}
OSCAR = {"id": "oscar", "name": "Oscar", "voice": "bert", "system_prompt": "You are Oscar."}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A tiny checkpoint and its voices."""
    return write_tiny_step_audio2(tmp_path_factory.mktemp("step"))


class Listener:
    """A client that has heard everything as soon as it comes, unless `hears` says how many samples of a reply."""

    def __init__(self, socket) -> None:
        self._socket = socket
        self.pcm: dict[int, bytes] = {}
        self.hears: int | None = None

    async def send(self, kind, **fields):
        await self._socket.send(json.dumps({"type": kind, **fields}))

    async def until(self, kind, **fields):
        """The events up to the first of that type with these fields."""
        seen = []
        while not seen or seen[-1]["type"] != kind or any(seen[-1].get(name) != fields[name] for name in fields):
            message = await asyncio.wait_for(self._socket.recv(), 60)
            if isinstance(message, bytes):
                _, _, reply, _, _, turn, first = struct.unpack("<BBHHHII", message[:16])
                self.pcm[reply] = self.pcm.get(reply, b"") + message[16:]
                samples = first + (len(message) - 16) // 2
                heard = samples if self.hears is None else min(samples, self.hears)
                await self.send("playback.position", turn=turn, reply=reply, samples=heard)
                seen.append({"type": "frame", "reply": reply})
            else:
                seen.append(json.loads(message))
        return seen

    async def says(self, text):
        """All that follows, up to the end of the turn."""
        self.pcm.clear()
        await self.send("user.text", text=text)
        return await self.until("turn.done")


@asynccontextmanager
async def talking(checkpoint, *script, cast=(NORA,)):
    """(a client of a session with that cast, the language model's server)."""
    async with (
        speaking_server(checkpoint, *script) as (port, llm, _),
        connect(f"ws://127.0.0.1:{port}/ws", max_size=None) as socket,
    ):
        listener = Listener(socket)
        await listener.send("session.configure", characters=list(cast))
        await listener.until("session.ready")
        yield listener, llm


def of(events, kind):
    return [event for event in events if event["type"] == kind]


@pytest.mark.parametrize("form", FORMS)
async def test_words_and_sound_are_of_one_answer(checkpoint, form):
    """The server is asked once; its words are shown, its codes are heard, sample by sample as if they had come at once,
    and neither fillers nor tags show."""
    async with talking(checkpoint, *FORMS[form]) as (listener, llm):
        seen = await listener.says("Good evening.")
    assert "".join(event["delta"] for event in of(seen, "reply.text")) == WORDS
    assert listener.pcm == {0: sound_of(checkpoint)}
    [done] = of(seen, "reply.done")
    assert (done["text"], done["heard_text"], done["outcome"]) == (WORDS, WORDS, "completed")
    [(_, asked)] = llm.requests
    assert asked["messages"][-1] == {"role": "assistant", "content": "<tts_start>"}
    assert asked["messages"][-2] == {"role": "user", "content": "Good evening."}
    assert asked["continue_final_message"] is True
    [entry] = of(seen, "turn.done")[0]["ledger"]
    marks = [entry[stage] for stage in ("llm_request", "llm_first_token", "tts_first_audio", "first_frame_sent")]
    assert marks == sorted(marks)
    assert entry["audio_s"] == len(CODES) / 25


@pytest.mark.parametrize("form", FORMS)
async def test_an_interrupt_stops_the_server_in_the_midst(checkpoint, form):
    """The first sound is heard while the model still writes; an interrupt closes its request, and what is remembered of
    the reply ends where the listener was. Then it goes on."""
    rest = asyncio.Event()
    script = FORMS[form]
    async with talking(checkpoint, *script[:10], rest, *script[10:]) as (listener, llm):
        listener.hears = 12_000
        await listener.send("user.text", text="Good evening.")
        while len(listener.pcm.get(0, b"")) < 2 * 12_000:
            await listener.until("frame")
        assert (llm.opened, llm.finished) == (1, 0)
        await listener.send("interrupt")
        seen = await listener.until("turn.done")
        await llm.all_closed()
        assert llm.broken_off == 1
        [done] = of(seen, "reply.done")
        assert done["outcome"] == "interrupted"
        assert done["heard_text"]
        assert WORDS.startswith(done["heard_text"])
        assert len(done["heard_text"]) < len(WORDS) / 2
        llm.script, listener.hears = list(script), None
        again = await listener.says("Go on.")
        assert of(again, "reply.done")[0]["heard_text"] == WORDS
        remembered = llm.requests[1][1]["messages"][2]
        assert remembered["role"] == "assistant"
        assert remembered["content"]  # less than was told where the clock went ahead of the last report
        assert done["heard_text"].startswith(remembered["content"])


async def test_words_are_placed_in_the_sound(checkpoint):
    """Clients are told of every word when it is heard, in order, the last within the reply."""
    async with talking(checkpoint, *RAW) as (listener, _):
        seen = await listener.says("Good evening.")
    words = of(seen, "reply.words")[-1]["words"]
    assert [WORDS[start:end] for start, end, _ in words] == WORDS.split()
    places = [sample for *_, sample in words]
    assert places == sorted(set(places))
    assert 0 < places[0] < places[-1] <= len(CODES) * 960


async def test_each_character_speaks_in_its_own_voice(checkpoint):
    """Two answer in turn, each asked by its own name and sounding like its own recording."""
    async with talking(checkpoint, *RAW, cast=(NORA, OSCAR)) as (listener, llm):
        seen = await listener.says("Nora and Oscar, good evening!")
    assert [event["character_id"] for event in of(seen, "reply.started")] == ["nora", "oscar"]
    assert listener.pcm == {0: sound_of(checkpoint), 1: sound_of(checkpoint, voice="bert")}
    assert ["You are Oscar." in request["messages"][0]["content"] for _, request in llm.requests] == [False, True]


async def test_another_speakers_line_is_not_said(checkpoint):
    """Where the model goes on with somebody else's line, the reply ends and the request is closed; what had been said
    by then is heard, to the last sample."""
    rest = asyncio.Event()
    script = [*RAW[:10], content("\nOscar: Aye." + codes(1, 2, 3, 4)), *RAW[10:], rest, *RAW]
    async with talking(checkpoint, *script, cast=(NORA, OSCAR)) as (listener, llm):
        seen = await listener.says("Nora, good evening.")
        assert llm.finished == 0
    [done] = of(seen, "reply.done")
    assert done["text"].rstrip() == "".join(text for text, _ in SPEECH[:10])
    assert listener.pcm[0] == sound_of(checkpoint, [*CODES[:80], 1, 2, 3, 4, *CODES[80:]])[: 2 * 960 * 80]


async def test_words_without_speech_are_read_out(checkpoint):
    """A model that only writes is heard all the same: its sentences are read out in the character's voice."""
    async with talking(checkpoint, content("I would rather write."), STOP) as (listener, llm):
        llm.scripts = {"Read this": RAW}
        seen = await listener.says("Good evening.")
    assert of(seen, "reply.done")[0]["heard_text"] == "I would rather write."
    assert listener.pcm == {0: sound_of(checkpoint)}


async def test_what_stands_beside_the_speech_is_shown_and_not_said(checkpoint):
    """After the end of the speech the model may write more, which nobody reads out."""
    script = [*RAW[:4], content("<tts_end> (smiles)"), STOP]
    async with talking(checkpoint, *script) as (listener, llm):
        seen = await listener.says("Good evening.")
    said = "".join(text for text, _ in SPEECH[:4])
    assert of(seen, "reply.done")[0]["text"] == f"{said} (smiles)"
    assert of(seen, "reply.sentence")[0]["text"] == said
    assert listener.pcm == {0: sound_of(checkpoint, CODES[:32])}
    assert len(llm.requests) == 1


async def test_the_end_of_the_speech_waits_for_nothing(checkpoint):
    """All of the speech is heard and its sentence over while the model goes on to write beside it."""
    rest = asyncio.Event()
    script = [*RAW[:8], content("<tts_end> (smiles and"), rest, content(" nods)"), STOP]
    async with talking(checkpoint, *script) as (listener, _):
        await listener.send("user.text", text="Good evening.")
        await listener.until("reply.sentence")
        while len(listener.pcm[0]) < 2 * 960 * 64:
            await listener.until("frame")
        rest.set()
        seen = await listener.until("turn.done")
    assert of(seen, "reply.done")[0]["text"].endswith(" (smiles and nods)")


@pytest.mark.parametrize(
    ("script", "kept"),
    [
        ([*RAW[:6], content(codes(6562, 7000) + "<audio_99999>"), *RAW[6:]], len(CODES)),
        ([*RAW[:6], content(PADS), *RAW[6:]], len(CODES)),
        ([*RAW[:6], content("<audio_12"), delta("length")], 48),
    ],
    ids=["no codes", "fillers", "cut off"],
)
async def test_what_is_no_speech_is_left_out(checkpoint, script, kept):
    """Codes that do not exist, fillers and a tag that was cut off are neither heard nor shown."""
    async with talking(checkpoint, *script) as (listener, _):
        seen = await listener.says("Good evening.")
    assert listener.pcm == {0: sound_of(checkpoint, CODES[:kept])}
    text = of(seen, "reply.done")[0]["text"]
    assert "<" not in text
    assert WORDS.startswith(text)


@pytest.mark.parametrize("form", FORMS)
async def test_functions_are_called_in_either_form(checkpoint, form):
    """A client of the Realtime API is told of the call, with what was said before it."""
    async with (
        speaking_server(checkpoint, *FORMS[form][:4], *CALLS[form], usage(30, 40)) as (port, llm, _),
        AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="x") as client,
        client.realtime.connect(model="nora") as connection,
    ):
        tool = {"type": "function", "name": "look", "parameters": {"type": "object"}}
        await connection.session.update(session={"type": "realtime", "tools": [tool]})
        text = {"type": "input_text", "text": "Look at the sky."}
        await connection.conversation.item.create(item={"type": "message", "role": "user", "content": [text]})
        await connection.response.create()
        calls, transcript = [], ""
        async for event in connection:
            if event.type == "response.function_call_arguments.done":
                calls.append((event.name, json.loads(event.arguments)))
            elif event.type == "response.output_audio_transcript.delta":
                transcript += event.delta
            elif event.type == "response.done":
                break
        assert calls == [("look", {"at": "sky"})]
        assert transcript == "".join(text for text, _ in SPEECH[:4])
        used = event.response.usage
        assert (used.output_token_details.text_tokens, used.output_token_details.audio_tokens) == (8, 32)
        assert llm.requests[0][1]["tools"][0]["function"]["name"] == "look"


async def test_answers_in_words_alone_ask_for_no_speech(checkpoint):
    """Who wants to read is answered by the same model without speech codes."""
    async with (
        speaking_server(checkpoint, content("In writing."), STOP) as (port, llm, _),
        AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="x") as client,
        client.realtime.connect(model="nora") as connection,
    ):
        text = {"type": "input_text", "text": "Good evening."}
        await connection.conversation.item.create(item={"type": "message", "role": "user", "content": [text]})
        await connection.response.create(response={"output_modalities": ["text"]})
        written = ""
        async for event in connection:
            if event.type == "response.output_text.delta":
                written += event.delta
            elif event.type == "response.done":
                break
        assert written == "In writing."
        [(_, asked)] = llm.requests
        assert asked["messages"][-1]["role"] == "user"
        assert asked["model"] == "step-audio-2-mini"


@pytest.mark.parametrize(
    ("script", "status", "says"),
    [
        ((), 500, "500"),
        ((*RAW[:4], ABORT), 200, "connection"),
        ((*RAW[:4],), 200, "in the middle"),
        ((content(codes(7000, 7001)), STOP), 200, "outside the codebook"),
    ],
    ids=["error", "broken off", "no end", "no codes"],
)
async def test_a_server_that_fails_costs_the_turn_only(checkpoint, script, status, says):
    """The client is told why, nothing stays open, and the next turn is answered."""
    async with talking(checkpoint, *script) as (listener, llm):
        llm.status = status
        seen = await listener.says("Good evening.")
        assert says in of(seen, "error")[0]["message"]
        assert of(seen, "error")[0]["code"] == "llm_error"
        llm.script, llm.status = list(RAW), 200
        assert of(await listener.says("Again."), "reply.done")[0]["heard_text"] == WORDS
