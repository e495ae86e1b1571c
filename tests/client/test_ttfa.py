"""The latency harness against a scripted server."""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from backend.audio import wav_bytes
from backend.client import ttfa
from backend.client.measurement import Line, Plan, measure
from tests.client.scripted_server import ENGINES, QUIET_FRAMES, Script, frame, scripted_server, tone

ROOT = Path(__file__).resolve().parents[2]
HI = (Line("hi"),)


async def command(*arguments: str) -> int:
    """`voicechat ttfa` with these arguments, beside the server's loop."""
    parser = argparse.ArgumentParser()
    ttfa.add_arguments(parser)
    return await asyncio.to_thread(ttfa.run, parser.parse_args(arguments))


async def test_every_turn_of_every_session_is_recorded():
    """All that was asked for is measured: by the ledger, from outside, and the listener's silence between replies."""
    script = Script(replies=(("Mara", "One."), ("Theo", "Two.")))
    async with scripted_server(script) as server:
        records, engines = await measure(Plan(server.url, HI, turns=2, sessions=2))
    assert [(r.session, r.number) for r in records] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert engines == ENGINES
    for record in records:
        assert (record.outcome, record.problem, record.sum_errors) == ("completed", None, [])
        assert [entry["reply"] for entry in record.ledger] == [0, 1]
        assert record.heard_ttfa_s > 0
        assert len(record.gaps_s) == 1
        assert record.audio_frames > 0
        assert record.discontinuities == 0


async def test_a_listener_that_reports_nothing_can_be_simulated():
    """The server has to serve clients that never say what they have heard."""
    async with scripted_server(Script(waits_for_listener=False)) as server:
        records, _ = await measure(Plan(server.url, HI, turns=1, positions=False))
        assert server.of("playback.position") == []
    assert records[0].problem is None


async def test_recordings_are_spoken_until_they_are_answered():
    """A recording needs the room after it, or the server never hears its end."""
    async with scripted_server() as server:
        line = Line("hello.wav", tone(0.1, 16_000))
        records, _ = await measure(Plan(server.url, (line,), turns=2))
        assert len([m for m in server.received if isinstance(m, bytes)]) >= 2 * (5 + QUIET_FRAMES)
    assert [(r.input, r.problem) for r in records] == [("hello.wav", None)] * 2
    assert all(r.heard_ttfa_s > 0 for r in records)


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (Script(fails=True), "llm_error: the language model is gone"),
        (Script(refuses=True), "invalid_request: this cannot be"),
        (Script(tone_s=0), "no audible audio"),
        (Script(closes_in_turn=True), "the session failed (1011)"),
        (Script(api_key="k"), "the API key is wrong (4401)"),
    ],
)
async def test_a_turn_without_an_answer_has_failed_with_a_reason(script, problem):
    """Whatever goes wrong, the turn counts as failed and the reason is kept."""
    async with scripted_server(script) as server:
        records, _ = await measure(Plan(server.url, HI, turns=1))
    assert problem in records[0].problem


async def test_a_connection_that_is_lost_fails_the_turns_that_are_left():
    """A run of a hundred turns that ends after three has not passed."""
    async with scripted_server(Script(closes_in_turn=True)) as server:
        records, _ = await measure(Plan(server.url, HI, turns=3))
    assert [r.outcome for r in records] == ["failed"] * 3


async def test_samples_that_are_lost_are_counted(monkeypatch):
    """A click at a seam is heard although every stage was fast."""
    monkeypatch.setattr(
        "tests.client.scripted_server.frame", lambda turn, reply, first, pcm, flags: frame(turn, reply, first + 1, pcm)
    )
    async with scripted_server(Script(waits_for_listener=False)) as server:
        records, _ = await measure(Plan(server.url, HI, turns=1))
    assert records[0].discontinuities == 1


async def test_a_ledger_that_does_not_add_up_is_reported(capsys):
    """The promise that the stages sum to TTFA is checked for every reply."""
    async with scripted_server(Script(ledger={"llm_request": 0.0})) as server:
        assert await command("--url", server.url, "--text", "hi") == 0
    output = capsys.readouterr()
    assert "reply 0: llm_request goes back by 28.610 ms" in output.err
    assert json.loads(output.out.splitlines()[-1])["sum_errors"] == 1


async def test_the_command_prints_writes_and_draws(tmp_path, capsys):
    """The last line is for programs, the files are for later, the table is for people."""
    wav, results, drawing = tmp_path / "hello.wav", tmp_path / "ttfa.json", tmp_path / "ttfa.svg"
    wav.write_bytes(wav_bytes(tone(0.1, 24_000), 24_000))
    async with scripted_server() as server:
        files = ("--wav", str(wav), "--json", str(results), "--svg", str(drawing))
        assert await command("--url", server.url, "--text", "hi", *files) == 0
    out = capsys.readouterr().out
    summary = json.loads(out.splitlines()[-1])
    assert {"sessions": 1, "turns": 2, "failed": 0, "sum_errors": 0, "engines": ENGINES}.items() <= summary.items()
    assert set(summary["ttfa_ms"]) == set(summary["heard_ttfa_ms"]) == {"p50", "p95", "max"}
    assert out.startswith("stt tones (stand-in)")
    written = json.loads(results.read_text("utf-8"))
    assert written["summary"] == summary
    assert [turn["input"] for turn in written["turns"]] == ["hi", "hello.wav"]
    assert ElementTree.parse(drawing).getroot().tag.endswith("svg")


async def test_a_failed_turn_is_the_exit_status(capsys):
    """A script notices a failure without reading the output, and the summary is still its last line."""
    async with scripted_server(Script(fails=True)) as server:
        assert await command("--url", server.url, "--text", "hi", "--turns", "2") == 1
    output = capsys.readouterr()
    assert output.err == "voicechat ttfa: llm_error: the language model is gone (2 times)\n"
    assert json.loads(output.out.splitlines()[-1])["failed"] == 2


async def test_a_recording_that_cannot_be_read_is_a_usage_error(capsys):
    """A wrong file name is said before anything is measured."""
    assert await command("--wav", "/nowhere/hello.wav") == 2
    assert capsys.readouterr().err == "voicechat ttfa: /nowhere/hello.wav: No such file or directory\n"


@pytest.mark.parametrize(
    "arguments", [("--turns", "0"), ("--period", "-1"), ("--period", "nan"), ("--json", "/nowhere/ttfa.json")]
)
async def test_options_that_cannot_work_are_refused_at_once(arguments):
    """Nobody measures for an hour to find that the result cannot be written."""
    with pytest.raises(SystemExit, match="2"):
        await command(*arguments)


async def test_the_script_runs_from_any_directory(tmp_path):
    """`scripts/measure_ttfa.py` is started by hand from anywhere and finds what it needs."""
    async with scripted_server() as server:
        script = (sys.executable, str(ROOT / "scripts" / "measure_ttfa.py"), "--url", server.url, "--text", "hi")
        process = await asyncio.create_subprocess_exec(*script, cwd=tmp_path, stdout=subprocess.PIPE)
        out, _ = await process.communicate()
    assert process.returncode == 0
    assert json.loads(out.splitlines()[-1])["turns"] == 1
