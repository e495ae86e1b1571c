"""The STT pipeline: what the recogniser is given, and when the turn is decided. On virtual time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from backend.engines.interfaces import Hints, Pause, Transcript
from backend.errors import EngineError
from backend.events import SpeechStarted, SpeechStopped, TranscriptPartial
from backend.pipelines.stt import HearingFailed, LikelyEnd, StillSpeaking, STTPipeline
from backend.pipelines.turn_detection import TurnSettings
from backend.utterance import Utterance
from tests.scripted import LoudnessVad, ScriptedSpeechToText, ScriptedTurnModel
from tests.sessions import LOUD, QUIET

pytestmark = pytest.mark.virtual_time

SENTENCE = "What time is it?"


class Hearing:
    """A pipeline that is spoken to, and everything it concludes, with the time."""

    def __init__(self, stt, turn_model, settings: TurnSettings) -> None:
        self.clock = asyncio.get_running_loop().time
        self.found = []
        self.pipeline = STTPipeline(stt, LoudnessVad().open(), self._note, self.clock, turn_model=turn_model)
        self.pipeline.settings = settings

    def _note(self, event) -> None:
        self.found.append((self.clock(), event))

    def of(self, kind) -> list:
        return [event for _, event in self.found if isinstance(event, kind)]

    async def microphone(self, *stretches: float) -> None:
        """Loud and quiet stretches in turn, in seconds, in real time."""
        for index, seconds in enumerate(stretches):
            for _ in range(round(seconds * 50)):
                self.pipeline.feed(QUIET if index % 2 else LOUD)
                await asyncio.sleep(0.02)


@asynccontextmanager
async def hearing(stt=None, turn_model=None, **settings):
    heard = Hearing(stt or ScriptedSpeechToText(SENTENCE), turn_model, TurnSettings(**settings))
    running = asyncio.create_task(heard.pipeline.run())
    try:
        yield heard
    finally:
        running.cancel()
        await asyncio.wait((running,))


class Recorder(ScriptedSpeechToText):
    """Keeps what it is given: bytes of audio between pauses."""

    def __init__(self) -> None:
        super().__init__(SENTENCE)
        self.given: list[int | str] = []

    async def stream(self, audio, hints=()):
        pauses = 0
        async for item in audio:
            if isinstance(item, Pause):
                pauses += 1
                self.given.append("pause")
                yield Transcript(SENTENCE, final=False, pauses=pauses)
            elif self.given and self.given[-1] != "pause":
                self.given[-1] += len(item)
            else:
                self.given.append(len(item))
        yield Transcript(SENTENCE, final=True)


async def test_silence_is_given_to_the_recogniser_only_when_speech_goes_on():
    """Nothing follows a pause but speech, so what was answered there is all there is; and no sample is lost."""
    stt = Recorder()
    async with hearing(stt, silence_ms=600) as heard:
        await heard.microphone(1.0, 0.4, 1.0, 1.0)
    first, pause, second, last = stt.given
    assert (pause, last) == ("pause", "pause")
    assert first + second == pytest.approx(32 * (1000 + 400 + 1000 + 64), abs=1024 * 2)
    assert len(heard.of(Utterance)) == 1


async def test_the_words_decide_how_long_to_wait():
    """A finished question is answered after a quarter of a second; half a sentence waits for more than a second."""
    waits = {}
    for text in (SENTENCE, "what time is the"):
        async with hearing(ScriptedSpeechToText(text)) as heard:
            await heard.microphone(1.0, 1.5)
            stopped = heard.of(SpeechStopped)[0]
            waits[stopped.reason] = stopped.silence_ms
    assert waits == {"finished sentence": 256, "unfinished sentence": 1216}


async def test_a_recogniser_that_takes_its_time_does_not_hold_the_turn_up():
    """Without words the middling silence decides, and the text comes when it comes."""
    async with hearing(ScriptedSpeechToText(SENTENCE, final_s=2.0)) as heard:
        await heard.microphone(1.0, 3.0)
        assert heard.of(SpeechStopped)[0].reason == "words not known"
        (utterance,) = heard.of(Utterance)
        assert utterance.transcribed_at - utterance.ended_at == pytest.approx(2.0 + 0.064, abs=0.03)
        assert utterance.ahead_s == pytest.approx(0.768 - 0.064, abs=0.03)


async def test_a_likely_end_is_told_once_a_pause():
    """The session learns of it when there are words, and again after the next stretch of speech."""
    async with hearing(ScriptedSpeechToText((SENTENCE, SENTENCE + " And where?")), silence_ms=800) as heard:
        await heard.microphone(1.0, 0.7, 1.0, 0.7)
        ends = [event.utterance.text for event in heard.of(LikelyEnd)]
        assert ends == [SENTENCE, SENTENCE + " And where?"]
        kinds = [type(event) for _, event in heard.found]
        assert kinds.index(LikelyEnd) < len(kinds) - 1 - kinds[::-1].index(StillSpeaking)


async def test_letting_go_of_the_button_ends_the_utterance_at_once():
    """Push-to-talk waits for no silence, and none ends it."""
    async with hearing(mode="push_to_talk") as heard:
        await heard.microphone(1.0, 3.0)
        assert not heard.of(SpeechStopped)
        heard.pipeline.commit()
        assert heard.of(SpeechStopped)[0].reason == "committed"
        await asyncio.sleep(0.2)
        assert heard.of(Utterance)[0].text == SENTENCE


async def test_a_microphone_that_falls_silent_is_silence():
    """A muted microphone sends nothing; the utterance ends all the same."""
    async with hearing() as heard:
        await heard.microphone(1.0)
        await asyncio.sleep(2.0)
        assert heard.of(SpeechStopped)[0].reason == "no more audio"
        assert heard.of(Utterance)


async def test_speech_without_end_is_cut_and_goes_on():
    """After five minutes what was said is taken as an utterance, and what follows as the next: memory is bounded."""
    stt = ScriptedSpeechToText(SENTENCE, final_s=0.0)
    async with hearing(stt) as heard:
        for _ in range(310 * 10):
            heard.pipeline.feed(LOUD * 5)
            await asyncio.sleep(0.1)
        assert [event.reason for event in heard.of(SpeechStopped)] == ["longest utterance"]
        assert len(heard.of(SpeechStarted)) == 2
        assert stt.heard[0] == pytest.approx(300 * 32_000, abs=32_000)


async def test_a_recogniser_that_hangs_does_not_fill_the_memory():
    """Audio nobody takes is kept for a minute; then the utterance ends, and the next one waits its turn."""

    class Hangs(ScriptedSpeechToText):
        async def stream(self, audio, hints=()):
            await asyncio.sleep(1000)
            yield Transcript("", final=True)

    async with hearing(Hangs()) as heard:
        for _ in range(61 * 10):
            heard.pipeline.feed(LOUD * 5)
            await asyncio.sleep(0.1)
        assert [event.reason for event in heard.of(SpeechStopped)] == ["recognition is behind"]


async def test_names_of_the_cast_go_along():
    """The recogniser is told which unusual words to expect."""
    stt = ScriptedSpeechToText(SENTENCE)
    async with hearing(stt) as heard:
        heard.pipeline.hints = Hints(("Nora", "Oscar"))
        await heard.microphone(1.0, 1.0)
    assert stt.hints == [Hints(("Nora", "Oscar"))]


async def test_partial_words_are_shown():
    """What is understood on the way is passed on."""
    async with hearing() as heard:
        await heard.microphone(1.5, 1.0)
        assert heard.of(TranscriptPartial)[0].text == "What"
        assert not heard.of(HearingFailed)


@pytest.mark.parametrize(
    ("text", "probability", "decided"),
    [
        (SENTENCE, 0.9, (256, "finished sentence, sounds finished")),
        (SENTENCE, 0.1, (768, "finished sentence, sounds unfinished")),
        ("Yes, tomorrow", 0.9, (256, "unclear whether finished, sounds finished")),
        ("what time is the", 0.9, (1216, "unfinished sentence")),
    ],
)
async def test_the_voice_has_a_say_where_there_is_a_turn_model(text, probability, decided):
    """The silence that ends a turn is that for the words and the sound together."""
    async with hearing(ScriptedSpeechToText(text), ScriptedTurnModel(probability)) as heard:
        await heard.microphone(1.0, 1.5)
        (stopped,) = heard.of(SpeechStopped)
        assert (stopped.silence_ms, stopped.reason) == decided


async def test_the_turn_model_is_asked_once_a_pause_about_all_that_was_said():
    """It hears the utterance from its beginning, earlier pauses and 192 ms of this one included."""
    model = ScriptedTurnModel(0.1, 0.9)
    async with hearing(turn_model=model) as heard:
        await heard.microphone(1.0, 0.5, 1.0, 1.5)
        assert len(heard.of(SpeechStopped)) == 1
    speech, silence = 32, 192 // 32
    assert model.heard == [speech + silence, 79 + silence]


async def test_the_turn_model_hears_the_last_eight_seconds():
    """Long speech is not kept for its sake, and the next utterance begins anew."""
    model = ScriptedTurnModel(0.9)
    async with hearing(turn_model=model) as heard:
        await heard.microphone(12.0, 2.0, 1.0, 1.0)
    assert model.heard[0] == 8000 // 32
    assert model.heard[1] < 2000 // 32


async def test_a_late_answer_of_the_turn_model_counts_as_soon_as_it_is_there():
    """Until then the words have to wait as if they were unclear."""
    async with hearing(turn_model=ScriptedTurnModel(0.9, answer_s=0.25)) as heard:
        await heard.microphone(1.0, 1.5)
        (stopped,) = heard.of(SpeechStopped)
        assert stopped.silence_ms == pytest.approx(192 + 250, abs=32)
        assert stopped.reason == "finished sentence, sounds finished"


async def test_words_may_come_after_the_sound():
    """The answer of the turn model is kept for them, as long as the pause lasts."""
    model = ScriptedTurnModel(0.9)
    async with hearing(ScriptedSpeechToText(SENTENCE, final_s=0.35), model) as heard:
        await heard.microphone(1.0, 1.5)
        (stopped,) = heard.of(SpeechStopped)
        assert stopped.silence_ms == pytest.approx(64 + 350, abs=32)
        assert len(model.heard) == 1


async def test_a_turn_model_that_takes_too_long_is_not_waited_for():
    """The turn is decided without it, and the question is given up."""
    model = ScriptedTurnModel(0.9, answer_s=1000)
    async with hearing(turn_model=model) as heard:
        await heard.microphone(1.0, 1.0)
        (stopped,) = heard.of(SpeechStopped)
        assert (stopped.silence_ms, stopped.reason) == (768, "finished sentence, sound not known")
        assert (model.counts.opened, model.counts.live) == (1, 0)


async def test_an_answer_about_a_pause_that_is_over_is_dropped():
    """What sounded finished before the person went on says nothing about the next pause."""
    model = ScriptedTurnModel(0.9, 0.1, answer_s=0.25)
    async with hearing(turn_model=model) as heard:
        await heard.microphone(1.0, 0.35, 1.0, 1.5)
        (stopped,) = heard.of(SpeechStopped)
        assert (stopped.silence_ms, stopped.reason) == (768, "finished sentence, sounds unfinished")
        assert len(model.heard) == 2


async def test_a_turn_model_that_fails_leaves_it_to_the_words(caplog):
    """A broken model costs nobody a turn, and the log is not filled with it."""
    model = ScriptedTurnModel(EngineError("stt", "the network is broken"))
    async with hearing(turn_model=model) as heard:
        await heard.microphone(1.0, 1.0, 1.0, 1.0)
        decided = [(event.silence_ms, event.reason) for event in heard.of(SpeechStopped)]
        assert decided == [(256, "finished sentence")] * 2
    assert len(model.heard) == 2
    assert [record.getMessage() for record in caplog.records if "broken" in record.getMessage()] == [
        "the turn model failed, the words decide alone: the network is broken"
    ]


@pytest.mark.parametrize("settings", [{"silence_ms": 600}, {"mode": "push_to_talk"}])
async def test_the_turn_model_is_not_asked_where_sound_does_not_count(settings):
    """Nobody pays for an answer that changes nothing."""
    model = ScriptedTurnModel(0.9)
    async with hearing(turn_model=model, **settings) as heard:
        await heard.microphone(1.0, 2.0)
    assert model.heard == []


async def test_a_pipeline_that_ends_takes_its_question_back():
    """No question outlives the session that asked it."""
    model = ScriptedTurnModel(0.9, answer_s=1000)
    async with hearing(turn_model=model) as heard:
        await heard.microphone(1.0, 0.3)
        assert model.counts.live == 1
    assert (model.counts.opened, model.counts.live) == (1, 0)


async def test_what_is_discarded_was_not_said():
    """It ends at once and is marked; no words of it are told afterwards, and nothing of it is in what follows."""
    stt = ScriptedSpeechToText("Forget this.", SENTENCE, partials={600: "Forget"})
    async with hearing(stt, mode="push_to_talk") as heard:
        await heard.microphone(0.5)
        heard.pipeline.discard()
        assert heard.of(SpeechStopped)[0].reason == "discarded"
        await heard.microphone(1.0)
        heard.pipeline.commit()
        await asyncio.sleep(1.0)
        assert [(utterance.text, utterance.discarded) for utterance in heard.of(Utterance)] == [
            ("", True),
            (SENTENCE, False),
        ]
        assert stt.heard[1] == pytest.approx(32_000, abs=2 * 1024)
        lines = [event.line for event in heard.of(SpeechStarted)]
        assert lines == [utterance.line for utterance in heard.of(Utterance)]


async def test_discarding_forgets_what_came_before_speech():
    """The beginning that is kept for the next utterance goes too; where nobody speaks nothing else happens."""
    stt = ScriptedSpeechToText(SENTENCE)
    async with hearing(stt, silence_ms=200) as heard:
        await heard.microphone(0, 1.0)
        heard.pipeline.discard()
        assert heard.found == []
        await heard.microphone(1.0, 1.0)
        assert stt.heard[0] <= (32 + 2) * 1024


async def test_what_was_decided_cannot_be_discarded():
    """It was said; only its recognition takes a while."""
    async with hearing(ScriptedSpeechToText(SENTENCE, final_s=1.0), mode="push_to_talk") as heard:
        await heard.microphone(1.0)
        heard.pipeline.commit()
        heard.pipeline.discard()
        await asyncio.sleep(2.0)
        assert [utterance.text for utterance in heard.of(Utterance)] == [SENTENCE]


async def test_it_is_undecided_what_was_said_until_somebody_knows():
    """From the end of an utterance until whoever is notified has taken note, one utterance at a time."""
    async with hearing(ScriptedSpeechToText(SENTENCE, final_s=1.0), mode="push_to_talk") as heard:
        for _ in range(2):
            await heard.microphone(0.5)
            assert heard.pipeline.undecided == bool(heard.of(SpeechStopped))
            heard.pipeline.commit()
            assert heard.pipeline.undecided
        await asyncio.sleep(3.0)
        first, second = heard.of(Utterance)
        heard.pipeline.known(first.line)
        assert heard.pipeline.undecided
        heard.pipeline.known(second.line)
        assert not heard.pipeline.undecided


async def test_a_recogniser_that_fails_early_leaves_nothing_undecided():
    """It was known before the end that nothing will be known."""

    class Broken(ScriptedSpeechToText):
        async def stream(self, audio, hints=()):
            raise EngineError("stt", "broken")
            yield

    async with hearing(Broken(), mode="push_to_talk") as heard:
        await heard.microphone(0.5)
        (failed,) = heard.of(HearingFailed)
        heard.pipeline.known(failed.line)
        heard.pipeline.commit()
        assert failed.line == heard.of(SpeechStarted)[0].line
        assert not heard.pipeline.undecided
