"""The default product, nothing scripted: a sentence is spoken into a real socket, and the answer is listened to."""

from __future__ import annotations

import json
import struct
from contextlib import asynccontextmanager

import numpy as np
from websockets.asyncio.client import connect

from backend.app import create_app
from backend.settings import Settings
from tests.engines import contract
from tests.openai_server import serve_app

SENTENCE = "the meeting starts at nine in the morning"
FRAME_BYTES = 640


@asynccontextmanager
async def conversation():
    """A connected client of a server with the offline engines."""
    app = create_app(Settings(stt="offline", llm="offline", tts="offline"))
    async with serve_app(app) as (port, _), connect(f"ws://127.0.0.1:{port}/ws", max_size=None) as socket:
        yield socket


async def turn(socket) -> tuple[list[dict], dict[int, bytes]]:
    """All events up to `turn.done`, and each reply's audio. The listener says at once that it has heard everything."""
    events: list[dict] = []
    audio: dict[int, bytes] = {}
    while not events or events[-1]["type"] != "turn.done":
        message = await socket.recv()
        if isinstance(message, str):
            events.append(json.loads(message))
            continue
        _, _, reply, _, _, number, first = struct.unpack("<BBHHHII", message[:16])
        assert first == len(audio.get(reply, b"")) // 2
        audio[reply] = audio.get(reply, b"") + message[16:]
        heard = {"type": "playback.position", "turn": number, "reply": reply, "samples": len(audio[reply]) // 2}
        await socket.send(json.dumps(heard))
    return events, audio


def of(events: list[dict], kind: str) -> list[dict]:
    return [event for event in events if event["type"] == kind]


def pitch_hz(pcm: bytes) -> float:
    """Median fundamental of the loud parts, by autocorrelation; rough, but men and women do not meet."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    found = []
    for start in range(0, len(samples) - 1440, 1440):
        frame = samples[start : start + 1440]
        if np.abs(frame).mean() > 500:
            correlation = np.correlate(frame, frame, "full")[1440:]
            found.append(24_000 / (np.argmax(correlation[60:400]) + 61))
    return float(np.median(found))


def wrong_words(said: str, heard: str) -> int:
    """Edit distance in words."""
    a, b = said.lower().split(), heard.lower().split()
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]


async def test_a_spoken_sentence_is_understood_and_answered_aloud():
    """Microphone audio in, transcript, and an answer that can be heard, by the character that was to answer."""
    speech = await contract.spoken(SENTENCE, voice="alloy")
    async with conversation() as socket:
        stream = bytes(16_000) + speech + bytes(64_000)
        for start in range(0, len(stream), FRAME_BYTES):
            await socket.send(stream[start : start + FRAME_BYTES])
        events, audio = await turn(socket)
        assert of(events, "speech.started")
        assert of(events, "transcript.partial")
        assert wrong_words(SENTENCE, of(events, "transcript.final")[-1]["text"]) <= 1
        assert of(events, "reply.started")[0]["character_id"] == "nora"
        reply = of(events, "reply.done")[0]
        assert reply["outcome"] == "completed"
        assert reply["heard_text"] == reply["text"] != ""
        assert len(audio[0]) / 48_000 > len(reply["text"]) / 40
        assert np.abs(np.frombuffer(audio[0], "<i2")).max() > 2000


async def test_two_characters_answer_in_their_own_voices():
    """Naming two brings both, in order, and nobody would mistake one for the other."""
    async with conversation() as socket:
        await socket.send(json.dumps({"type": "user.text", "text": "Oscar and Iris, what do you think of rain?"}))
        events, audio = await turn(socket)
        assert [event["character_id"] for event in of(events, "reply.started")] == ["oscar", "iris"]
        assert pitch_hz(audio[0]) * 1.3 < pitch_hz(audio[1])
        texts = [event["text"] for event in of(events, "reply.done")]
        assert texts[0] != texts[1]
