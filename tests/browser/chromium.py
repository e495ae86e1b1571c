"""The browser of the tests: the machine's own Chromium, and a microphone that hears what a test has recorded."""

from __future__ import annotations

import shutil
import wave
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from playwright.async_api import async_playwright

from backend.engines.interfaces import HEARING_RATE_HZ
from tests.engines.contract import spoken

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Browser

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
)
LEAD_S = 0.5
"""Silence before anything is said: the first moments of a stream get lost in the browser's own processing."""

LEVEL = 0.25
"""People are not as close to their microphones as the offline voice is; the browser amplifies by itself."""


@dataclass(frozen=True)
class Chromium:
    """One browser process."""

    browser: Browser
    recording: Path

    async def record(self, *sentences: str) -> None:
        """What the microphone hears from the moment it is opened next: each sentence and a second of silence after it,
        and then nothing more."""
        silence = np.zeros(int(LEAD_S * HEARING_RATE_HZ))
        speech = [np.frombuffer(await spoken(sentence), "<i2") * LEVEL for sentence in sentences]
        samples = np.concatenate([silence, *(part for each in speech for part in (each, silence, silence))])
        with wave.open(str(self.recording), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(HEARING_RATE_HZ)
            file.writeframes(samples.astype("<i2").tobytes())


@asynccontextmanager
async def chromium(folder: Path):
    """A running browser; `folder` is for its recording."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert program is not None, "Chromium is not installed (on Debian: apt install chromium)"
    recording = folder / "recording.wav"
    options = (*OPTIONS, f"--use-file-for-fake-audio-capture={recording}%noloop")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=options)
        try:
            yield Chromium(browser, recording)
        finally:
            await browser.close()
