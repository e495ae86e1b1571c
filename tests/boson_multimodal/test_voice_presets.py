"""Voices by name and from a file."""

from __future__ import annotations

import pytest

from boson_multimodal.prompts import system_text
from boson_multimodal.voice_presets import PRESETS, VoicePreset, load_presets, preset


def test_built_in_voices_differ():
    """Two characters with different presets do not sound alike; each keeps its voice through its seed."""
    voices = PRESETS.values()
    assert len(voices) >= 8
    assert len({voice.speaker_description for voice in voices}) == len({voice.seed for voice in voices}) == len(voices)
    assert None not in {voice.seed for voice in voices}


@pytest.mark.parametrize("name", PRESETS)
def test_a_built_in_voice_makes_a_system_message(name):
    """A preset's description and scene go into the prompt as they are."""
    voice = preset(name)
    assert voice.name == name
    text = system_text(voice.scene_prompt, voice.speaker_description)
    assert f"{voice.scene_prompt}\n\nSPEAKER0: {voice.speaker_description}\n" in text


def test_an_unknown_voice_lists_the_known():
    """A typing error is answered with the names there are."""
    with pytest.raises(ValueError, match=r"no voice preset 'narator'; there are .*narrator"):
        preset("narator")


def test_a_file_of_voices_is_read(tmp_path):
    """A user's voices need a description only, and every other field may be set."""
    path = tmp_path / "voices.toml"
    path.write_text(
        '[ann]\nspeaker_description = "feminine;low pitch"\n'
        '[bo]\nspeaker_description = "masculine"\nscene_prompt = ""\ntemperature = 1\ntop_k = 50\nseed = 3\n',
        encoding="utf-8",
    )
    voices = load_presets(path)
    assert voices == {
        "ann": VoicePreset("ann", "feminine;low pitch"),
        "bo": VoicePreset("bo", "masculine", scene_prompt="", temperature=1, top_k=50, seed=3),
    }
    assert preset("bo", voices) is voices["bo"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[ann", "voices.toml"),
        ('ann = "feminine"', "is not a table"),
        ("[ann]\nseed = 1", "lacks speaker_description"),
        ('[ann]\nspeaker_description = "f"\npitch = 1', "no field 'pitch'"),
        ('[ann]\nspeaker_description = "f"\nname = "bo"', "no field 'name'"),
        ('[ann]\nspeaker_description = "f"\ntop_k = 1.5', "top_k is of the type int"),
        ('[ann]\nspeaker_description = "f"\ntop_k = true', "top_k is of the type int"),
        ('[ann]\nspeaker_description = "f"\ntemperature = 0', "temperature outside"),
        ('[ann]\nspeaker_description = "f"\ntop_p = 1.5', "top_p outside"),
        ('[ann]\nspeaker_description = "f"\nras_win_len = 0', "limit below 1"),
        ('[ann]\nspeaker_description = " "', "has no speaker_description"),
    ],
)
def test_an_unusable_file_is_named_with_its_fault(tmp_path, content, complaint):
    """A fault in a user's file is found when it is read, not when the voice is first used."""
    path = tmp_path / "voices.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=complaint) as error:
        load_presets(path)
    assert str(path) in str(error.value)
