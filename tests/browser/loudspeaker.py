"""What a page renders: the samples that its audio graph hands to the loudspeaker, and not what its messages say."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from starlette.responses import FileResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from fastapi import FastAPI
    from playwright.async_api import BrowserContext, Page

FOLDER = Path(__file__).parent


def serve_recording(app: FastAPI) -> None:
    """Let this server's pages load what records; the browser loads worklets past everything that stands in for a
    server."""
    worklet = FOLDER / "recording-worklet.js"
    app.router.routes.insert(0, Route(f"/{worklet.name}", lambda _request: FileResponse(worklet)))


async def tap(context: BrowserContext) -> None:
    """Record what the pages of this context render, of a server with `serve_recording`."""
    await context.add_init_script(path=FOLDER / "tap.js")


class Loudspeaker:
    """The loudspeaker of a page in a tapped context."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def sounds(self) -> None:
        """Until there is something to hear."""
        await self._page.wait_for_function("() => loudspeaker.quietSamples < 0.05 * loudspeaker.rateHz")

    async def audible_samples(self) -> int:
        """How much sound there has been."""
        return await self._page.evaluate("loudspeaker.audibleSamples")

    async def has_sounded(self, seconds: float, since: int) -> None:
        """Until so many seconds of sound have been rendered since there had been `since` samples of it."""
        await self._page.wait_for_function(
            "([seconds, since]) => loudspeaker.audibleSamples - since > seconds * loudspeaker.rateHz",
            arg=[seconds, since],
        )

    async def is_silent(self, seconds: float = 0.5) -> None:
        """Until so many seconds without a sound have been rendered."""
        await self._page.wait_for_function(
            "seconds => loudspeaker.quietSamples > seconds * loudspeaker.rateHz", arg=seconds
        )

    async def recording(self) -> tuple[np.ndarray, int]:
        """All samples so far, float32 of full scale 1, and their rate."""
        encoded, rate_hz = await self._page.evaluate(
            """() => new Promise((resolve) => {
                 const reader = new FileReader();
                 reader.onload = () => resolve([reader.result.split(",")[1], loudspeaker.rateHz]);
                 reader.readAsDataURL(new Blob(loudspeaker.chunks));
               })"""
        )
        return np.frombuffer(base64.b64decode(encoded), "<f4"), rate_hz
