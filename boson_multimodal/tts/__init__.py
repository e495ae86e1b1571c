"""Engines that make speech, all with the same life: loaded at first use, unloaded when idle.

`StepAudio2TTS` is imported when it is asked for, since it needs torch.
"""

from __future__ import annotations

import importlib
from typing import Any

from boson_multimodal.tts.base import BaseTTSEngine, EngineBusy

__all__ = ["BaseTTSEngine", "EngineBusy"]

_LATER = {"StepAudio2TTS": "boson_multimodal.tts.step_audio2"}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
