"""What a Step-Audio 2 server is asked: messages as OpenAI's clients write them, as the model was taught to read them.

A spoken answer is one the model finds already begun with `<tts_start>`. Servers apply the chat template themselves; for
one that has another model's, `render_prompt` does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from boson_multimodal.raw_tool_calls import without_calls
from boson_multimodal.spoken_input import DEFAULT_LIMITS, AudioLimits, PartStyle, SpokenInputError, audio_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Message = Mapping[str, Any]

SPEECH_START, SPEECH_END = "<tts_start>", "<tts_end>"
TURN_START, TURN_END = "<|BOT|>", "<|EOT|>"

READ_ALOUD = "Read this paragraph at a natural pace.\n"
"""What stands before a text that is to be read out as it is."""

SPEAK_WITH_USER = "请用语音与我交流。"
"""The persona line the model was trained with: "Please talk with me by voice." """

_CONTROL = re.compile(r"<(?=(?:audio_(?:[0-9]+|start|end|patch)|tts_(?:start|end|pad)|\|[^|<>\s]+\|)>)")
_TAG_BEGUN = re.compile(r"<[^<>]{0,31}$")
_AUDIO_PARTS = ("input_audio", "audio_url")


class SpeechPromptError(ValueError):
    """The messages cannot be put to the model. `code` is a word for programs: `invalid_message`, `invalid_audio` or
    `audio_not_found`."""

    def __init__(self, message: str, code: str = "invalid_message") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class PromptStyle:
    """What differs from server to server: the name of the person's role (`user`, or `human` for a server whose template
    does not translate it), how recordings are sent, and a `persona` line that ends the system message."""

    user_role: str = "user"
    audio_part: PartStyle = "input_audio"
    persona: str = ""
    limits: AudioLimits = DEFAULT_LIMITS


DEFAULT_STYLE = PromptStyle()


def read_aloud(text: str, instructions: str = "") -> list[dict[str, Any]]:
    """Messages that ask for `text` to be read out; `instructions` say how."""
    system = [{"role": "system", "content": instructions}] if instructions else []
    return [*system, {"role": "user", "content": READ_ALOUD + text}]


def replayed(raw: str) -> str:
    """What the model wrote as a spoken answer, as the content of an earlier message: with the start it was given and
    the end of the speech."""
    raw = _TAG_BEGUN.sub("", raw.removesuffix(TURN_END))
    return SPEECH_START + raw.removeprefix(SPEECH_START) + ("" if SPEECH_END in raw else SPEECH_END)


def chat_messages(
    messages: Sequence[Message],
    *,
    speech: bool,
    style: PromptStyle = DEFAULT_STYLE,
    replay: Callable[[str], str | None] | None = None,
) -> list[dict[str, Any]]:
    """The messages a server is sent; with `speech`, the last is an answer begun with `<tts_start>`.

    `replay` gives what was written for an earlier answer `{"audio": {"id": ...}}`, in place of its content. Recordings
    are decoded here, which takes a while: call it in a thread where there are some. Tags of the model in what people
    and tools write are made plain text. Raises `SpeechPromptError`.
    """
    asked = [_message(message, style, replay) for message in messages]
    if not asked:
        raise SpeechPromptError("there are no messages; send at least one")
    if style.persona:
        if asked[0]["role"] != "system":
            asked.insert(0, {"role": "system", "content": ""})
        asked[0]["content"] = f"{asked[0]['content']}\n{style.persona}".lstrip("\n")
    if speech:
        asked.append({"role": "assistant", "content": SPEECH_START})
    return asked


def _message(message: Message, style: PromptStyle, replay: Callable[[str], str | None] | None) -> dict[str, Any]:
    role = message.get("role") if isinstance(cast("object", message), Mapping) else None
    if not isinstance(role, str):
        raise SpeechPromptError("a message is an object with a role (system, user, assistant or tool) and a content")
    if role in {"system", "developer"}:
        return {"role": "system", "content": _inert(_text(message))}
    if role in {"user", "human"}:
        return {"role": style.user_role, "content": _user_content(message, style)}
    if role in {"tool", "function"}:
        named = {name: _inert(str(message[name])) for name in ("tool_call_id", "name") if message.get(name)}
        return {"role": role, "content": _inert(_text(message)), **named}
    if role != "assistant":
        raise SpeechPromptError(f"a message has the role {role!r}; roles are system, user, assistant and tool")
    calls = {"tool_calls": _calls(message["tool_calls"])} if message.get("tool_calls") else {}
    said = _earlier_answer(message, replay)
    return {"role": "assistant", "content": without_calls(said) if calls else said, **calls}


def _earlier_answer(message: Message, replay: Callable[[str], str | None] | None) -> str:
    audio: object = message.get("audio")
    name = cast("dict[str, object]", audio).get("id") if isinstance(audio, dict) else None
    raw = replay(name) if replay is not None and isinstance(name, str) else None
    if raw is not None:
        return replayed(raw)
    if audio is not None and not message.get("content"):
        raise SpeechPromptError(
            f"the audio {name!r} of an earlier answer is not kept here (any more); send its transcript as content",
            "audio_not_found",
        )
    return _inert(_text(message))


def _calls(calls: object) -> list[dict[str, Any]]:
    """The functions an earlier answer called."""
    made: list[dict[str, Any]] = []
    for call in cast("list[object]", calls) if isinstance(calls, list) else [calls]:
        given = cast("dict[str, Any]", call) if isinstance(call, dict) else {}
        function = cast("dict[str, Any]", given["function"]) if isinstance(given.get("function"), dict) else {}
        name, arguments = function.get("name"), function.get("arguments")
        if not isinstance(name, str) or not isinstance(arguments, str):
            raise SpeechPromptError("a tool call is an object with a function that has a name and arguments, as texts")
        made.append({**given, "function": {**function, "name": _inert(name), "arguments": _inert(arguments)}})
    return made


def _user_content(message: Message, style: PromptStyle) -> str | list[dict[str, Any]]:
    """Recordings before words, which is the order the model was taught."""
    parts = _parts(message)
    heard: list[dict[str, Any]] = []
    for part in parts:
        if str(part.get("type")) in _AUDIO_PARTS:
            try:
                heard += audio_parts(part, style.audio_part, style.limits)
            except SpokenInputError as error:
                raise SpeechPromptError(str(error), "invalid_audio") from error
    text = _inert(_text({**message, "content": [part for part in parts if str(part.get("type")) not in _AUDIO_PARTS]}))
    if not heard:
        return text
    return [*heard, {"type": "text", "text": text}] if text else heard


def _parts(message: Message) -> list[Message]:
    content: object = message.get("content")
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in cast("list[object]", content)):
        raise SpeechPromptError("the content of a message is a text or a list of parts")
    return cast("list[Message]", content)


def _text(message: Message) -> str:
    """The words of a message whose parts are all words."""
    words: list[str] = []
    for part in _parts(message):
        kind = str(part.get("type"))
        text: object = part.get(kind)
        if kind not in {"text", "refusal"} or not isinstance(text, str):
            raise SpeechPromptError(f"a message of the role {message.get('role')!r} has a part of the type {kind!r}")
        words.append(text)
    return "\n".join(words)


def _inert(text: str) -> str:
    """Without tags: what people write can open no turn and begin no speech."""
    return _CONTROL.sub("< ", text)


def render_prompt(messages: Sequence[Message], tools: Sequence[Any] | None = None) -> str:
    """The chat template, for what `chat_messages` returns: a prompt for `/v1/completions`.

    An answer that stands last is left open for the model to go on. Raises `SpeechPromptError` for recordings, which
    only a chat takes.
    """
    rest = list(messages)
    text = ""
    if rest and rest[0]["role"] == "system":
        text = f"{TURN_START}system\n{rest.pop(0)['content']}{TURN_END}"
    if tools:
        # Without a system message the template opens one and leaves it empty and open.
        schemas = _inert(json.dumps(list(tools), ensure_ascii=False))
        text = (text or f"{TURN_START}system\n") + f"{TURN_START}tool_json_schemas\n{schemas}{TURN_END}"
    called: dict[str, str] = {}
    for place, message in enumerate(rest, 1):
        last = place == len(rest) and message["role"] == "assistant"
        text += f"{TURN_START}{_turn(message, called)}{'' if last else TURN_END}"
    return text if rest and rest[-1]["role"] == "assistant" else f"{text}{TURN_START}assistant\n"


def _turn(message: Message, called: dict[str, str]) -> str:
    """A message as the model reads it. `called` collects the names of the functions called, by the call's id."""
    role, content = message["role"], message["content"]
    if not isinstance(content, str):
        raise SpeechPromptError("a recording cannot be sent to /v1/completions; use chat completions", "invalid_audio")
    if role in {"tool", "function"}:
        name = message.get("name") or called.get(message.get("tool_call_id", ""), "")
        return f"function_output\n{name}\n{content}"
    if role != "assistant":
        return f"{'human' if role in {'user', 'human'} else role}\n{content}"
    calls = ""
    for call in message.get("tool_calls") or ():
        function = call["function"]
        called[call.get("id", "")] = function["name"]
        calls += f"<tool_call>function\n{function['name']}\n{function['arguments']}</tool_call>"
    return f"assistant\n{content}{calls}"
