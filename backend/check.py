"""What `voicechat check` says: what is installed, which engine each stage would use, and why not a better one."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import TYPE_CHECKING

from backend.app import choose_engines

if TYPE_CHECKING:
    from backend.settings import Settings

_PACKAGES = {
    "faster-whisper": "speech recognition",
    "pocketsphinx": "offline speech recognition",
    "espeakng-loader": "offline voices (eSpeak NG, GPL-3.0)",
    "openai": "servers with the OpenAI API",
    "torch": "the higgs and step-audio2 voices; extras: higgs, step-audio2",
    "transformers": "the higgs voice; extra: higgs",
    "PyYAML": "the step-audio2 voice; extra: step-audio2",
    "runpod": "jobs of RunPod's queue; extra: serverless",
    "sounddevice": "microphone of `voicechat talk`; extra: microphone",
}

_BETTER = {
    "llm": "a language model: --llm-base-url http://127.0.0.1:11434/v1 --llm-model NAME (Ollama), or any other server",
    "tts": "a speech server: --tts-base-url http://HOST/v1 --tts-model NAME",
    "stt": "a transcription server: --stt-base-url http://HOST/v1, or a faster-whisper model: --stt-model FOLDER",
}


def report(settings: Settings) -> str:
    """The report as lines of text."""
    lines = [f"Python {platform.python_version()} on {platform.system()} {platform.machine()}", "", "Packages"]
    lines += [f"  {name:<18} {_version(name):<12} {use}" for name, use in _PACKAGES.items()]
    lines += ["", "Engines"]
    engines = choose_engines(settings)
    for stage, engine in engines.describe().items():
        kind = "stand-in" if engine["stand_in"] else "engine"
        lines.append(f"  {stage}  {engine['name']} ({kind}): {engine['detail']}")
        if engine["stand_in"]:
            lines.append(f"       better: {_BETTER[stage]}")
    if engines.turn_model is not None:
        lines.append(f"  the end of a turn: {engines.turn_model.detail}")
    return "\n".join(lines)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "-"
