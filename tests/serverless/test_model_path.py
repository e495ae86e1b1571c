"""Where models are looked for."""

from __future__ import annotations

import logging

import pytest

from backend.serverless.model_path import find_model

NAME = "bosonai/higgs-audio-v2"


@pytest.fixture
def volume(tmp_path):
    return tmp_path / "volume"


def snapshot(volume, name, commit="abc"):
    folder = volume / "huggingface-cache/hub" / f"models--{name.replace('/', '--')}" / "snapshots" / commit
    folder.mkdir(parents=True)
    return folder


def test_a_folder_that_is_named_is_taken(volume, tmp_path):
    """Also one that is not there: that is the loader's to say, and nothing else is guessed at."""
    snapshot(volume, NAME)
    assert find_model(str(tmp_path), volume) == (str(tmp_path), "explicit")
    assert find_model("/not/there", volume) == ("/not/there", "explicit")
    assert find_model("./not-there", volume).source == "explicit"


def test_the_model_the_platform_cached_comes_before_the_volume(volume):
    """The snapshot that `main` points to."""
    (volume / NAME).mkdir(parents=True)
    assert find_model(NAME, volume) == (str(volume / NAME), "volume")
    snapshot(volume, NAME, "old")
    main = snapshot(volume, NAME, "new")
    refs = main.parent.parent / "refs"
    refs.mkdir()
    (refs / "main").write_text("new\n")
    assert find_model(NAME, volume) == (str(main), "cached model")


def test_a_cache_without_refs(volume):
    """A single snapshot is it; an empty cache is none."""
    only = snapshot(volume, NAME)
    assert find_model(NAME, volume) == (str(only), "cached model")
    only.rmdir()
    assert find_model(NAME, volume).source == "hub"


@pytest.mark.parametrize("folder", [f"models/{NAME}", NAME, NAME.split("/")[1]])
def test_places_on_the_volume(volume, folder):
    """With and without the owner's name."""
    (volume / folder).mkdir(parents=True)
    assert find_model(NAME, volume) == (str(volume / folder), "volume")


def test_the_hub_is_last_and_what_was_found_is_logged(volume, caplog):
    """An operator sees which of the places it was."""
    caplog.set_level(logging.INFO)
    assert find_model(NAME, volume) == (NAME, "hub")
    assert caplog.records[-1].source == "hub"
