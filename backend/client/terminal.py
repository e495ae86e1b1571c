"""What `voicechat talk` shows: events become lines of plain text, coloured and rewritten in place only on a terminal.

Knows nothing of sockets and decides nothing.
"""

from __future__ import annotations

import os
import shutil
import unicodedata
from typing import TYPE_CHECKING, Any, Final, TextIO

from backend.client.latency import STAGES, stage_durations

if TYPE_CHECKING:
    from backend.client.connection import Event

YOU = "you ▸ "
_ERASE_LINE = "\r\x1b[2K"
_HEARD_WORDS = 6
_TURNS_TEXT_AROUND = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

DIM: Final = "2"
RED: Final = "31"
YELLOW: Final = "33"
BOLD: Final = "1"
_NAME_COLOURS = ("36", "35", "32", "34", "33")


def printable(text: str) -> str:
    """`text` without the characters that could steer the terminal or turn its text around; line breaks are kept."""
    return "".join(c for c in text if c == "\n" or not (unicodedata.category(c) == "Cc" or c in _TURNS_TEXT_AROUND))


def latency_line(ledger: list[dict[str, Any]]) -> str | None:
    """The first reply's time to first audio and the stages that make it up; `None` when nothing was heard."""
    if not ledger or ledger[0].get("first_frame_sent") is None:
        return None
    first = ledger[0]
    durations = stage_durations(first)
    durations.pop(STAGES[-1], None)
    stages = [f"{stage.replace('_', ' ')} {s * 1000:.0f}" for stage, s in durations.items() if s >= 0.0005]
    total = f"TTFA {first['first_frame_sent'] * 1000:.0f} ms"
    return f"{total} = {' + '.join(stages)}" if stages else total


class Terminal:
    """Writes to `out`. At most one line is open at a time: a partial transcript, a prompt or a reply."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty()
        self._coloured = self._live and not os.environ.get("NO_COLOR")
        self._open: object = None
        self._names: dict[int, str] = {}
        self._colours: dict[str, str] = {}
        self._heard = ""
        self._space = ""
        self._typed = False

    def header(self, url: str, ready: Event) -> None:
        """What one is connected to; stand-ins are called that."""
        engines = "  ·  ".join(self._engine(stage, engine) for stage, engine in ready["engines"].items())
        cast = ", ".join(self._colour(printable(c["name"])) for c in ready["characters"])
        self._line(f"{self._paint('voicechat', BOLD)}  {url}\n{engines}\ncast: {cast}")

    def note(self, text: str) -> None:
        """Something worth knowing."""
        self._line(self._paint(printable(text), DIM))

    def error(self, text: str) -> None:
        """Something that went wrong."""
        self._line(self._paint(f"✗ {printable(text)}", RED))

    def prompt(self) -> None:
        """Ask for a line, where someone can see it."""
        if self._live and self._open is None:
            self._begin("prompt")
            self._write(self._paint(YOU, DIM))

    def typed(self) -> None:
        """The person has typed a line, which the terminal has echoed: as it should be after a prompt only."""
        self._open, self._typed = None, self._open == "prompt"

    def close(self) -> None:
        """Finish the open line."""
        self._begin(None)

    def show(self, event: Event) -> None:
        """Show an event, if it is one for people."""
        match event["type"]:
            case "transcript.partial":
                self._partial(event["text"])
            case "transcript.final":
                self._final(event["text"])
            case "turn.started":
                self._turn_started(event)
            case "reply.started":
                self._names[event["reply"]] = printable(event["character_name"])
            case "reply.text":
                self._reply_text(event["reply"], event["delta"])
            case "reply.done" if event["outcome"] == "interrupted":
                self._heard = event["heard_text"] or self._heard
            case "turn.done":
                self._turn_done(event)
            case "error":
                self.error(f"{event['code']}: {event['message']}")
            case _:
                pass

    def _partial(self, text: str) -> None:
        if not self._live or not text:
            return
        self._begin("partial")
        room = max(10, shutil.get_terminal_size().columns - len(YOU) - 2)
        line = printable(text).replace("\n", " ")
        shown = line if len(line) <= room else f"…{line[-room + 1 :]}"
        self._write(self._paint(f"{YOU}{shown}", DIM))

    def _final(self, text: str) -> None:
        if text:
            self._line(f"{self._paint(YOU, DIM)}{printable(text)}")
        elif self._open == "partial":
            self._begin(None)

    def _turn_started(self, event: Event) -> None:
        self._names, self._heard = {}, ""
        if event["source"] == "text" and not self._typed:
            self._line(f"{self._paint(YOU, DIM)}{printable(event['text'])}")
        self._typed = False

    def _reply_text(self, reply: int, delta: str) -> None:
        if self._open != reply:
            self._space = ""
        text = self._space + printable(delta)
        shown = text.rstrip()
        self._space = text[len(shown) :]  # is written once something follows it
        if not shown:
            return
        if self._open != reply:
            shown = shown.lstrip()
            self._begin(reply)
            self._write(f"{self._colour(self._names.get(reply, '?'))} ▸ ")
        self._write(shown.replace("\n", "\n  "))

    def _turn_done(self, event: Event) -> None:
        if event["outcome"] == "interrupted":
            words = printable(self._heard).split()
            after = f" after “{'… ' if len(words) > _HEARD_WORDS else ''}{' '.join(words[-_HEARD_WORDS:])}”"
            self._line(self._paint("⏹ interrupted", YELLOW) + self._paint(after if words else "", DIM))
        latency = latency_line(event["ledger"])
        if latency is not None:
            self._line(self._paint(latency, DIM))

    def _engine(self, stage: str, engine: dict[str, Any]) -> str:
        label = self._paint(" (stand-in)", YELLOW) if engine.get("stand_in") else ""
        return f"{stage} {printable(str(engine.get('name')))}{label}"

    def _colour(self, name: str) -> str:
        colour = self._colours.setdefault(name, _NAME_COLOURS[len(self._colours) % len(_NAME_COLOURS)])
        return self._paint(name, colour)

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._coloured and text else text

    def _line(self, text: str) -> None:
        self._begin(None)
        self._write(f"{text}\n")

    def _begin(self, line: object) -> None:
        """Finish the open line and open `line`; partial transcripts and prompts give way to what follows."""
        if self._open in ("partial", "prompt"):
            self._write(_ERASE_LINE)
        elif self._open is not None:
            self._write("\n")
        self._open = line

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
