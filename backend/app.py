"""The composition root: settings -> engines -> routes. The only module that names concrete engines."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from backend.cast import default_cast, load_cast
from backend.encoding import load_codecs
from backend.engines.bridge import call_in_thread
from backend.engines.higgs import DEFAULT_CODEC as HIGGS_CODEC
from backend.engines.higgs import DEFAULT_MODEL as HIGGS_MODEL
from backend.engines.higgs import HiggsTextToSpeech, holds_codec
from backend.engines.interfaces import Generation
from backend.engines.library_voices import with_library
from backend.engines.offline_recognizer import OfflineSpeechToText
from backend.engines.offline_speech import OfflineTextToSpeech
from backend.engines.offline_writer import OfflineLanguageModel
from backend.engines.openai import OpenAILanguageModel, OpenAISpeechToText
from backend.engines.openai_speech import OpenAITextToSpeech
from backend.engines.preferred import PreferredSpeechToText
from backend.engines.shared_voices import SharedTextToSpeech
from backend.engines.silero import SileroVad
from backend.engines.smart_turn import SmartTurn
from backend.engines.step_audio2 import DEFAULT_MODEL, StepAudio2TextToSpeech
from backend.engines.step_audio2_writer import StepAudio2SpeechModel
from backend.engines.tasks import stop
from backend.engines.whisper import WhisperSpeechToText
from backend.errors import ConfigurationError
from backend.loading import hold_engines
from backend.pipelines.turn_detection import TurnSettings
from backend.roster import Roster
from backend.routes import (
    characters,
    chat,
    conversations,
    models,
    operations,
    realtime,
    sockets,
    speech,
    transcriptions,
    voices,
)
from backend.routes.body_limit import BodyLimit
from backend.routes.errors import DOCUMENTED, install_error_handlers
from backend.routes.loading_gate import LoadingGate
from backend.routes.page import Page
from backend.server import Server
from backend.serverless.model_path import find_model
from backend.session_settings import Engines, SessionSettings
from backend.storage.characters import StoredCast
from backend.storage.database import Database
from backend.storage.voices import VoiceLibrary

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from backend.engines.interfaces import LanguageModel, SpeechToText, TextToSpeech
    from backend.settings import Settings

DOORS = (operations, sockets, realtime, models, chat, speech, transcriptions, voices, characters, conversations)
ROUTERS = tuple(door.router for door in DOORS)


def choose_engines(settings: Settings) -> Engines:
    """The engines the settings ask for, not yet loaded. `auto` is the best one that can run here.

    Raises `ConfigurationError` when one was asked for by name that cannot run.
    """
    changed = asyncio.Event()
    return Engines(
        stt=_stt(settings, changed),
        llm=_llm(settings),
        tts=choose_tts(settings, changed),
        vad=SileroVad(),
        turn_model=SmartTurn(settings.turn_model) if settings.turn_model else None,
        changed=changed,
    )


def _stt(settings: Settings, changed: asyncio.Event) -> SpeechToText:
    match settings.stt:
        case "openai":
            return _openai_stt(settings)
        case "faster-whisper":
            return WhisperSpeechToText(settings.stt_model, settings.device, changed)
        case "offline":
            return OfflineSpeechToText(changed)
        case "auto" if settings.stt_base_url:
            return _openai_stt(settings)
        case "auto":
            whisper = WhisperSpeechToText(settings.stt_model, settings.device, changed)
            return PreferredSpeechToText(whisper, OfflineSpeechToText(changed))


def _openai_stt(settings: Settings) -> OpenAISpeechToText:
    return OpenAISpeechToText(
        base_url=settings.stt_base_url, api_key=settings.stt_api_key, model=settings.stt_model or "whisper-1"
    )


def _llm(settings: Settings) -> LanguageModel:
    wants_server = bool(settings.llm_base_url or settings.llm_api_key)
    if settings.llm == "offline" or (settings.llm == "auto" and not wants_server):
        return OfflineLanguageModel()
    if not wants_server:
        raise ConfigurationError("--llm openai needs --llm-base-url (a server of your own) or --llm-api-key (OpenAI's)")
    model = settings.llm_model or (DEFAULT_MODEL if _speaks_itself(settings) else "gpt-4o-mini")
    return OpenAILanguageModel(base_url=settings.llm_base_url, api_key=settings.llm_api_key, model=model)


def choose_tts(settings: Settings, changed: asyncio.Event | None = None) -> TextToSpeech:
    """The voices the settings ask for, not yet loaded; see `choose_engines`. `changed` is set when they change."""
    match settings.tts:
        case "higgs":
            return _higgs(settings)
        case "step-audio2":
            return _step_audio2(settings)
        case "openai":
            pass
        case "auto" if settings.tts_base_url:
            pass
        case "auto" | "offline":
            return OfflineTextToSpeech()
    return OpenAITextToSpeech(
        base_url=settings.tts_base_url or None,
        api_key=settings.tts_api_key,
        model=settings.tts_model or "gpt-4o-mini-tts",
        dialect=settings.tts_dialect,
        fallback=OfflineTextToSpeech() if settings.tts_fallback == "offline" else None,
        changed=changed,
    )


def _higgs(settings: Settings) -> HiggsTextToSpeech:
    model = find_model(settings.tts_model or HIGGS_MODEL, settings.volume).path
    own_codec = settings.tts_codec is None and holds_codec(model)
    codec = None if own_codec else find_model(settings.tts_codec or HIGGS_CODEC, settings.volume).path
    return HiggsTextToSpeech(model, codec, settings.device, settings.tts_streams)


def _step_audio2(settings: Settings) -> StepAudio2TextToSpeech:
    token2wav, recordings = settings.tts_codec, settings.tts_voices
    speaks = _speaks_itself(settings)
    if speaks and (settings.tts_model or settings.tts_api_key):
        raise ConfigurationError(
            "--tts-model and --tts-api-key are of the server at --tts-base-url; the language model that says what it "
            "writes has --llm-model and --llm-api-key"
        )
    if len(settings.tts_base_url) > 1:
        raise ConfigurationError("--tts step-audio2 takes one --tts-base-url")
    base_url = settings.llm_base_url if speaks else next(iter(settings.tts_base_url), None)
    if base_url is None or token2wav is None or recordings is None:
        raise ConfigurationError(
            "--tts step-audio2 needs --tts-codec (the checkpoint's folder token2wav), --tts-voices (a folder of "
            "recordings) and the server of its language model: --tts-base-url for one that reads out what another "
            "model writes (--llm offline, too), --llm-base-url alone for one that says what it writes itself"
        )
    kind = StepAudio2SpeechModel if speaks else StepAudio2TextToSpeech
    return kind(
        base_url=base_url,
        api_key=settings.llm_api_key if speaks else settings.tts_api_key,
        model=settings.llm_model if speaks else settings.tts_model,
        token2wav=token2wav,
        recordings=recordings,
        device=settings.device,
    )


def _speaks_itself(settings: Settings) -> bool:
    """Whether the language model is the voice as well."""
    only_llm = settings.llm_base_url is not None and not settings.tts_base_url
    return settings.tts == "step-audio2" and settings.llm != "offline" and only_llm


async def store_cast(settings: Settings) -> None:
    """Put the characters of the settings' file into the database, as a server does when it starts. Raises
    `ConfigurationError`."""
    given = load_cast(settings.characters) if settings.characters else ()
    async with Database(settings.database) as database:
        await Roster(StoredCast(database)).open(given, default_cast())


def create_app(settings: Settings, engines: Engines | None = None) -> FastAPI:
    """The whole server as an ASGI app. `engines` replaces those the settings name (tests)."""
    database = Database(settings.database)
    library = VoiceLibrary(database)
    chosen = engines or choose_engines(settings)
    match chosen.tts:
        case OpenAITextToSpeech():
            speech_servers = chosen.tts.servers
        case SharedTextToSpeech():
            speech_servers = chosen.tts
        case _:
            speech_servers = None
    chosen = replace(chosen, tts=with_library(chosen.tts, library))
    given = load_cast(settings.characters) if settings.characters else ()
    unset = SessionSettings(
        cast=(),
        turn=TurnSettings(silence_ms=settings.silence_ms, language=settings.stt_language),
        generation=Generation(),
        llm_context=settings.llm_context,
    )
    server = Server(settings, chosen, unset, database, Roster(StoredCast(database)), library)
    if speech_servers is not None:
        server.metrics.watch(speech_servers)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(server.database)
                await server.roster.open(given, default_cast())
                stack.push_async_callback(stop, asyncio.create_task(server.roster.follow(), name="cast"))
                await call_in_thread(load_codecs, server.decoding)
                stack.push_async_callback(stop, asyncio.create_task(hold_engines(server), name="loading"))
                if settings.listen == "when-loaded":
                    await server.loaded.wait()
                    if server.startup_error is not None:
                        raise server.startup_error
                stack.push_async_callback(server.live.close)
                stack.push_async_callback(stop, asyncio.create_task(server.live.tell_engines(), name="engines"))
            except ConfigurationError as error:
                server.startup_error = error
                raise
            yield

    app = FastAPI(title="voicechat", lifespan=lifespan, docs_url="/docs", redoc_url=None, responses=DOCUMENTED)
    app.state.server = server
    install_error_handlers(app, [route for router in ROUTERS for route in router.routes])
    app.add_middleware(BodyLimit)
    app.add_middleware(LoadingGate)
    app.add_middleware(CORSMiddleware, allow_origins=settings.allowed_origins, allow_methods=["*"], allow_headers=["*"])
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/", Page(), name="page")
    return app
