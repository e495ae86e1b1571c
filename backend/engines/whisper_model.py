"""A faster-whisper model: where it is on disk, how it is fetched and loaded, and how it is asked.

Everything here but `fetch` blocks and belongs in a thread. Knows nothing of streams, sessions or the event loop.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from backend.engines.interfaces import HEARING_RATE_HZ, NO_HINTS
from backend.engines.whisper_words import split, split_timed
from backend.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from backend.engines.interfaces import Hints
    from backend.engines.whisper_words import Word

Device = Literal["auto", "cpu", "cuda"]

DEFAULT_MODEL = {"cpu": "base.en", "cuda": "large-v3-turbo"}
COMPUTE_TYPE = {"cpu": "int8", "cuda": "float16"}

WINDOW_S = 30
"""Whisper hears this much at a time."""

TIMED_FROM_S = 20
"""Timing words takes another pass of the decoder; only audio of this length has to be cut between words."""

NEW_TOKENS = 224
PROMPT_TOKENS = 119
HOTWORD_TOKENS = 100
"""Together with at most 5 tokens of its own this is all the text that Whisper's decoder can hold, 448 tokens."""


def choose_device(device: Device) -> str:
    """`cpu` or `cuda`: what was asked for, or else what there is."""
    if device != "auto":
        return device
    return "cuda" if importlib.import_module("ctranslate2").get_cuda_device_count() else "cpu"


def find(model: str) -> str | None:
    """The folder of a model: the one given, or the one in the Hugging Face cache; `None` when it must be fetched.

    Raises `ValueError` for a name that is neither a folder, a size (`base.en`) nor a repository (`owner/name`).
    """
    if Path(model).is_dir():
        return model
    faster_whisper: Any = importlib.import_module("faster_whisper")
    try:
        folder: str = faster_whisper.download_model(model, local_files_only=True)
    except FileNotFoundError:
        return None
    # The folder of a download that was cut off lacks its largest file.
    return folder if Path(folder, "model.bin").exists() else None


def repository(model: str) -> str:
    """The Hugging Face repository of a model size; a repository's own name stays as it is."""
    sizes: dict[str, str] = importlib.import_module("faster_whisper.utils")._MODELS
    return sizes.get(model, model)


async def fetch(repository: str, progress: Callable[[str], None]) -> str:
    """Bring a model into the Hugging Face cache, telling `progress` how far it is (`34 % of 145 MB`); returns its
    folder. Cancelling it stops the download. Raises `EngineError` when the model cannot be had.
    """
    script = str(Path(__file__).with_name("whisper_fetch.py"))
    # -P: the folder of the script is not searched for modules; some there are named like installed packages.
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", script, repository, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL
    )
    assert process.stdout is not None
    failure = "the download ended unexpectedly"
    try:
        async for line in process.stdout:
            kind, _, text = line.decode(errors="replace").strip().partition(" ")
            match kind:
                case "progress":
                    progress(text)
                case "folder":
                    return text
                case _:
                    failure = text
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    raise EngineError("stt", failure)


@dataclass(frozen=True, slots=True)
class WhisperModel:
    """A loaded model."""

    model: Any
    device: str

    @classmethod
    def load(cls, folder: str, device: str) -> WhisperModel:
        """Load the model in `folder` and let it work once, so that the first utterance finds it warm."""
        faster_whisper: Any = importlib.import_module("faster_whisper")
        numpy: Any = importlib.import_module("numpy")
        loaded = cls(faster_whisper.WhisperModel(folder, device=device, compute_type=COMPUTE_TYPE[device]), device)
        noise = numpy.random.default_rng(0).normal(0.0, 0.1, HEARING_RATE_HZ).astype("float32")
        for _ in loaded._segments(noise):
            pass
        return loaded

    def transcribe(
        self, samples: NDArray[np.float32], hints: Hints = NO_HINTS, prompt: str = ""
    ) -> Iterator[list[Word]]:
        """The words of each segment of `samples` (float32 mono 16 kHz, shape [samples], at most `WINDOW_S`) as it is
        decoded; `prompt` is what was said before.

        Greedy and without retries, which is what answers soonest; audio without speech has no segments. The words of
        `TIMED_FROM_S` and more come with times.
        """
        return self._segments(
            samples,
            vad_filter=True,
            language=hints.language if hints.language in self.model.supported_languages else None,
            hotwords=self._hotwords(hints.words) or None,
            initial_prompt=self._tokens(prompt)[-PROMPT_TOKENS:] or None,
        )

    def _segments(self, samples: NDArray[np.float32], **options: object) -> Iterator[list[Word]]:
        duration_s = len(samples) / HEARING_RATE_HZ
        segments, _ = self.model.transcribe(
            samples,
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
            word_timestamps=duration_s >= TIMED_FROM_S,
            # Nobody speaks faster than this; a model that repeats itself is cut off.
            max_new_tokens=min(NEW_TOKENS, 32 + int(12 * duration_s)),
            # Whisper makes up words for silence and noise. It drops a segment that it takes for no speech itself
            # (`no_speech_prob` above the one) and is not sure of either (`avg_logprob` below the other).
            no_speech_threshold=0.6,
            log_prob_threshold=-1.0,
            **options,
        )
        # Without timestamps in its text, audio that fits the window is one segment. To look for another one after
        # timed words would decode what follows the last of them a second time.
        for segment in islice(segments, 1):
            if segment.words:
                yield split_timed((word.word, word.start, word.end) for word in segment.words)
            else:
                yield split(segment.text)

    def _hotwords(self, words: Iterable[str]) -> str:
        """As many of `words` as there is room for, as faster-whisper takes them."""
        chosen: list[str] = []
        for word in words:
            if len(self._tokens(", ".join((*chosen, word)))) > HOTWORD_TOKENS:
                break
            chosen.append(word)
        return ", ".join(chosen)

    def _tokens(self, text: str) -> list[int]:
        return self.model.hf_tokenizer.encode(f" {text}", add_special_tokens=False).ids if text else []
