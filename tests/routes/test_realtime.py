"""`WS /v1/realtime` over a real socket, with the official client; every event is checked against the client's types."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import asynccontextmanager

import httpx2
import numpy as np
import openai
import pytest
import websockets
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from backend import g711
from backend.app import create_app
from backend.engines.interfaces import Finish, ToolCallPiece
from backend.errors import EngineError
from backend.session_settings import Engines
from backend.settings import Settings
from tests.openai_server import serve_app
from tests.scripted import LoudnessVad, ScriptedLanguageModel, ScriptedSpeechToText, ScriptedTextToSpeech

LONG = "One for the road and two for the sea. " * 12
_EVENT: TypeAdapter[RealtimeServerEvent] = TypeAdapter(RealtimeServerEvent)


def sound(loud_s: float, quiet_s: float = 1.0, rate_hz: int = 24_000) -> bytes:
    """Speech, as far as the scripted detector is concerned, and silence."""
    return b"\x00\x40" * int(loud_s * rate_hz) + bytes(2 * int(quiet_s * rate_hz))


class Talk:
    """A connection, and all that has been heard on it."""

    def __init__(self, connection) -> None:
        self.connection = connection
        self.heard = []

    async def until(self, kind: str, **fields):
        """The next event of that type, with these fields."""
        async with asyncio.timeout(20):
            while True:
                event = await self.connection.recv()
                told = json.loads(event.to_json())
                assert type(_EVENT.validate_python(told)).__name__ == type(event).__name__
                self.heard.append(event)
                if event.type == kind and all(getattr(event, name) == value for name, value in fields.items()):
                    return event

    def types(self) -> list[str]:
        """What was heard, without repetitions in a row."""
        kinds = [event.type for event in self.heard]
        return [kind for index, kind in enumerate(kinds) if not index or kinds[index - 1] != kind]

    def of(self, kind: str) -> list:
        return [event for event in self.heard if event.type == kind]

    async def say(self, pcm: bytes, *, in_real_time: bool = False) -> None:
        """Append audio in 20 ms pieces."""
        for start in range(0, len(pcm), 960):
            piece = base64.b64encode(pcm[start : start + 960]).decode()
            await self.connection.input_audio_buffer.append(audio=piece)
            await asyncio.sleep(0.02 if in_real_time else 0)

    async def type(self, text: str) -> None:
        """A line of the person's."""
        content = [{"type": "input_text", "text": text}]
        await self.connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})

    async def configure(self, **session):
        await self.connection.session.update(session={"type": "realtime", **session})
        return await self.until("session.updated")

    async def answer(self, **response):
        """The response that is asked for, when it is done."""
        await self.connection.response.create(response=response)
        return (await self.until("response.done")).response


@asynccontextmanager
async def serving(llm=None, stt=None, tts=None, **settings):
    """A server with these engines; yields its port."""
    engines = Engines(
        stt or ScriptedSpeechToText("what is the plan"),
        llm or ScriptedLanguageModel("Good evening to you.", first_token_s=0.01, token_s=0.001),
        tts or ScriptedTextToSpeech(first_audio_s=0.01, real_time_factor=0.01),
        LoudnessVad(),
    )
    async with serve_app(create_app(Settings(**settings), engines)) as (port, _):
        yield port


@asynccontextmanager
async def talking(llm=None, stt=None, tts=None, *, model="voicechat", query=None, **settings):
    """A conversation through the official client, past its opening."""
    async with serving(llm, stt, tts, **settings) as port:
        key = settings.get("api_key", "any")
        client = openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=key)
        async with client, client.realtime.connect(model=model, extra_query=query or {}) as connection:
            talk = Talk(connection)
            await talk.until("conversation.created")
            yield talk


def said(response) -> str:
    return "".join(part.transcript or part.text or "" for item in response.output for part in item.content)


async def test_a_typed_turn_is_answered_aloud():
    """The order is the one clients wait for, and the words and the sound are whole."""
    async with talking() as talk:
        await talk.type("Hello.")
        response = await talk.answer()
    assert talk.types() == [
        "session.created",
        "conversation.created",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "rate_limits.updated",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    assert response.status == "completed"
    assert said(response) == "Good evening to you."
    deltas = talk.of("response.output_audio_transcript.delta")
    assert "".join(event.delta for event in deltas) == "Good evening to you."
    audio = b"".join(base64.b64decode(event.delta) for event in talk.of("response.output_audio.delta"))
    assert len(audio) == 2 * 24_000 * len("Good evening to you.") * 4 // 100
    assert response.usage.output_token_details.audio_tokens == 20
    assert talk.of("conversation.item.added")[1].previous_item_id == talk.of("conversation.item.added")[0].item.id


async def test_a_spoken_turn_is_heard_and_answered():
    """Speech, its transcript where it is asked for, and the answer; the model was told the words."""
    llm = ScriptedLanguageModel("At dawn.", first_token_s=0.01)
    async with talking(llm) as talk:
        await talk.configure(audio={"input": {"transcription": {"model": "any"}}})
        await talk.say(sound(1.0))
        response = (await talk.until("response.done")).response
    heard = [kind for kind in talk.types() if kind.startswith(("input_audio", "conversation.item.input"))]
    assert heard == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
    ]
    started, stopped = (talk.of(f"input_audio_buffer.speech_{what}")[0] for what in ("started", "stopped"))
    completed = talk.of("conversation.item.input_audio_transcription.completed")[0]
    assert (started.audio_start_ms, completed.transcript) == (0, "what is the plan")
    assert 900 <= stopped.audio_end_ms <= 1100
    assert started.item_id == stopped.item_id == completed.item_id == talk.of("conversation.item.added")[0].item.id
    assert said(response) == "At dawn."
    assert llm.requests[-1][-1] == {"role": "user", "content": "what is the plan"}


async def test_cutting_in_cancels_the_response_and_the_client_says_what_was_heard():
    """Speech over the answer: speech_started, the response cancelled, the item cut where the client says; the model is
    told only what was heard."""
    llm = ScriptedLanguageModel(LONG, "Very well.", first_token_s=0.01, token_s=0.001)
    stt = ScriptedSpeechToText("tell me everything", "wait stop it", partials={300: "wait stop"})
    async with talking(llm, stt) as talk:
        await talk.say(sound(1.0), in_real_time=True)
        item = (await talk.until("response.output_item.added")).item
        await talk.until("response.output_audio.delta")
        begun = len(talk.heard)
        speaking = asyncio.create_task(talk.say(sound(1.2), in_real_time=True))
        await talk.until("input_audio_buffer.speech_started")
        cancelled = (await talk.until("response.done")).response
        await talk.connection.conversation.item.truncate(item_id=item.id, content_index=0, audio_end_ms=300)
        await talk.until("conversation.item.truncated", item_id=item.id, audio_end_ms=300)
        await speaking
        await talk.until("response.done")
        await talk.connection.conversation.item.retrieve(item_id=item.id)
        kept = (await talk.until("conversation.item.retrieved")).item
    assert (cancelled.status, cancelled.status_details.reason) == ("cancelled", "turn_detected")
    assert begun < talk.heard.index(talk.of("input_audio_buffer.speech_started")[1])
    assert kept.content[0].transcript == "One for"
    assert llm.requests[1][-2] == {"role": "assistant", "content": "One for"}
    assert llm.requests[1][-1]["content"].endswith("wait stop it")


async def test_a_sound_of_agreement_is_not_told_and_stops_nothing():
    """A client of this protocol stops playing at speech_started: it must not come for a "mhm"."""
    stt = ScriptedSpeechToText("tell me everything", "mhm", partials={100: "mhm"})
    async with talking(ScriptedLanguageModel(LONG[:150], first_token_s=0.01, token_s=0.001), stt) as talk:
        await talk.say(sound(1.0), in_real_time=True)
        await talk.until("response.output_audio.delta")
        await talk.say(sound(0.2, 1.2), in_real_time=True)
        response = (await talk.until("response.done")).response
    assert response.status == "completed"
    assert len(talk.of("input_audio_buffer.speech_started")) == 1
    assert len(talk.of("input_audio_buffer.committed")) == 1


async def test_manual_turns():
    """Without turn detection nothing happens until the client commits, and nothing is answered until it asks."""
    llm = ScriptedLanguageModel("Very well.", first_token_s=0.01)
    async with talking(llm, ScriptedSpeechToText("what is the plan", final_s=0.3)) as talk:
        await talk.configure(audio={"input": {"turn_detection": None, "transcription": {"model": "any"}}})
        await talk.say(sound(1.0))
        await talk.connection.input_audio_buffer.commit()
        response = await talk.answer()
    assert "input_audio_buffer.speech_started" not in talk.types()
    committed = talk.of("input_audio_buffer.committed")[0]
    assert talk.of("conversation.item.added")[0].item.id == committed.item_id
    assert said(response) == "Very well."
    assert llm.requests[0][-1]["content"] == "what is the plan"


async def test_manual_cancel():
    """The client stops the response itself; what it has not heard it says by truncating."""
    async with talking(ScriptedLanguageModel(LONG, first_token_s=0.01, token_s=0.02)) as talk:
        await talk.type("Tell me everything.")
        await talk.connection.response.create()
        await talk.until("response.output_audio.delta")
        await talk.connection.response.cancel()
        response = (await talk.until("response.done")).response
        await talk.connection.response.cancel(event_id="late")
        late = (await talk.until("error")).error
    assert (response.status, response.status_details.reason) == ("cancelled", "client_cancelled")
    assert response.output[0].status == "incomplete"
    assert (late.code, late.event_id) == ("response_cancel_not_active", "late")


async def test_a_function_is_called_and_its_result_spoken():
    """Call, the client's output, the spoken answer; the model sees its call and the result."""
    call = (ToolCallPiece(0, "", "call_7", "tide"), ToolCallPiece(0, '{"at":'), ToolCallPiece(0, '"noon"}'))
    llm = ScriptedLanguageModel((*call, Finish("tool_calls", 40, 9)), "It turns at noon.", first_token_s=0.01)
    tool = {"type": "function", "name": "tide", "description": "Asks for the tide.", "parameters": {"type": "object"}}
    async with talking(llm) as talk:
        await talk.configure(tools=[tool], tool_choice="required")
        await talk.type("When does the tide turn?")
        response = await talk.answer()
        asked = response.output[0]
        output = {"type": "function_call_output", "call_id": asked.call_id, "output": '{"tide": "noon"}'}
        await talk.connection.conversation.item.create(item=output)
        answer = await talk.answer()
    assert (asked.type, asked.name, asked.arguments) == ("function_call", "tide", '{"at":"noon"}')
    assert "".join(event.delta for event in talk.of("response.function_call_arguments.delta")) == asked.arguments
    assert talk.of("response.function_call_arguments.done")[0].call_id == "call_7"
    assert (response.status, response.usage.input_tokens, response.usage.output_tokens) == ("completed", 40, 9)
    assert llm.generations[0].extra["tool_choice"] == "required"
    assert llm.generations[0].extra["tools"][0]["function"]["name"] == "tide"
    assert said(answer) == "It turns at noon."
    called, result = llm.requests[1][-2:]
    assert called["tool_calls"][0]["function"] == {"name": "tide", "arguments": '{"at":"noon"}'}
    assert result == {"role": "tool", "content": '{"tide": "noon"}', "tool_call_id": "call_7"}


async def test_two_characters_answer_in_turn():
    """A cast is asked one after another; each response names who speaks, in their voice, and each knows the other."""
    llm = ScriptedLanguageModel("I say we sail.", "And I say we wait.", first_token_s=0.01)
    tts = ScriptedTextToSpeech(first_audio_s=0.01, real_time_factor=0.01)
    async with talking(llm, tts=tts) as talk:
        await talk.type("What now?")
        nora = await talk.answer(metadata={"character": "nora"})
        oscar = await talk.answer(metadata={"character": "oscar"}, audio={"output": {"voice": "three"}})
    assert (nora.metadata, oscar.metadata) == ({"character": "nora"}, {"character": "oscar"})
    assert (nora.audio.output.voice, oscar.audio.output.voice) == ("nova", "three")
    assert tts.spoken == [("nova", "I say we sail."), ("three", "And I say we wait.")]
    assert "You are Oscar" in llm.requests[1][0]["content"]
    assert "Nora: I say we sail." in llm.requests[1][-1]["content"]


async def test_a_cast_addressed_by_voice_answers_in_several_responses():
    """One spoken turn, two characters named in it: two responses, one after the other, never mixed."""
    llm = ScriptedLanguageModel("I say we sail.", "And I say we wait.", first_token_s=0.01)
    async with talking(llm, ScriptedSpeechToText("nora and oscar what now"), model="cast") as talk:
        await talk.say(sound(1.0))
        first = (await talk.until("response.done")).response
        second = (await talk.until("response.done")).response
    assert [first.metadata["character"], second.metadata["character"]] == ["nora", "oscar"]
    assert [said(first), said(second)] == ["I say we sail.", "And I say we wait."]
    created = [talk.heard.index(event) for event in talk.of("response.created")]
    done = [talk.heard.index(event) for event in talk.of("response.done")]
    assert created[0] < done[0] < created[1] < done[1]


async def test_an_out_of_band_response_leaves_no_trace():
    """Its own input, its own instructions, in writing; the conversation does not know of it."""
    llm = ScriptedLanguageModel("Angry.", "Very well.", first_token_s=0.01)
    async with talking(llm) as talk:
        await talk.type("You again!")
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Which mood?"}]}
        aside = await talk.answer(
            conversation="none",
            output_modalities=["text"],
            metadata={"purpose": "mood"},
            instructions="Name the mood in a word.",
            input=[item],
        )
        asked = len(talk.of("conversation.item.added"))
        answer = await talk.answer()
    assert (said(aside), aside.metadata, aside.conversation_id) == ("Angry.", {"purpose": "mood"}, None)
    assert aside.output[0].content[0].type == "output_text"
    assert asked == 1
    assert [message["content"] for message in llm.requests[0][1:]] == ["Which mood?"]
    assert "Name the mood in a word." in llm.requests[0][0]["content"]
    assert [message["content"] for message in llm.requests[1][1:]] == ["You again!"]
    assert said(answer) == "Very well."


async def test_items_are_put_in_order_and_taken_out():
    """Clients that resume a conversation write it themselves."""
    llm = ScriptedLanguageModel(first_token_s=0.01)
    async with talking(llm) as talk:
        items = talk.connection.conversation.item
        await talk.type("Second.")
        second = (await talk.until("conversation.item.done")).item.id
        first = {
            "id": "first",
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "First."}],
        }
        await items.create(item=first, previous_item_id="root")
        assert (await talk.until("conversation.item.added")).previous_item_id is None
        middle = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Middle."}]}
        await items.create(item=middle, previous_item_id="first")
        await talk.type("Third.")
        await items.delete(item_id=second)
        await talk.until("conversation.item.deleted", item_id=second)
        await items.delete(item_id=second, event_id="again")
        problem = (await talk.until("error")).error
        await talk.answer()
    assert (problem.event_id, problem.param) == ("again", "item_id")
    assert [message["content"] for message in llm.requests[0][1:]] == ["First.", "Middle.", "Third."]


async def test_a_recording_among_the_items_is_understood():
    """A spoken message that is given whole becomes words before it is answered."""
    llm = ScriptedLanguageModel(first_token_s=0.01)
    async with talking(llm, ScriptedSpeechToText("what is the plan")) as talk:
        audio = base64.b64encode(sound(1.0)).decode()
        content = [{"type": "input_audio", "audio": audio}]
        await talk.connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        await talk.answer()
    assert llm.requests[0][-1]["content"] == "what is the plan"
    assert talk.of("conversation.item.added")[0].item.content[0].transcript == "what is the plan"


async def test_telephone_audio_both_ways():
    """mu-law in and out: what is said is heard, and the answer is a byte a sample at 8 kHz."""
    async with talking() as talk:
        law = {"format": {"type": "audio/pcmu"}}
        updated = await talk.configure(audio={"input": law, "output": law})
        assert updated.session.audio.output.format.type == "audio/pcmu"
        await talk.say(g711.encoded(sound(1.0, rate_hz=8000), "mu"))
        await talk.until("response.done")
    audio = b"".join(base64.b64decode(event.delta) for event in talk.of("response.output_audio.delta"))
    assert len(audio) == 8000 * len("Good evening to you.") * 4 // 100
    middle = np.frombuffer(g711.decoded(audio, "mu"), "<i2")[800:-800]
    assert np.abs(middle - 1000).max() < 40


async def test_speech_at_another_speed():
    """Half the time at twice the speed would be; the item is as long as it sounds."""
    async with talking() as talk:
        await talk.configure(audio={"output": {"speed": 1.25}})
        await talk.type("Hello.")
        await talk.answer()
    audio = b"".join(base64.b64decode(event.delta) for event in talk.of("response.output_audio.delta"))
    assert len(audio) / 48_000 == pytest.approx(len("Good evening to you.") * 0.04 / 1.25, abs=0.01)


async def test_a_character_speaks_into_long_silence():
    """With an idle timeout the client learns of it, and is answered without having spoken; a cough is no turn."""
    async with talking(stt=ScriptedSpeechToText("")) as talk:
        detection = {"type": "server_vad", "idle_timeout_ms": 5000}
        await talk.configure(audio={"input": {"turn_detection": detection}})
        await talk.say(sound(0.3))
        triggered = await talk.until("input_audio_buffer.timeout_triggered")
        response = (await talk.until("response.done")).response
    assert talk.of("input_audio_buffer.committed")[0].item_id == triggered.item_id
    assert said(response) == "Good evening to you."


async def test_a_failing_engine_fails_the_response_and_nothing_else():
    """No error event, which would end some clients: the response says why, and the next one works."""
    llm = ScriptedLanguageModel("It is late and then", "Very well.", first_token_s=0.01)
    llm.fail_after = 2
    async with talking(llm) as talk:
        await talk.type("Hello.")
        failed = await talk.answer()
        llm.fail_after = None
        answer = await talk.answer()
    assert failed.status == "failed"
    assert failed.status_details.error.code == "llm_error"
    assert answer.status == "completed"
    assert not talk.of("error")


async def test_speech_that_cannot_be_recognised_is_said_to_be_so():
    """The item is there, its transcript has failed, and the person can go on."""
    stt = ScriptedSpeechToText()

    async def stream(audio, hints=()):
        async for _ in audio:
            pass
        raise EngineError("stt", "the recogniser is hoarse")
        yield

    stt.stream = stream
    async with talking(stt=stt) as talk:
        await talk.say(sound(1.0))
        failed = await talk.until("conversation.item.input_audio_transcription.failed")
        await talk.type("Hello.")
        answer = await talk.answer()
    assert failed.error.code == "stt_error"
    assert answer.status == "completed"


WRONG = [
    ({"type": "response.make"}, "invalid_request", "type"),
    ({"type": "session.update", "session": {}}, "invalid_request", "session.type"),
    (
        {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text", "audio"]}},
        *("invalid_request", "session.output_modalities"),
    ),
    ({"type": "input_audio_buffer.append", "audio": "?"}, "invalid_request", "audio"),
    ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty", None),
    ({"type": "conversation.item.retrieve", "item_id": "no"}, "item_retrieve_invalid_item_id", "item_id"),
    (
        {"type": "conversation.item.truncate", "item_id": "no", "content_index": 0, "audio_end_ms": 1},
        *("item_truncate_invalid_item_id", "item_id"),
    ),
    (
        {"type": "conversation.item.create", "item": {"type": "message", "role": "king", "content": []}},
        *("invalid_request", "item.role"),
    ),
    (
        {"type": "response.create", "response": {"metadata": {"character": "nobody"}}},
        *("invalid_request", "response.metadata.character"),
    ),
]


@pytest.mark.parametrize(("message", "code", "param"), WRONG)
async def test_what_is_wrong_is_said_and_the_session_goes_on(message, code, param):
    """The offending event is named by its id, the field that is to blame by its path."""
    async with talking() as talk:
        await talk.connection.send({**message, "event_id": "mine"})
        problem = (await talk.until("error")).error
        await talk.type("Hello.")
        answer = await talk.answer()
    assert (problem.code, problem.param, problem.event_id) == (code, param, "mine")
    assert problem.type == "invalid_request_error"
    assert answer.status == "completed"


@pytest.mark.parametrize("frame", ["no json", "[]", "7", b"\x00\x01", '{"type": ' * 5000])
async def test_what_is_no_event_at_all_is_answered(frame):
    """Binary frames and broken JSON get an error event; the session goes on."""
    async with serving() as port, websockets.connect(f"ws://127.0.0.1:{port}/v1/realtime?model=any") as socket:
        for _ in range(2):
            await socket.recv()
        await socket.send(frame)
        assert json.loads(await socket.recv())["type"] == "error"
        await socket.send('{"type": "input_audio_buffer.clear"}')
        assert json.loads(await socket.recv())["type"] == "input_audio_buffer.cleared"


async def test_only_one_response_at_a_time():
    """A second one is refused with the code that clients know as harmless."""
    async with talking(ScriptedLanguageModel(LONG, first_token_s=0.01, token_s=0.02)) as talk:
        await talk.type("Hello.")
        await talk.connection.response.create()
        await talk.until("response.created")
        await talk.connection.response.create(event_id="second")
        problem = (await talk.until("error")).error
    assert (problem.code, problem.event_id) == ("conversation_already_has_active_response", "second")


async def test_playback_and_older_names_are_for_those_who_ask():
    """OpenAI sends these elsewhere only; some clients end their session on events they do not know."""
    extra = {
        "conversation.item.created",
        "output_audio_buffer.started",
        "output_audio_buffer.stopped",
    }
    for query, expected in (({}, set()), ({"extensions": "1"}, extra)):
        async with talking(query=query) as talk:
            await talk.type("Hello.")
            await talk.answer()
            await talk.type("Bye.")
            await talk.answer()
        assert extra & set(talk.types()) == expected


async def test_keys_as_browsers_and_others_bring_them():
    """A subprotocol, a header or the query opens the door, which answers with the protocol; nothing else does."""
    async with serving(api_key="secret") as port:
        url = f"ws://127.0.0.1:{port}/v1/realtime?model=any"
        ways = [
            {"uri": url, "subprotocols": ["realtime", "openai-insecure-api-key.secret"]},
            {"uri": url, "additional_headers": {"Authorization": "Bearer secret"}, "subprotocols": ["realtime"]},
            {"uri": f"{url}&api_key=secret", "subprotocols": ["realtime"]},
        ]
        for way in ways:
            async with websockets.connect(**way) as socket:
                assert socket.subprotocol == "realtime"
                assert json.loads(await socket.recv())["type"] == "session.created"
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(url)
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body)["error"]["code"] == "unauthorized"


async def test_a_model_that_is_nobody():
    """A character is a model; one that is not there is refused before the socket opens, with those there are."""
    async with serving() as port:
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(f"ws://127.0.0.1:{port}/v1/realtime?model=character:nobody")
    assert refused.value.response.status_code == 404
    assert "character:nora" in refused.value.response.body.decode()


async def test_a_client_that_leaves_stops_everything():
    """No engine goes on for somebody who is gone."""
    llm = ScriptedLanguageModel(LONG, first_token_s=0.01, token_s=0.05)
    async with serving(llm) as port:
        client = openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="any")
        async with client, client.realtime.connect(model="any") as connection:
            talk = Talk(connection)
            await talk.type("Hello.")
            await talk.connection.response.create()
            await talk.until("response.output_audio_transcript.delta")
    assert llm.counts.live == 0


async def test_the_conversation_is_kept_as_the_client_left_it():
    """What was typed, said, put in and taken out, in its order, under the conversation's own id."""
    async with serving() as port:
        client = openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="any")
        async with client, client.realtime.connect(model="voicechat") as connection:
            talk = Talk(connection)
            id = (await talk.until("conversation.created")).conversation.id
            await talk.type("Hello.")
            await talk.answer()
            await talk.type("Forget this.")
            added = await talk.until("conversation.item.done")
            await connection.conversation.item.delete(item_id=added.item.id)
            await talk.until("conversation.item.deleted")
        async with httpx2.AsyncClient() as http:
            kept = {}
            while len(kept.get("lines", ())) < 2:
                kept = (await http.get(f"http://127.0.0.1:{port}/api/conversations/{id}")).json()
    assert [line["text"] for line in kept["lines"]] == ["Hello.", "Good evening to you."]
