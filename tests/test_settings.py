"""Where settings come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backend import cli
from backend.app import choose_engines
from backend.engines.speech_server import ServerFailed
from backend.errors import ConfigurationError
from backend.setting_options import read
from backend.settings import RaySettings

if TYPE_CHECKING:
    from backend.settings import Settings


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    """No variable and no file of the developer's own machine."""
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "VOICECHAT_PORT", "PORT", "VOICECHAT_LLM_MODEL"):
        monkeypatch.delenv(name, raising=False)


def parsed(*arguments: str) -> Settings:
    options = cli._parser().parse_args(["serve", *arguments])
    return cli._settings(options)


def test_command_line_over_environment_over_file_over_default(monkeypatch, tmp_path):
    """The nearer source wins."""
    assert parsed().port == 8000
    (tmp_path / "voicechat.toml").write_text("port = 1\n")
    assert parsed().port == 1
    monkeypatch.setenv("VOICECHAT_PORT", "2")
    assert parsed().port == 2
    assert parsed("--port", "3").port == 3


def test_the_usual_openai_variables_reach_the_language_model(monkeypatch):
    """A machine set up for OpenAI tools needs no further setting; our own variable comes first."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://one/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    assert (parsed().llm_base_url, parsed().llm_api_key) == ("http://one/v1", "key")
    monkeypatch.setenv("VOICECHAT_LLM_BASE_URL", "http://two/v1")
    assert parsed().llm_base_url == "http://two/v1"
    assert parsed("--llm-base-url", "http://three/v1").llm_base_url == "http://three/v1"


def test_the_port_as_platforms_give_it(monkeypatch):
    """Load balancers say in PORT where they look; our own variable comes first."""
    monkeypatch.setenv("PORT", "80")
    assert parsed().port == 80
    monkeypatch.setenv("VOICECHAT_PORT", "81")
    assert parsed().port == 81
    assert parsed("--port", "82").port == 82


def test_origins_are_a_list():
    """Several origins are given with commas."""
    assert parsed("--allowed-origins", "https://a.example, https://b.example/").allowed_origins == (
        "https://a.example",
        "https://b.example",
    )


def test_speech_servers_are_a_list(monkeypatch, tmp_path):
    """Several are given with commas, or as a list in the file; one is one, and without any there is none."""
    assert parsed().tts_base_url == ()
    assert parsed("--tts-base-url", "http://a/v1").tts_base_url == ("http://a/v1",)
    monkeypatch.setenv("VOICECHAT_TTS_BASE_URL", "http://a/v1, http://b/v1/,")
    assert parsed().tts_base_url == ("http://a/v1", "http://b/v1")
    monkeypatch.delenv("VOICECHAT_TTS_BASE_URL")
    (tmp_path / "voicechat.toml").write_text('tts_base_url = ["http://a/v1", "http://b/v1"]')
    assert parsed().tts_base_url == ("http://a/v1", "http://b/v1")


def test_the_settings_of_speech_servers_reach_the_engine():
    """Addresses, dialect, and the fallback, which there is none unasked."""
    tts = choose_engines(parsed("--tts-base-url", "http://a/v1,http://b/v1", "--tts-dialect", "vllm-omni")).tts
    assert tts.detail == "gpt-4o-mini-tts at http://a/v1, http://b/v1"
    assert tts.clones_voices
    assert tts.fallback is None
    tts = choose_engines(parsed("--tts", "openai", "--tts-fallback", "offline")).tts
    assert tts.detail == "gpt-4o-mini-tts at https://api.openai.com/v1"
    assert not tts.clones_voices
    assert tts.fallback.name == "offline"


async def test_clients_can_be_told_of_speech_servers():
    """The engine that is chosen says so when one of its servers goes down."""
    engines = choose_engines(parsed("--tts-base-url", "http://a/v1,http://b/v1"))
    servers = engines.tts.servers
    assert not engines.changed.is_set()
    servers.failed(servers.servers[0], ServerFailed("gone"))
    assert engines.changed.is_set()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve", "--port", "many"], "--port"),
        (["serve", "--stt", "ears"], "--stt"),
        (["serve", "--llm-context", "1000"], "--llm-context"),
        (["serve", "--llm", "openai"], "--llm-base-url"),
        (["serve", "--tts-base-url", "localhost:8080"], "http://"),
        (["serve", "--tts-base-url", "http://a/v1,b"], "--tts-base-url"),
        (["serve", "--tts-dialect", "klingon"], "--tts-dialect"),
        (["serve", "--tts", "step-audio2", "--tts-base-url", "http://a,http://b"], "one --tts-base-url"),
        (["serve", "--tts", "step-audio2"], "--tts-voices"),
        (["serve", "--port=0", "--stt=offline", "--tts=higgs", "--tts-model=.", "--tts-codec=."], "config.json"),
        (["serve", "--characters", "nobody.toml"], "nobody.toml"),
        (["serve", "--port=0", "--stt=offline", "--tts=offline", "--turn-model=gone.onnx"], "gone.onnx"),
    ],
)
def test_a_setting_that_cannot_work_is_one_line(capsys, arguments, said):
    """A wrong option is named in one line on stderr, with exit status 1."""
    assert cli.main(arguments) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


REPLICAS = {"max_replicas": 3, "database_url": "postgresql://db/voicechat"}


def test_replicas_share_a_database():
    """Several servers with a file each would lose what clients come back for; one needs no database server."""
    assert read(REPLICAS, RaySettings).max_replicas == 3
    assert read({"max_replicas": 1}, RaySettings).database_url is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"max_replicas": 2}, "PostgreSQL"),
        ({"max_replicas": 2, "database_url": "sqlite:////tmp/x.db"}, "PostgreSQL"),
        (REPLICAS | {"min_replicas": 4}, "max_replicas is less than min_replicas"),
        (REPLICAS | {"min_engines": 2}, "max_engines is less than min_engines"),
        (REPLICAS | {"target_sessions": 200}, "target_sessions"),
        (REPLICAS | {"port": 0}, "--port"),
        (REPLICAS | {"engine_gpus": -1}, "--engine-gpus"),
        (REPLICAS | {"instance": "a name"}, "--instance"),
    ],
)
def test_replicas_that_cannot_work_are_refused(given, said):
    """Before anything is started on other machines it is said what does not fit together."""
    with pytest.raises(ConfigurationError, match=said):
        read(given, RaySettings)


def test_a_taken_port_is_one_line(capsys):
    """A port in use is said plainly, with what to do."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert cli.main(["serve", "--port", str(taken.getsockname()[1])]) == 1
    assert "another --port" in capsys.readouterr().err
