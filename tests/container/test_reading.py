"""How Dockerfile and .dockerignore are read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scripts.container import dockerignore
from scripts.container.dockerfile import NotUnderstood, expand

ROOT = Path(__file__).resolve().parents[2]


def test_lines_flags_and_lists_are_read(read):
    """Instructions come with their first line; continued lines are one, comments between them none."""
    text = """# c
FROM a:1.0 AS x
RUN --mount=type=cache,target=/c \\
  # c
  one && \\
  two
CMD ["a b", "c"]
ENV A=1 B="2 3"
"""
    run, command, variables = read(text).stages["x"].instructions
    assert (run.line, run.value) == (3, "one && two")
    assert run.mounts == [{"type": "cache", "target": "/c"}]
    assert command.exec_form == command.words == ["a b", "c"]
    assert run.exec_form is None
    assert variables.pairs == {"A": "1", "B": "2 3"}


@pytest.mark.parametrize(
    "text",
    [
        *("RUN before", "FROM a:1.0\nRUN cat <<EOF\nx\nEOF", "# escape=`\nFROM a:1.0", "FROM a:1.0\nONBUILD RUN x"),
        "FROM a:1.0\nADD https://example.org/a.tar /",
        *("FROM a:1.0\nRUN x \\", "FROM a:1.0 of b", "FROM a:1.0 AS x\nFROM a:1.0 AS x", "FROM x AS x"),
    ],
)
def test_what_is_not_understood_is_refused(read, text):
    """A file that says what the reader does not know is an error that names the line, never half read."""
    with pytest.raises(NotUnderstood, match=r"^line \d"):
        read(text)


def test_what_holds_in_an_image_comes_from_the_stages_below(read):
    """A stage has what the ones below it say; the images are the stages that nothing is made of."""
    text = "FROM a:1.0 AS low\nUSER 1\nENV A=1\nFROM low AS high\nUSER 2\nFROM a:1.0 AS other\nCOPY --from=low /x /x"
    dockerfile = read(text)
    assert dockerfile.images == ["high", "other"]
    assert [each.value for each in dockerfile.inherited("high")] == ["1", "A=1", "2"]
    user, variable = dockerfile.last("high", "USER"), dockerfile.last("high", "ENV")
    assert user is not None and user.value == "2" and variable is not None and dockerfile.last("other", "USER") is None


@pytest.mark.parametrize(("text", "value"), [("$A:x", "1:x"), ("${A}x", "1x"), ("x$B", "x"), ("x", "x")])
def test_variables_are_filled_in(text, value):
    """As a builder does it in ENV."""
    assert expand(text, {"A": "1"}) == value


@pytest.mark.parametrize("text", ["${B:-2}", "${A:+2}", "${A%1}", "1$"])
def test_other_forms_of_variables_are_refused(text):
    """They would come out wrong."""
    with pytest.raises(NotUnderstood):
        expand(text, {"A": "1"})


@pytest.mark.parametrize(
    ("line", "path", "left_out"),
    [
        ("*.md", "README.md", True),
        ("*.md", "docs/README.md", False),
        ("**/*.md", "docs/README.md", True),
        ("**/*.md", "README.md", True),
        ("docs", "docs/deep/README.md", True),
        ("/docs/", "docs/README.md", True),
        ("docs", "docs2/README.md", False),
        ("docs/**", "docs/deep/README.md", True),
        ("?.md", "ab.md", False),
        ("[ab].md", "b.md", True),
        ("*\n!docs\ndocs/*.tmp", "docs/a.tmp", True),
        ("*\n!docs\ndocs/*.tmp", "docs/a.md", False),
        ("# docs", "# docs", False),
    ],
)
def test_files_are_left_out_as_docker_leaves_them_out(tmp_path, line, path, left_out):
    """The last line that fits a path or a folder above it decides."""
    (tmp_path / ".dockerignore").write_text(line)
    assert dockerignore.ignored(path, dockerignore.read(tmp_path / ".dockerignore")) == left_out


def test_the_builder_sees_the_packages_and_nothing_else():
    """Neither keys nor data lying about reach an image; every file of the packages that git knows does."""
    patterns = dockerignore.read(ROOT / ".dockerignore")
    for path in (".env", ".git/config", "data/voicechat.db", "voicechat.toml", "tests/live.py", ".venv/bin/python"):
        assert dockerignore.ignored(path, patterns)
    packages = ("backend", "boson_multimodal", "frontend")
    listed = subprocess.run(["git", "ls-files", *packages], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not [path for path in listed.stdout.splitlines() if dockerignore.ignored(path, patterns)]
    assert dockerignore.ignored("backend/engines/__pycache__/higgs.cpython-312.pyc", patterns)
