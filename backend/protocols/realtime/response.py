"""One response: the events of one character's reply, in the order clients expect.

response.created, then for each output item: output_item.added, conversation.item.added, content_part.added, deltas,
the content's `done` events, content_part.done, output_item.done, conversation.item.done; at last response.done.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backend.events import AudioFrame, CallDone, CallText, Outcome, ReplyDone, ReplyStarted, ReplyText, ReplyTextDone
from backend.lines import new_id
from backend.protocols.openai_speech import audio_tokens
from backend.protocols.realtime.audio import RATE_HZ, SoundOut
from backend.protocols.realtime.items import call_item, reply_item
from backend.protocols.realtime.wire import Wire, event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backend.events import Event
    from backend.protocols.realtime.connection import Terms

_REASONS = {"length": "max_output_tokens", "content_filter": "content_filter"}


@dataclass(slots=True)
class _Call:
    index: int
    line: str
    call_id: str
    name: str


@dataclass(slots=True)
class Response:
    """Follows the reply that `started` begins. `previous` is the item before it; `extensions`: whether the client
    wants what OpenAI sends over other transports only, or no longer."""

    started: ReplyStarted
    terms: Terms
    previous: str | None
    extensions: bool = False
    id: str = field(default_factory=lambda: new_id("resp"))
    done: bool = False
    """Whether `response.done` was sent."""
    failure: Wire | None = None
    """Why the turn failed, as `status_details.error` says it."""
    cut_by_client: bool = False
    _output: list[Wire] = field(default_factory=list[Wire])
    _message: int | None = None
    _text: str = ""
    _pieces: int = 0
    _calls: dict[int, _Call] = field(default_factory=dict[int, _Call])
    _written: ReplyTextDone | None = None
    _samples: int = 0
    _sound: SoundOut = field(init=False)

    def __post_init__(self) -> None:
        self._sound = SoundOut(self.terms.output["format"])

    @property
    def last_item(self) -> str | None:
        """The newest item that it has put into the conversation, or the one before it."""
        return self._output[-1]["id"] if self._output and self.terms.conversation else self.previous

    def begin(self) -> Iterator[Wire]:
        """The first events."""
        yield event("response.created", response=self._response("in_progress"))
        yield event("rate_limits.updated", rate_limits=[])

    def tell(self, happened: Event) -> Iterator[Wire]:
        """The events that say what happened to the reply."""
        match happened:
            case ReplyText(delta=delta):
                yield from self._write(delta)
            case CallText():
                yield from self._call(happened)
            case CallDone():
                yield from self._called(happened)
            case AudioFrame():
                yield from self._play(happened)
            case ReplyTextDone():
                self._written = happened
                if not self.terms.aloud:
                    yield from self.finish("completed")
            case ReplyDone(outcome=outcome):
                if self.extensions and self._samples:
                    way = "stopped" if outcome is Outcome.COMPLETED else "cleared"
                    yield event(f"output_audio_buffer.{way}", response_id=self.id)
                yield from self.finish(_STATUS[outcome])
            case _:
                pass

    def finish(self, status: str) -> Iterator[Wire]:
        """The last events, unless they were sent."""
        if self.done:
            return
        self.done = True
        if status == "completed" and self._written is not None and self._written.reason in _REASONS:
            status = "incomplete"
        if self._message is not None:
            yield from self._close_message("completed" if status == "completed" else "incomplete")
        for call in self._calls.values():
            yield from self._close_call(call, "", "incomplete")
        yield event("response.done", response=self._response(status))

    def _write(self, delta: str) -> Iterator[Wire]:
        self._pieces += 1
        self._text += delta
        if self._message is None:
            self._message = len(self._output)
            yield from self._add(reply_item(self.started.message_id, [], "in_progress"))
            yield self._part("added", {"type": "audio", "transcript": ""} if self.terms.aloud else _text_part(""))
        kind = "output_audio_transcript" if self.terms.aloud else "output_text"
        yield self._of_message(f"response.{kind}.delta", delta=delta)

    def _play(self, frame: AudioFrame) -> Iterator[Wire]:
        if self.extensions and not self._samples:
            yield event("output_audio_buffer.started", response_id=self.id)
        self._samples += len(frame.pcm) // 2
        delta = self._sound.feed(frame.pcm, last=frame.ends_message)
        if delta:
            yield self._of_message("response.output_audio.delta", delta=delta)
        if frame.ends_message:
            yield from self.finish("completed")

    def _close_message(self, status: str) -> Iterator[Wire]:
        assert self._message is not None
        if self.terms.aloud:
            yield self._of_message("response.output_audio.done")
            yield self._of_message("response.output_audio_transcript.done", transcript=self._text)
            yield self._part("done", {"type": "audio", "transcript": self._text})
            content = [{"type": "output_audio", "transcript": self._text}]
        else:
            yield self._of_message("response.output_text.done", text=self._text)
            yield self._part("done", _text_part(self._text))
            content = [{"type": "output_text", "text": self._text}]
        yield from self._complete(self._message, reply_item(self.started.message_id, content, status))

    def _call(self, piece: CallText) -> Iterator[Wire]:
        if piece.call not in self._calls:
            self._calls[piece.call] = _Call(len(self._output), piece.line, piece.call_id, piece.name)
            yield from self._add(call_item(piece.line, piece.call_id, piece.name, "", "in_progress"))
        if piece.delta:
            yield self._of_call("delta", self._calls[piece.call], delta=piece.delta)

    def _called(self, called: CallDone) -> Iterator[Wire]:
        call = self._calls.pop(called.call)
        line = called.line
        yield self._of_call("done", call, name=line.name, arguments=line.arguments)
        yield from self._close_call(call, line.arguments, "completed")

    def _close_call(self, call: _Call, arguments: str, status: str) -> Iterator[Wire]:
        yield from self._complete(call.index, call_item(call.line, call.call_id, call.name, arguments, status))

    def _add(self, item: Wire) -> Iterator[Wire]:
        self._output.append(item)
        index = len(self._output) - 1
        yield event("response.output_item.added", response_id=self.id, output_index=index, item=item)
        yield from self._in_conversation("added", item)

    def _complete(self, index: int, item: Wire) -> Iterator[Wire]:
        self._output[index] = item
        yield event("response.output_item.done", response_id=self.id, output_index=index, item=item)
        yield from self._in_conversation("done", item)

    def _in_conversation(self, what: str, item: Wire) -> Iterator[Wire]:
        """What becomes part of the conversation is told as its item too."""
        if self.terms.conversation is not None:
            place = self._output.index(item)
            before = self._output[place - 1]["id"] if place else self.previous
            yield event(f"conversation.item.{what}", item=item, previous_item_id=before)
            if self.extensions and what == "added":
                yield event("conversation.item.created", item=item, previous_item_id=before)

    def _part(self, what: str, part: Wire) -> Wire:
        return self._of_message(f"response.content_part.{what}", part=part)

    def _of_message(self, type_: str, **fields: Any) -> Wire:
        where = {"item_id": self.started.message_id, "output_index": self._message, "content_index": 0}
        return event(type_, response_id=self.id, **where, **fields)

    def _of_call(self, what: str, call: _Call, **fields: Any) -> Wire:
        where = {"item_id": call.line, "output_index": call.index, "call_id": call.call_id}
        return event(f"response.function_call_arguments.{what}", response_id=self.id, **where, **fields)

    def _response(self, status: str) -> Wire:
        return {
            "id": self.id,
            "object": "realtime.response",
            "status": status,
            "status_details": self._details(status),
            "output": list(self._output) if status != "in_progress" else [],
            "conversation_id": self.terms.conversation,
            "output_modalities": ["audio" if self.terms.aloud else "text"],
            "audio": {"output": self.terms.output},
            "max_output_tokens": self.terms.max_output_tokens,
            "metadata": self.terms.metadata,
            "usage": self._usage() if status != "in_progress" else None,
        }

    def _details(self, status: str) -> Wire | None:
        match status:
            case "cancelled":
                return {"type": status, "reason": "client_cancelled" if self.cut_by_client else "turn_detected"}
            case "incomplete":
                assert self._written is not None
                return {"type": status, "reason": _REASONS[self._written.reason]}
            case "failed":
                return {"type": status, "error": self.failure}
            case "completed":
                return {"type": status}
            case _:
                return None

    def _usage(self) -> Wire:
        """Tokens: of the language model where it counts them, else one for each piece; of audio 25 a second."""
        audio = audio_tokens(self._samples / RATE_HZ)
        asked = (self._written and self._written.prompt_tokens) or 0
        text = (self._written and self._written.completion_tokens) or self._pieces
        return {
            "input_tokens": asked,
            "output_tokens": text + audio,
            "total_tokens": asked + text + audio,
            "input_token_details": {"text_tokens": asked, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": 0},
            "output_token_details": {"text_tokens": text, "audio_tokens": audio},
        }


_STATUS = {Outcome.COMPLETED: "completed", Outcome.INTERRUPTED: "cancelled", Outcome.FAILED: "failed"}


def _text_part(text: str) -> Wire:
    return {"type": "text", "text": text}
