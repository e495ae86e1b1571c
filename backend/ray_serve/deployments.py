"""What Ray Serve runs: replicas of the app, and copies of the Higgs voice that all of them share."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from ray import serve
from ray.serve.config import AutoscalingConfig, RequestRouterConfig

from backend.app import choose_engines, choose_tts, create_app, store_cast
from backend.engines.shared_voices import SharedTextToSpeech
from backend.engines.voice_orders import Copy, describe
from backend.logs import configure_logging
from backend.ray_serve.router import StickyRouter
from backend.ray_serve.voices import RayVoices

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from fastapi import FastAPI
    from ray.serve import Application
    from ray.serve.handle import DeploymentHandle

    from backend.engines.voice_orders import Description, Order, Part, PortableTextToSpeech
    from backend.settings import RaySettings

STREAMS, STREAMS_ON_CPU, SPARE = 16, 4, 4
SESSIONS = {"serve": 8, "haproxy": 40}
"""Per replica: passing on 50 messages a second of each session is what costs Serve's own proxy so much."""
BUSY_SHARE = 0.7
"""A copy of the voice that is busier than this is joined by another."""
ADDED_AFTER_S, REMOVED_AFTER_S = 10.0, 300.0
"""How long it must have been too much, or too little."""


class Voices:
    """A copy of the voice engine; texts of all sessions are steps of one batch."""

    async def __init__(self, settings: RaySettings) -> None:
        configure_logging(settings.log_level)
        self._engine = await choose_tts(settings).__aenter__()
        self._copy = Copy(cast("PortableTextToSpeech", self._engine))

    async def describe(self) -> Description:
        """Also says that a copy is there."""
        return describe(self._engine)

    async def speak(self, order: Order) -> AsyncGenerator[Part]:
        """See `SharedEngine.speak`."""
        async with aclosing(self._copy.speak(order)) as parts:
            async for part in parts:
                yield part

    async def __del__(self) -> None:
        await self._engine.__aexit__(None, None, None)


@serve.ingress()
class VoiceChat:
    """A replica of the app."""

    async def __init__(self, settings: RaySettings, voices: DeploymentHandle[Any] | None) -> None:
        configure_logging(settings.log_level)
        own = settings.model_copy(update={"instance": serve.get_replica_context().replica_id.unique_id})
        if voices is None:
            self._app = create_app(own)
            return
        shared = RayVoices(voices)
        engines = choose_engines(own.model_copy(update={"tts": "offline"}))
        tts = SharedTextToSpeech(shared, await shared.describe(), engines.changed)
        self._app = create_app(own, replace(engines, tts=tts))

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Serve asks for it once the replica is made."""
        return self._app


def application(settings: RaySettings) -> Application:
    """The application; only the higgs voice runs in copies of its own, other voices are the replicas' own affair.

    The characters of a file are stored here, once: a replica that is added later leaves alone what became of them.
    """
    if settings.characters is not None:
        asyncio.run(store_cast(settings))
        settings = settings.model_copy(update={"characters": None})
    routing: dict[str, Any] = {}
    if settings.proxy == "serve":  # HAProxy asks nobody
        router: Any = StickyRouter
        routing["request_router_config"] = RequestRouterConfig(request_router_class=router)
    app = serve.deployment(
        VoiceChat,
        name="voicechat",
        ray_actor_options={"num_cpus": settings.replica_cpus},
        # The app itself says when it has no room for another session; requests beside the sessions are short.
        max_ongoing_requests=2 * settings.max_sessions,
        autoscaling_config=_scaling(
            settings.min_replicas, settings.max_replicas, settings.target_sessions or SESSIONS[settings.proxy]
        ),
        graceful_shutdown_timeout_s=settings.drain_s,
        **routing,
    )
    return app.bind(settings, _voices(settings) if settings.tts == "higgs" else None)


def _voices(settings: RaySettings) -> Application:
    streams = settings.tts_streams or (STREAMS if settings.engine_gpus else STREAMS_ON_CPU)
    copy = serve.deployment(
        Voices,
        name="voices",
        ray_actor_options={"num_cpus": 1, "num_gpus": settings.engine_gpus},
        # Further texts wait in the copy; without room for more, who only asks whether a copy is there waits with them.
        max_ongoing_requests=streams + SPARE,
        autoscaling_config=_scaling(settings.min_engines, settings.max_engines, BUSY_SHARE * streams),
    )
    return copy.bind(settings.model_copy(update={"tts_streams": streams}))


def _scaling(least: int, most: int, target: float) -> AutoscalingConfig:
    return AutoscalingConfig(
        min_replicas=least,
        initial_replicas=least,
        max_replicas=most,
        target_ongoing_requests=target,
        upscale_delay_s=ADDED_AFTER_S,
        downscale_delay_s=REMOVED_AFTER_S,
    )
