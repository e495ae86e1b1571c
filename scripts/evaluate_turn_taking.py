#!/usr/bin/env python3
"""Measures how well a server takes turns; see docs/turn-taking.md. Works from any directory."""

import ctypes
import os
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"

if __name__ == "__main__" and PYTHON.exists() and Path(sys.prefix) != ROOT / ".venv":
    os.execv(PYTHON, [str(PYTHON), __file__, *sys.argv[1:]])

sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

try:
    import espeakng_loader
    from ideal_recogniser import ideal_servers

    from backend.audio import Resampler
    from backend.client.evaluation.command import main
    from backend.client.evaluation.corpus import Voice
    from backend.client.microphone import RATE_HZ
    from backend.engines import espeak
    from backend.engines.offline_speech import voice_named
except ImportError as error:
    sys.exit(f"evaluate_turn_taking: {error}. Run scripts/serve once; it installs what is needed.")


def speak(text: str, voice: Voice) -> bytes:
    """PCM at 16 kHz of one of the offline voices."""
    pieces: list[bytes] = []
    spoken_by = replace(voice_named(voice.name), rate_wpm=voice.rate_wpm)
    espeak.espeak().speak(text, spoken_by, lambda piece: pieces.append(piece.pcm))
    resampler = Resampler(espeak.RATE_HZ, RATE_HZ)
    return resampler.feed(b"".join(pieces)) + resampler.finish()


def repeat() -> None:
    """Have espeak breathe alike in every process: it seeds its noise from the time of day."""
    espeak.espeak()
    ctypes.CDLL(espeakng_loader.get_library_path()).espeak_ng_SetRandSeed(ctypes.c_long(1))


if __name__ == "__main__":
    repeat()
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    sys.exit(main(speak, ideal_servers))
