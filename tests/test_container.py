"""The Dockerfile, read by rules and performed without a container engine."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from backend.settings import Settings
from scripts.container import dockerignore, rules, trial
from scripts.container.building import Builder, StepFailed
from scripts.container.dockerfile import NotUnderstood, expand, parse

ROOT = Path(__file__).resolve().parents[1]
OF_THE_WORKER = {rules.extras_exist, rules.modules_exist}
WORKER = ROOT / "backend" / "serverless"

GOOD = """
FROM python:3.12-slim AS packages
COPY pyproject.toml ./
ARG EXTRAS=fast
RUN pip install --no-cache-dir --only-binary=:all: .
FROM python:3.12-slim AS server
RUN mkdir /data && chown 1:1 /data
RUN apt-get update && apt-get install --yes --no-install-recommends curl && rm -rf /var/lib/apt/lists/*
VOLUME /data
COPY --from=packages /venv /venv
COPY app /app
USER 1:1
HEALTHCHECK CMD ["true"]
CMD ["python", "-m", "app"]
"""


@pytest.fixture
def context(tmp_path):
    """A folder with a small project in it."""
    (tmp_path / "app" / "__pycache__").mkdir(parents=True)
    (tmp_path / "app" / "__main__.py").touch()
    (tmp_path / "app" / "__pycache__" / "app.pyc").touch()
    (tmp_path / "secret.env").touch()
    (tmp_path / ".dockerignore").write_text("*\n!pyproject.toml\n!app\n**/__pycache__\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "app"\noptional-dependencies = {fast = []}\n')
    return tmp_path


def read(context, text):
    (context / "Dockerfile").write_text(text)
    return parse(context / "Dockerfile")


def broken(context, text):
    return {found.rule for found in rules.findings(read(context, text), context)}


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_the_images_keep_to_the_rules(rule):
    """The project's own Dockerfile breaks no rule."""
    if rule in OF_THE_WORKER and not WORKER.exists():
        pytest.skip("the serverless worker is not in this tree")
    assert not [str(found) for found in rule(parse(ROOT / "Dockerfile"), ROOT)]


def test_a_good_file_breaks_no_rule(context):
    """The rules can be kept: what they are tried on below differs from this in one place each."""
    assert not broken(context, GOOD)


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
        ("COPY app /app", "ADD https://example.org/app.tar /app", "nothing-is-added"),
        (" --no-install-recommends", "", "apt-leaves-nothing"),
        (" && rm -rf /var/lib/apt/lists/*", "", "apt-leaves-nothing"),
        ("apt-get update && ", "", "apt-leaves-nothing"),
        (" --yes", "", "apt-leaves-nothing"),
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
def test_what_breaks_a_rule_is_found(context, good, bad, rule):
    """Each rule finds what it is there for, and a single slip breaks no other rule."""
    assert good in GOOD
    assert broken(context, GOOD.replace(good, bad)) == {rule}


def test_lines_flags_and_lists_are_read(context):
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
    run, command, variables = read(context, text).stages["x"].instructions
    assert (run.line, run.value) == (3, "one && two")
    assert run.mounts == [{"type": "cache", "target": "/c"}]
    assert command.exec_form == command.words == ["a b", "c"]
    assert run.exec_form is None
    assert variables.pairs == {"A": "1", "B": "2 3"}


@pytest.mark.parametrize(
    "text",
    [
        *("RUN before", "FROM a:1.0\nRUN cat <<EOF\nx\nEOF", "# escape=`\nFROM a:1.0", "FROM a:1.0\nONBUILD RUN x"),
        *("FROM a:1.0\nRUN x \\", "FROM a:1.0 of b", "FROM a:1.0 AS x\nFROM a:1.0 AS x", "FROM x AS x"),
    ],
)
def test_what_is_not_understood_is_refused(context, text):
    """A file that says what the reader does not know is an error that names the line, never half read."""
    with pytest.raises(NotUnderstood, match=r"^line \d"):
        read(context, text)


def test_what_holds_in_an_image_comes_from_the_stages_below(context):
    """A stage has what the ones below it say; the images are the stages that nothing is made of."""
    text = "FROM a:1.0 AS low\nUSER 1\nENV A=1\nFROM low AS high\nUSER 2\nFROM a:1.0 AS other\nCOPY --from=low /x /x"
    dockerfile = read(context, text)
    assert dockerfile.images == ["high", "other"]
    assert [each.value for each in dockerfile.inherited("high")] == ["1", "A=1", "2"]
    user, variable = dockerfile.last("high", "USER"), dockerfile.last("high", "ENV")
    assert user is not None and user.value == "2" and variable is not None and dockerfile.last("other", "USER") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("$A:x", "1:x"), ("${A}x", "1x"), ("${B:-2}", "2"), ("${A:-2}", "1"), ("${A:+[$]}", "[$]"), ("${B:+2}", "")],
)
def test_variables_are_filled_in(text, value):
    """As a builder does it in ENV."""
    assert expand(text, {"A": "1"}) == value


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


def test_steps_are_performed_in_a_folder(context, tmp_path_factory):
    """Stages, variables, arguments, copies: the folder holds what the image would, and the machine what it did."""
    dockerfile = read(
        context,
        """
FROM python:3.12-slim AS first
WORKDIR /made
ARG WORD=hello
COPY app pyproject.toml ./
RUN --mount=type=cache,target=/root/.cache echo "$WORD" > said && echo /made > /made/where
FROM python:3.12-slim AS unneeded
RUN false
FROM python:3.12-slim AS low
ENV PLACE=/data/here
FROM low AS last
RUN useradd nobody && mkdir -p $PLACE /data/there && rm -rf /var/lib/app && chown nobody /data
COPY --from=first /made /kept
RUN cp /kept/said /data/here
""",
    )
    work = tmp_path_factory.mktemp("image")
    builder = Builder(dockerfile, context, work, python=sys.executable, install=True)
    image = builder.build("last")
    kept = sorted(path.relative_to(builder.root).as_posix() for path in builder.root.rglob("*") if path.is_file())
    assert kept == ["data/here/said", "kept/__main__.py", "kept/pyproject.toml", "kept/said", "kept/where"]
    assert (builder.root / "data/here/said").read_text() == "hello\n"
    assert (builder.root / "kept/where").read_text() == f"{builder.root}/made\n"
    assert builder.environment(image)["PLACE"] == f"{builder.root}/data/here"
    assert builder.left_out == ["useradd nobody", "rm -rf /var/lib/app", "chown nobody /data"]
    assert not (work / "unneeded").exists()


@pytest.mark.parametrize("step", ["RUN echo why && false", "COPY secret.env /", "COPY --from=first /none /x"])
def test_a_step_that_fails_is_told(context, tmp_path_factory, step):
    """A build does not go on past an error."""
    dockerfile = read(context, f"FROM a:1.0 AS first\nFROM a:1.0 AS last\n{step}")
    builder = Builder(dockerfile, context, tmp_path_factory.mktemp("image"), python=sys.executable, install=True)
    with pytest.raises(StepFailed, match=r"line 3|none"):
        builder.build("last")


def test_the_server_of_the_image_comes_and_goes(tmp_path):
    """With nothing but the files that are copied and the image's variables the server starts, its health check passes,
    and SIGTERM ends sessions in order: who is connected is told, then the server ends."""
    dockerfile = parse(ROOT / "Dockerfile")
    builder = Builder(dockerfile, ROOT, tmp_path, python=sys.executable, install=False)
    image = builder.build("cpu")
    (builder.root / "data" / "http.py").write_text("raise SystemExit('what lies in a volume is no module')")
    with ExitStack() as stack:
        sessions = []

        def visit(port):
            sessions.append(stack.enter_context(connect(f"ws://127.0.0.1:{port}/ws", proxy=None)))
            assert json.loads(sessions[0].recv(timeout=10))["type"] == "session.ready"

        trial.run(dockerfile, "cpu", builder, image, visit)
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                sessions[0].recv(timeout=10)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1012
    assert (builder.root / "data" / "voicechat.db").exists()


class Answer(BaseHTTPRequestHandler):
    """200 to a question for the health, 404 to others."""

    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, format, *args):
        pass


@pytest.mark.parametrize(
    ("variables", "status"),
    [
        ({"PORT": "{port}"}, 0),
        ({"VOICECHAT_PORT": "{port}", "PORT": "1"}, 0),
        ({"PORT": "{port}", "http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}, 0),
        ({"VOICECHAT_PORT": "1", "PORT": "{port}"}, 1),
        ({"VOICECHAT_PORT": "", "PORT": "1"}, 1),
    ],
)
def test_the_health_check_asks_where_the_server_listens(variables, status):
    """VOICECHAT_PORT goes before PORT, as in the settings; a proxy of other traffic is not asked."""
    check = parse(ROOT / "Dockerfile").last("cpu", "HEALTHCHECK")
    assert check is not None and check.exec_form is not None
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        given = {name: value.format(port=server.server_port) for name, value in variables.items()}
        done = subprocess.run([sys.executable, *check.exec_form[1:]], env=given, capture_output=True, check=False)
        server.shutdown()
        thread.join()
    assert done.returncode == status


SERVER = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("voicechat listens on http://127.0.0.1:9", flush=True)
print("voicechat is ready", flush=True)
signal.sigwait([signal.SIGTERM])
"""


@pytest.mark.parametrize(
    ("server", "check", "said"),
    [
        ("print('sorry')", "False", "before it printed(.|\n)*sorry"),
        (SERVER, "True", "fails while the server listens"),
        (SERVER, "False", "passes without a server"),
        (SERVER + "raise SystemExit(3)", "False", "status 3"),
        (SERVER + "print('Traceback (most recent call last):')", "False", "status 0"),
        (SERVER + "raise ValueError('late')", "False", "(?s)status 1.*late"),
    ],
)
def test_a_server_that_is_not_well_fails_the_trial(context, tmp_path_factory, server, check, said):
    """Each thing that the trial looks at can fail it."""
    command = json.dumps(["python", "-c", server])
    health = json.dumps(["python", "-c", f"raise SystemExit({check})"])
    dockerfile = read(context, f"FROM a:1.0 AS last\nHEALTHCHECK CMD {health}\nCMD {command}")
    builder = Builder(dockerfile, context, tmp_path_factory.mktemp("image"), python=sys.executable, install=True)
    with pytest.raises(trial.TrialFailed, match=said):
        trial.run(dockerfile, "last", builder, builder.build("last"))
