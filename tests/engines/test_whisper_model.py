"""How a faster-whisper model is asked, on the model of random weights."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from backend.audio import to_float
from backend.engines.interfaces import HEARING_RATE_HZ, Hints
from backend.engines.whisper_model import HOTWORD_TOKENS, TIMED_FROM_S, WhisperModel
from backend.engines.whisper_words import text_of
from tests.engines import contract

MODEL = Path(__file__).parent.parent / "fixtures" / "tiny-whisper"


@pytest.fixture(scope="module")
def model() -> WhisperModel:
    return WhisperModel.load(str(MODEL), "cpu")


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """A few seconds."""
    return to_float(asyncio.run(contract.spoken("We are going to the beach this afternoon.")))


@pytest.fixture
def asked(model, monkeypatch) -> list[dict]:
    """The options of each call of faster-whisper."""
    calls = []
    transcribe = type(model.model).transcribe

    def watched(self, audio, **options):
        calls.append(options)
        return transcribe(self, audio, **options)

    monkeypatch.setattr(type(model.model), "transcribe", watched)
    return calls


@pytest.mark.parametrize(
    ("knows", "language", "asked_for"),
    [
        (["en"], "de", None),
        (["en"], "en", "en"),
        (["en", "de"], "de", "de"),
        (["en", "de"], "tlh", None),
        (["en", "de"], None, None),
    ],
)
def test_a_language_is_asked_for_if_the_model_knows_it(model, monkeypatch, knows, language, asked_for):
    """The hint of a language saves its detection; one the model does not know is detected instead of failing."""
    monkeypatch.setattr(type(model.model), "supported_languages", knows)
    monkeypatch.setattr(
        type(model.model), "transcribe", lambda self, audio, **options: (calls.append(options) or [], None)
    )
    calls: list[dict] = []
    assert list(model.transcribe(np.zeros(16000, np.float32), Hints(language=language))) == []
    assert [options["language"] for options in calls] == [asked_for]


def test_names_and_what_was_said_before_are_passed_on(model, speech, asked):
    """Whisper is told the names of the cast and the text before a cut; without them it is told nothing."""
    assert list(model.transcribe(speech, Hints(words=("Seraphina", "Old Tom")), "and then"))
    assert list(model.transcribe(speech))
    assert [options["hotwords"] for options in asked] == ["Seraphina, Old Tom", None]
    prompts = [options["initial_prompt"] for options in asked]
    assert model.model.hf_tokenizer.decode(prompts[0]) == " and then"
    assert prompts[1] is None


def test_hints_leave_room_for_the_text(model, speech, asked):
    """However many names and however much text there is, the decoder's memory has room for all it may write."""
    names = tuple(f"Seraphina{index}" for index in range(500))
    assert list(model.transcribe(np.tile(speech, 10)[: 25 * HEARING_RATE_HZ], Hints(words=names), "long ago " * 100))
    told = asked[0]["hotwords"].split(", ")
    assert tuple(told) == names[: len(told)]
    assert len(asked[0]["hotwords"]) <= HOTWORD_TOKENS < len(", ".join(names[: len(told) + 1])) + 1


@pytest.mark.parametrize(("doubt", "heard"), [((0.9, -1.5), False), ((0.9, -0.5), True), ((0.1, -1.5), True)])
def test_what_is_probably_no_speech_is_dropped(model, speech, monkeypatch, doubt, heard):
    """Words that Whisper makes up for noise are dropped when it says itself that there was no speech."""
    no_speech_prob, avg_logprob = doubt
    generate = type(model.model).generate_with_fallback

    def doubtful(self, *given):
        result, _, temperature, ratio = generate(self, *given)
        result = SimpleNamespace(sequences_ids=result.sequences_ids, no_speech_prob=no_speech_prob)
        return result, avg_logprob, temperature, ratio

    monkeypatch.setattr(type(model.model), "generate_with_fallback", doubtful)
    assert bool(list(model.transcribe(speech))) == heard


@pytest.mark.parametrize("seconds", [3, TIMED_FROM_S + 1, 28])
def test_audio_is_decoded_once(model, speech, monkeypatch, seconds):
    """A window is one pass of the model, timed or not; words are timed from the length on at which cuts need it."""
    passes = []
    encode = type(model.model).encode
    monkeypatch.setattr(type(model.model), "encode", lambda *given: passes.append(1) or encode(*given))
    (words,) = model.transcribe(np.tile(speech, 15)[: seconds * HEARING_RATE_HZ])
    assert len(passes) == 1
    assert text_of(words).strip()
    timed = [word for word in words if word.end_s is not None]
    assert bool(timed) == (seconds >= TIMED_FROM_S)
    assert [word.end_s for word in timed] == sorted(word.end_s for word in timed)
    assert all(0 <= word.end_s <= seconds for word in timed)
