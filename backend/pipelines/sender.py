"""The sender: cuts speech into frames and lets them go a little ahead of the listener's ear, no further.

The last few milliseconds received are kept until it is known whether they end their sentence, which is at once when
they do. Should it become known only later that the reply has ended too, a frame without samples says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from backend.audio import SAMPLE_BYTES
from backend.events import AudioFrame
from backend.pipelines.tts import AudioChunkItem, ReplyVoiced, SentenceVoiced

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from backend.events import Event
    from backend.pipelines.echo import EchoReference
    from backend.pipelines.tts import AudioItem
    from backend.playback import Playback
    from backend.reply import Reply

FRAME_S = 0.1
KEPT_S = 0.01
AHEAD_S = 1.5
"""How much unheard audio the listener should hold: bridges a stalled engine or network, and bounds what a cut throws
away."""


@dataclass(slots=True)
class _Cursor:
    """Where the next frame of a reply goes, and the speech kept back from it."""

    samples: int = 0
    sentence: int = 0
    chunk: int = 0
    kept: bytes = b""


@dataclass(slots=True)
class Sender:
    """Sends the audio of one turn."""

    playback: Playback
    reference: EchoReference
    rate_hz: int
    ahead_s: float
    emit: Callable[[Event], Awaitable[None]]
    clock: Callable[[], float]
    _cursor: _Cursor = field(default_factory=_Cursor)

    async def run(self, audio: MemoryObjectReceiveStream[AudioItem], voiced: MemoryObjectSendStream[Reply]) -> None:
        """Send everything in `audio`; replies whose last frame has gone are handed to `voiced`."""
        async with audio, voiced:
            async for item in audio:
                match item:
                    case AudioChunkItem():
                        await self._send_chunk(item)
                    case SentenceVoiced(reply):
                        following = _receive_now(audio)
                        await self._send_frame(reply, self._cursor.kept, True, isinstance(following, ReplyVoiced))
                        if isinstance(following, ReplyVoiced):
                            await self._finish(reply, voiced)
                        elif isinstance(following, AudioChunkItem):
                            await self._send_chunk(following)
                    case ReplyVoiced(reply):
                        await self._send_frame(reply, b"", False, True)
                        await self._finish(reply, voiced)

    async def _finish(self, reply: Reply, voiced: MemoryObjectSendStream[Reply]) -> None:
        self._cursor = _Cursor()
        reply.sent = True
        await voiced.send(reply)

    async def _send_chunk(self, item: AudioChunkItem) -> None:
        cursor = self._cursor
        if item.sentence_index != cursor.sentence:
            cursor.sentence, cursor.chunk = item.sentence_index, 0
        speech = cursor.kept + item.pcm
        certain = max(0, len(speech) - int(self.rate_hz * KEPT_S) * SAMPLE_BYTES)
        step = int(self.rate_hz * FRAME_S) * SAMPLE_BYTES
        cursor.kept = speech[certain:]
        for start in range(0, certain, step):
            await self.playback.ahead_at_most(self.ahead_s)
            await self._send_frame(item.reply, speech[start : min(start + step, certain)], False, False)

    async def _send_frame(self, reply: Reply, pcm: bytes, ends_sentence: bool, ends_message: bool) -> None:
        cursor, samples = self._cursor, len(pcm) // SAMPLE_BYTES
        if ends_sentence:
            cursor.kept = b""
        if samples == 0 and cursor.samples == 0:
            return
        await self.emit(
            AudioFrame(
                turn=reply.turn,
                reply=reply.index,
                sentence=cursor.sentence,
                chunk=cursor.chunk,
                first_sample=cursor.samples,
                pcm=pcm,
                ends_sentence=ends_sentence,
                ends_message=ends_message,
            )
        )
        cursor.samples += samples
        cursor.chunk += 1
        if samples:
            self.playback.frame_sent(reply.index, samples)
            self.reference.sent(pcm)
            reply.ledger.mark("first_frame_sent", self.clock())


def _receive_now(audio: MemoryObjectReceiveStream[AudioItem]) -> AudioItem | None:
    """The next item if it has come already."""
    try:
        return audio.receive_nowait()
    except (anyio.WouldBlock, anyio.EndOfStream):
        return None
