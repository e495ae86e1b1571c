"""The terminal client against a scripted server."""

from __future__ import annotations

import argparse
import asyncio
import os
import pty
import re
import signal
import sys
import types
import wave
from contextlib import contextmanager

import pytest

from backend.audio import wav_bytes
from backend.client import talk
from backend.client.connection import ConnectionFailed
from backend.client.talk import TalkOptions
from backend.errors import ConfigurationError
from tests.client.scripted_server import RATE_HZ, Script, scripted_server, tone


def options(server, **changes) -> TalkOptions:
    return TalkOptions(**({"url": server.url, "devices": False} | changes))


def run(*arguments: str) -> int:
    """`voicechat talk` with these arguments."""
    parser = argparse.ArgumentParser()
    talk.add_arguments(parser)
    return talk.run(parser.parse_args(arguments))


@contextmanager
def stdin_from(descriptor: int, monkeypatch):
    """`sys.stdin` reads from this file descriptor."""
    with os.fdopen(descriptor) as file, monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", file)
        yield


@pytest.fixture
def typing(monkeypatch):
    """A terminal someone types into: the returned function types."""
    person, terminal = pty.openpty()
    with stdin_from(terminal, monkeypatch):
        yield lambda text: os.write(person, text.encode())
        os.close(person)


async def test_lines_are_said_and_answered_in_order(capsys):
    """What was said, who answered, with what, on which engines and how fast is on the screen, plain for a pipe."""
    script = Script(replies=(("Mara", "Good evening.\nAnd welcome."), ("Theo", "Indeed.")))
    async with scripted_server(script) as server:
        assert await talk.talk(options(server, texts=("Hello.", "Again."))) == 0
        assert [m["text"] for m in server.of("user.text")] == ["Hello.", "Again."]
    stages = "turn decided 10 + transcript final 19 + llm request 29 + llm first token 38 + first sentence 48"
    assert capsys.readouterr().out.splitlines()[:8] == [
        f"voicechat  {server.url}",
        "stt tones (stand-in)  ·  llm script  ·  tts tones (stand-in)",
        "cast: Mara, Theo",
        "you ▸ Hello.",
        "Mara ▸ Good evening.",
        "  And welcome.",
        "Theo ▸ Indeed.",
        f"TTFA 343 ms = {stages} + tts request 57 + tts first audio 67 + first frame sent 76",
    ]


async def test_what_was_heard_is_saved_at_24_khz(tmp_path):
    """The saved file is the audio of all replies, sample for sample, at the rate it was asked for."""
    path = tmp_path / "reply.wav"
    async with scripted_server(Script(replies=(("Mara", "a"), ("Theo", "b")))) as server:
        assert await talk.talk(options(server, texts=("Hi.",), save=path)) == 0
    with wave.open(str(path)) as saved:
        assert saved.getframerate() == RATE_HZ
        assert saved.readframes(saved.getnframes()) == tone(0.1) * 2


async def test_a_recording_is_spoken(tmp_path, capsys):
    """`--wav` is a person who speaks once: heard, understood and answered."""
    path = tmp_path / "hello.wav"
    path.write_bytes(wav_bytes(tone(0.1, 16_000), 16_000))
    async with scripted_server() as server:
        assert await talk.talk(options(server, wav=path, to="THEO")) == 0
        assert server.of("session.configure")[-1]["characters"] == ["theo"]
    assert "you ▸ hello there\nMara ▸ Good evening.\n" in capsys.readouterr().out


async def test_a_line_can_be_addressed(capsys):
    """`--to` takes a name as it is spoken and sends the id."""
    async with scripted_server() as server:
        assert await talk.talk(options(server, texts=("Hi.",), to="theo")) == 0
        assert server.of("user.text")[0]["to"] == ["theo"]


async def test_piped_lines_wait_for_their_answers(monkeypatch):
    """Lines from a pipe are a conversation, not a burst in which each cuts off the one before."""
    reader, writer = os.pipe()
    os.write(writer, b"one\n\ntwo\n")
    os.close(writer)
    with stdin_from(reader, monkeypatch):
        async with scripted_server() as server:
            assert await talk.talk(options(server)) == 0
            assert [m["text"] for m in server.of("user.text")] == ["one", "two"]
            assert server.of("playback.position")[-1]["turn"] == 2


async def test_typing_goes_on_until_the_input_ends(typing):
    """At a terminal one types while the others speak; Ctrl-D leaves."""
    async with scripted_server(Script(holds_turn=True)) as server:
        talking = asyncio.create_task(talk.talk(options(server)))
        typing("first\n")
        await server.until("user.text")
        typing("second\n")
        await server.until("user.text", 2)
        typing("\x04")
        assert await talking == 0
    assert [m["text"] for m in server.of("user.text")] == ["first", "second"]


async def test_ctrl_c_interrupts_and_the_second_one_leaves(typing):
    """The first Ctrl-C stops the speaking, not the program; afterwards Ctrl-C means what it meant before."""
    before = signal.getsignal(signal.SIGINT)
    async with scripted_server(Script(holds_turn=True)) as server:
        talking = asyncio.create_task(talk.talk(options(server)))
        typing("hello\n")
        await server.heard(1)
        signal.raise_signal(signal.SIGINT)
        await server.until("interrupt")
        signal.raise_signal(signal.SIGINT)
        assert await talking == 0
    assert signal.getsignal(signal.SIGINT) is before


async def test_an_interrupted_script_goes_on_with_its_next_line(capsys):
    """Cutting a reply short is not a failure; the words last heard are shown."""
    script = Script(replies=(("Mara", "one two three four five six seven"),), holds_turn=True)
    async with scripted_server(script) as server:
        talking = asyncio.create_task(talk.talk(options(server, texts=("a", "b"))))
        for turn in (1, 2):
            await server.heard(turn)
            signal.raise_signal(signal.SIGINT)
            await server.until("interrupt", turn)
        assert await talking == 0
    assert capsys.readouterr().out.count("⏹ interrupted after “… two three four five six seven”") == 2


@pytest.mark.parametrize(
    ("script", "line"),
    [
        (Script(fails=True), "✗ llm_error: the language model is gone"),
        (Script(refuses=True, output_rate=RATE_HZ), "✗ invalid_request: this cannot be"),
    ],
)
async def test_a_failed_turn_is_one_line_and_status_1(script, line, capsys):
    """A script notices that it was not answered, and the reason is said once."""
    async with scripted_server(script) as server:
        assert await talk.talk(options(server, texts=("Hi.",))) == 1
    assert capsys.readouterr().out.count(line) == 1


async def test_a_recording_without_words_is_a_failed_turn(tmp_path, capsys):
    """Nobody waits for an answer to a noise."""
    path = tmp_path / "noise.wav"
    path.write_bytes(wav_bytes(tone(0.1, 16_000), 16_000))
    async with scripted_server(Script(transcript="")) as server:
        assert await talk.talk(options(server, wav=path)) == 1
    assert "✗ the server understood no words" in capsys.readouterr().out


async def test_a_lost_connection_is_one_error_however_many_notice_it():
    """The reader, the player and the microphone all fail when the server goes away; the person is told once."""
    async with scripted_server(Script(closes_in_turn=True)) as server:
        with pytest.raises(ConnectionFailed, match=r"the session failed \(1011\)"):
            await talk.talk(options(server, texts=("Hi.",)))


def test_a_server_that_is_not_there_is_one_line_and_status_1(capsys):
    """The commonest mistake gets the shortest answer."""
    assert run("--url", "ws://127.0.0.1:1/ws", "--text", "hi") == 1
    assert re.fullmatch(r"✗ cannot connect to .*: no server listens there.*\n", capsys.readouterr().err)


def test_options_that_cannot_work_are_status_2(capsys):
    """Wrong use is told apart from a server that fails."""
    assert run("--wav", "/nowhere/hello.wav") == 2
    with pytest.raises(SystemExit, match="2"):
        run("--save", "/nowhere/reply.wav")
    assert "cannot be written" in capsys.readouterr().err


async def test_a_stranger_is_a_usage_error():
    """A name that nobody has is said before anything is sent, with the names there are."""
    async with scripted_server() as server:
        with pytest.raises(ConfigurationError, match="--to Bob: the cast is Mara, Theo"):
            await talk.talk(options(server, texts=("Hi.",), to="Bob"))
        assert server.of("user.text") == []


async def test_without_sound_one_types(monkeypatch, capsys):
    """A machine without the library says in one line what to install, and the conversation goes on."""
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    async with scripted_server() as server:
        assert await talk.talk(options(server, texts=("Hi.",), devices=True)) == 0
    out = capsys.readouterr().out
    assert "pip install -e '.[microphone]'" in out
    assert "Mara ▸ Good evening." in out


class FakeStream:
    """A sound device that is driven by the test instead of a clock."""

    latency = 0.01
    opened: dict[str, FakeStream]

    def __init__(self, **settings) -> None:
        self.settings = settings
        self.open = False

    def start(self) -> None:
        self.open = True

    def stop(self) -> None:
        pass

    def close(self) -> None:
        self.open = False


@pytest.fixture
def sound(monkeypatch):
    """A machine with a loudspeaker and a microphone; the streams that were opened, by kind."""
    opened: dict[str, FakeStream] = {}

    def opener(kind):
        def open_stream(**settings):
            opened[kind] = FakeStream(**settings)
            return opened[kind]

        return open_stream

    module = types.SimpleNamespace(
        RawInputStream=opener("in"),
        RawOutputStream=opener("out"),
        PortAudioError=ConnectionError,
    )
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return opened


async def test_microphone_and_loudspeaker_are_used_where_there_are_some(typing, sound):
    """What the microphone hears is sent, what the cast says is played, and both devices are given back."""
    async with scripted_server(Script(waits_for_listener=False)) as server:
        talking = asyncio.create_task(talk.talk(options(server, devices=True)))
        typing("hello\n")
        await server.heard(1)
        sound["in"].settings["callback"](tone(0.02, 16_000), 320, None, None)
        async with server.arrived:
            await server.arrived.wait_for(lambda: tone(0.02, 16_000) in server.received)
        played = bytearray(2 * 1200)
        sound["out"].settings["callback"](played, 1200, None, None)
        assert bytes(played) == tone(0.1)[: 2 * 1200]
        typing("\x04")
        assert await talking == 0
    assert not sound["in"].open
    assert not sound["out"].open
    assert (sound["in"].settings["samplerate"], sound["out"].settings["samplerate"]) == (16_000, RATE_HZ)


async def test_the_loudspeaker_falls_silent_at_an_interrupt(typing, sound):
    """Sound that is waiting in the device's buffer would be heard after the person has cut in."""
    async with scripted_server(Script(tone_s=1.0, waits_for_listener=False, holds_turn=True)) as server:
        talking = asyncio.create_task(talk.talk(options(server, devices=True)))
        typing("hello\n")
        await server.heard(1)
        signal.raise_signal(signal.SIGINT)
        await server.until("interrupt")
        played = bytearray(2 * 1200)
        sound["out"].settings["callback"](played, 1200, None, None)
        assert not any(played)
        typing("\x04")
        assert await talking == 0
