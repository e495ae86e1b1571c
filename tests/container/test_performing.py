"""The Dockerfile's steps in a folder, and the server that comes of them."""

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

from scripts.container import trial
from scripts.container.building import Builder, StepFailed
from scripts.container.dockerfile import NotUnderstood, parse

ROOT = Path(__file__).resolve().parents[2]


def test_steps_are_performed_in_a_folder(context, read, tmp_path_factory):
    """Stages, variables, arguments, copies: the folder holds what the image would, and the machine what it did."""
    dockerfile = read(
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
def test_a_step_that_fails_is_told(context, read, tmp_path_factory, step):
    """A build does not go on past an error."""
    dockerfile = read(f"FROM a:1.0 AS first\nFROM a:1.0 AS last\n{step}")
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
            assert json.loads(sessions[0].recv(timeout=30))["type"] == "session.ready"

        trial.run(dockerfile, "cpu", builder, image, visit)
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                sessions[0].recv(timeout=30)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1012
    assert (builder.root / "data" / "voicechat.db").exists()


@pytest.mark.parametrize(
    "step",
    ["RUN true || true", "RUN true; true", 'RUN ["true"]', "RUN --mount=type=secret,id=x true", "COPY --chown=1 . /"],
)
def test_a_step_that_cannot_be_performed_as_it_stands_is_refused(context, read, tmp_path_factory, step):
    """It is not performed in another way than a builder would."""
    builder = Builder(
        read(f"FROM a:1.0 AS last\n{step}"), context, tmp_path_factory.mktemp("image"), python="no", install=True
    )
    with pytest.raises(NotUnderstood, match="line 2"):
        builder.build("last")


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
def test_a_server_that_is_not_well_fails_the_trial(context, read, tmp_path_factory, server, check, said):
    """Each thing that the trial looks at can fail it."""
    command = json.dumps(["python", "-c", server])
    health = json.dumps(["python", "-c", f"raise SystemExit({check})"])
    dockerfile = read(f"FROM a:1.0 AS last\nHEALTHCHECK CMD {health}\nCMD {command}")
    builder = Builder(dockerfile, context, tmp_path_factory.mktemp("image"), python=sys.executable, install=True)
    with pytest.raises(trial.TrialFailed, match=said):
        trial.run(dockerfile, "last", builder, builder.build("last"))
