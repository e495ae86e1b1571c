"""What was said lasts: through the end of a session, through a restart, and as files."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from backend import outbox
from backend.app import create_app
from backend.session_settings import Engines
from backend.settings import Settings
from tests.openai_server import serve_app
from tests.scripted import CHARACTER_S, LoudnessVad, ScriptedLanguageModel, ScriptedSpeechToText, ScriptedTextToSpeech

LIST = "/api/conversations"
REPLY = "Very well. It is late."


@pytest.fixture(autouse=True)
def busy_machine(monkeypatch):
    """On a machine that is busy with other tests a write may take long."""
    monkeypatch.setattr(outbox, "PATIENCE_S", 30)


@asynccontextmanager
async def running(llm=None, **settings):
    """A server with quick scripted engines: yields its port, a client for its API, and its language model."""
    llm = llm or ScriptedLanguageModel(REPLY, first_token_s=0.0, token_s=0.0)
    engines = Engines(ScriptedSpeechToText(), llm, ScriptedTextToSpeech(0.0, 0.0), LoudnessVad())
    app = create_app(Settings(**settings), engines)
    async with serve_app(app, ws_max_size=1 << 20) as (port, _), httpx2.AsyncClient() as api:
        api.base_url = f"http://127.0.0.1:{port}"
        yield port, api, llm


class Talk:
    """A connected client that has heard everything as soon as it comes."""

    def __init__(self, socket, ready) -> None:
        self.socket = socket
        self.ready = ready
        self.problem = None
        self.reports = True
        self.received = 0
        """Samples of the reply being sent."""

    async def send(self, kind, **fields) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def until(self, kind):
        """The first event of a kind; everything that is sent meanwhile has been heard."""
        while True:
            message = await self.socket.recv()
            if isinstance(message, bytes):
                reply, turn = int.from_bytes(message[2:4], "little"), int.from_bytes(message[8:12], "little")
                samples = int.from_bytes(message[12:16], "little") + (len(message) - 16) // 2
                self.received = samples
                if self.reports:
                    await self.send("playback.position", turn=turn, reply=reply, samples=samples)
                if kind == "audio":
                    return message
                continue
            event = json.loads(message)
            if event["type"] == kind:
                return event

    async def say(self, text, **fields):
        """Say something and hear the answer out; returns how the turn ended."""
        await self.send("user.text", text=text, **fields)
        return await self.until("turn.done")


@asynccontextmanager
async def talk(port, query=""):
    """A client with a session."""
    async with connect(f"ws://127.0.0.1:{port}/ws{query}") as socket:
        problem, event = None, json.loads(await socket.recv())
        if event["type"] == "error":
            problem, event = event, json.loads(await socket.recv())
        client = Talk(socket, event)
        client.problem = problem
        yield client


async def test_a_turn_is_kept_before_its_end_is_told():
    """Whoever is told `turn.done` can read the turn, with what was written and heard and where the time went."""
    async with running() as (port, api, _), talk(port) as client:
        done = await client.say("Nora and Oscar?")
        kept = (await api.get(f"{LIST}/{client.ready['conversation']}")).json()
        (turn,) = kept["turns"]
        assert (turn["turn"], turn["source"], turn["text"]) == (1, "text", "Nora and Oscar?")
        assert turn["outcome"] == "completed"
        assert turn["started_at"] <= turn["ended_at"]
        assert [(r["character_id"], r["text"], r["heard_text"]) for r in turn["replies"]] == [
            ("nora", REPLY, REPLY),
            ("oscar", REPLY, REPLY),
        ]
        first_frames = [reply["ledger"]["marks"]["first_frame_sent"] for reply in turn["replies"]]
        assert first_frames == [entry["first_frame_sent"] for entry in done["ledger"]]
        assert [line["kind"] for line in kept["lines"]] == ["person", "reply", "reply"]
        assert [character["id"] for character in kept["characters"]] == ["nora", "oscar", "iris"]


async def test_a_connection_without_a_word_leaves_nothing():
    """Visitors who say nothing do not fill the list."""
    async with running() as (port, api, _):
        async with talk(port) as client:
            await client.send("session.configure", user_name="Ann")
            await client.until("session.ready")
        assert (await api.get(LIST)).json() == {"conversations": []}


async def test_an_interrupted_turn_is_kept_as_it_was_heard():
    """What the player reports after the cut still corrects what is kept."""
    llm = ScriptedLanguageModel("One two three four five six. " * 20, first_token_s=0.0)
    async with running(llm) as (port, api, _), talk(port) as client:
        client.reports = False
        await client.send("user.text", text="Count.")
        while client.received < 24_000:
            await client.until("audio")
        await client.send("interrupt")
        assert (await client.until("turn.done"))["outcome"] == "interrupted"
        await client.send("playback.position", turn=1, reply=0, samples=round(12 * CHARACTER_S * 24_000))
        client.reports = True
        await client.say("And now?")
        kept = (await api.get(f"{LIST}/{client.ready['conversation']}")).json()
        cut = kept["turns"][0]["replies"][0]
        assert (kept["turns"][0]["outcome"], cut["outcome"]) == ("interrupted", "interrupted")
        assert cut["heard_text"] == "One two three"
        assert cut["text"].startswith("One two three four five six.")


@pytest.mark.parametrize("by", ["conversation", "resume"])
async def test_a_conversation_goes_on_after_a_restart(by):
    """By its id, or by the token of the session that is gone: with its lines, its cast and what the client had set."""
    async with running() as (port, _, _), talk(port) as client:
        cast = [{"id": "mo", "name": "Mo", "voice": "two", "system_prompt": "You are Mo."}]
        await client.send("session.configure", characters=cast, user_name="Ann", llm={"temperature": 0.3})
        await client.until("session.ready")
        await client.say("My cat is called Tom.")
        wanted = client.ready["conversation"] if by == "conversation" else client.ready["resume_token"]
        conversation = client.ready["conversation"]
    async with running() as (port, api, llm), talk(port, f"?{by}={wanted}") as client:
        assert client.problem is None
        assert client.ready["conversation"] == conversation
        assert [character["name"] for character in client.ready["characters"]] == ["Mo"]
        await client.say("What is my cat called?")
        assert [message["content"] for message in llm.requests[0][1:]] == [
            "My cat is called Tom.",
            REPLY,
            "What is my cat called?",
        ]
        assert llm.generations[0].temperature == 0.3
        kept = (await api.get(f"{LIST}/{conversation}")).json()
        assert [turn["turn"] for turn in kept["turns"]] == [1, 2]
        assert [line["text"] for line in kept["lines"]] == [
            "My cat is called Tom.",
            REPLY,
            "What is my cat called?",
            REPLY,
        ]
        assert kept["user_name"] == "Ann"


async def test_what_cannot_be_gone_on_with_is_said():
    """A token or an id that leads nowhere: a new session, and an error that says so."""
    async with running() as (port, _, _):
        for query in ("?resume=nothing", "?conversation=nothing"):
            async with talk(port, query) as client:
                assert client.problem["code"] == "not_found"
                await client.say("Hello?")


async def test_a_conversation_goes_on_in_one_session_at_a_time():
    """One that somebody is holding is not opened a second time, nor deleted."""
    async with running() as (port, api, _), talk(port) as first:
        await first.say("Hello?")
        id = first.ready["conversation"]
        async with talk(port, f"?conversation={id}") as second:
            assert second.problem["code"] == "conflict"
            assert second.ready["conversation"] != id
        assert (await api.delete(f"{LIST}/{id}")).status_code == 409


async def test_a_dropped_session_gives_its_conversation_to_whoever_asks_by_id():
    """A page that was loaded anew has lost the token; the conversation is there at once."""
    async with running() as (port, _, llm):
        async with talk(port) as client:
            await client.say("My cat is called Tom.")
            client.socket.transport.abort()
        async with talk(port, f"?conversation={client.ready['conversation']}") as again:
            assert again.problem is None
            await again.say("Well?")
        assert len(llm.requests[1]) == 4


async def test_what_a_dropped_session_was_saying_comes_before_what_is_said_next():
    """Its end is written before its conversation is read: no line of it is missing, no turn is written over."""
    llm = ScriptedLanguageModel("One two three four five six. " * 20, first_token_s=0.0)
    async with running(llm) as (port, api, _):
        async with talk(port) as client:
            await client.send("user.text", text="First?")
            await client.until("audio")
            await client.send("interrupt")
            await client.until("turn.done")
            await client.send("user.text", text="Second?")
            await client.until("turn.started")
            await client.until("audio")
            client.socket.transport.abort()
        id = client.ready["conversation"]
        async with talk(port, f"?conversation={id}") as again:
            await again.send("user.text", text="Third?")
            await again.until("audio")
            await again.send("interrupt")
            await again.until("turn.done")
            kept = (await api.get(f"{LIST}/{id}")).json()
        assert [(turn["turn"], turn["text"]) for turn in kept["turns"]] == [
            (1, "First?"),
            (2, "Second?"),
            (3, "Third?"),
        ]
        assert [line["text"] for line in kept["lines"] if line["kind"] == "person"] == ["First?", "Second?", "Third?"]


async def test_two_that_ask_for_one_conversation_at_once_do_not_both_get_it():
    """Whichever is second is told, however close they come."""
    async with running() as (port, _, _):
        async with talk(port) as client:
            await client.say("Hello?")
        query = f"?conversation={client.ready['conversation']}"
        async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
            talks = [group.create_task(stack.enter_async_context(talk(port, query))) for _ in range(4)]
            clients = [await task for task in talks]
            problems = sorted(client.problem["code"] for client in clients if client.problem)
        assert problems == ["conflict"] * 3


async def test_what_goes_on_by_the_realtime_door_is_left_alone():
    """It is neither deleted under its client nor written by two sessions."""
    async with running() as (port, api, _), connect(f"ws://127.0.0.1:{port}/v1/realtime") as socket:

        async def until(kind):
            while (event := json.loads(await socket.recv()))["type"] != kind:
                pass
            return event

        id = (await until("conversation.created"))["conversation"]["id"]
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello?"}]}
        await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
        await socket.send(json.dumps({"type": "response.create"}))
        await until("response.done")
        assert (await api.delete(f"{LIST}/{id}")).status_code == 409
        async with talk(port, f"?conversation={id}") as other:
            assert other.problem["code"] == "conflict"


async def test_the_page_comes_back_to_its_session():
    """By its token, within the same server: the same session, and the newest turn as it stands."""
    async with running() as (port, _, _):
        async with talk(port) as client:
            await client.say("Hello?")
            client.socket.transport.abort()
        async with talk(port, f"?resume={client.ready['resume_token']}") as again:
            assert again.ready["session"] == client.ready["session"]
            assert (again.ready["newest_turn"]["turn"], again.ready["newest_turn"]["outcome"]) == (1, "completed")
            assert again.ready["newest_turn"]["replies"][0]["text"] == REPLY
            await again.say("Still there?")


async def test_a_full_server_lets_in_whoever_comes_by_another_connection():
    """Until a broken connection is found to be broken it holds its place; its own client need not wait for that."""
    async with (
        running(max_sessions=1) as (port, _, _),
        talk(port) as client,
        talk(port, f"?resume={client.ready['resume_token']}") as again,
    ):
        assert again.ready["session"] == client.ready["session"]
        with pytest.raises(ConnectionClosed) as closed:
            await client.until("anything")
        assert closed.value.rcvd.code == 4409


async def test_forgetting_the_history_forgets_what_was_kept():
    """After `conversation.clear` nothing of what was said before can be read."""
    async with running() as (port, api, _), talk(port) as client:
        await client.say("A secret.")
        await client.send("conversation.clear")
        await client.say("Hello.")
        kept = (await api.get(f"{LIST}/{client.ready['conversation']}")).json()
        assert [turn["text"] for turn in kept["turns"]] == ["Hello."]
        assert "secret" not in json.dumps(kept)


async def test_a_regenerated_answer_takes_the_place_of_the_first():
    """The history reads as if it had been answered once."""
    llm = ScriptedLanguageModel("First.", "Second.", first_token_s=0.0, token_s=0.0)
    async with running(llm) as (port, api, _), talk(port) as client:
        await client.say("Hello?")
        await client.send("regenerate")
        await client.until("turn.done")
        kept = (await api.get(f"{LIST}/{client.ready['conversation']}")).json()
        assert [line["text"] for line in kept["lines"]] == ["Hello?", "Second."]
        assert [[reply["text"] for reply in turn["replies"]] for turn in kept["turns"]] == [["Second."]]


async def test_the_sound_is_kept_when_it_is_asked_for():
    """As a file of what was heard; without having been asked for there is none."""
    async with running() as (port, api, _), talk(port) as client:
        url = f"{LIST}/{client.ready['conversation']}/export"
        await client.say("Hello?")
        assert (await api.get(url, params={"format": "wav"})).status_code == 404
        await client.send("session.configure", keep_audio=True)
        await client.until("session.ready")
        done = await client.say("Nora and Oscar?")
        wav = (await api.get(url, params={"format": "wav"})).content
        heard_s = sum(entry["audio_s"] for entry in done["ledger"])
        assert wav[:4] == b"RIFF"
        assert (len(wav) - 44) / 48_000 == pytest.approx(heard_s + 0.5, abs=0.001)


async def test_a_conversation_as_a_text_to_read():
    """Markdown says who said what, as it was heard, and nothing in it is taken for markup."""
    llm = ScriptedLanguageModel("Stars * and <b>tags</b>.", first_token_s=0.0, token_s=0.0)
    async with running(llm) as (port, api, _), talk(port) as client:
        await client.say("Is it _true_?")
        answer = await api.get(f"{LIST}/{client.ready['conversation']}/export", params={"format": "markdown"})
        assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
        assert "attachment" in answer.headers["content-disposition"]
        assert "**User:** Is it \\_true\\_?\n\n**Nora:** Stars \\* and \\<b\\>tags\\</b\\>.\n" in answer.text


async def test_the_list_and_deleting():
    """The list is newest first; what was deleted is gone, and asking again is a 404."""
    async with running() as (port, api, _):
        ids = []
        for text in ("One?", "Two?"):
            async with talk(port) as client:
                await client.say(text)
                ids.append(client.ready["conversation"])
        listed = (await api.get(LIST)).json()["conversations"]
        assert [(head["id"], head["opening"], head["turns"]) for head in listed] == [
            (ids[1], "Two?", 1),
            (ids[0], "One?", 1),
        ]
        assert (await api.delete(f"{LIST}/{ids[0]}")).json() == {"id": ids[0], "deleted": True}
        for method, status in (("GET", 404), ("DELETE", 404)):
            answer = await api.request(method, f"{LIST}/{ids[0]}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, "not_found")
        assert [head["id"] for head in (await api.get(LIST)).json()["conversations"]] == [ids[1]]


async def test_the_api_needs_the_key():
    """What people said is not for everybody."""
    async with running(api_key="k") as (_, api, _):
        assert (await api.get(LIST)).status_code == 401
        assert (await api.get(LIST, headers={"authorization": "Bearer k"})).status_code == 200
