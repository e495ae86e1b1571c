"""Imports point inward. The map below is the architecture; a module that breaks it fails here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "backend").rglob("*.py"))

FORBIDDEN = {
    "backend.protocols": (
        *("backend.session", "backend.routes", "backend.app", "backend.turn", "backend.floor", "backend.listening"),
        *("fastapi", "starlette", "websockets"),
    ),
    "backend.session": ("backend.protocols", "backend.routes", "backend.app", "fastapi", "starlette"),
    "backend.turn": ("backend.session", "backend.protocols", "backend.routes", "fastapi"),
    "backend.pipelines": ("backend.session", "backend.turn", "backend.protocols", "backend.routes", "fastapi"),
    "backend.engines": ("backend.session", "backend.turn", "backend.pipelines", "backend.protocols", "fastapi"),
    "backend.conversation": (
        *("backend.session", "backend.turn", "backend.pipelines", "backend.prompting", "backend.engines", "fastapi"),
    ),
    "backend.prompting": (
        *("backend.session", "backend.turn", "backend.floor", "backend.pipelines", "backend.protocols"),
        *("backend.routes", "backend.storage", "fastapi"),
    ),
    "backend.director": ("backend.session", "backend.turn", "backend.pipelines", "backend.engines", "fastapi"),
    "backend.cues": ("backend.session", "backend.pipelines", "backend.protocols", "backend.routes", "fastapi"),
    "backend.cast_models": ("backend.session", "backend.turn", "backend.pipelines", "backend.protocols", "fastapi"),
    "backend.spoken_answers": ("backend.session", "backend.turn", "backend.engines", "backend.protocols", "fastapi"),
    "backend.voice_library": ("backend", "fastapi", "pydantic"),
    "backend.reference_audio": (
        *("backend.session", "backend.pipelines", "backend.engines", "backend.protocols", "backend.routes"),
        *("backend.errors", "fastapi"),
    ),
    "backend.pitch": ("backend", "fastapi"),
    "backend.client": ("backend.session", "backend.turn", "backend.pipelines", "backend.engines", "fastapi"),
    "backend.editing": ("backend.session", "backend.turn", "backend.pipelines", "backend.protocols", "fastapi"),
    "backend.events": ("fastapi", "json", "pydantic"),
    "backend.commands": ("fastapi", "json", "pydantic", "backend.session", "backend.turn", "backend.protocols"),
    "backend.lines": ("backend.session", "backend.turn", "backend.pipelines", "backend.protocols", "fastapi"),
    "backend.characters": ("backend", "fastapi", "pydantic"),
    "backend.tokens": ("backend", "fastapi"),
    "backend.macros": ("backend", "fastapi"),
    "backend.cleaning": ("backend", "fastapi", "pydantic"),
    "backend.character_document": (
        *("backend.session", "backend.protocols", "backend.routes", "backend.storage", "backend.app"),
        *("fastapi", "sqlalchemy"),
    ),
    "backend.cards": (
        *("backend.session", "backend.turn", "backend.pipelines", "backend.protocols", "backend.routes"),
        *("backend.storage", "backend.app", "fastapi", "sqlalchemy"),
    ),
    "backend.roster": ("backend.session", "backend.pipelines", "backend.protocols", "backend.routes", "fastapi"),
    "backend.lorebook": (
        *("backend.session", "backend.turn", "backend.pipelines", "backend.protocols", "backend.storage"),
        "fastapi",
    ),
    "backend.storage": (
        *("backend.session", "backend.turn", "backend.pipelines", "backend.protocols", "backend.routes"),
        *("backend.app", "fastapi"),
    ),
    "backend.g711": ("backend", "fastapi"),
    "backend.serverless": (
        *("backend.session", "backend.turn", "backend.protocols.native", "backend.protocols.realtime"),
        *("backend.routes", "backend.storage", "fastapi", "sqlalchemy"),
    ),
    "backend.serverless.model_path": ("backend",),
    "backend.ray_serve": (
        *("backend.session", "backend.turn", "backend.pipelines", "backend.protocols", "backend.routes"),
        *("backend.storage", "fastapi", "sqlalchemy"),
    ),
    "backend.resume_tokens": ("backend", "fastapi"),
}
ONLY_APP_NAMES_ENGINES = {"backend.app", "backend.check"}
ONLY_THESE_SEE_MODELS = {
    "backend.engines.higgs",
    "backend.engines.step_audio2",
    "backend.engines.step_audio2_writer",
    "backend.engines.text_chunks",
}
CONCRETE_ENGINES = {
    "higgs",
    "offline_recognizer",
    "offline_speech",
    "offline_writer",
    "openai",
    "openai_speech",
    "preferred",
    "smart_turn",
    "step_audio2",
    "step_audio2_writer",
    "whisper",
}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """Modules imported when `path` is imported; what is only for type checking does not count."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_inward(path):
    """No module reaches outward: pipelines know no session, the session no wire format, engines nobody."""
    module, imported = name_of(path), imports_of(path)
    for package, forbidden in FORBIDDEN.items():
        if within(module, package):
            assert not {name for name in imported for bad in forbidden if within(name, bad)}
    if not within(module, "backend.routes") and module not in {"backend.app", "backend.serving"}:
        assert not {name for name in imported if within(name, "fastapi")}
    if module not in ONLY_APP_NAMES_ENGINES and not within(module, "backend.engines"):
        assert not {name for name in imported if name.removeprefix("backend.engines.") in CONCRETE_ENGINES}
    packages = {name.split(".")[0] for name in imported}
    assert not packages & {"torch", "boson_multimodal"} or module in ONLY_THESE_SEE_MODELS


def test_the_wheel_of_the_world_is_not_imported_at_start():
    """Heavy libraries are imported by the engine that needs them, when it is used."""
    for path in MODULES:
        top_level = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        names = {alias.name.split(".")[0] for node in top_level for alias in node.names} | {
            (node.module or "").split(".")[0] for node in top_level if isinstance(node, ast.ImportFrom)
        }
        assert not names & {
            "av",
            "torch",
            "faster_whisper",
            "ctranslate2",
            "pocketsphinx",
            "sounddevice",
            "transformers",
            "boson_multimodal",
            "boto3",
            "botocore",
            "runpod",
        }
        assert "ray" not in names or within(name_of(path), "backend.ray_serve")


@pytest.mark.parametrize("path", sorted((ROOT / "boson_multimodal").rglob("*.py")), ids=name_of)
def test_the_voice_engine_stands_alone(path):
    """`boson_multimodal` can be used without the server: it imports nothing of `backend`."""
    assert not {name for name in imports_of(path) if within(name, "backend")}
