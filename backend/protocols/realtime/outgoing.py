"""To the client: what happens in the session, as server events.

Clients of this protocol stop playing as soon as they learn that somebody speaks. While a character can be heard, that
is therefore told only once it is certain to be an interruption, and not at all when it was none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from backend import commands, events
from backend.errors import ALREADY_SPEAKING, InvalidRequest, NotFound
from backend.events import Outcome
from backend.protocols.realtime.incoming import ALREADY_ACTIVE
from backend.protocols.realtime.items import item_of, spoken_item
from backend.protocols.realtime.response import Response
from backend.protocols.realtime.wire import Wire, error, event, failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backend.protocols.realtime.connection import Connection, Terms

Replying = (
    events.ReplyStarted
    | events.ReplyText
    | events.CallText
    | events.CallDone
    | events.ReplyTextDone
    | events.AudioFrame
    | events.ReplyDone
)


def _code(raised: events.ErrorRaised) -> str:
    """As OpenAI names it: some clients end their session at any other code."""
    match raised.edit, raised.code:
        case None, code if code == ALREADY_SPEAKING:
            return ALREADY_ACTIVE
        case commands.AddLine(), InvalidRequest.code:
            return "item_create_duplicate_item_id"
        case commands.ShowLine(), NotFound.code:
            return "item_retrieve_invalid_item_id"
        case commands.RemoveLine(), NotFound.code:
            return "item_delete_invalid_item_id"
        case commands.TruncateLine(), NotFound.code:
            return "item_truncate_invalid_item_id"
        case _:
            return raised.code


@dataclass(slots=True)
class _Turn:
    """The replies of a turn, told one after another: while one is heard, the next may be written already."""

    terms: Terms
    reply: int = 0
    """The one being told."""
    later: dict[int, list[Replying]] = field(default_factory=dict[int, "list[Replying]"])
    """What happened to each reply after it."""
    responses: dict[int, Response] = field(default_factory=dict[int, Response])
    """What tells each reply: those before it may still be heard."""
    failure: Wire | None = None
    """Why it failed."""
    cut: bool = False

    @property
    def told(self) -> bool:
        """Whether all was told of this reply, and the next may be."""
        return not self.cut and self.reply in self.responses and self.responses[self.reply].done


class Outgoing:
    """Tells one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._turns: dict[int, _Turn] = {}
        self._created = False
        self._spans: dict[str, tuple[int, int]] = {}
        """Where what is not understood yet begins and ends in all audio of the connection, milliseconds."""
        self._held: list[Wire] = []
        """That somebody speaks, while it may be no interruption."""

    def tell(self, happened: events.Event) -> Iterator[Wire]:  # noqa: C901, PLR0912
        """The server events that `happened` comes to."""
        match happened:
            case events.SessionReady():
                yield from self._session(happened)
            case events.SpeechStarted(audio_ms, line):
                self._spans[line] = (audio_ms, audio_ms)
                yield from self._speech("started", item_id=line, audio_start_ms=audio_ms)
            case events.SpeechStopped(audio_ms=audio_ms, line=line):
                self._spans[line] = (self._spans.get(line, (audio_ms, audio_ms))[0], audio_ms)
                yield from self._speech("stopped", item_id=line, audio_end_ms=audio_ms)
            case events.TranscriptFinal():
                yield from self._understood(happened)
            case events.TurnStarted():
                self._begin(happened)
            case events.TurnDone(turn):
                yield from self._end(turn)
            case events.LineAdded(line, after):
                yield from self._item(item_of(line), after)
            case events.LineRemoved(id_, after):
                if id_ == self._connection.last_item:
                    self._connection.last_item = after
                yield event("conversation.item.deleted", item_id=id_)
            case events.LineShown(line):
                yield event("conversation.item.retrieved", item=item_of(line))
            case events.LineTruncated(id_, audio_ms):
                yield event("conversation.item.truncated", item_id=id_, content_index=0, audio_end_ms=audio_ms)
            case events.ErrorRaised():
                yield from self._failed(happened)
            case _:
                if isinstance(happened, Replying):
                    yield from self._replying(happened)

    def _session(self, ready: events.SessionReady) -> Iterator[Wire]:
        connection = self._connection
        connection.cast_is(ready.characters)
        if not self._created:
            self._created = True
            yield event("session.created", session=connection.config.shown)
            conversation = {"id": connection.conversation, "object": "realtime.conversation"}
            yield event("conversation.created", conversation=conversation)
        elif connection.updates:
            connection.updates -= 1
            yield event("session.updated", session=connection.config.shown)

    # --- the person ---------------------------------------------------------------------------------------------------

    def _speech(self, what: str, **where: object) -> Iterator[Wire]:
        detection = self._connection.config.detection
        if detection is None:
            return
        told = event(f"input_audio_buffer.speech_{what}", **where)
        may_be_nothing = self._connection.turn is not None and detection["interrupt_response"]
        if self._held or (what == "started" and may_be_nothing):
            self._held.append(told)
        else:
            yield told

    def _release(self) -> Iterator[Wire]:
        held, self._held = self._held, []
        yield from held

    def _understood(self, said: events.TranscriptFinal) -> Iterator[Wire]:
        manual = self._connection.config.detection is None
        start_ms, end_ms = self._spans.pop(said.line, (0, 0))
        if said.dismissed or not (said.text or manual):
            self._held.clear()
            return
        yield from self._release()
        yield from self._committed(said.line)
        if self._connection.config.input["transcription"] is not None:
            yield from self._transcribed(said, (end_ms - start_ms) / 1000)

    def _committed(self, line: str) -> Iterator[Wire]:
        connection = self._connection
        before = connection.last_item
        if connection.config.detection is not None:
            connection.uncommitted_ms = 0.0
        yield event("input_audio_buffer.committed", item_id=line, previous_item_id=before)
        # Some clients add the transcript that follows to the one in the item.
        yield from self._item(spoken_item(line, None), before)

    def _transcribed(self, said: events.TranscriptFinal, lasted_s: float) -> Iterator[Wire]:
        where = {"item_id": said.line, "content_index": 0}
        kind = "conversation.item.input_audio_transcription"
        if said.text:
            yield event(f"{kind}.delta", **where, delta=said.text)
        model: str = self._connection.config.input["transcription"].get("model") or ""
        if model.endswith("diarize") and said.text:
            span = {"id": f"seg_{said.line}", "speaker": "A", "start": 0.0, "end": lasted_s}
            yield event(f"{kind}.segment", **where, **span, text=said.text)
        usage = {"type": "duration", "seconds": lasted_s}
        yield event(f"{kind}.completed", **where, transcript=said.text, usage=usage)

    def _item(self, item: Wire, after: str | None) -> Iterator[Wire]:
        connection = self._connection
        if after == connection.last_item:
            connection.last_item = item["id"]
        yield event("conversation.item.added", item=item, previous_item_id=after)
        if connection.extensions:
            yield event("conversation.item.created", item=item, previous_item_id=after)
        yield event("conversation.item.done", item=item, previous_item_id=after)

    def timed_out(self, line: str) -> Iterator[Wire]:
        """Nobody has spoken for as long as the client wants to wait; the silence is an item, `line`."""
        connection = self._connection
        end_ms = round(connection.appended_ms)
        start_ms = max(0, end_ms - int(connection.config.idle_ms or 0))
        where = {"item_id": line, "audio_start_ms": start_ms, "audio_end_ms": end_ms}
        yield event("input_audio_buffer.timeout_triggered", **where)
        connection.uncommitted_ms = 0.0
        yield event("input_audio_buffer.committed", item_id=line, previous_item_id=connection.last_item)

    # --- the cast -----------------------------------------------------------------------------------------------------

    def _begin(self, started: events.TurnStarted) -> None:
        connection = self._connection
        wish = connection.wishes.pop(started.request, None)
        terms = wish.terms if wish else connection.terms()
        if terms.conversation is not None:
            connection.turn = started.turn
        self._turns[started.turn] = _Turn(terms)

    def _end(self, turn: int) -> Iterator[Wire]:
        connection = self._connection
        self._turns.pop(turn, None)
        connection.responses.pop(turn, None)
        if turn == connection.turn:
            connection.turn = None
            yield from self._release()

    def _replying(self, happened: Replying) -> Iterator[Wire]:
        turn = self._turns.get(happened.turn)
        if turn is None:
            return
        if happened.reply > turn.reply:
            turn.later.setdefault(happened.reply, []).append(happened)
        else:
            yield from self._told(turn, happened)
        while turn.told and turn.reply + 1 in turn.later:
            turn.reply += 1
            for waited in turn.later.pop(turn.reply):
                yield from self._told(turn, waited)

    def _told(self, turn: _Turn, happened: Replying) -> Iterator[Wire]:
        connection = self._connection
        if isinstance(happened, events.ReplyStarted):
            if turn.cut:
                return
            terms = connection.of_character(turn.terms, happened.character_id)
            response = Response(happened, terms, connection.last_item, connection.extensions)
            connection.responses[happened.turn] = turn.responses[happened.reply] = response
            yield from response.begin()
            return
        response = turn.responses.get(happened.reply)
        if response is None:
            return
        if isinstance(happened, events.ReplyDone) and happened.outcome is Outcome.INTERRUPTED:
            turn.cut = True
            yield from self._release()
        response.failure = turn.failure
        newest = response.last_item
        yield from response.tell(happened)
        if response.last_item != newest:
            connection.last_item = response.last_item

    # --- what went wrong ----------------------------------------------------------------------------------------------

    def _failed(self, raised: events.ErrorRaised) -> Iterator[Wire]:
        connection = self._connection
        if raised.line is not None:
            self._spans.pop(raised.line, None)
            yield from self._release()
            yield from self._committed(raised.line)
            told = failure(raised.message, raised.code)
            where = {"item_id": raised.line, "content_index": 0}
            yield event("conversation.item.input_audio_transcription.failed", **where, error=told)
        elif raised.turn is not None:
            turn = self._turns.get(raised.turn)
            if turn is not None:
                turn.failure = failure(raised.message, raised.code)
        else:
            wish = connection.wishes.pop(raised.request or "", None)
            param = str((raised.details or {}).get("param") or "") or None
            ours = raised.request is None
            named = wish.event_id if wish else raised.request or None
            yield error(raised.message, _code(raised), param, named, ours=ours)
