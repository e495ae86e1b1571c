#!/usr/bin/env python3
"""A conversation through livekit agents' RealtimeModel, without a room; see README.md."""

from __future__ import annotations

import asyncio
import logging
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
from livekit import rtc
from livekit.agents import Agent, AgentSession, function_tool
from livekit.agents.voice.io import AudioInput, AudioOutput, AudioOutputCapabilities
from livekit.plugins.openai.realtime import RealtimeModel


class Microphone(AudioInput):
    """Sends audio all the time, silence where nobody speaks."""

    def __init__(self) -> None:
        super().__init__(label="microphone")
        self.said: asyncio.Queue[bytes] = asyncio.Queue()
        self._chunks = chunks(self.said)

    async def __anext__(self) -> rtc.AudioFrame:
        audio = await anext(self._chunks)
        return rtc.AudioFrame(audio, RATE_HZ, 1, len(audio) // 2)


class Loudspeaker(AudioOutput):
    """Plays in real time, and says how far it came."""

    def __init__(self, happenings: Happenings) -> None:
        super().__init__(label="loudspeaker", capabilities=AudioOutputCapabilities(pause=False), sample_rate=RATE_HZ)
        self._happenings = happenings
        self._begun: float | None = None
        self._lasts_s = 0.0
        self._ending: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        loop = asyncio.get_running_loop()
        if self._begun is None:
            self._begun = loop.time()
            self.on_playback_started(created_at=time.time())
        self._lasts_s += frame.duration
        self._happenings.note("audio", frame.duration)

    def flush(self) -> None:
        super().flush()
        if self._begun is not None:
            left_s = self._begun + self._lasts_s - asyncio.get_running_loop().time()
            self._ending = asyncio.get_running_loop().call_later(max(0.0, left_s), self._end, False)

    def clear_buffer(self) -> None:
        if self._begun is not None:
            self._end(True)

    def _end(self, interrupted: bool) -> None:
        if self._ending is not None:
            self._ending.cancel()
        assert self._begun is not None
        position = min(asyncio.get_running_loop().time() - self._begun, self._lasts_s)
        self._begun, self._lasts_s, self._ending = None, 0.0, None
        self.on_playback_finished(playback_position=position, interrupted=interrupted)


@function_tool
async def weather(city: str) -> str:
    """The weather in a city."""
    return f"It rains in {city}."


class Complaints(logging.Handler):
    """What the client logs as a warning, or worse."""

    def __init__(self, happenings: Happenings) -> None:
        super().__init__(logging.WARNING)
        self._happenings = happenings

    def emit(self, record: logging.LogRecord) -> None:
        known = logging.makeLogRecord({}).__dict__
        more = {name: value for name, value in record.__dict__.items() if name not in known and name != "message"}
        self._happenings.note("log", f"{record.levelname} {record.getMessage()} {more or ''} {record.exc_info or ''}")


class Talk:
    """An agent's session around the model, and the parts of the conversation."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key
        self._happenings = Happenings()
        self._model = RealtimeModel(base_url=url, api_key=key, model="guide")
        # The loudspeaker cannot pause, and the microphone does not hear it.
        options = {"interruption": {"resume_false_interruption": False}}
        self._session: AgentSession[None] = AgentSession(
            llm=self._model, turn_handling=options, aec_warmup_duration=None
        )
        self._microphone = Microphone()
        self._session.input.audio = self._microphone
        self._session.output.audio = Loudspeaker(self._happenings)
        logging.getLogger("livekit").addHandler(Complaints(self._happenings))
        self._session.on("conversation_item_added", self._added)
        self._session.on("user_input_transcribed", self._transcribed)
        self._session.on("error", lambda event: self._happenings.note("log", event.error))

    def _added(self, event) -> None:
        item = event.item
        if item.type == "message" and item.role == "assistant":
            self._happenings.note("cut" if item.interrupted else "answered", item)

    def _transcribed(self, event) -> None:
        if event.is_final:
            self._happenings.note("understood", event.transcript)

    async def run(self) -> int:
        """Hold the conversation; returns how much was missing."""
        await self._session.start(Agent(instructions="You are a friendly guide.", tools=[weather]))
        self._server = self._session.current_agent.realtime_llm_session
        self._server.on("openai_server_event_received", lambda event: self._happenings.note(event["type"], event))
        parts = {
            "typed": self._typed,
            "spoken": self._spoken,
            "cut in": self._cut_in,
            "tool": self._tool,
            "history": self._history,
        }
        missing = await Steps(self._happenings, parts).take()
        await self._session.aclose()
        await self._model.aclose()
        return missing

    async def _answer(self, since: int) -> str:
        item = await self._happenings.wait("answered", since)
        heard_s = sum(self._happenings.all("audio", since))
        assert heard_s, "the answer had no audio"
        return f'{heard_s:.1f} s of audio, "{item.text_content}"'

    async def _typed(self) -> str:
        self._session.generate_reply(user_input="Good morning.")
        return await self._answer(0)

    async def _spoken(self) -> str:
        since = self._happenings.count
        self._microphone.said.put_nowait(await spoken(self._url, self._key, QUESTION))
        understood = await self._happenings.wait("understood", since)
        return f'understood "{understood}"; answered with {await self._answer(since)}'

    async def _cut_in(self) -> str:
        words, since = await spoken(self._url, self._key, CUT_IN), self._happenings.count
        self._session.generate_reply(user_input=STORY)
        await self._happenings.wait("audio", since)
        await asyncio.sleep(LISTENING_S)
        since = self._happenings.count
        self._microphone.said.put_nowait(words)
        story = await self._happenings.wait("cut", since)
        truncated = "conversation.item.truncated"
        cut = await self._happenings.wait(truncated, since, lambda event: event["item_id"] == story.id)
        return f"cut at {cut['audio_end_ms']} ms; answered with {await self._answer(since)}"

    async def _tool(self) -> str:
        since = self._happenings.count
        self._session.generate_reply(user_input=WEATHER)
        heard = await self._answer(since)
        assert RAIN in heard, f"the answer does not have what the tool said: {heard}"
        return heard

    async def _history(self) -> str:
        """The client's copy of the server's conversation is what was said, in the order in which it was said."""
        copied = [item for item in self._server.chat_ctx.items if item.type == "message" and item.role != "system"]
        here, there = [item.id for item in self._session.history.messages()], [item.id for item in copied]
        assert here == there, f"the session has {here}, the server {there}"
        doubled = [item.content for item in copied if len(item.content) > 1]
        assert not doubled, f"said twice: {doubled}"
        return f"{len(there)} messages, the same on both sides"


if __name__ == "__main__":
    given = arguments(__doc__)
    sys.exit(asyncio.run(Talk(given.url, given.key).run()) > 0)
