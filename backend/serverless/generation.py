"""The speech of a job: transcript -> chunks -> turns of speakers -> sentences -> voices -> a file, piece by piece."""

from __future__ import annotations

import asyncio
import struct
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from backend.audio import SAMPLE_BYTES, sample_count
from backend.encoding import open_encoder, wav_header
from backend.engines.text_chunks import text_chunks
from backend.pipelines.narration import Narration, spoken_sentences
from backend.protocols.openai_speech import AUDIO_TOKENS_PER_S, RATE_HZ
from backend.serverless.errors import JobError, as_job_error
from backend.serverless.request import SPEAKER_TAG

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from backend.engines.interfaces import Speech, TextToSpeech, VoiceGenerator
    from backend.serverless.guards import Budget
    from backend.serverless.request import JobRequest

_UNNAMED = "0"
"""The speaker of what stands before the first tag."""


class JobSpeech:
    """What one job says. `done` of `total` chunks are spoken; `failure` is why the others are not."""

    def __init__(
        self,
        request: JobRequest,
        voice: str,
        tts: TextToSpeech,
        *,
        budget: Budget,
        deadline: float,
        on_chunk: Callable[[JobSpeech], None],
    ) -> None:
        """`deadline` is a time of the running loop's clock; `on_chunk` is called after each chunk but the last."""
        chunks = [request.transcript]
        if request.chunk_method is not None:
            words, turns = request.chunk_max_word_num, request.chunk_max_num_turns
            chunks = text_chunks(request.transcript, request.chunk_method, words, turns)
        self._chunks = chunks
        self._voices = SpeakerVoices(tts, request, voice)
        self._budget = budget
        self._deadline = deadline
        self._on_chunk = on_chunk
        # A whole WAV file says how long it is, which is known last: its header is made then.
        self._sized_wav = request.output_format == "wav" and not request.stream
        self._format = "pcm" if self._sized_wav else request.output_format
        self._samples = 0
        self._size = 0
        self.done = 0
        self.failure: JobError | None = None

    @property
    def total(self) -> int:
        """Chunks there are."""
        return len(self._chunks)

    @property
    def audio_s(self) -> float:
        """Seconds of speech so far."""
        return self._samples / RATE_HZ

    @property
    def audio_bytes(self) -> int:
        """Of the file so far."""
        return len(self.head) + self._size

    @property
    def cut_short(self) -> int:
        """Sentences that reached `max_new_tokens`."""
        return self._voices.cut_short

    @property
    def head(self) -> bytes:
        """What goes before everything that was streamed, known when that is over."""
        return _sized(wav_header(RATE_HZ), self._size) if self._sized_wav else b""

    async def stream(self) -> AsyncGenerator[bytes]:
        """The file, but for its `head`. A failure once there is sound ends it, as a file that can be played; one before
        is raised, as `JobError`, which is a `validation_error` where there is nothing to say."""
        with open_encoder(self._format, RATE_HZ) as encoder:
            try:
                async with aclosing(self._pcm()) as pieces:
                    async for pcm in pieces:
                        if data := encoder.feed(pcm):
                            self._budget.take(len(data))
                            self._size += len(data)
                            yield data
                        self._samples += sample_count(pcm)
            except Exception as error:
                self.failure = as_job_error(error)
                if not self._samples:
                    raise self.failure from error
            if not self._samples:
                raise JobError("validation_error", "NOTHING_TO_SAY", "transcript has nothing that can be spoken")
            if data := encoder.finish():
                self._size += len(data)
                yield data

    async def _pcm(self) -> AsyncGenerator[bytes]:
        speaker = _UNNAMED
        for chunk in self._chunks:
            # Tags stand between the turns: text, number, text, number, ... text.
            first, *tagged = SPEAKER_TAG.split(chunk)
            turns = [(speaker, first), *zip(tagged[::2], tagged[1::2], strict=True)]
            for speaker, text in turns:
                if not text.strip():
                    continue  # who says nothing is dealt no voice
                tts = self._voices.tts
                narration = Narration(self._voices.of(speaker), spoken_sentences(text), tts.sample_rate_hz, RATE_HZ)
                async with aclosing(narration.stream()) as pieces, aclosing(_until(self._deadline, pieces)) as in_time:
                    async for pcm in in_time:
                        yield pcm
            self.done += 1
            if self.done < self.total:
                self._on_chunk(self)


class SpeakerVoices:
    """One voice for each speaker of a script, each with a memory of its own: the one asked for speaks first, further
    speakers have the engine's other voices."""

    def __init__(self, tts: TextToSpeech, request: JobRequest, voice: str) -> None:
        self.tts = tts
        self.cut_short = 0
        self._manner = request.manner()
        self._limit = request.max_new_tokens * tts.sample_rate_hz // AUDIO_TOKENS_PER_S
        self._names = [voice, *(name for name in tts.voices if name != voice)]
        self._dealt: dict[str, VoiceGenerator] = {}

    def of(self, speaker: str) -> VoiceGenerator:
        """The voice of the speaker with that number, in digits as in the tag."""
        if speaker not in self._dealt:
            name = self._names[len(self._dealt) % len(self._names)]
            self._dealt[speaker] = _Limited(self, self.tts.open_voice(name, self._manner), self._limit)
        return self._dealt[speaker]


class _Limited:
    """A voice that says at most so many samples of a sentence: a model that does not find the end is stopped."""

    def __init__(self, voices: SpeakerVoices, voice: VoiceGenerator, limit: int) -> None:
        self._voices = voices
        self._voice = voice
        self._limit = limit

    async def stream(self, text: str) -> AsyncGenerator[Speech]:
        """See `VoiceGenerator.stream`."""
        left = self._limit
        async with aclosing(self._voice.stream(text)) as pieces:
            async for piece in pieces:
                if sample_count(piece.pcm) > left:
                    self._voices.cut_short += 1
                    if left:
                        yield replace(piece, pcm=piece.pcm[: left * SAMPLE_BYTES])
                    return
                left -= sample_count(piece.pcm)
                yield piece


async def _until(deadline: float, pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The pieces that come before `deadline`; then `TimeoutError`."""
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        yield piece


def _sized(header: bytes, data_bytes: int) -> bytes:
    """The header of a WAV file with its sizes filled in: of what follows them, and of the samples."""
    return header[:4] + struct.pack("<I", 36 + data_bytes) + header[8:40] + struct.pack("<I", data_bytes)
