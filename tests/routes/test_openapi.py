"""The OpenAPI document against the server it describes, over a real socket."""

from __future__ import annotations

import asyncio

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from backend.app import create_app
from backend.session_settings import Engines
from backend.settings import Settings
from tests.openai_server import serve_app
from tests.routes.test_speech import Imitator
from tests.scripted import LoudnessVad, ScriptedLanguageModel, ScriptedSpeechToText

EXAMPLES = 8
"""Of each operation, and of each way to ask: as documented, and not as documented."""

OPERATIONS = [
    (method, path) for path, operations in create_app(Settings()).openapi()["paths"].items() for method in operations
]
ASKED = [(*operation, GenerationMode.POSITIVE) for operation in OPERATIONS]
ASKED += [(*operation, GenerationMode.NEGATIVE) for operation in OPERATIONS if operation[0] in ("post", "put")]


def asking(url: str, method: str, path: str, mode: GenerationMode) -> None:
    """Raises for an answer that is a failure of the server, or not as documented. Blocks."""
    operation = schemathesis.openapi.from_url(f"{url}/openapi.json")[path][method.upper()]

    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        # What is well-formed may still name a voice there is none of, or hold no audio.
        case.call_and_validate(base_url=url, excluded_checks=[positive_data_acceptance])

    ask()


@pytest.mark.parametrize(("method", "path", "mode"), ASKED)
async def test_answers_are_as_documented(method, path, mode):
    """Whatever is asked, nothing is a failure of the server, and every status, content type and body is documented."""
    tts = Imitator(first_audio_s=0.0, real_time_factor=0.0)
    engines = Engines(ScriptedSpeechToText(final_s=0), ScriptedLanguageModel(), tts, LoudnessVad())
    async with serve_app(create_app(Settings(), engines)) as (port, _):
        await asyncio.to_thread(asking, f"http://127.0.0.1:{port}", method, path, mode)
