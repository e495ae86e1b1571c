"""Voices by name: a scene, a description of the speaker, and how freely the voice is drawn.

A description is a list of attributes in the words of the training data: timbre, pitch, intonation, gender, age, pace
and mood, separated by semicolons.
"""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

QUIET_ROOM = "Audio is recorded from a quiet room."


@dataclass(frozen=True, slots=True)
class VoicePreset:
    """A voice. The model draws from the smallest set of codes that holds the probability `top_p`, at most `top_k` of
    them (None: any number). `ras_win_len` is in frames, None switches the repetition check off. A `seed` gives the same
    voice each time; None another one. Raises `ValueError` for a value outside its range."""

    name: str
    speaker_description: str
    scene_prompt: str = QUIET_ROOM
    temperature: float = 0.7
    top_p: float = 0.95
    top_k: int | None = None
    ras_win_len: int | None = 7
    ras_win_max_num_repeat: int = 2
    seed: int | None = None

    def __post_init__(self) -> None:
        positive = (self.top_k, self.ras_win_len, self.ras_win_max_num_repeat)
        for fault, found in (
            ("has no name", not self.name.strip()),
            ("has no speaker_description", not self.speaker_description.strip()),
            ("has a temperature outside 0 to 2", not 0 < self.temperature <= 2),
            ("has a top_p outside 0 to 1", not 0 < self.top_p <= 1),
            ("has a limit below 1", any(limit is not None and limit < 1 for limit in positive)),
        ):
            if found:
                raise ValueError(f"voice preset {self.name!r} {fault}")


_BUILT_IN = (
    VoicePreset("narrator", "masculine;low pitch;clear;middle-aged;slow pace;measured;storytelling", seed=101),
    VoicePreset("companion", "feminine;moderate pitch;warm;young adult;moderate pace;friendly;relaxed", seed=102),
    VoicePreset("newsreader", "feminine;moderate pitch;crisp;middle-aged;slightly fast;formal;neutral", seed=103),
    VoicePreset("professor", "masculine;moderate pitch;slightly hoarse;elderly;slow pace;thoughtful;kind", seed=104),
    VoicePreset(
        "sprite",
        "feminine;high pitch;bright;child;fast pace;excited;playful",
        scene_prompt="Audio is recorded in a lively playroom without background noise.",
        temperature=0.8,
        seed=105,
    ),
    VoicePreset(
        "host",
        "masculine;slightly high pitch;energetic;young adult;fast pace;cheerful;expressive",
        scene_prompt="Audio is recorded in a radio studio.",
        temperature=0.8,
        seed=106,
    ),
    VoicePreset("detective", "masculine;very low pitch;vocal fry;middle-aged;slow pace;monotone;weary", seed=107),
    VoicePreset(
        "grandmother",
        "feminine;slightly low pitch;soft;elderly;slow pace;gentle;affectionate",
        temperature=0.6,
        seed=108,
    ),
)

PRESETS: Mapping[str, VoicePreset] = MappingProxyType({voice.name: voice for voice in _BUILT_IN})
"""The voices that come with the package."""


def preset(name: str, presets: Mapping[str, VoicePreset] = PRESETS) -> VoicePreset:
    """The voice of a name; `ValueError` lists the names there are."""
    try:
        return presets[name]
    except KeyError:
        raise ValueError(f"no voice preset {name!r}; there are {', '.join(sorted(presets))}") from None


def load_presets(path: str | Path) -> dict[str, VoicePreset]:
    """The voices of a TOML file, one table each: its name is the voice's, its keys are the fields of `VoicePreset`.

    Raises `OSError` when the file cannot be read, `ValueError` naming it and the table when its content cannot be used.
    """
    path = Path(path)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: _from_table(name, table) for name, table in tables.items()}
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


_TYPES: Mapping[str, tuple[type, ...]] = {
    "speaker_description": (str,),
    "scene_prompt": (str,),
    "temperature": (float, int),
    "top_p": (float, int),
    "top_k": (int,),
    "ras_win_len": (int,),
    "ras_win_max_num_repeat": (int,),
    "seed": (int,),
}


def _from_table(name: str, table: Any) -> VoicePreset:
    if not isinstance(table, dict):
        raise ValueError(f"{name!r} is not a table; a voice is written as [{name}] with its fields below")
    values = cast("dict[str, Any]", table)
    for key, value in values.items():
        if key not in _TYPES:
            raise ValueError(f"voice preset {name!r} has no field {key!r}; the fields are {', '.join(_TYPES)}")
        # A bool is an int to Python, never to the reader of the file.
        if not isinstance(value, _TYPES[key]) or isinstance(value, bool):
            raise ValueError(f"voice preset {name!r}: {key} is of the type {_TYPES[key][0].__name__}, not {value!r}")
    required = [field.name for field in fields(VoicePreset) if field.default is MISSING and field.name != "name"]
    missing = [key for key in required if key not in values]
    if missing:
        raise ValueError(f"voice preset {name!r} lacks {', '.join(missing)}")
    return VoicePreset(name, **values)
