"""A server whose language model speaks for itself: a scripted Step-Audio 2 writes, a tiny checkpoint sounds."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache

from backend.app import choose_engines, create_app
from backend.settings import Settings
from boson_multimodal.tts.step_audio2 import StepAudio2TTS
from tests.boson_multimodal.step_server import STOP, codes, content, delta, serve_step, spoken
from tests.openai_server import serve_app
from tests.scripted import ScriptedSpeechToText

WORDS = "Good evening, my friend. It has been a long day on the water, and I am tired. What about you?"
SPEECH = tuple((("" if at == 0 else " ") + word, range(8 * at, 8 * at + 8)) for at, word in enumerate(WORDS.split()))
CODES = [code for _, numbers in SPEECH for code in numbers]
PADS = "<tts_pad>" + codes(6561, 6561, 6561, 6561)
"""A slot of text and one of speech that only fill the pattern."""

RAW = (*(content(text + codes(*numbers)) for text, numbers in SPEECH), content(PADS + "<tts_end>"), STOP)
APART = (*(spoken(text, codes(*numbers)) for text, numbers in SPEECH), spoken("<tts_pad>", codes(6561)), STOP)
FORMS = {"raw": RAW, "apart": APART}

CALL = '<tool_call>function\nlook\n{"at": "sky"}</tool_call>'
CALLED = delta(tool_calls=[{"index": 0, "id": "call_1", "function": {"name": "look", "arguments": '{"at": "sky"}'}}])
CALLS = {
    "raw": (content("<tts_end>" + CALL[:9]), content(CALL[9:]), STOP),
    "apart": (CALLED, delta("tool_calls")),
}
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]


@asynccontextmanager
async def speaking_server(checkpoint, *script):
    """(port, the language model's server, engines) of a server that answers with it."""
    async with serve_step(*script) as llm:
        chosen = Settings(
            **{"stt": "offline", "llm": "openai", "tts": "step-audio2", "device": "cpu"},
            llm_base_url=llm.base_url,
            tts_codec=str(checkpoint.token2wav),
            tts_voices=checkpoint.voices,
        )
        engines = replace(choose_engines(chosen), stt=ScriptedSpeechToText())
        async with serve_app(create_app(chosen, engines)) as (port, _):
            yield port, llm, engines
            await llm.all_closed()
        assert engines.tts.speaking == 0


def sound_of(checkpoint, numbers=CODES, voice="anna", seed=0) -> bytes:
    """The sound of speech codes given at once."""
    return _sound_of(checkpoint, tuple(numbers), voice, seed)


@cache
def _sound_of(checkpoint, numbers, voice, seed) -> bytes:
    stream = _engine(checkpoint).open_stream(voice, seed)
    return stream.push(numbers) + stream.finish()


@cache
def _engine(checkpoint) -> StepAudio2TTS:
    return StepAudio2TTS(checkpoint.token2wav, checkpoint.voices, device="cpu")
