"""Messages in, text and sound out, with a scripted model and a voice whose bytes can be checked."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing, asynccontextmanager

import pytest

from boson_multimodal import audio_server
from boson_multimodal.audio_server import AudioServer
from boson_multimodal.speech_answers import AnswerFinish, PcmDelta, SpeechDone, TextDelta, ToolCall, TranscriptDelta
from boson_multimodal.speech_chunks import ToolCallPiece, Usage
from boson_multimodal.speech_llm import SpeechLLM, SpeechLLMError
from boson_multimodal.speech_prompts import SpeechPromptError
from boson_multimodal.speech_synthesis import SynthesisError
from tests.boson_multimodal.fake_voice import FakeVoice, sound
from tests.boson_multimodal.step_server import ABORT, STOP, codes, content, delta, serve_step, spoken, usage

ASKED = [{"role": "user", "content": "Hi"}]
CODES = list(range(100, 140))

RAW = [
    content("Hel" + codes(*CODES[:4])),
    content("lo." + codes(*CODES[4:8])),
    content("<tts_pad>" + codes(*CODES[8:30])[:-3]),
    content(codes(*CODES[8:30])[-3:] + codes(*CODES[30:], 6561, 7000)),
    content("<tts_end>See you.<|EOT|>"),
    STOP,
    usage(9, 50),
]
STRUCTURED = [
    spoken("Hel", None),
    spoken(None, codes(*CODES[:4])),
    spoken("lo.", codes(*CODES[4:])),
    content("See you."),
    STOP,
    usage(9, 50),
]
CALLS = delta(tool_calls=[{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}])


@asynccontextmanager
async def serving(
    *script, voice: FakeVoice | None = None, timeout_s: float = 20, codes_ahead: int = 99, at_once: int = 8, **settings
):
    """An audio server with a scripted model; neither leaves anything open."""
    voice = voice or FakeVoice()
    async with (
        serve_step(*script, **settings) as model,
        SpeechLLM(model.base_url, retries=0, timeout_s=timeout_s) as llm,
    ):
        server = AudioServer(llm, voice, "nora", codes_ahead=codes_ahead, at_once=at_once)
        yield server, voice, model
        assert server.metrics.active == 0
        assert voice.closed == len(voice.opened) - (voice.fails == "open")
        await model.all_closed()


async def collect(server: AudioServer, **how: object) -> list:
    return [event async for event in server.stream(ASKED, **how)]


def pcm(events: list) -> bytes:
    return b"".join(event.pcm for event in events if isinstance(event, PcmDelta))


@pytest.mark.parametrize("script", [RAW, STRUCTURED], ids=["raw", "structured"])
async def test_a_whole_answer(script):
    """Words, sound and the rest of an answer, from servers of either form; fillers and wrong codes are not heard."""
    async with serving(*script) as (server, voice, _):
        answer = await server.generate(ASKED)
    assert (answer.transcript, answer.text, answer.tool_calls) == ("Hello.", "See you.", ())
    assert answer.audio == sound(CODES)
    finish = answer.finish
    assert (finish.reason, finish.metrics.codes, finish.metrics.audio_s) == ("stop", 40, pytest.approx(1.6))
    assert finish.usage == Usage(9, 50, audio_tokens=41 if script is RAW else 40)
    assert 0 < finish.metrics.first_text_s <= finish.metrics.total_s
    assert 0 < finish.metrics.first_audio_s <= finish.metrics.total_s
    assert voice.opened == [("nora", None)]
    metrics = server.metrics
    assert (metrics.asked, metrics.answered, metrics.spoken, metrics.audio_s) == (1, 1, 1, pytest.approx(1.6))
    assert metrics.mean_first_audio_s == finish.metrics.first_audio_s


@pytest.mark.parametrize("script", [RAW, STRUCTURED], ids=["raw", "structured"])
async def test_a_streamed_answer_is_the_whole_one(script):
    """The pieces add up to what the model meant; the end comes last, and sound is in whole samples."""
    async with serving(*script) as (server, _, _):
        events = await collect(server)
    assert pcm(events) == sound(CODES)
    assert "".join(event.text for event in events if isinstance(event, TranscriptDelta)) == "Hello."
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "See you."
    assert [place for place, event in enumerate(events) if isinstance(event, AnswerFinish)] == [len(events) - 1]
    assert all(len(event.pcm) % 2 == 0 for event in events if isinstance(event, PcmDelta))


async def test_sound_is_heard_while_the_model_writes():
    """The first sound does not wait for the end of the answer."""
    rest = asyncio.Event()
    async with (
        serving(content("Hi" + codes(1, 2, 3, 4)), rest, *RAW) as (server, _, model),
        aclosing(server.stream(ASKED)) as events,
    ):
        heard = [await anext(events), await anext(events)]
        assert heard == [TranscriptDelta("Hi"), PcmDelta(sound([1]))]
        assert model.finished == 0
        rest.set()
        heard += [event async for event in events]
    assert pcm(heard) == sound([1, 2, 3, 4, *CODES])


async def test_closing_stops_the_model_and_the_voice():
    """When the stream is closed nothing of it is left, on either side."""
    async with serving(content("Hi" + codes(1, 2, 3, 4)), asyncio.Event()) as (server, voice, model):
        async with aclosing(server.stream(ASKED)) as events:
            assert isinstance(await anext(events), TranscriptDelta)
        assert (voice.closed, server.metrics.closed, server.metrics.failed) == (1, 1, 0)
        await model.all_closed()
        assert (model.finished, model.broken_off) == (0, 1)


async def test_closing_waits_for_the_voice():
    """A voice at work is not closed under its own feet."""
    voice = FakeVoice(gate=threading.Event())
    async with serving(content("Hi" + codes(1, 2)), asyncio.Event(), voice=voice) as (server, _, _):
        events = server.stream(ASKED)
        await anext(events)
        await asyncio.to_thread(voice.pushing.wait, 20)
        closing = asyncio.create_task(events.aclose())
        for _ in range(20):
            await asyncio.sleep(0)
        assert (closing.done(), voice.closed) == (False, 0)
        voice.gate.set()
        await closing
        assert voice.closed == 1


async def test_who_cancels_leaves_nothing_behind():
    """A client that goes away in the middle of a whole answer ends it as well."""
    voice = FakeVoice(gate=threading.Event())
    async with serving(content("Hi" + codes(1, 2)), asyncio.Event(), voice=voice) as (server, _, _):
        task = asyncio.create_task(server.generate(ASKED))
        await asyncio.to_thread(voice.pushing.wait, 20)
        task.cancel()
        voice.gate.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (voice.closed, server.metrics.closed) == (1, 1)


async def test_a_turn_of_tool_calls_has_no_sound():
    """The model may call a function instead of speaking; that is an answer."""
    async with serving(CALLS, delta("tool_calls")) as (server, _, _):
        answer = await server.generate(ASKED)
        events = await collect(server)
    assert (answer.audio, answer.transcript, answer.text) == (None, "", "")
    assert answer.tool_calls == (ToolCall("c", "f", "{}"),)
    assert (answer.finish.reason, answer.finish.expires_at) == ("tool_calls", None)
    assert events == [ToolCallPiece(0, "{}", "c", "f"), events[-1]]
    assert server.metrics.mean_first_audio_s is None


async def test_a_call_after_speech():
    """An answer may be spoken and call a function."""
    async with serving(*RAW[:4], CALLS, delta("tool_calls")) as (server, _, _):
        answer = await server.generate(ASKED)
    assert (answer.transcript, answer.audio) == ("Hello.", sound(CODES))
    assert answer.tool_calls == (ToolCall("c", "f", "{}"),)


@pytest.mark.parametrize("end", ["", "<tts_end>"])
async def test_words_without_sound_are_text(end):
    """A refusal that is not spoken is to be read, whole and in order."""
    async with serving(content("I can"), content(f"not.{end} Sorry."), STOP) as (server, _, _):
        answer = await server.generate(ASKED)
    assert (answer.transcript, answer.text, answer.audio) == ("", "I cannot. Sorry.", None)
    assert answer.finish.expires_at is None


async def test_an_answer_that_ran_into_its_limit():
    """Half a tag at the end is neither seen nor heard, and what came before it is."""
    async with serving(content("Hi" + codes(5) + "<audio_12"), delta("length")) as (server, _, _):
        answer = await server.generate(ASKED)
    assert (answer.transcript, answer.audio, answer.finish.reason) == ("Hi", sound([5]), "length")
    assert answer.finish.metrics.invalid == 1


async def test_words_only():
    """Asked for no speech, the model is not made to speak, and no voice is opened, whatever it writes."""
    async with serving(content("Hi <tts_start>you" + codes(*range(2000))), STOP) as (server, voice, model):
        answer = await server.generate(ASKED, speech=False)
    assert (answer.text, answer.audio, voice.opened) == ("Hi you", None, [])
    assert model.requests[0][1]["messages"] == ASKED


@pytest.mark.parametrize(
    ("settings", "script", "message"),
    [
        ({"status": 500}, [], "scripted failure"),
        ({}, [*RAW[:2], ABORT], "connection"),
        ({}, RAW[:2], "in the middle"),
        ({"timeout_s": 0.1}, [*RAW[:2], asyncio.Event()], "in time"),
        ({}, [content("Hi" + codes(6562, 7000)), STOP], "outside the codebook"),
    ],
    ids=["refused", "connection lost", "no end", "silent", "no code is valid"],
)
async def test_a_model_that_fails(settings, script, message):
    """What goes wrong with the model is told, and the voice is let go."""
    async with serving(*script, **settings) as (server, _, _):
        with pytest.raises(SpeechLLMError, match=message):
            await server.generate(ASKED)
        assert (server.metrics.failed, server.metrics.answered) == (1, 0)


@pytest.mark.parametrize("call", ["open", "push", "finish"])
async def test_a_voice_that_fails(call):
    """What goes wrong with the voice is told, and the model is let go even while it is writing."""
    script = RAW if call == "finish" else [*RAW[:2], asyncio.Event()]
    async with serving(*script, voice=FakeVoice(fails=call)) as (server, _, model):
        with pytest.raises(SynthesisError, match=r"no such voice|out of memory"):
            await server.generate(ASKED)
        await model.all_closed()
        assert model.finished == (call == "finish")
        assert server.metrics.failed == 1


async def test_a_voice_that_falls_behind_loses_nothing():
    """With room for four codes all of a long answer is heard."""
    many = [code % 6561 for code in range(700)]
    async with serving(content("Hi" + codes(*many)), STOP, codes_ahead=4) as (server, _, _):
        assert (await server.generate(ASKED)).audio == sound(many)


async def test_voice_and_options_are_passed_on():
    """The voice, its seed and the model's options reach whom they are meant for."""
    async with serving(*RAW) as (server, voice, model):
        await server.generate(ASKED, voice="ada", seed=7, options={"max_tokens": 5})
    assert voice.opened == [("ada", 7)]
    assert model.requests[0][1]["max_tokens"] == 5


async def test_the_sound_is_encoded_as_asked():
    """The whole PCM goes through the encoder once; where there is none, so does nothing."""
    async with serving(*RAW) as (server, _, model):
        answer = await server.generate(ASKED, encode=lambda data: b"RIFF" + data[:4])
        model.script = [CALLS, delta("tool_calls")]
        silent = await server.generate(ASKED, encode=lambda data: b"RIFF" + data)
    assert answer.audio == b"RIFF" + sound(CODES)[:4]
    assert silent.audio is None


async def test_an_answer_can_be_gone_back_to():
    """A later message names the answer, and the model reads what it wrote."""
    async with serving(*RAW) as (server, _, model):
        first = await server.generate(ASKED, answer_id="audio_x")
        assert first.finish.id == "audio_x"
        await server.generate([*ASKED, {"role": "assistant", "audio": {"id": "audio_x"}}, *ASKED])
    kept = server.answers.get("audio_x")
    assert (kept.transcript, int(kept.expires_at)) == ("Hello.", first.finish.expires_at)
    earlier = model.requests[1][1]["messages"][1]["content"]
    assert earlier.startswith("<tts_start>Hel<audio_100>")
    assert earlier.endswith("<tts_end>See you.")


async def test_what_cannot_be_asked_is_not_asked():
    """A wrong request reaches neither the model nor the voice."""
    async with serving(*RAW) as (server, voice, model):
        with pytest.raises(SpeechPromptError) as caught:
            await server.generate([{"role": "assistant", "audio": {"id": "gone"}}])
    assert caught.value.code == "audio_not_found"
    assert (model.requests, voice.opened, server.metrics.failed) == ([], [], 1)


@pytest.mark.parametrize("at_once", [1, 3])
async def test_a_batch_is_answered_in_order(at_once):
    """Each answer is that of its conversation; what goes wrong with one does not touch the others."""
    async with serving(*RAW) as (server, _, _):
        batch = [ASKED, [], ASKED]
        first, wrong, last = await server.generate_batch(batch, at_once=at_once)
    assert first.audio == last.audio == sound(CODES)
    assert first.finish.id != last.finish.id
    assert isinstance(wrong, SpeechPromptError)
    assert (server.metrics.answered, server.metrics.failed) == (2, 1)


async def test_an_answer_may_speak_twice():
    """Each speech is heard to its end while the model goes on writing; words tell how many codes came before them."""
    rest = asyncio.Event()
    script = [content("A" + codes(1, 2) + "<tts_end> (nods)"), rest, content("<tts_start>B" + codes(3)), STOP]
    async with serving(*script) as (server, _, _model):
        events = []
        async with aclosing(server.stream(ASKED)) as stream:
            async for event in stream:
                events.append(event)
                if event == SpeechDone():
                    rest.set()
    assert pcm(events) == sound([1, 2]) + sound([3])
    assert [event for event in events if isinstance(event, TranscriptDelta)] == [
        TranscriptDelta("A", 0),
        TranscriptDelta("B", 2),
    ]
    assert [type(event) for event in events].count(SpeechDone) == 2
    assert [event.text for event in events if isinstance(event, TextDelta)] == [" (nods)"]


async def test_answers_wait_for_room(monkeypatch):
    """More than can be spoken at once take turns; who would wait too long is told."""
    rest = asyncio.Event()
    async with (
        serving(*RAW[:3], rest, *RAW[3:], at_once=1) as (server, voice, _),
        aclosing(server.stream(ASKED)) as first,
        aclosing(server.stream(ASKED)) as second,
    ):
        assert await anext(first) == await anext(second) == TranscriptDelta("Hel")
        monkeypatch.setattr(audio_server, "ROOM_WITHIN_S", 0)
        with pytest.raises(SynthesisError, match="too many"):
            await server.generate(ASKED)
        assert len(voice.opened) == 1
        rest.set()
        assert pcm([event async for event in first]) == sound(CODES)
        assert pcm([event async for event in second]) == sound(CODES)


async def test_what_nobody_can_refer_to_is_not_kept():
    """Only answers that have an id for somebody take memory."""
    async with serving(*RAW) as (server, _, _model):
        finish = (await server.generate(ASKED, remember=False)).finish
        assert (finish.expires_at, len(server.answers)) == (None, 0)
