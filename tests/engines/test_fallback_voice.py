"""A voice of another engine goes on with a text."""

from __future__ import annotations

import pytest

from backend.audio import sample_count
from backend.engines.fallback_voice import FallbackVoice
from tests.engines import contract
from tests.scripted import RATE_HZ, ScriptedTextToSpeech

TEXT = "The harbour is quiet tonight."


@pytest.mark.virtual_time
async def test_marks_count_from_the_beginning_of_the_whole_text():
    """At the other rate, and never beyond the end."""
    engine = ScriptedTextToSpeech(marks=True)
    engine.sample_rate_hz = 22_050
    voice = FallbackVoice(engine, engine.open_voice("one"), RATE_HZ)
    pieces = await contract.drain(voice.finish(TEXT, 12, 500))
    marks = [mark for piece in pieces for mark in piece.marks]
    assert [TEXT[mark.offset :].split(maxsplit=1)[0] for mark in marks] == ["is", "quiet", "tonight."]
    assert [mark.sample for mark in marks] == [500 + int(offset * 960 * RATE_HZ / 22_050) for offset in (0, 3, 9)]
    assert all(piece.pcm for piece in pieces)
    assert sum(sample_count(piece.pcm) for piece in pieces) == pytest.approx(17 * 960 * RATE_HZ / 22_050, abs=2)
