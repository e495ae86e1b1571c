"""What of a Step-Audio 2 folder can be used: each part is read as the engine reads it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from boson_multimodal.audio_tokens import (
    CODEBOOK_SIZE,
    CODES_PER_SECOND,
    STEP_AUDIO_2_MINI,
    TokenTableError,
    read_token_ids,
)
from boson_multimodal.model.step_audio2.config import FlowConfig, read_flow_config
from boson_multimodal.model.step_audio2.loading import HIFT_FILES, load_flow, load_hift
from boson_multimodal.model.step_audio2.prompts import VoicePrompts
from boson_multimodal.model.step_audio2.speech_tokenizer import FILE as TOKENIZER_FILE
from boson_multimodal.model.weights import CheckpointError
from boson_multimodal.tts.step_audio2 import SpeechCodes, StepAudio2TTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import nn

TOKENIZER_SHA256 = "d43342aa"
"""How the digest of CosyVoice 2's speech tokenizer begins, which Step-Audio 2 ships."""
CODES = 2 * CODES_PER_SECOND
"""Two seconds of speech."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of the folder: what it is, or, where it cannot be used, why."""

    part: str
    usable: bool
    says: str


def check(folder: Path, voices: Path | None = None, device: str = "cpu") -> Iterator[Finding]:
    """The parts of a checkpoint, or of its folder `token2wav`, one after another; last, it speaks."""
    tts = StepAudio2TTS(folder, voices, device=device)
    parts: list[tuple[str, Callable[[], str]]] = [
        ("speech tokens", lambda: _tokens(folder)),
        ("flow", lambda: _flow(tts.folder)),
        ("vocoder", lambda: _vocoder(tts.folder)),
        ("voices", lambda: _voices(tts)),
        ("speech", lambda: _speech(tts)),
    ]
    for part, look in parts:
        try:
            yield Finding(part, True, look())
        except (CheckpointError, TokenTableError, ValueError) as error:
            yield Finding(part, False, str(error))


def _tokens(folder: Path) -> str:
    ids = read_token_ids(folder)
    if ids is None:
        return "no tokenizer here; its server is asked, or the ids of Step-Audio-2-mini are assumed"
    known = ids.first_audio_id == STEP_AUDIO_2_MINI.first_audio_id
    same = "as in Step-Audio-2-mini" if known else f"{STEP_AUDIO_2_MINI.first_audio_id} in Step-Audio-2-mini"
    return f"<audio_0> is {ids.first_audio_id} ({same}), {ids.count} in all, {len(ids.tags)} tags"


def _flow(folder: Path) -> str:
    config = read_flow_config(folder / "flow.yaml")
    flow = load_flow(folder / "flow.pt", config)
    sizes = "the published sizes" if config == FlowConfig() else "not the published sizes"
    return f"{_counted(flow)}, {sizes}"


def _vocoder(folder: Path) -> str:
    vocoder = load_hift(folder)
    name = next(name for name in HIFT_FILES if (folder / name).is_file())
    return f"{_counted(vocoder)}, from {name}"


def _counted(module: nn.Module) -> str:
    return f"{sum(parameter.numel() for parameter in module.parameters()) / 1e6:.1f} M parameters"


def _voices(tts: StepAudio2TTS) -> str:
    if not tts.voices:
        raise ValueError("no recordings; give the folder they are in with --voices")
    prompts = VoicePrompts(tts.folder)
    codes = {name: prompts.prompt(file.read_bytes()).codes.shape[1] for name, file in tts.voices.items()}
    with (tts.folder / TOKENIZER_FILE).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    kind = "the known" if digest.startswith(TOKENIZER_SHA256) else f"another ({digest[:8]}) than the known"
    read = ", ".join(f"{name} {count / CODES_PER_SECOND:.1f} s" for name, count in codes.items())
    return f"{read}; read by {kind} speech tokenizer"


def _speech(tts: StepAudio2TTS) -> str:
    request = SpeechCodes([code * 131 % CODEBOOK_SIZE for code in range(CODES)])
    tts.load_model()
    started = perf_counter()
    first, samples = 0.0, 0
    for piece in tts.stream(request):
        first = first or perf_counter() - started
        samples += len(piece)
    seconds, taken = samples / tts.sample_rate, perf_counter() - started
    return f"{seconds:.1f} s in {taken:.1f} s on {tts.device}, the first after {first:.1f} s"
