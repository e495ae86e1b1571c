"""Where settings come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backend import cli

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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve", "--port", "many"], "--port"),
        (["serve", "--stt", "ears"], "--stt"),
        (["serve", "--llm-context", "1000"], "--llm-context"),
        (["serve", "--llm", "openai"], "--llm-base-url"),
        (["serve", "--tts-base-url", "localhost:8080"], "http://"),
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


def test_a_taken_port_is_one_line(capsys):
    """A port in use is said plainly, with what to do."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert cli.main(["serve", "--port", str(taken.getsockname()[1])]) == 1
    assert "--port 0" in capsys.readouterr().err
