"""The OpenAPI document against the server it describes, over a real socket."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx2
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

if TYPE_CHECKING:
    from schemathesis.schemas import APIOperation

EXAMPLES = 8
"""Of each operation, and of each way to ask: as documented, and not as documented."""

DOCUMENT = create_app(Settings()).openapi()
OPERATIONS = [(method, path) for path, operations in DOCUMENT["paths"].items() for method in operations]
ASKED = [(*operation, GenerationMode.POSITIVE) for operation in OPERATIONS]
ASKED += [(*operation, GenerationMode.NEGATIVE) for operation in OPERATIONS if operation[0] in ("post", "put")]


@pytest.fixture(scope="module")
def documented():
    """The operations of the document, read once: that takes longer than to ask."""
    return schemathesis.openapi.from_dict(DOCUMENT)


@asynccontextmanager
async def serving():
    """The address of a server whose engines take no time."""
    tts = Imitator(first_audio_s=0.0, real_time_factor=0.0)
    engines = Engines(ScriptedSpeechToText(final_s=0), ScriptedLanguageModel(), tts, LoudnessVad())
    async with serve_app(create_app(Settings(), engines)) as (port, _):
        yield f"http://127.0.0.1:{port}"


def asking(url: str, operation: APIOperation, mode: GenerationMode) -> None:
    """Raises for an answer that is a failure of the server, or not as documented. Blocks."""

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
async def test_answers_are_as_documented(documented, method, path, mode):
    """Whatever is asked, nothing is a failure of the server, and every status, content type and body is documented."""
    async with serving() as url:
        await asyncio.to_thread(asking, url, documented[path][method.upper()], mode)


async def test_the_document_is_served():
    """What is tested here is what clients read."""
    async with serving() as url, httpx2.AsyncClient() as http:
        assert (await http.get(f"{url}/openapi.json")).json() == DOCUMENT
