"""Step-Audio 2's voice behind `BaseTTSEngine`: speech codes in, 24 kHz sound out."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch

from boson_multimodal.audio_tokens import SPEECH_RATE_HZ
from boson_multimodal.model.step_audio2.token2wav import CodePlan, Token2Wav
from boson_multimodal.serve.audio_stream import pcm16
from boson_multimodal.tts.base import BaseTTSEngine, EngineBusy, timer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from boson_multimodal.model.step_audio2.token2wav import Token2WavStream
    from boson_multimodal.tts.base import Schedule

RECORDINGS = (".wav", ".flac", ".mp3", ".ogg")
MAX_STREAMS = 8
"""Utterances at once: each holds 131 MB in keys and values, and 65 MB a second of its voice's recording, in fp32."""


@dataclass(frozen=True, slots=True)
class SpeechCodes:
    """What is to be heard: `codes`, 0 to 6560, in a `voice`, which is the name of one of the engine's or a recording
    itself; None is the engine's first. The same `seed`, any whole number, and codes give the same samples."""

    codes: Sequence[int]
    voice: str | bytes | None = None
    seed: int = 0


class StepAudio2TTS(BaseTTSEngine[Token2Wav, SpeechCodes]):
    """Token2wav of a Step-Audio 2 checkpoint."""

    sample_rate = SPEECH_RATE_HZ

    def __init__(  # noqa: PLR0913
        self,
        model_path: str | Path,
        voices: str | Path | None = None,
        *,
        device: str = "auto",
        dtype: torch.dtype = torch.float32,
        plan: CodePlan | None = None,
        max_streams: int = MAX_STREAMS,
        idle_ttl_s: float | None = None,
        offload: Literal["cpu"] | None = None,
        schedule: Schedule = timer,
    ) -> None:
        """`model_path`: the folder `token2wav` of a checkpoint, or the checkpoint. `voices`: a folder of recordings,
        3 to 15 s each, whose names are the voices'. See `BaseTTSEngine` for its life; with `offload` a model that is
        unloaded from another device waits in the memory of the CPU, from where it is back sooner than from the files.
        """
        super().__init__(idle_ttl_s=idle_ttl_s, schedule=schedule)
        folder = Path(model_path)
        self.folder = folder / "token2wav" if (folder / "token2wav").is_dir() else folder
        self.device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        self._voices = Path(voices) if voices is not None else None
        self._dtype = dtype
        self._plan = plan or CodePlan()
        self._offload = offload is not None and torch.device(self.device).type != offload
        self._offloaded: Token2Wav | None = None
        self._max_streams = max_streams
        self._room = threading.Semaphore(max_streams)

    @property
    def voices(self) -> dict[str, Path]:
        """The recordings there are now, by name, in alphabetical order."""
        if self._voices is None or not self._voices.is_dir():
            return {}
        return {file.stem: file for file in sorted(self._voices.iterdir()) if file.suffix.lower() in RECORDINGS}

    def recording(self, voice: str | bytes | None) -> bytes:
        """The recording of a voice. Raises `ValueError` for a name there is none of."""
        if isinstance(voice, bytes):
            return voice
        known = self.voices
        file = known.get(voice) if voice is not None else next(iter(known.values()), None)
        if file is None:
            listed = ", ".join(known) or "none: give a folder of recordings"
            raise ValueError(f"there is no voice {voice!r}; the voices are {listed}")
        return file.read_bytes()

    def open_stream(self, voice: str | bytes | None = None, seed: int | None = None) -> StepAudio2Stream:
        """An utterance whose codes are still to come. Its model is in use until it is finished or closed.

        Raises `EngineBusy` when too many are open, `ValueError` for a voice that is none, `CheckpointError` when the
        model cannot be loaded.
        """
        recording = self.recording(voice)
        with ExitStack() as stack:
            if not self._room.acquire(blocking=False):
                raise EngineBusy(f"{self._max_streams} utterances are being spoken, which is all at once; wait for one")
            stack.callback(self._room.release)
            model = stack.enter_context(self.in_use())
            return StepAudio2Stream(model.open(recording, seed or 0, self._plan), stack.pop_all())

    def _load(self) -> Token2Wav:
        # If it does not fit into the device's memory, what has been moved is dropped with the rest.
        offloaded, self._offloaded = self._offloaded, None
        return Token2Wav(self.folder, self.device, self._dtype) if offloaded is None else offloaded.to(self.device)

    def _close(self, model: Token2Wav) -> None:
        if self._offload:
            self._offloaded = model.to("cpu")

    def _stream(self, model: Token2Wav, request: SpeechCodes) -> Iterator[NDArray[np.float32]]:
        stream = model.open(self.recording(request.voice), request.seed, self._plan)
        for code in request.codes:
            if len(samples := stream.push([code])):
                yield samples
        if len(samples := stream.finish()):
            yield samples

    def generate_batch(self, requests: Sequence[SpeechCodes]) -> list[NDArray[np.float32]]:
        """Several at once, none of them cut into chunks, see `Token2Wav.generate`. All need the same seed."""
        seeds = {request.seed for request in requests}
        if len(seeds) > 1:
            raise ValueError("the utterances of one batch have one seed")
        voices = [self.recording(request.voice) for request in requests]
        with self.in_use() as model:
            return model.generate([request.codes for request in requests], voices, *(seeds or {0}))


class StepAudio2Stream:
    """One utterance as PCM16LE mono at 24 kHz. Not for several threads at once."""

    def __init__(self, stream: Token2WavStream, use: ExitStack) -> None:
        self._stream: Token2WavStream | None = stream
        self._use = use

    def push(self, codes: Sequence[int]) -> bytes:
        """The sound that is certain with these codes, maybe none. Raises `ValueError` for an id that is none, and
        `RuntimeError` after the end."""
        return pcm16(self._open().push(codes))

    def finish(self) -> bytes:
        """The rest; the utterance is closed."""
        try:
            return pcm16(self._open().finish())
        finally:
            self.close()

    def close(self) -> None:
        """Give up what is still to come, and the model. May be called again."""
        self._stream = None
        self._use.close()

    def _open(self) -> Token2WavStream:
        if self._stream is None:
            raise RuntimeError("this utterance is over; open another stream")
        return self._stream
