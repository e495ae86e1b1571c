"""What the terminal shows, on a terminal and in a pipe."""

from __future__ import annotations

import io

import pytest

from backend.client.terminal import Terminal, latency_line, printable
from tests.client.scripted_server import ledger_entry


class Screen(io.StringIO):
    """Text that may pretend to be a terminal."""

    def __init__(self, *, live: bool) -> None:
        super().__init__()
        self._live = live

    def isatty(self) -> bool:
        return self._live


@pytest.fixture
def screen(monkeypatch):
    """A terminal of 40 columns with colour."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Screen(live=True)


def partial(text: str) -> dict:
    return {"type": "transcript.partial", "text": text}


def reply_text(text: str, reply: int = 0) -> dict:
    return {"type": "reply.text", "turn": 1, "reply": reply, "delta": text}


def test_a_partial_transcript_is_rewritten_in_place(screen, monkeypatch):
    """Partial transcripts change; each one replaces the one before, and the final one stays."""
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal(screen)
    for event in (partial("good"), partial("good even"), {"type": "transcript.final", "text": "good evening"}):
        terminal.show(event)
    assert screen.getvalue() == "you ▸ good\r\x1b[2Kyou ▸ good even\r\x1b[2Kyou ▸ good evening\n"


def test_a_long_partial_transcript_stays_on_its_line(screen, monkeypatch):
    """A line that wraps cannot be rewritten in place; its end is what is new."""
    monkeypatch.setenv("NO_COLOR", "1")
    Terminal(screen).show(partial("word " * 30 + "end"))
    assert len(screen.getvalue()) < 40
    assert screen.getvalue().endswith("word end")


def test_a_pipe_gets_plain_lines():
    """What is piped into a file has no colours, no rewriting and no prompts."""
    pipe = Screen(live=False)
    terminal = Terminal(pipe)
    terminal.prompt()
    terminal.show(partial("good"))
    terminal.show({"type": "transcript.final", "text": "good evening"})
    terminal.error("gone")
    assert pipe.getvalue() == "you ▸ good evening\n✗ gone\n"


def test_errors_are_red_only_where_colour_is_wanted(screen, monkeypatch):
    """NO_COLOR is respected."""
    Terminal(screen).error("gone")
    assert screen.getvalue() == "\x1b[31m✗ gone\x1b[0m\n"
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Screen(live=True)
    Terminal(plain).error("gone")
    assert plain.getvalue() == "✗ gone\n"


def test_replies_are_written_as_they_come_and_kept_apart():
    """Each reply is a line of its own with the speaker's name, without blanks at its edges."""
    pipe = Screen(live=False)
    terminal = Terminal(pipe)
    for reply, name in enumerate(("Mara", "Theo")):
        terminal.show({"type": "reply.started", "turn": 1, "reply": reply, "character_name": name})
    for event in (reply_text(" Hi"), reply_text(" there. "), reply_text("\n"), reply_text("Yes.\nNo.", 1)):
        terminal.show(event)
    terminal.close()
    assert pipe.getvalue() == "Mara ▸ Hi there.\nTheo ▸ Yes.\n  No.\n"


def test_a_reply_that_is_spoken_into_goes_on_under_its_name():
    """A word thrown in does not end the reply; its rest is still attributed."""
    pipe = Screen(live=False)
    terminal = Terminal(pipe)
    terminal.show({"type": "reply.started", "turn": 1, "reply": 0, "character_name": "Mara"})
    for event in (reply_text("Well,"), {"type": "transcript.final", "text": "mhm"}, reply_text(" as I said.")):
        terminal.show(event)
    terminal.close()
    assert pipe.getvalue() == "Mara ▸ Well,\nyou ▸ mhm\nMara ▸ as I said.\n"


def test_a_line_typed_at_the_prompt_is_not_shown_twice(screen, monkeypatch):
    """The terminal has echoed it; a line typed into a reply is shown in its place."""
    monkeypatch.setenv("NO_COLOR", "1")
    started = {"type": "turn.started", "turn": 1, "text": "hello", "source": "text"}
    terminal = Terminal(screen)
    terminal.prompt()
    terminal.typed()
    terminal.show(started)
    assert screen.getvalue() == "you ▸ "
    terminal.show(reply_text("Hm"))
    terminal.typed()
    terminal.show(started)
    assert screen.getvalue() == "you ▸ ? ▸ Hmyou ▸ hello\n"


def test_model_text_cannot_steer_the_terminal():
    """A model that writes escape sequences could rewrite the screen or the window's title."""
    assert printable("a\x1b[2Jb\x07\r\u202ec\nd") == "a[2Jbc\nd"
    pipe = Screen(live=False)
    terminal = Terminal(pipe)
    terminal.show({"type": "reply.started", "turn": 1, "reply": 0, "character_name": "M\x1b]0;"})
    terminal.show(reply_text("\x1b[31mred"))
    terminal.error("\x1b[2J")
    assert "\x1b" not in pipe.getvalue()


def test_the_latency_line_adds_up():
    """The stages shown are those before the first audio, and none when there was no audio."""
    assert latency_line([]) is None
    assert latency_line([ledger_entry(first_frame_sent=None)]) is None
    instant = ledger_entry() | dict.fromkeys(list(ledger_entry())[1:10], 0.0)
    assert latency_line([instant]) == "TTFA 0 ms"
    assert "first sample played" not in latency_line([ledger_entry()])
