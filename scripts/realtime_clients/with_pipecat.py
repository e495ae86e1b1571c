#!/usr/bin/env python3
"""A conversation through pipecat's OpenAIRealtimeLLMService; see README.md."""

from __future__ import annotations

import asyncio
import sys
import time

from conversation import (
    CUT_IN,
    LISTENING_S,
    QUESTION,
    RAIN,
    RATE_HZ,
    STORY,
    WEATHER,
    Happenings,
    Steps,
    arguments,
    chunks,
    spoken,
)
from loguru import logger
from pipecat.frames.frames import InputAudioRawFrame, LLMMessagesAppendFrame, LLMRunFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.llm_service import FunctionCallParams  # noqa: TC002  pipecat reads the annotation
from pipecat.services.openai.realtime.events import (
    AudioConfiguration,
    AudioInput,
    InputAudioTranscription,
    SemanticTurnDetection,
    SessionProperties,
)
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner


class Microphone(BaseInputTransport):
    """Sends audio all the time, silence where nobody speaks."""

    def __init__(self) -> None:
        super().__init__(TransportParams(audio_in_enabled=True, audio_in_sample_rate=RATE_HZ))
        self.said: asyncio.Queue[bytes] = asyncio.Queue()

    async def start(self, frame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)
        self._sending = self.create_task(self._send())

    async def cleanup(self) -> None:
        await self.cancel_task(self._sending)
        await super().cleanup()

    async def _send(self) -> None:
        async for audio in chunks(self.said):
            await self.push_audio_frame(InputAudioRawFrame(audio=audio, sample_rate=RATE_HZ, num_channels=1))


class Loudspeaker(BaseOutputTransport):
    """Takes as long for audio as it lasts."""

    def __init__(self, happenings: Happenings) -> None:
        super().__init__(
            TransportParams(audio_out_enabled=True, audio_out_sample_rate=RATE_HZ, audio_out_auto_silence=False)
        )
        self._happenings = happenings
        self._plays_until = 0.0

    async def start(self, frame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame) -> bool:
        now = time.monotonic()
        self._plays_until = max(now, self._plays_until) + len(frame.audio) / 2 / RATE_HZ
        self._happenings.note("audio", len(frame.audio) / 2 / RATE_HZ)
        await asyncio.sleep(self._plays_until - now)
        return True


async def weather(params: FunctionCallParams, city: str) -> None:
    """The weather in a city.

    Args:
        city: The name of the city.
    """
    await params.result_callback({"weather": f"It rains in {city}."})


class Talk:
    """A pipeline around the service, and the parts of the conversation."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key
        self._happenings = Happenings()
        self._service = OpenAIRealtimeLLMService(
            api_key=key,
            base_url=url,
            settings=OpenAIRealtimeLLMService.Settings(
                model="guide",
                system_instruction="You are a friendly guide.",
                session_properties=SessionProperties(
                    audio=AudioConfiguration(
                        input=AudioInput(
                            transcription=InputAudioTranscription(), turn_detection=SemanticTurnDetection()
                        )
                    )
                ),
            ),
        )
        context = LLMContext([{"role": "user", "content": "Good morning."}], tools=[weather])
        aggregators = LLMContextAggregatorPair(context)
        self._microphone = Microphone()
        speaker = Loudspeaker(self._happenings)
        parts = [self._microphone, aggregators.user(), self._service, speaker, aggregators.assistant()]
        rates = PipelineParams(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=RATE_HZ)
        self._worker = PipelineWorker(Pipeline(parts), params=rates)
        self._follow(aggregators)

    def _follow(self, aggregators: LLMContextAggregatorPair) -> None:
        note = self._happenings.note
        logger.remove()
        logger.add(lambda line: note("log", line.strip()), level="WARNING", format="{level} {name}: {message}")

        @self._worker.event_handler("on_pipeline_error")
        async def _failed(_worker, frame) -> None:
            note("log", frame.error)

        @aggregators.user().event_handler("on_user_turn_message_added")
        async def _understood(_aggregator, message) -> None:
            note("understood", message.content)

        @aggregators.assistant().event_handler("on_assistant_turn_stopped")
        async def _answered(_aggregator, message) -> None:
            note("cut" if message.interrupted else "answered", message.content)

        @self._service.event_handler("on_conversation_item_created")
        async def _created(_service, item_id, item) -> None:
            if item.role == "assistant":
                note("reply", item_id)

    async def run(self) -> int:
        """Hold the conversation; returns how much was missing."""
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(self._worker)
        talking = asyncio.create_task(self._talk())
        await runner.run()
        return await talking

    async def _talk(self) -> int:
        parts = {"typed": self._typed, "spoken": self._spoken, "cut in": self._cut_in, "tool": self._tool}
        missing = await Steps(self._happenings, parts).take()
        await self._worker.cancel()
        return missing

    async def _answer(self, since: int) -> str:
        text = await self._happenings.wait("answered", since, bool)
        heard_s = sum(self._happenings.all("audio", since))
        assert heard_s, "the answer had no audio"
        return f'{heard_s:.1f} s of audio, "{text}"'

    async def _ask(self, text: str) -> None:
        # The service takes typed text from the person before the conversation only; later it comes as an instruction.
        await self._service.queue_frame(LLMMessagesAppendFrame([{"role": "user", "content": text}], run_llm=True))

    async def _typed(self) -> str:
        await self._worker.queue_frame(LLMRunFrame())
        return await self._answer(0)

    async def _spoken(self) -> str:
        since = self._happenings.count
        self._microphone.said.put_nowait(await spoken(self._url, self._key, QUESTION))
        understood = await self._happenings.wait("understood", since)
        return f'understood "{understood}"; answered with {await self._answer(since)}'

    async def _cut_in(self) -> str:
        words, since = await spoken(self._url, self._key, CUT_IN), self._happenings.count
        await self._ask(STORY)
        story = await self._happenings.wait("reply", since)
        await self._happenings.wait("audio", since)
        await asyncio.sleep(LISTENING_S)
        since = self._happenings.count
        self._microphone.said.put_nowait(words)
        await self._happenings.wait("cut", since)
        item = await self._service.retrieve_conversation_item(story)
        assert item.status == "incomplete", f"the server keeps the story as {item.status}"
        return f'the server remembers "{item.content[0].transcript}"; answered with {await self._answer(since)}'

    async def _tool(self) -> str:
        since = self._happenings.count
        await self._ask(WEATHER)
        heard = await self._answer(since)
        assert RAIN in heard, f"the answer does not have what the tool said: {heard}"
        return heard


if __name__ == "__main__":
    given = arguments(__doc__)
    sys.exit(asyncio.run(Talk(given.url, given.key).run()) > 0)
