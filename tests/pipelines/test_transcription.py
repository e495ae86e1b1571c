"""Recordings cut into utterances: nothing said is lost, times are right, and leaving stops the recogniser."""

from __future__ import annotations

from contextlib import aclosing
from itertools import pairwise

import pytest

from backend.engines.interfaces import Hints
from backend.pipelines.transcription import LONGEST_SEGMENT_MS, Segment, transcribe
from tests.scripted import LoudnessVad, ScriptedSpeechToText

WINDOW_S = 0.032
HINTS = Hints(("Zoë",), "de")


def voice(windows: int) -> bytes:
    return (8000).to_bytes(2, "little") * 512 * windows


def silence(windows: int) -> bytes:
    return bytes(1024 * windows)


async def transcribed(pcm: bytes, stt) -> list[Segment]:
    async with aclosing(transcribe(pcm, stt, LoudnessVad(), HINTS)) as segments:
        return [segment async for segment in segments]


async def test_segments_have_the_times_of_what_was_said():
    """Each utterance is one segment, from its first voiced window to its last, with the hints of the request."""
    stt = ScriptedSpeechToText("First.", " Second\nline ", final_s=0)
    pcm = silence(50) + voice(40) + silence(10) + voice(5) + silence(30) + voice(20)
    segments = await transcribed(pcm, stt)
    assert segments == [
        Segment(pytest.approx(50 * WINDOW_S), pytest.approx(105 * WINDOW_S), "First."),
        Segment(pytest.approx(135 * WINDOW_S), pytest.approx(155 * WINDOW_S), "Second line"),
    ]
    assert stt.hints == [HINTS, HINTS]
    # The beginning that is too soft to be detected and the silence at the end are heard as well.
    assert stt.heard == [(12 + 55 + 19) * 1024, (11 + 20) * 1024]


async def test_a_recording_may_end_within_a_window():
    """The last samples count, and no time is beyond the end."""
    (segment,) = await transcribed(voice(10) + voice(1)[:500], ScriptedSpeechToText("Hi.", final_s=0))
    assert segment.end_s == (10 * 1024 + 500) / 32_000


@pytest.mark.parametrize("pcm", [silence(100), voice(2) + silence(50), voice(1)[:10]])
async def test_without_speech_there_is_nothing(pcm):
    """Silence and clicks are not put to the recogniser, which might make up words."""
    stt = ScriptedSpeechToText("Thank you for watching.")
    assert await transcribed(pcm, stt) == []
    assert stt.counts.opened == 0


async def test_what_is_not_understood_is_no_segment():
    """An utterance without words leaves no empty subtitle."""
    stt = ScriptedSpeechToText("", "Words.", final_s=0)
    segments = await transcribed(voice(10) + silence(30) + voice(10), stt)
    assert [segment.text for segment in segments] == ["Words."]


async def test_long_speech_is_cut_and_nothing_of_it_is_lost():
    """Nobody's speech is too long for a recogniser: it is cut between words if it can be, and anywhere if not."""
    stt = ScriptedSpeechToText(final_s=0)
    spoken = voice(700) + silence(4) + voice(2500)
    segments = await transcribed(spoken, stt)
    assert segments[0].end_s == pytest.approx(700 * WINDOW_S)
    assert all(segment.end_s - segment.start_s <= LONGEST_SEGMENT_MS / 1000 + WINDOW_S for segment in segments)
    assert all(first.end_s <= second.start_s for first, second in pairwise(segments))
    assert sum(stt.heard) == len(spoken)


async def test_leaving_stops_the_recogniser():
    """A segment is known while later ones are not, and when the generator is closed no engine stream is open."""
    stt = ScriptedSpeechToText(final_s=0)
    segments = transcribe(voice(10) + silence(30) + voice(10), stt, LoudnessVad(), HINTS)
    await anext(segments)
    await segments.aclose()
    assert (stt.counts.opened, stt.counts.live) == (1, 0)
