"""What the command says of itself."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from backend.characters import Character
from backend.cli import main
from backend.serving import _banner


def test_the_help_says_what_a_value_is(capsys):
    """A file is asked for as FILE, a folder as DIR, whatever the option is called."""
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    shown = dict(re.findall(r"--([a-z-]+) ([A-Z]+)", capsys.readouterr().out))
    wanted = {"turn-model": "FILE", "characters": "FILE", "data-dir": "DIR", "stt-base-url": "URL", "port": "PORT"}
    assert {option: shown[option] for option in wanted} == wanted


def test_check_names_the_turn_model(capsys, monkeypatch, tmp_path):
    """Who set a turn model sees that it is used, and who did not is not told of one."""
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--turn-model", "smart.onnx"]) == 0
    assert "smart.onnx" in capsys.readouterr().out
    assert main(["check"]) == 0
    assert "turn" not in capsys.readouterr().out


@pytest.mark.parametrize("model", [None, SimpleNamespace(detail="Smart Turn v3: smart.onnx")])
def test_the_banner_names_the_turn_model(model):
    """The same where the server starts."""
    listener = SimpleNamespace(getsockname=lambda: ("127.0.0.1", 8000))
    cast = (Character("ada", "Ada", "nova", ""),)
    server = SimpleNamespace(
        engines=SimpleNamespace(describe=dict, turn_model=model), defaults=SimpleNamespace(cast=cast)
    )
    assert ("smart.onnx" in _banner(listener, server)) == (model is not None)
