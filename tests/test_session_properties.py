"""Whatever happens in whatever order, a session keeps its promises. On virtual time."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from backend import commands, events
from backend.audio import sample_count
from backend.errors import EngineError
from backend.lines import ReplyLine
from tests.scripted import ScriptedLanguageModel, ScriptedSpeechToText, ScriptedTurnModel
from tests.sessions import LOUD, QUIET, open_session
from tests.virtual_time import VirtualTimeLoop

TEXTS = ("What is the plan?", "I would like the", "mhm", "", "Stop.", "Mara and Theo, tell me more.", "um")
REPLY = "Well, I think we sail at dawn. The wind is fair, and the tide will not wait for us. Are you coming?"

durations = st.integers(1, 120).map(lambda frames: frames * 0.02)
actions = st.one_of(
    st.tuples(st.just("utter"), durations),
    st.tuples(st.just("speak"), durations),
    st.tuples(st.just("be quiet"), durations),
    st.tuples(st.just("wait"), durations),
    st.tuples(st.just("heard"), st.floats(0, 1.5)),
    st.sampled_from([("commit",), ("interrupt",), ("say",), ("regenerate",), ("clear",)]),
    st.sampled_from([("push_to_talk",), ("auto",), ("low",), ("high",)]),
)
scripts = st.lists(actions, min_size=3, max_size=25)
recognisers = st.builds(
    lambda texts, seconds, words: (texts, seconds, {300: texts[0]} if words else None),
    st.lists(st.sampled_from(TEXTS), min_size=1, max_size=5),
    st.sampled_from([0.0, 0.1, 0.7]),
    st.booleans(),
)

turn_models = st.none() | st.builds(
    lambda answers, seconds: ScriptedTurnModel(*answers, answer_s=seconds),
    st.lists(st.sampled_from([0.1, 0.9, EngineError("stt", "broken")]), min_size=1, max_size=4),
    st.sampled_from([0.0, 0.1, 1.0]),
)


async def perform(session, listener, action) -> None:
    """Let one thing happen."""
    match action:
        case ("utter", seconds):
            await perform(session, listener, ("speak", seconds + 0.1))
            await perform(session, listener, ("be quiet", 1.5))
        case ("speak" | "be quiet", seconds):
            for _ in range(round(seconds / 0.02)):
                await session.receive(commands.Microphone(LOUD if action[0] == "speak" else QUIET))
                await asyncio.sleep(0.02)
        case ("wait", seconds):
            await asyncio.sleep(seconds)
        case ("heard", share):
            for frame in listener.of(events.AudioFrame)[-1:]:
                samples = int(listener.samples(frame.turn, frame.reply) * share)
                await session.receive(commands.PlaybackPosition(frame.turn, frame.reply, samples))
        case (name,):
            await session.receive(COMMANDS[name])


COMMANDS = {
    "commit": commands.Commit(),
    "interrupt": commands.Interrupt(),
    "say": commands.Say("Theo, and then?"),
    "regenerate": commands.Regenerate(),
    "clear": commands.ClearConversation(),
    "push_to_talk": commands.Configure(mode="push_to_talk"),
    "auto": commands.Configure(mode="auto"),
    "low": commands.Configure(eagerness="low"),
    "high": commands.Configure(eagerness="high"),
}


def check_turns(listener) -> None:
    """Turns come one at a time, numbered from 1, and each that began has ended but perhaps the last."""
    marks = sorted(
        [(at, 0, event.turn) for at, event in listener.timed(events.TurnDone)]
        + [(at, 1, event.turn) for at, event in listener.timed(events.TurnStarted)],
        key=lambda mark: (mark[2], 1 - mark[1]),
    )
    assert [mark[0] for mark in marks] == sorted(mark[0] for mark in marks)
    started = [event.turn for event in listener.of(events.TurnStarted)]
    ended = [event.turn for event in listener.of(events.TurnDone)]
    assert started == list(range(1, len(started) + 1))
    assert ended in (started, started[:-1])


def check_replies(listener) -> None:
    """Audio of a reply is without gap and within its turn; what was heard begins what was written."""
    begun = {event.turn: at for at, event in listener.timed(events.TurnStarted)}
    over = {event.turn: at for at, event in listener.timed(events.TurnDone)}
    ends: dict[tuple[int, int], int] = {}
    for at, frame in listener.timed(events.AudioFrame):
        assert begun[frame.turn] <= at <= over.get(frame.turn, at)
        assert frame.first_sample == ends.get((frame.turn, frame.reply), 0)
        ends[frame.turn, frame.reply] = frame.first_sample + sample_count(frame.pcm)
    for reply in listener.of(events.ReplyDone):
        assert reply.text.startswith(reply.heard_text)
    for done in listener.of(events.TurnDone):
        for entry in done.ledger:
            before_audio = [s for stage, s in entry.stages().items() if stage != "first_sample_played"]
            assert entry.ttfa_s in (None, sum(before_audio))
            assert entry.saved_by_speculation >= 0


async def live(script, recogniser, turn_model) -> None:
    """A session from beginning to end."""
    texts, seconds, partials = recogniser
    llm = ScriptedLanguageModel(REPLY)
    stt = ScriptedSpeechToText(*texts, final_s=seconds, partials=partials)
    async with open_session(llm=llm, stt=stt, turn_model=turn_model) as (session, listener, engines):
        await session.receive(commands.Configure(eagerness="medium"))
        for action in script:
            await perform(session, listener, action)
        lines = [line for line in session._floor.conversation._lines if isinstance(line, ReplyLine)]
        for line in lines:
            assert line.outcome is None or line.remembered == line.heard_text
        check_turns(listener)
        check_replies(listener)
    assert not listener.of(events.ErrorRaised) or ("regenerate",) in script
    assert llm.counts.live == engines.tts.counts.live == stt.counts.live == 0
    assert turn_model is None or turn_model.counts.live == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


@given(scripts, recognisers, turn_models)
@settings(max_examples=150, deadline=None)
def test_a_session_keeps_its_promises(script, recogniser, turn_model):
    """One turn at a time, memory is what was heard, accounts add up, and nothing is left running."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(live(script, recogniser, turn_model))
