"""Higgs Audio v2 behind `BaseTTSEngine`: text in, 24 kHz sound out, one utterance after another in a voice."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from boson_multimodal.serve.serve_engine import HiggsAudioServeEngine
from boson_multimodal.tts.base import BaseTTSEngine, timer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from boson_multimodal.tts.base import Schedule


@dataclass(frozen=True, slots=True)
class HiggsText:
    """What is to be spoken, and how; see `HiggsAudioServeEngine.generate_pcm_stream`."""

    text_chunks: str | list[str]
    scene_prompt: str | None = None
    speaker_descriptions: str | list[str] | None = None
    ref_audio_paths: list[str] | None = None
    max_new_tokens: int = 2048
    temperature: float = 0.7
    top_k: int | None = None
    top_p: float = 0.95
    ras_win_len: int | None = 7
    ras_win_max_num_repeat: int = 2
    seed: int | None = None


class HiggsTTS(BaseTTSEngine[HiggsAudioServeEngine, HiggsText]):
    """A Higgs Audio v2 checkpoint and its codec. Several threads may speak at once; none of them may run an event
    loop."""

    def __init__(
        self,
        model_path: str,
        codec_path: str,
        *,
        device: str = "cuda",
        max_streams: int = 8,
        idle_ttl_s: float | None = None,
        schedule: Schedule = timer,
    ) -> None:
        """Folders or repository ids; see `HiggsAudioServeEngine` and `BaseTTSEngine`."""
        super().__init__(idle_ttl_s=idle_ttl_s, schedule=schedule)
        self._paths = (model_path, codec_path)
        self._device = device
        self._max_streams = max_streams

    def _load(self) -> HiggsAudioServeEngine:
        return HiggsAudioServeEngine(*self._paths, device=self._device, max_streams=self._max_streams)

    def _close(self, model: HiggsAudioServeEngine) -> None:
        model.close()

    def _stream(self, model: HiggsAudioServeEngine, request: HiggsText) -> Iterator[NDArray[np.float32]]:
        with asyncio.Runner() as runner:
            pieces = model.generate_pcm_stream(**asdict(request))
            try:
                while (piece := runner.run(anext(pieces, None))) is not None:
                    if piece:
                        yield np.frombuffer(piece, "<i2").astype(np.float32) / np.float32(32767)
            finally:
                runner.run(pieces.aclose())
