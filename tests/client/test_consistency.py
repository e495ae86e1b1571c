"""How the figures are made, and the whole of it against a real server."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import numpy as np
import openai
import pytest

from backend.app import create_app
from backend.client.consistency.command import main
from backend.client.consistency.figures import VoiceHeard, auc, drift, equal_error_rate, summarise, table
from backend.engines.offline_speech import OfflineTextToSpeech
from backend.engines.offline_writer import OfflineLanguageModel
from backend.session_settings import Engines
from backend.settings import Settings
from tests.openai_server import serve_app
from tests.routes.test_voices import SAMPLE
from tests.scripted import LoudnessVad, ScriptedSpeechToText

NEARNESS = SimpleNamespace(name="nearness", similarity=lambda one, other: 1 - abs(float(one - other)))


def voice(name, *values, reference=None):
    return VoiceHeard(name, {str(index): np.float64(value) for index, value in enumerate(values)}, reference)


def test_figures_of_two_voices():
    """Sentences are compared with the first and with the recording; the yardstick is what two voices score, the same
    words left out."""
    summary = summarise([voice("a", 0.0, 0.1, 0.2, reference=np.float64(0.0)), voice("b", 0.5, 0.5)], NEARNESS)
    a, b = summary["voices"].values()
    assert a["to_first"] == pytest.approx([0.9, 0.8])
    assert a["to_reference"] == pytest.approx([1.0, 0.9, 0.8])
    assert a["mean_to_first"] == pytest.approx(0.85)
    assert a["drift"] == pytest.approx({"slope": -1.0, "standard_error": 0.0})
    assert (b["to_first"], b["to_reference"], b["mean_to_reference"], b["drift"]) == ([1.0], [], None, None)
    assert summary["same"]["mean"] == pytest.approx(np.mean([0.9, 0.8, 0.9, 1.0]))
    assert summary["different"]["mean"] == pytest.approx(np.mean([0.5, 0.6, 0.7, 0.7]))
    assert (summary["auc"], summary["equal_error_rate"]) == (1.0, 0.0)
    shown = table(summary)
    for part in ("to the recording 1.00 0.90 0.80  mean 0.900", "drift -1.000 ± 0.000 over 10", "AUC 1.0000"):
        assert part in shown


def test_one_voice_has_no_yardstick():
    """What cannot be told is left open and not made up."""
    summary = summarise([voice("a", 0.0)], NEARNESS)
    assert [summary[name] for name in ("same", "different", "auc", "equal_error_rate")] == [None] * 4
    assert "too few" in table(summary)


@pytest.mark.parametrize(
    ("same", "different", "area", "errors"),
    [
        ([3, 4], [1, 2], 1.0, 0.0),
        ([1, 2], [3, 4], 0.0, 1.0),
        ([1, 2, 3, 4], [1, 2, 3, 4], 0.5, 0.5),
        ([2, 5, 6, 7], [1, 2, 3, 4], 27 / 32, 0.25),
    ],
)
def test_how_well_voices_are_told_apart(same, different, area, errors):
    """Known areas and error rates; ties count half."""
    assert auc(same, different) == pytest.approx(area)
    assert equal_error_rate(same, different) == pytest.approx(errors)


def test_drift():
    """A steady loss is told per ten sentences, and how certain it is; two sentences are no line."""
    steady = drift([0.9, 0.89, 0.88, 0.87])
    assert (steady["slope"], steady["standard_error"]) == (pytest.approx(-0.1), pytest.approx(0.0))
    uneven = drift([0.9, 0.7, 0.9, 0.7, 0.9, 0.7])
    slope, covariance = np.polyfit(range(6), [0.9, 0.7] * 3, 1, cov="unscaled")
    assert uneven["slope"] == pytest.approx(10 * slope[0])
    residual = np.polyval(slope, range(6)) - [0.9, 0.7] * 3
    assert uneven["standard_error"] == pytest.approx(10 * np.sqrt(covariance[0, 0] * (residual**2).sum() / 4))
    assert drift([0.9, 0.8]) is None


class Cloning(OfflineTextToSpeech):
    """Takes recordings, and speaks as it always does."""

    clones_voices = True


async def test_a_running_server_is_measured(tmp_path, capsys):
    """Its voices speak in conversations of their own; a clone is compared with the recording it imitates."""
    engines = Engines(ScriptedSpeechToText(), OfflineLanguageModel(), Cloning(), LoudnessVad())
    async with serve_app(create_app(Settings(api_key="key"), engines)) as (port, _):
        url = f"http://127.0.0.1:{port}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key="key") as client:
            clone = await client.audio.voices.create(
                name="Ada", consent="yes", audio_sample=("a.wav", SAMPLE), extra_body={"ref_text": "Ahoy."}
            )
        voices = ("nova", clone.id)
        asked = ["--url", f"ws://127.0.0.1:{port}/ws", "--api-key", "key", "--sentences", "3"]
        asked += [part for voice_id in voices for part in ("--voice", voice_id)]
        assert await asyncio.to_thread(main, [*asked, "--json", str(tmp_path / "figures.json")]) == 0
        assert await asyncio.to_thread(main, [*asked[:2], "--api-key", "wrong"]) == 1
    shown = capsys.readouterr()
    figures = json.loads(shown.out.splitlines()[-1])
    assert figures == json.loads((tmp_path / "figures.json").read_text())
    assert [len(figures["voices"][name]["to_first"]) for name in voices] == [2, 2]
    assert [len(figures["voices"][name]["to_reference"]) for name in voices] == [0, 3]
    assert figures["auc"] > 0.5
    assert "voice_consistency: " in shown.err.splitlines()[-1]
