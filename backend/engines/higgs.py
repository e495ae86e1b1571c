"""Higgs Audio v2 as the voice: one model for all sessions, one rolling context per character.

The engine's own threads draw and decode; here its PCM becomes `Speech` and its errors become `EngineError`.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from backend.engines.interfaces import AS_USUAL, Speech
from backend.errors import ConfigurationError, EngineError, MissingExtra, RequestRefused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from types import TracebackType

    from backend.engines.interfaces import Manner
    from boson_multimodal.model.higgs_audio.sampling import SamplingParams
    from boson_multimodal.serve.serve_engine import HiggsAudioServeEngine
    from boson_multimodal.serve.voice_generator import StreamingVoiceGenerator
    from boson_multimodal.voice_memory import VoiceMemory
    from boson_multimodal.voice_presets import VoicePreset

DEFAULT_MODEL = "bosonai/higgs-audio-v2-generation-3B-base"
DEFAULT_CODEC = "bosonai/higgs-audio-v2-tokenizer"
SAMPLE_RATE_HZ = 24_000
CONTEXT_SENTENCES = 5
CUDA_STREAMS = 16
CPU_STREAMS = 4


class HiggsTextToSpeech:
    """Speaks with Higgs Audio v2; see `TextToSpeech`."""

    name = "higgs"
    stand_in = False
    sample_rate_hz = SAMPLE_RATE_HZ
    clones_voices = True
    takes_descriptions = True

    def __init__(
        self,
        model: str | None,
        codec: str | None,
        device: Literal["auto", "cpu", "cuda"],
        streams: int | None = None,
    ) -> None:
        """`model` and `codec` are folders or repository ids; `streams` texts are spoken at once, further ones wait.
        Raises `MissingExtra` when the packages are missing."""
        if any(importlib.util.find_spec(package) is None for package in ("torch", "transformers")):
            raise MissingExtra("higgs", "higgs")
        from boson_multimodal.voice_presets import PRESETS, QUIET_ROOM

        self._presets = PRESETS
        self._quiet_room = QUIET_ROOM
        self._model = model or DEFAULT_MODEL
        self._codec = codec or (self._model if holds_codec(self._model) else DEFAULT_CODEC)
        self._device = device
        self._streams = streams
        self._engine: HiggsAudioServeEngine | None = None

    @property
    def voices(self) -> Sequence[str]:
        """The presets' names. A voice may also be a description, such as `masculine;low pitch;slow pace`."""
        return tuple(self._presets)

    @property
    def descriptions(self) -> Mapping[str, str]:
        return {name: preset.speaker_description for name, preset in self._presets.items()}

    @property
    def ready(self) -> bool:
        return self._engine is not None

    @property
    def detail(self) -> str:
        return f"{Path(self._model).name} on {self._engine.device if self._engine else self._device}"

    @property
    def active_slots(self) -> int:
        """Utterances being spoken."""
        return self._engine.active_slots if self._engine else 0

    async def __aenter__(self) -> Self:
        """Loads the model, in a thread. Raises `ConfigurationError` when it cannot be loaded."""
        self._engine = await asyncio.to_thread(self._load)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            await asyncio.to_thread(engine.close)

    def open_voice(self, voice: str, manner: Manner = AS_USUAL) -> HiggsVoiceGenerator:
        """A preset by its name, a description with semicolons as it is, and for any other name always the same
        preset. What the manner says replaces what the preset says; instructions are a scene."""
        own = manner.speaker_description or (voice if ";" in voice else None)
        preset = self._presets.get(voice) or self._dealt(voice)
        if voice not in self._presets and (own or manner.recording):
            # What is described or imitated has a sound of its own, which another voice's scene would change.
            preset = replace(preset, scene_prompt=self._quiet_room)
        return HiggsVoiceGenerator(self, preset, replace(manner, speaker_description=own or preset.speaker_description))

    def _dealt(self, voice: str) -> VoicePreset:
        """The same preset for the same name."""
        names = sorted(self._presets)
        digest = hashlib.sha256(voice.encode(errors="replace")).digest()
        return self._presets[names[digest[0] % len(names)]]

    def engine(self) -> HiggsAudioServeEngine:
        """The loaded engine. Raises `EngineError` when it is not running."""
        if self._engine is None:
            raise EngineError("tts", "the voice engine is not running")
        return self._engine

    def _load(self) -> HiggsAudioServeEngine:
        import torch

        from boson_multimodal.model.weights import CheckpointError
        from boson_multimodal.serve.serve_engine import HiggsAudioServeEngine

        device = self._device if self._device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cuda" and not torch.cuda.is_available():
            raise ConfigurationError("--device cuda: this machine's torch finds no CUDA device")
        streams = self._streams or (CUDA_STREAMS if device == "cuda" else CPU_STREAMS)
        try:
            return HiggsAudioServeEngine(self._model, self._codec, device=device, max_streams=streams)
        except CheckpointError as error:
            raise ConfigurationError(f"--tts higgs: {error}") from error


class HiggsVoiceGenerator:
    """One character's voice: its preset, and the last sentences it spoke as context."""

    def __init__(self, engine: HiggsTextToSpeech, preset: VoicePreset, manner: Manner) -> None:
        self._tts = engine
        self._preset = preset
        self._manner = manner
        self._voice: StreamingVoiceGenerator | None = None

    async def stream(self, text: str) -> AsyncGenerator[Speech]:
        """See `VoiceGenerator.stream`."""
        voice = self._opened()
        try:
            params = self._params()
            async with aclosing(voice.generate_pcm([text], params)) as pieces:
                async for pcm in pieces:
                    if pcm:
                        yield Speech(pcm)
        except ValueError as error:
            raise RequestRefused(
                "tts", 400, f"the voice engine cannot speak this: {error}", "invalid_request"
            ) from error
        except RuntimeError as error:
            raise EngineError("tts", f"the voice engine failed: {error}") from error

    @property
    def memory(self) -> VoiceMemory | None:
        """See `PortableVoice.memory`."""
        return None if self._voice is None else self._voice.memory

    def recall(self, memory: VoiceMemory) -> None:
        """See `PortableVoice.recall`."""
        self._opened().recall(memory)

    def _opened(self) -> StreamingVoiceGenerator:
        if self._voice is None:
            self._voice = self._open()
        return self._voice

    def _open(self) -> StreamingVoiceGenerator:
        from boson_multimodal.serve.voice_generator import StreamingVoiceGenerator

        manner, recording = self._manner, self._manner.recording
        return StreamingVoiceGenerator(
            self._tts.engine(),
            manner.scene_prompt or manner.instructions or self._preset.scene_prompt,
            # A recording says how the voice sounds; a description beside it would contradict it.
            manner.speaker_description if recording is None else None,
            None if recording is None else [recording.audio],
            CONTEXT_SENTENCES,
            ref_texts=None if recording is None else [recording.text],
        )

    def _params(self) -> SamplingParams:
        from boson_multimodal.model.higgs_audio.sampling import SamplingParams

        manner, preset = self._manner, self._preset
        own_ras = manner.ras_window_length is not None
        return SamplingParams(
            preset.temperature if manner.temperature is None else manner.temperature,
            preset.top_k if manner.top_k is None else manner.top_k,
            preset.top_p if manner.top_p is None else manner.top_p,
            manner.ras_window_length if own_ras else preset.ras_win_len,
            manner.ras_max_num_repeat or preset.ras_win_max_num_repeat,
            preset.seed if manner.seed is None else manner.seed,
        )


def holds_codec(model: str) -> bool:
    """Whether `model` is a folder with a model and a codec side by side, as `make_tiny_checkpoint` writes it."""
    return (Path(model) / "codec").is_dir()
