"""A small project, and its Dockerfile."""

from __future__ import annotations

import pytest

from scripts.container.dockerfile import parse


@pytest.fixture
def context(tmp_path):
    """A folder with the project."""
    (tmp_path / "app" / "__pycache__").mkdir(parents=True)
    (tmp_path / "app" / "__main__.py").touch()
    (tmp_path / "app" / "__pycache__" / "app.pyc").touch()
    (tmp_path / "secret.env").touch()
    (tmp_path / ".dockerignore").write_text("*\n!pyproject.toml\n!app\n**/__pycache__\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "app"\noptional-dependencies = {fast = []}\n')
    return tmp_path


@pytest.fixture
def read(context):
    """Reads a text as the project's Dockerfile."""

    def read(text):
        (context / "Dockerfile").write_text(text)
        return parse(context / "Dockerfile")

    return read
