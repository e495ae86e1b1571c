"""What is said before, and instead of, starting the app on a cluster."""

from __future__ import annotations

import pytest

from backend.app import store_cast
from backend.cast import default_cast
from backend.errors import ConfigurationError
from backend.ray_serve.serving import _check_gpus, _reason
from backend.roster import Roster
from backend.setting_options import read
from backend.settings import RaySettings
from backend.storage.characters import StoredCast
from backend.storage.database import Database


@pytest.mark.parametrize(
    ("found", "settings", "enough"),
    [
        (0, {"tts": "higgs"}, False),
        (1, {"tts": "higgs"}, True),
        (1, {"tts": "higgs", "min_engines": 2, "max_engines": 2}, False),
        (1, {"tts": "higgs", "min_engines": 2, "max_engines": 2, "engine_gpus": 0.5}, True),
        (0, {"tts": "higgs", "engine_gpus": 0}, True),
        (0, {"tts": "offline"}, True),
    ],
)
def test_a_machine_without_gpus_is_told_at_once(found, settings, enough):
    """Serve would wait for a GPU for ever."""
    wanted = read({"max_replicas": 1, **settings}, RaySettings)
    if enough:
        _check_gpus(wanted, found)
    else:
        with pytest.raises(ConfigurationError, match="--engine-gpus"):
            _check_gpus(wanted, found)


def test_why_a_deployment_failed_is_one_line():
    """Of the tracebacks of three processes the operator is told the last line, without the name of our own error."""
    told = (
        "The deployment failed 3 times.\n  File x\nbackend.errors.ConfigurationError: --tts higgs: there is no folder\n"
    )
    assert _reason(told) == "--tts higgs: there is no folder"
    assert _reason("Traceback\nValueError: x") == "ValueError: x"


async def test_the_cast_of_a_file_is_stored_once(tmp_path):
    """What is in it is there for all replicas, of which none reads it again and undoes what was changed since."""
    file = tmp_path / "cast.toml"
    file.write_text('[[characters]]\nid = "zed"\nname = "Zed"\n')
    settings = read({"max_replicas": 1, "characters": file, "data_dir": tmp_path}, RaySettings)
    await store_cast(settings)
    async with Database(settings.database) as database:
        roster = Roster(StoredCast(database))
        await roster.open((), default_cast())
        assert [character.id for character in roster.cast] == ["zed"]
