"""Step-Audio 2 as the voice: its language model, on a server of its own, reads texts out, and the speech codes it
writes become sound here, in the voice of a recording.

The first sound of a sentence is heard while the rest of it is still being written.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import logging
from contextlib import AsyncExitStack, aclosing, contextmanager
from typing import TYPE_CHECKING, Literal, Self

from backend.engines.interfaces import AS_USUAL, Speech
from backend.engines.remote import ABOUT_THE_REQUEST
from backend.errors import ConfigurationError, EngineError, MissingExtra, RequestRefused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from backend.engines.interfaces import Manner
    from boson_multimodal.audio_server import AudioServer
    from boson_multimodal.tts.step_audio2 import StepAudio2TTS

log = logging.getLogger(__name__)

DEFAULT_MODEL = "step-audio-2-mini"
SAMPLE_RATE_HZ = 24_000
CUT_SHORT = "a sentence of %d characters is cut short: the server reached its limit of tokens after %.1f s of speech"


class StepAudio2TextToSpeech:
    """Speaks with Step-Audio 2; see `TextToSpeech`."""

    name = "step-audio2"
    stand_in = False
    sample_rate_hz = SAMPLE_RATE_HZ
    clones_voices = True
    takes_descriptions = False

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str | None,
        model: str | None,
        token2wav: str,
        recordings: Path,
        device: Literal["auto", "cpu", "cuda"],
    ) -> None:
        """`model`: the language model's name on the server at `base_url`. `token2wav`: the folder of that name in the
        checkpoint, or the checkpoint. `recordings`: a folder of voices, 3 to 15 s each. Raises `MissingExtra` when the
        packages are missing, `ConfigurationError` when there is no recording."""
        if any(importlib.util.find_spec(package) is None for package in ("torch", "yaml", "safetensors")):
            raise MissingExtra("step-audio2", "step-audio2")
        from boson_multimodal.tts.step_audio2 import StepAudio2TTS

        self._tts: StepAudio2TTS = StepAudio2TTS(token2wav, recordings, device=device)
        self._base_url, self._api_key, self._model = base_url, api_key, model or DEFAULT_MODEL
        self._server: AudioServer | None = None
        self._running = AsyncExitStack()
        self._voices = tuple(self._tts.voices)
        if not self._voices:
            raise ConfigurationError(f"--tts-voices: {recordings} holds no recording; put files of 3 to 15 s there")

    @property
    def voices(self) -> Sequence[str]:
        """The names of the recordings."""
        return self._voices

    @property
    def descriptions(self) -> Mapping[str, str]:
        return {}

    @property
    def ready(self) -> bool:
        return self._server is not None

    @property
    def detail(self) -> str:
        return f"{self._model} at {self._base_url}, sound made on {self._tts.device}"

    @property
    def speaking(self) -> int:
        """Utterances being spoken."""
        return self._tts.users - self.ready

    async def __aenter__(self) -> Self:
        """Loads what makes the sound, in a thread. Raises `ConfigurationError` when it cannot be loaded."""
        from boson_multimodal.audio_server import AudioServer
        from boson_multimodal.model.weights import CheckpointError
        from boson_multimodal.speech_llm import SpeechLLM

        try:
            await asyncio.to_thread(self._load)
        except (CheckpointError, ValueError) as error:
            await self._running.aclose()
            raise ConfigurationError(f"--tts step-audio2: {error}") from error
        llm = await self._running.enter_async_context(
            SpeechLLM(self._base_url, api_key=self._api_key, model=self._model)
        )
        self._server = AudioServer(llm, self._tts)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server = None
        await self._running.aclose()
        await asyncio.to_thread(self._tts.unload_model, wait=True)

    def _load(self) -> None:
        """With every voice, so that a broken network or recording is known before anybody listens."""
        model = self._running.enter_context(self._tts.in_use())
        for name in self._voices:
            model.prompts.prompt(self._tts.recording(name))

    def open_voice(self, voice: str, manner: Manner = AS_USUAL) -> StepAudio2VoiceGenerator:
        """A recording by its name, and for any other name always the same one; the manner's own recording replaces
        it."""
        return StepAudio2VoiceGenerator(self, self.recording_of(voice, manner), manner)

    def recording_of(self, voice: str, manner: Manner) -> str | bytes:
        """What is imitated: the name of a recording, or one that came with the request."""
        if manner.recording is not None:
            return manner.recording.audio
        return voice if voice in self._voices else self._dealt(voice)

    def _dealt(self, voice: str) -> str:
        digest = hashlib.sha256(voice.encode(errors="replace")).digest()
        return self._voices[digest[0] % len(self._voices)]

    def server(self, stage: str = "tts") -> AudioServer:
        """What speaks. Raises `EngineError` of that stage when it is not running."""
        if self._server is None:
            raise EngineError(stage, "the voice engine is not running")
        return self._server


@contextmanager
def errors_told(stage: str, *, imitating: bool = False) -> Generator[None]:
    """What goes wrong with an answer, as an `EngineError`: of the stage that asked for it, and of the voice where no
    sound could be made. Of a recording that came with the request and cannot be imitated, the request is to blame."""
    from boson_multimodal.speech_llm import SpeechLLMError
    from boson_multimodal.speech_prompts import SpeechPromptError
    from boson_multimodal.speech_synthesis import SynthesisError

    try:
        yield
    except SpeechPromptError as error:
        status = 404 if error.code == "audio_not_found" else 400
        raise RequestRefused(stage, status, f"the speech model cannot take this: {error}", error.code) from error
    except SpeechLLMError as error:
        if stage == "llm" and error.status in ABOUT_THE_REQUEST:
            raise RequestRefused(stage, error.status, str(error), "invalid_request") from error
        raise EngineError(stage, f"the speech model failed: {error}") from error
    except SynthesisError as error:
        if imitating and isinstance(error.__cause__, ValueError):
            problem = f"the voice engine cannot imitate this: {error.__cause__}"
            raise RequestRefused("tts", 400, problem, "invalid_audio") from error
        raise EngineError("tts", f"the voice engine failed: {error}") from error


class StepAudio2VoiceGenerator:
    """One character's voice: its recording."""

    def __init__(self, engine: StepAudio2TextToSpeech, voice: str | bytes, manner: Manner) -> None:
        self._tts = engine
        self._voice = voice
        # A voice of the library may have its instructions for a scene too.
        self._instructions = " ".join(dict.fromkeys(filter(None, (manner.scene_prompt, manner.instructions))))
        self._seed = manner.seed
        asked = {"temperature": manner.temperature, "top_p": manner.top_p, "top_k": manner.top_k, "seed": manner.seed}
        self._options = {name: value for name, value in asked.items() if value is not None}

    async def stream(self, text: str) -> AsyncGenerator[Speech]:
        """See `VoiceGenerator.stream`. A model that writes no speech codes fails, with what it wrote instead."""
        from boson_multimodal.speech_answers import AnswerFinish, PcmDelta, TextDelta, TranscriptDelta
        from boson_multimodal.speech_prompts import read_aloud

        spoken, written = False, ""
        answer = self._tts.server().stream(
            read_aloud(text, self._instructions),
            voice=self._voice,
            seed=self._seed,
            options=self._options,
            remember=False,
        )
        with errors_told("tts", imitating=isinstance(self._voice, bytes)):
            async with aclosing(answer) as events:
                async for event in events:
                    if isinstance(event, PcmDelta):
                        spoken = True
                        yield Speech(event.pcm)
                    elif isinstance(event, TextDelta | TranscriptDelta):
                        written += event.text
                    elif isinstance(event, AnswerFinish) and event.reason == "length" and spoken:
                        # The model writes words ahead of their sound, so which of them are missing is not known.
                        log.warning(CUT_SHORT, len(text), event.metrics.audio_s)
        if not spoken:
            raise EngineError("tts", f"the model read nothing aloud; it wrote {written[:80]!r}")
