"""The spoken loop as a client sees it: turns, interrupts, playback truth, failures. All on virtual time."""

from __future__ import annotations

import asyncio
import random

import pytest

from backend import commands, events
from backend.characters import Character
from backend.events import Outcome
from tests.scripted import (
    CHARACTER_S,
    RATE_HZ,
    ScriptedLanguageModel,
    ScriptedSpeechToText,
    ScriptedTextToSpeech,
    ScriptedTurnModel,
)
from tests.sessions import LOUD, QUIET, open_session, speak

pytestmark = pytest.mark.virtual_time

LONG = " ".join(
    f"This is sentence number {word} of a long reply." for word in ["one", "two", "three", "four", "five", "six"]
)


def words_in(text: str, characters: int) -> int:
    """Words begun within so many spoken characters; the spaces between sentences are not spoken."""
    words = 0
    for sentence in text.replace(". ", ".\n").split("\n"):
        words += len(sentence[: max(0, characters)].split())
        characters -= len(sentence)
    return words


async def test_a_typed_turn_is_answered_and_heard():
    """The whole loop: every written sentence is spoken, in order, and the turn ends when it has been heard."""
    llm = ScriptedLanguageModel("Good evening. The tide is turning, so we should go.")
    async with open_session(llm=llm) as (session, listener, engines):
        await session.receive(commands.Say("Shall we?"))
        done = await listener.until(events.TurnDone)
        started = listener.of(events.TurnStarted)[0]
        assert (started.text, started.source, started.characters) == ("Shall we?", "text", ("mara",))
        reply = listener.of(events.ReplyDone)[0]
        assert reply.outcome is Outcome.COMPLETED
        assert reply.text == reply.heard_text == llm.replies[0]
        assert " ".join(text for _, text in engines.tts.spoken) == llm.replies[0]
        assert done.outcome is Outcome.COMPLETED
        frames = listener.of(events.AudioFrame)
        index = 0
        for frame in frames:
            assert frame.first_sample == index
            assert len(frame.pcm) // 2 <= 2400
            index += len(frame.pcm) // 2
        assert [f.ends_message for f in frames] == [False] * (len(frames) - 1) + [True]
        assert sum(f.ends_sentence for f in frames) == len(engines.tts.spoken)
        assert engines.llm.counts.live == engines.tts.counts.live == 0


async def test_the_turn_lives_exactly_as_long_as_it_can_be_heard():
    """Speech is made faster than it is heard; the turn must not end before the listener has heard it."""
    async with open_session(llm=ScriptedLanguageModel(LONG)) as (session, listener, _):
        await session.receive(commands.Say("Go on."))
        await listener.until(events.TurnDone)
        first = listener.times(events.AudioFrame)[0]
        heard_s = listener.times(events.TurnDone)[0] - first
        assert heard_s == pytest.approx(listener.samples(1) / RATE_HZ, abs=0.02)


async def test_sending_runs_only_a_little_ahead_of_the_listener():
    """What an interrupt throws away is bounded: never much more than the lead is sent but unheard."""
    async with open_session(llm=ScriptedLanguageModel(LONG)) as (session, listener, _):
        await session.receive(commands.Say("Go on."))
        await listener.until(events.TurnDone)
        frames = listener.timed(events.AudioFrame)
        origin, sent = frames[0][0], 0
        for at, frame in frames:
            sent += len(frame.pcm) // 2
            assert sent / RATE_HZ - (at - origin) < 1.7


async def test_two_characters_answer_in_order_without_a_gap():
    """Naming two brings both, in the order named, in their own voices, with no silence between them."""
    llm = ScriptedLanguageModel("I think we sail at dawn.", "Then I will pack the salt and the good knives.")
    async with open_session(llm=llm) as (session, listener, engines):
        await session.receive(commands.Say("Theo and Mara, what now?"))
        await listener.until(events.TurnDone)
        assert listener.of(events.TurnStarted)[0].characters == ("theo", "mara")
        assert [r.character_id for r in listener.of(events.ReplyStarted)] == ["theo", "mara"]
        assert {voice for voice, _ in engines.tts.spoken} == {"one", "two"}
        frames = listener.timed(events.AudioFrame)
        origin = frames[0][0]
        first_of_second = next(at for at, e in frames if e.reply == 1)
        assert first_of_second - origin <= listener.samples(1, 0) / RATE_HZ + 0.05
        assert sum(entry.underruns for entry in listener.of(events.TurnDone)[0].ledger) == 0


async def test_a_character_hears_the_one_before():
    """The second character of a turn answers with the first one's line in its prompt."""
    llm = ScriptedLanguageModel("I think we sail at dawn.", "Agreed.")
    async with open_session(llm=llm) as (session, listener, _):
        await session.receive(commands.Say("Mara and Theo, what now?"))
        await listener.until(events.TurnDone)
        assert "Mara: I think we sail at dawn." in llm.requests[1][-1]["content"]


async def test_without_a_name_the_last_speaker_answers():
    """Talking on without naming anybody stays with whoever spoke last."""
    async with open_session() as (session, listener, _):
        for text in ("Theo?", "And then?"):
            await session.receive(commands.Say(text))
        await listener.until(events.TurnDone, 2)
        assert [t.characters for t in listener.of(events.TurnStarted)] == [("theo",), ("theo",)]


async def test_after_a_cut_the_person_goes_on_with_whom_they_heard():
    """A character that was announced but never heard is not whom the person is talking with."""
    async with open_session(llm=ScriptedLanguageModel(LONG)) as (session, listener, _):
        await session.receive(commands.Say("Mara and Theo?"))
        await listener.until(events.AudioFrame, 20)
        await session.receive(commands.Interrupt())
        await session.receive(commands.Say("And then?"))
        await listener.until(events.TurnStarted, 2)
        assert listener.of(events.TurnStarted)[1].characters == ("mara",)


async def test_a_spoken_turn_is_transcribed_and_answered():
    """Speech brings the transcript, partial and final, and an answer whose account starts at the last voiced frame."""
    stt = ScriptedSpeechToText("what is the plan")
    async with open_session(stt=stt) as (session, listener, _):
        began = asyncio.get_running_loop().time()
        await speak(session, 2.0)
        await listener.until(events.TurnDone)
        assert listener.of(events.SpeechStarted)
        assert listener.of(events.SpeechStopped)[0].audio_ms == pytest.approx(2000, abs=40)
        assert listener.of(events.TranscriptPartial)[0].text == "what"
        assert listener.of(events.TranscriptFinal)[0].text == "what is the plan"
        marks = listener.of(events.TurnDone)[0].ledger[0].marks
        decided = listener.times(events.SpeechStopped)[0] - (began + 2.0)
        assert marks["turn_decided"] == pytest.approx(decided, abs=0.04)
        # The recogniser answers the pause while it lasts, so the transcript is there when the turn is decided.
        assert marks["transcript_final"] == marks["turn_decided"]


async def test_whom_the_person_has_turned_to_answers_what_is_spoken():
    """A tap on a character holds for speech as for typing, until it is taken back."""
    async with open_session(stt=ScriptedSpeechToText("what is the plan")) as (session, listener, _):
        await session.receive(commands.Configure(to=("theo",)))
        await speak(session, 2.0)
        await listener.until(events.TurnDone)
        await session.receive(commands.Say("Mara?"))
        await listener.until(events.TurnDone, 2)
        assert [t.characters for t in listener.of(events.TurnStarted)] == [("theo",), ("mara",)]


async def test_one_cannot_turn_to_a_stranger():
    """An id that nobody in the cast has is an error, and changes nothing."""
    async with open_session() as (session, listener, _):
        await session.receive(commands.Configure(to=("nobody",), scene="A harbour."))
        error = await listener.until(events.ErrorRaised)
        assert (error.code, "'nobody'" in error.message) == ("invalid_request", True)
        assert len(listener.of(events.SessionReady)) == 1


async def test_speech_cuts_in():
    """A person who speaks while a character does is listened to: the character stops within a few words."""
    async with open_session(llm=ScriptedLanguageModel(LONG)) as (session, listener, engines):
        await session.receive(commands.Say("Go on."))
        await listener.until(events.AudioFrame, 5)
        await speak(session, 1.0)
        reply = await listener.until(events.ReplyDone)
        assert reply.outcome is Outcome.INTERRUPTED
        assert 0 < len(reply.heard_text) < len(reply.text)
        await listener.until(events.TurnDone, 2)
        assert engines.llm.counts.live == engines.tts.counts.live == 0


async def test_interrupts_at_random_moments_leave_nothing_behind():
    """Cut anywhere: no frame of the old turn follows, both engines are closed, and what was heard is right."""
    chance = random.Random(7)
    llm, tts = ScriptedLanguageModel(LONG), ScriptedTextToSpeech()
    llm.stand_in = True  # else it would be asked for summaries
    async with open_session(llm=llm, tts=tts) as (session, listener, _):
        for turn in range(1, 201):
            await session.receive(commands.Say("Go on."))
            await listener.until(events.AudioFrame)
            began = asyncio.get_running_loop().time()
            await asyncio.sleep(chance.uniform(0, 12))
            heard = min(int((asyncio.get_running_loop().time() - began) * RATE_HZ), listener.samples(turn))
            await session.receive(commands.PlaybackPosition(turn, 0, heard))
            await session.receive(commands.Interrupt())
            done = await listener.until(events.TurnDone, turn)
            assert done.turn == turn
            assert llm.counts.live == tts.counts.live == 0
            listener.forget(events.AudioFrame)
            await asyncio.sleep(0.5)
            assert not listener.of(events.AudioFrame)
            reply = listener.of(events.ReplyDone)[-1]
            truth = words_in(LONG, round(heard / RATE_HZ / CHARACTER_S))
            assert abs(len(reply.heard_text.split()) - truth) <= 1
            listener.forget(events.AudioFrame)


async def test_the_prompt_holds_what_was_heard_and_says_it_was_cut():
    """An interrupted reply is remembered up to the word heard, and the next prompt says it was cut off."""
    llm = ScriptedLanguageModel(LONG, "Sorry.")
    async with open_session(llm=llm) as (session, listener, _):
        await session.receive(commands.Say("Go on."))
        await listener.until(events.AudioFrame)
        await session.receive(commands.PlaybackPosition(1, 0, 0))
        await asyncio.sleep(1.0)
        await session.receive(commands.PlaybackPosition(1, 0, RATE_HZ))
        await session.receive(commands.Say("Stop."))
        await listener.until(events.TurnDone, 2)
        roles = [message["role"] for message in llm.requests[1]]
        assert roles == ["system", "user", "assistant", "user"]
        assert LONG.startswith(llm.requests[1][2]["content"])
        assert len(llm.requests[1][2]["content"]) == pytest.approx(25, abs=8)
        assert "cutting you off" in llm.requests[1][3]["content"]


async def test_a_position_reported_after_the_cut_still_counts():
    """Players report where they stopped; memory follows them even when that comes after the interrupt."""
    llm = ScriptedLanguageModel(LONG, "Sorry.")
    async with open_session(llm=llm) as (session, listener, _):
        await session.receive(commands.Say("Go on."))
        await listener.until(events.AudioFrame)
        await asyncio.sleep(3.0)
        await session.receive(commands.Interrupt())
        await listener.until(events.TurnDone)
        await session.receive(commands.PlaybackPosition(1, 0, int(0.9 * RATE_HZ)))
        await session.receive(commands.Say("And?"))
        await listener.until(events.TurnDone, 2)
        assert len(llm.requests[1][2]["content"]) == pytest.approx(0.9 / CHARACTER_S, abs=8)


async def test_an_unheard_reply_leaves_no_trace():
    """A reply cut before its first sample is not in the next prompt."""
    llm = ScriptedLanguageModel("Never heard.", "Hello.")
    async with open_session(llm=llm) as (session, listener, _):
        await session.receive(commands.Say("One."))
        await listener.until(events.ReplyText)
        await session.receive(commands.Say("Two."))
        await listener.until(events.TurnDone, 2)
        assert [m["role"] for m in llm.requests[1]] == ["system", "user"]


@pytest.mark.parametrize("engine", ["llm", "tts"])
async def test_a_failing_engine_fails_the_turn_and_nothing_else(engine):
    """A server that dies mid-reply is reported once, the reply is `failed`, and the next turn works."""
    llm, tts = ScriptedLanguageModel(LONG), ScriptedTextToSpeech()
    async with open_session(llm=llm, tts=tts) as (session, listener, _):
        if engine == "llm":
            llm.fail_after = 20
        else:
            tts.fail = True
        await session.receive(commands.Say("Go on."))
        done = await listener.until(events.TurnDone)
        assert done.outcome is Outcome.FAILED
        assert listener.of(events.ReplyDone)[0].outcome is Outcome.FAILED
        assert [e.code for e in listener.of(events.ErrorRaised)] == [f"{engine}_error"]
        llm.fail_after, tts.fail = None, False
        await session.receive(commands.Say("Again."))
        assert (await listener.until(events.TurnDone, 2)).outcome is Outcome.COMPLETED
        assert llm.counts.live == tts.counts.live == 0


async def test_a_character_never_speaks_for_another():
    """Where the model writes somebody else's line the reply ends, and its stream is closed."""
    llm = ScriptedLanguageModel("Mara: Well, I would.\nTheo: And I would not.\nUser: Fine.")
    async with open_session(llm=llm) as (session, listener, engines):
        await session.receive(commands.Say("Would you?"))
        await listener.until(events.TurnDone)
        assert listener.of(events.ReplyDone)[0].text.strip() == "Well, I would."
        assert [text for _, text in engines.tts.spoken] == ["Well, I would."]
        assert llm.counts.live == 0


async def test_a_disconnect_stops_everything():
    """A client that leaves mid-reply leaves no engine stream open."""
    async with open_session(llm=ScriptedLanguageModel(LONG)) as (session, listener, engines):
        await session.receive(commands.Say("Go on."))
        await listener.until(events.AudioFrame)
    assert engines.llm.counts.live == engines.tts.counts.live == engines.stt.counts.live == 0


@pytest.mark.parametrize("positions", [True, False])
async def test_the_ledger_sums_exactly(positions):
    """The stages of every reply are non-negative and sum to time to first audio, bit for bit."""
    llm = ScriptedLanguageModel("Yes. I think that is so.", "Perhaps.")
    async with open_session(llm=llm) as (session, listener, _):
        for turn in range(1, 101):
            await session.receive(commands.Say("Mara and Theo?" if turn % 3 else "Well?"))
            if positions:
                await listener.until(events.AudioFrame)
                await asyncio.sleep(0.25)
                await session.receive(commands.PlaybackPosition(turn, 0, 2400))
            await listener.until(events.TurnDone, turn)
            listener.forget(events.AudioFrame)
        entries = [entry for done in listener.of(events.TurnDone) for entry in done.ledger]
        assert len(entries) > 150
        for entry in entries:
            stages = entry.stages()
            played = stages.pop("first_sample_played", None)
            assert (played is not None) == (positions and entry.reply == 0)
            assert all(seconds >= 0 for seconds in stages.values())
            assert sum(stages.values()) == entry.marks["first_frame_sent"]


async def test_configure_changes_cast_rate_and_user():
    """A client brings its own cast and output rate; they are in force from the next turn."""
    llm = ScriptedLanguageModel("Hello.")
    async with open_session(llm=llm) as (session, listener, _):
        cast = (Character("rig", "Rig"),)
        await session.receive(commands.Configure(cast=cast, output_rate=16000, user_name="Ada"))
        ready = await listener.until(events.SessionReady, 2)
        assert ready.output_rate == 16000
        assert [c.voice for c in ready.characters] == ["one"]
        await session.receive(commands.Say("Hi."))
        await listener.until(events.TurnDone)
        assert listener.samples(1) == pytest.approx(len("Hello.") * CHARACTER_S * 16000, abs=2)
        assert "Ada" in llm.requests[0][0]["content"]


async def test_regenerate_replaces_the_last_replies():
    """The last line is answered again and the first answer is forgotten."""
    llm = ScriptedLanguageModel("First try.", "Second try.", "Third.")
    async with open_session(llm=llm) as (session, listener, _):
        await session.receive(commands.Say("Tell me."))
        await listener.until(events.TurnDone)
        await session.receive(commands.Regenerate())
        await listener.until(events.TurnDone, 2)
        assert llm.requests[1] == llm.requests[0]
        await session.receive(commands.Say("More."))
        await listener.until(events.TurnDone, 3)
        assert llm.requests[2][2]["content"] == "Second try."


async def test_push_to_talk_ends_with_the_commit():
    """In push-to-talk silence ends nothing; letting go does."""
    async with open_session() as (session, listener, _):
        await session.receive(commands.Configure(mode="push_to_talk"))
        await listener.until(events.SessionReady, 2)
        await speak(session, 1.0)
        await speak(session, 1.0)
        assert not listener.of(events.SpeechStopped)
        await session.receive(commands.Commit())
        await listener.until(events.TurnDone)
        assert len(listener.of(events.TranscriptFinal)) == 1


async def test_the_servers_turn_model_is_asked():
    """What sounds unfinished is waited for, and then answered all the same."""
    model = ScriptedTurnModel(0.1)
    async with open_session(stt=ScriptedSpeechToText("Shall we?"), turn_model=model) as (session, listener, _):
        await session.receive(commands.Configure(eagerness="medium"))
        await speak(session, 1.0)
        for _ in range(45):
            await session.receive(commands.Microphone(QUIET))
            await asyncio.sleep(0.02)
        assert (await listener.until(events.SpeechStopped)).reason == "finished sentence, sounds unfinished"
        await listener.until(events.TurnDone)
    assert len(model.heard) == 1


async def test_a_microphone_that_falls_silent_mid_speech_is_silence():
    """A client that stops sending audio after the last word is still understood."""
    async with open_session() as (session, listener, _):
        for _ in range(50):
            await session.receive(commands.Microphone(LOUD))
            await asyncio.sleep(0.02)
        await listener.until(events.TurnDone)
        assert listener.of(events.TranscriptFinal)


async def test_addressing_a_stranger_is_an_error_and_no_turn():
    """An id that is not in the cast is reported; nothing is said by somebody else instead."""
    async with open_session() as (session, listener, _):
        await session.receive(commands.Say("Hi.", ("nobody",)))
        assert (await listener.until(events.ErrorRaised)).code == "invalid_request"
        assert not listener.of(events.TurnStarted)
