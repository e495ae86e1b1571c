"""What sessions and responses can be asked to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backend.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backend.protocols.realtime.wire import Wire

MAX_INSTRUCTIONS = 100_000
MAX_TOOLS = 128
MAX_OUTPUT_TOKENS = 32_768
SLOWEST, FASTEST = 0.25, 1.5
PCM = {"type": "audio/pcm", "rate": 24000}


def check_session(wire: Wire) -> None:
    """Raises `InvalidRequest` for a session that cannot be."""
    if len(wire["instructions"]) > MAX_INSTRUCTIONS:
        raise InvalidRequest(f"instructions have at most {MAX_INSTRUCTIONS} characters", param="session.instructions")
    check_modalities(wire["output_modalities"], "session.output_modalities")
    check_limit(wire["max_output_tokens"], "session.max_output_tokens")
    check_tools(wire["tools"], "session.tools")
    check_choice(wire["tool_choice"], "session.tool_choice")
    speed = wire["audio"]["output"]["speed"]
    if not SLOWEST <= speed <= FASTEST:
        raise InvalidRequest(f"speed is {SLOWEST} to {FASTEST}, not {speed}", param="session.audio.output.speed")
    for way in ("input", "output"):
        form = wire["audio"][way]["format"]
        check_format(form, f"session.audio.{way}.format")
        if form["type"] == "audio/pcm":
            form["rate"] = PCM["rate"]
    _check_detection(wire["audio"]["input"]["turn_detection"])


def _check_detection(detection: dict[str, Any] | None) -> None:
    if detection is None or detection["type"] != "server_vad":
        return
    where = "session.audio.input.turn_detection"
    if not 50 <= detection["silence_duration_ms"] <= 10_000:
        raise InvalidRequest("silence_duration_ms is 50 to 10000", param=f"{where}.silence_duration_ms")
    idle_ms = detection["idle_timeout_ms"]
    if idle_ms is not None and not 5_000 <= idle_ms <= 30_000:
        raise InvalidRequest("idle_timeout_ms is 5000 to 30000", param=f"{where}.idle_timeout_ms")


def check_modalities(modalities: Sequence[str], param: str) -> None:
    """Raises `InvalidRequest` unless it is one of both."""
    if modalities not in (["audio"], ["text"]):
        raise InvalidRequest('output_modalities is ["audio"] or ["text"]', param=param)


def check_format(form: Mapping[str, Any], param: str) -> None:
    """Raises `InvalidRequest` for sound that is not said to be of some type."""
    if form.get("type") is None:
        raise InvalidRequest("a format has a type: audio/pcm, audio/pcmu or audio/pcma", param=f"{param}.type")


def check_limit(limit: object, param: str) -> None:
    """Raises `InvalidRequest` for a number of tokens that cannot be."""
    if isinstance(limit, int) and not 1 <= limit <= MAX_OUTPUT_TOKENS:
        raise InvalidRequest(f'max_output_tokens is 1 to {MAX_OUTPUT_TOKENS}, or "inf"', param=param)


def check_tools(tools: Sequence[Mapping[str, Any]] | None, param: str) -> None:
    """Raises `InvalidRequest` for tools that are no functions."""
    for index, tool in enumerate(tools or ()):
        if tool.get("type") != "function" or not tool.get("name"):
            raise InvalidRequest("tools are functions, each with a name", param=f"{param}[{index}]")
    if tools and len(tools) > MAX_TOOLS:
        raise InvalidRequest(f"at most {MAX_TOOLS} tools", param=param)


def check_choice(choice: object, param: str) -> None:
    """Raises `InvalidRequest` for a choice of what is no function."""
    match choice:
        case {"type": str(kind)} if kind != "function":  # pyright: ignore[reportUnknownVariableType]
            raise InvalidRequest("tool_choice names a function; there is nothing else to call", param=param)
        case _:
            pass
