"""The rules that the Dockerfile keeps to."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.settings import Settings
from scripts.container import rules
from scripts.container.dockerfile import parse

ROOT = Path(__file__).resolve().parents[2]

GOOD = """
FROM python:3.12-slim AS packages
COPY pyproject.toml ./
ARG EXTRAS=fast
RUN pip install --no-cache-dir --only-binary=:all: .
FROM python:3.12-slim AS server
RUN mkdir /data && chown 1:1 /data
VOLUME /data
COPY --from=packages /venv /venv
COPY app /app
USER 1:1
HEALTHCHECK CMD ["true"]
CMD ["python", "-m", "app"]
"""


@pytest.fixture
def broken(context, read):
    """Tells the names of the rules that a text breaks."""
    return lambda text: {found.rule for found in rules.findings(read(text), context)}


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_the_images_keep_to_the_rules(rule):
    """The project's own Dockerfile breaks no rule."""
    assert not [str(found) for found in rule(parse(ROOT / "Dockerfile"), ROOT)]


def test_a_good_file_breaks_no_rule(broken):
    """The rules can be kept: what they are tried on below differs from this in one place each."""
    assert not broken(GOOD)


@pytest.mark.parametrize(
    ("good", "bad", "rule"),
    [
        ("python:3.12-slim AS server", "python:latest AS server", "base-is-pinned"),
        ("python:3.12-slim AS server", "python AS server", "base-is-pinned"),
        ("python:3.12-slim AS server", "python:3 AS server", "base-is-pinned"),
        ("USER 1:1", "USER root", "nothing-runs-as-root"),
        ("USER 1:1", "USER 0", "nothing-runs-as-root"),
        ("USER 1:1", "USER app", "nothing-runs-as-root"),
        ("USER 1:1\n", "", "nothing-runs-as-root"),
        ("USER 1:1", "USER 1:1\nUSER 0", "nothing-runs-as-root"),
        ("VOLUME", "RUN apt-get update && apt-get install --yes curl\nVOLUME", "debian-stays-as-it-is"),
        (" --no-cache-dir", "", "pip-leaves-nothing"),
        (" --only-binary=:all:", "", "pip-leaves-nothing"),
        ('CMD ["python", "-m", "app"]', "CMD python -m app", "commands-get-signals"),
        ('CMD ["python", "-m", "app"]', "", "commands-get-signals"),
        ('HEALTHCHECK CMD ["true"]', "HEALTHCHECK CMD true", "health-is-checked"),
        ('HEALTHCHECK CMD ["true"]', "", "health-is-checked"),
        ("COPY app /app", "COPY nowhere /app", "sources-reach-the-builder"),
        ("COPY app /app", "COPY secret.env /app", "sources-reach-the-builder"),
        ("COPY app /app", "COPY . /app", "sources-reach-the-builder"),
        ("COPY app /app", "COPY app /app\nCOPY --from=none /a /a", "sources-reach-the-builder"),
        ("VOLUME", "ENV API_KEY=x\nVOLUME", "secrets-stay-outside"),
        ("VOLUME", "ARG DATABASE_PASSWORD\nVOLUME", "secrets-stay-outside"),
        ("EXTRAS=fast", "EXTRAS=fast,slow", "extras-exist"),
        ('"app"]', '"other"]', "modules-exist"),
        ("chown 1:1 /data", "true", "volumes-are-the-users"),
        ("VOLUME /data", "VOLUME /data /more", "volumes-are-the-users"),
    ],
)
def test_what_breaks_a_rule_is_found(broken, good, bad, rule):
    """Each rule finds what it is there for, and a single slip breaks no other rule."""
    assert good in GOOD
    assert broken(GOOD.replace(good, bad)) == {rule}


def test_the_images_variables_are_settings():
    """A variable of an image that the server does not know would do nothing; its data lies in a volume."""
    dockerfile = parse(ROOT / "Dockerfile")
    for name in dockerfile.images:
        steps = dockerfile.inherited(name)
        variables = {n: value for each in steps if each.keyword == "ENV" for n, value in each.pairs.items()}
        ours = {variable for variable in variables if variable.startswith("VOICECHAT_")}
        assert ours <= {f"VOICECHAT_{field.upper()}" for field in Settings.model_fields}
        volumes = {path for each in steps if each.keyword == "VOLUME" for path in each.words}
        assert {variables["VOICECHAT_DATA_DIR"], variables["XDG_CACHE_HOME"]} == volumes
