"""`/api/characters` over a real socket."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING

import httpx2
import pytest
from websockets.asyncio.client import connect

from backend.app import create_app
from backend.cards import png
from backend.session_settings import Engines
from backend.settings import Settings
from tests.cards import files
from tests.cards.mutation import mutated
from tests.openai_server import serve_app
from tests.scripted import LoudnessVad, ScriptedLanguageModel, ScriptedSpeechToText, ScriptedTextToSpeech

if TYPE_CHECKING:
    from pathlib import Path

CARDS = 500


@asynccontextmanager
async def server(**settings):
    """A client of `/api/characters` of a running server, and its port."""
    engines = Engines(ScriptedSpeechToText(), ScriptedLanguageModel(), ScriptedTextToSpeech(), LoudnessVad())
    app = create_app(Settings(**settings), engines)
    async with serve_app(app) as (port, _):
        headers = {"authorization": f"Bearer {settings['api_key']}"} if "api_key" in settings else {}
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as http:
            yield http


async def ids(http):
    """Who there is, in scene order."""
    return [character["id"] for character in (await http.get("/api/characters")).json()["characters"]]


async def upload(http, file, name="card.png"):
    """The answer to an import."""
    return await http.post("/api/characters/import", files={"file": (name, file)})


def error_of(answer, status):
    """The error that an answer is, in OpenAI's shape."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


async def test_a_character_is_added_changed_and_deleted_and_lasts():
    """What is done to the cast is answered, listed, and there after a restart."""
    async with server() as http:
        assert await ids(http) == ["nora", "oscar", "iris"]
        answer = await http.post("/api/characters", json={"name": "Ada", "description": "An engineer.", "x": 1})
        assert answer.status_code == 201
        ada = answer.json()
        assert (ada["id"], ada["enabled"], ada["voice"], ada["has_portrait"]) == ("ada", True, None, False)
        assert ada["created_at"] == ada["updated_at"] > 1_700_000_000
        assert (await http.get("/api/characters/ada")).json() == ada
        changed = (await http.put("/api/characters/ada", json={**ada, "voice": "nova", "enabled": None})).json()
        assert changed == {**ada, "voice": "nova", "updated_at": changed["updated_at"]}
        assert (await http.delete("/api/characters/oscar")).json() == {"id": "oscar", "deleted": True}
        listed = (await http.put("/api/characters", json={"order": ["ada"]})).json()["characters"]
        assert [character["id"] for character in listed] == ["ada", "nora", "iris"]
    async with server() as http:
        assert await ids(http) == ["ada", "nora", "iris"]
        assert (await http.get("/api/characters/ada")).json() == changed


@pytest.mark.parametrize("path", files.FIXTURES, ids=lambda path: path.name)
async def test_a_card_of_a_known_tool_makes_the_round(path):
    """Imported, exported in both formats and imported again, it is the same character; after a restart, too."""

    def same(character):
        passing = ("id", "created_at", "updated_at", "has_portrait")
        return {name: value for name, value in character.items() if name not in passing}

    async with server() as http:
        answer = await upload(http, path.read_bytes(), path.name)
        assert answer.status_code == 201
        first = answer.json()
    async with server() as http:
        assert (await http.get(f"/api/characters/{first['id']}")).json() == first
        for asked in ("format=json", "format=png", "format=png&spec=v2", "format=json&spec=v2"):
            exported = await http.get(f"/api/characters/{first['id']}/export?{asked}")
            again = (await upload(http, exported.content)).json()
            assert same(again) == same(first)
            assert again["has_portrait"] == (first["has_portrait"] and "png" in asked)
            assert again["id"] != first["id"]
            assert (await http.get(f"/api/characters/{again['id']}/export?{asked}")).content == exported.content


async def test_an_export_is_a_file():
    """It is downloaded under the character's id, and no browser takes it for a page."""
    async with server() as http:
        exported = await http.get("/api/characters/nora/export")
        assert exported.headers["content-type"] == "application/json"
        assert exported.headers["content-disposition"] == "attachment; filename*=UTF-8''nora.json"
        assert exported.headers["x-content-type-options"] == "nosniff"
        assert exported.json()["spec"] == "chara_card_v3"
        assert exported.json()["data"]["extensions"]["voicechat"]["voice"] == "nova"
        picture = await http.get("/api/characters/nora/export?format=png")
        assert picture.headers["content-type"] == "image/png"
        assert png.read_text(picture.content, ("chara",)) is not None
        error_of(await http.get("/api/characters/nora/export?format=yaml"), 400)


async def test_a_portrait_is_put_shown_and_taken_away():
    """A portrait comes with a card or by itself, without what else was in the file."""
    async with server() as http:
        assert error_of(await http.get("/api/characters/nora/portrait"), 404)["code"] == "not_found"
        file = files.png(files.text("Comment", b"at home"))
        put = await http.put("/api/characters/nora/portrait", files={"file": file})
        assert put.json()["has_portrait"]
        shown = await http.get("/api/characters/nora/portrait")
        assert (shown.content, shown.headers["content-type"]) == (files.png(), "image/png")
        assert not (await http.delete("/api/characters/nora/portrait")).json()["has_portrait"]
        error_of(await http.get("/api/characters/nora/portrait"), 404)
        error_of(await http.put("/api/characters/nora/portrait", files={"file": b"GIF89a"}), 400)
        error_of(await http.put("/api/characters/nobody/portrait", files={"file": file}), 404)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/nobody", None, 404, "not_found"),
        ("PUT", "/nobody", {}, 404, "not_found"),
        ("DELETE", "/nobody", None, 404, "not_found"),
        ("GET", "/nobody/export", None, 404, "not_found"),
        ("GET", "/nobody/portrait", None, 404, "not_found"),
        ("DELETE", "/nobody/portrait", None, 404, "not_found"),
        ("PUT", "", {"order": ["nobody"]}, 404, "not_found"),
        ("POST", "", {"id": "nora"}, 409, "conflict"),
        ("POST", "", {"id": "../x"}, 400, "invalid_request"),
        ("POST", "", {"talkativeness": 2}, 400, "invalid_request"),
        ("POST", "", {"description": "\ud800", "lorebook": {"entries": [{"content": 1}]}}, 400, "invalid_request"),
        ("POST", "", {"alternate_greetings": ["x" * 50_000] * 11}, 413, "too_large"),
        ("PUT", "/nora", {"name": 7}, 400, "invalid_request"),
        ("PUT", "/nora", [], 400, "invalid_request"),
        ("PATCH", "/nora", {}, 405, "method_not_allowed"),
        ("POST", "/import", {}, 400, "invalid_request"),
    ],
)
async def test_what_cannot_be_done_is_an_error(method, path, body, status, code):
    """Every refusal has its status and OpenAI's shape, and changes nothing."""
    async with server() as http:
        content = {} if body is None else {"content": json.dumps(body), "headers": {"content-type": "application/json"}}
        answer = await http.request(method, f"/api/characters{path}", **content)
        assert error_of(answer, status)["code"] == code
        assert await ids(http) == ["nora", "oscar", "iris"]


async def test_a_field_that_is_wrong_is_named():
    """The error of a card says what in it is wrong."""
    async with server() as http:
        answer = await upload(http, json.dumps(files.v2(personality={})).encode())
        assert error_of(answer, 400)["param"] == "personality"
        error_of(await upload(http, bytes((10 << 20) + 1)), 413)


async def test_the_last_one_stays():
    """A cast of nobody cannot be made."""
    async with server() as http:
        for character in ("nora", "oscar"):
            await http.put(f"/api/characters/{character}", json={"enabled": False})
        assert error_of(await http.delete("/api/characters/iris"), 409)["code"] == "conflict"
        assert error_of(await http.put("/api/characters/iris", json={"enabled": False}), 409)["param"] == "enabled"


async def test_the_key_is_asked_for():
    """Whoever has no key sees nobody, and changes nothing."""
    async with server(api_key="right") as http:
        for method, path in (("GET", ""), ("POST", ""), ("POST", "/import"), ("GET", "/nora/portrait")):
            answer = await http.request(method, f"/api/characters{path}", headers={"authorization": "Bearer wrong"})
            assert error_of(answer, 401)["code"] == "unauthorized"
        foreign = {"origin": "https://elsewhere.example"}
        error_of(await http.get("/api/characters", headers=foreign), 401)
        assert await ids(http) == ["nora", "oscar", "iris"]


async def test_models_and_new_sessions_have_the_cast_as_it_is_now():
    """What is changed over HTTP is who the next session starts with, and who can be asked for as a model."""
    async with server() as http:
        await http.post("/api/characters", json={"name": "Ada"})
        await http.put("/api/characters/oscar", json={"enabled": False})
        models = [model["id"] for model in (await http.get("/v1/models")).json()["data"]]
        assert [name for name in models if name.startswith("character:")] == [
            "character:nora",
            "character:iris",
            "character:ada",
        ]
        async with connect(str(http.base_url).replace("http", "ws").rstrip("/") + "/ws") as socket:
            ready = json.loads(await socket.recv())
            assert [character["id"] for character in ready["characters"]] == ["nora", "iris", "ada"]


async def configured(socket, characters):
    """Who is there after a session was configured, or the error."""
    await socket.send(json.dumps({"type": "session.configure", "characters": characters}))
    answer = json.loads(await socket.recv())
    return [character["name"] for character in answer["characters"]] if "characters" in answer else answer["code"]


async def test_a_session_knows_who_was_added_after_it_began():
    """Ids name the stored characters as they are now, and those the client brought itself as it brought them."""
    async with server() as http, connect(str(http.base_url).replace("http", "ws").rstrip("/") + "/ws") as socket:
        await socket.recv()
        assert await configured(socket, ["ada"]) == "invalid_request"
        await http.post("/api/characters", json={"name": "Ada", "enabled": False})
        assert await configured(socket, ["ada", "nora"]) == ["Ada", "Nora"]
        await http.put("/api/characters/ada", json={"name": "Countess"})
        assert await configured(socket, ["ada", {"id": "nora", "name": "My Nora"}]) == ["Countess", "My Nora"]
        assert await configured(socket, ["nora", "oscar"]) == ["My Nora", "Oscar"]
        await http.delete("/api/characters/oscar")
        assert await configured(socket, ["oscar", "iris"]) == ["Oscar", "Iris"]
        assert await configured(socket, ["nora"]) == ["Nora"]


async def test_a_file_of_characters_is_stored(tmp_path):
    """Who stands in the file is in front and enabled at this start, and can be changed until the next."""
    (tmp_path / "cast.toml").write_text('[[characters]]\nid = "ada"\nname = "Ada"\nscenario = "A mill."')
    async with server(characters=tmp_path / "cast.toml") as http:
        characters = (await http.get("/api/characters")).json()["characters"]
        assert [(one["id"], one["enabled"]) for one in characters] == [("ada", True)]
        await http.put("/api/characters/ada", json={"scenario": "A lab."})
    async with server(characters=tmp_path / "cast.toml") as http:
        assert (await http.get("/api/characters/ada")).json()["scenario"] == "A mill."


class Watch:
    """What this process does to files and to the network, as Python reports it."""

    CHANGES = frozenset(
        {"os.mkdir", "os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.truncate", "os.chmod"}
    )
    NEVER = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.getaddrinfo"})

    def __init__(self):
        self.watching = False
        self.changed, self.done = set(), set()
        sys.addaudithook(self._see)

    def _see(self, event, arguments):
        if not self.watching:
            return
        if event == "open" and isinstance(arguments[0], str | bytes) and self._writes(*arguments[1:]):
            self.changed.add(arguments[0])
        elif event in self.CHANGES:
            self.changed.update(one for one in arguments if isinstance(one, str))
        elif event in self.NEVER:
            self.done.add(event)

    @staticmethod
    def _writes(mode, flags):
        return bool(set(mode or "") & set("wax+")) or bool((flags or 0) & 3)


def everything(folder: Path):
    """All files there, with their sizes and times."""
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


async def test_500_mutated_cards_do_no_harm(data_dir, tmp_path):
    """Every one of 500 cards that are wrong in some way is a character or a clear error; the server lives, writes
    nowhere but to its data directory, and neither runs nor fetches anything."""
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "passwd").write_text("mine")
    random, watch = Random(2), Watch()
    characters = errors = 0
    async with server() as http:
        before = {path: seen for path, seen in everything(tmp_path).items() if data_dir not in path.parents}
        for _ in range(CARDS):
            file = mutated(random)
            watch.watching = True
            answer = await upload(http, file, random.choice(["card.png", "../../card.json", "/etc/cron.d/x"]))
            watch.watching = False
            if answer.status_code == 201:
                characters += 1
                id = answer.json()["id"]
                assert set(id) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
                assert (await http.delete(f"/api/characters/{id}")).status_code == 200
            else:
                errors += 1
                assert answer.status_code in (400, 413)
                assert error_of(answer, answer.status_code)["message"]
        assert await ids(http) == ["nora", "oscar", "iris"]
        after = {path: seen for path, seen in everything(tmp_path).items() if data_dir not in path.parents}
    assert characters > 50
    assert errors > 50
    assert after == before
    assert not [path for path in watch.changed if not str(path).startswith(str(data_dir))]
    assert not watch.done


async def test_imports_at_once_all_count():
    """Twenty cards that come at the same time are twenty characters."""
    async with server() as http:
        card = json.dumps(files.v2(name="Ada")).encode()
        answers = await asyncio.gather(*(upload(http, card) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 20
        assert sum(answer.json()["enabled"] for answer in answers) == 9
