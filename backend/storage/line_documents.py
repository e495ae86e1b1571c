"""Lines of a conversation as JSON documents, and back. Knows nothing of where the documents are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from backend.characters import Character
from backend.events import Outcome
from backend.lines import CallLine, NoteLine, PersonLine, ReplyLine, ResultLine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backend.lines import Line


def document_of(line: Line) -> dict[str, Any]:
    """All of a line but its id. A reply's sound is not part of it."""
    match line:
        case PersonLine(text, to, spoken=spoken):
            return {"kind": "person", "text": text, "to": list(to), "spoken": spoken}
        case NoteLine(text):
            return {"kind": "note", "text": text}
        case ReplyLine(character, text=text, heard_text=heard_text, outcome=outcome):
            return {"kind": "reply", **_name(character), "text": text, "heard_text": heard_text, "outcome": outcome}
        case CallLine(character, call_id, name, arguments):
            return {"kind": "call", **_name(character), "call_id": call_id, "name": name, "arguments": arguments}
        case ResultLine(call_id, output):
            return {"kind": "result", "call_id": call_id, "output": output}
        case _:
            assert_never(line)


def line_of(id: str, document: Mapping[str, Any], cast: Mapping[str, Character]) -> Line:
    """The line of that id. `cast`: who takes part now; whoever is not in it is known by name only."""
    match document:
        case {"kind": "person", "text": text, "to": to, "spoken": spoken}:
            return PersonLine(text, tuple(to), id, spoken)
        case {"kind": "note", "text": text}:
            return NoteLine(text, id)
        case {"kind": "reply", "text": text, "heard_text": heard_text, "outcome": outcome}:
            return ReplyLine(_character(document, cast), id, text, heard_text, Outcome(outcome))
        case {"kind": "call", "call_id": call_id, "name": name, "arguments": arguments}:
            return CallLine(_character(document, cast), call_id, name, arguments, id)
        case {"kind": "result", "call_id": call_id, "output": output}:
            return ResultLine(call_id, output, id)
        case _:
            raise ValueError(f"no line of a conversation: {document.get('kind')!r}")


def _name(character: Character) -> dict[str, str]:
    return {"character_id": character.id, "character_name": character.name}


def _character(document: Mapping[str, Any], cast: Mapping[str, Character]) -> Character:
    id = document["character_id"]
    return cast.get(id) or Character(id, document["character_name"])
