"""What a client had set comes back as it was, but for characters of the server's that have changed since."""

from __future__ import annotations

import json
from dataclasses import replace

from backend.characters import Character, Lorebook, LoreEntry, Persona
from backend.engines.interfaces import Generation
from backend.pipelines.turn_detection import TurnSettings
from backend.session_settings import SessionSettings
from backend.storage.session_documents import configuration, settings_document

NORA = Character("nora", "Nora", "", "You are Nora.")
MO = Character("mo", "Mo", "two", persona=Persona("tall", lorebook=Lorebook((LoreEntry("a cat", ("cat",)),))))


def kept(**settings):
    """The document of a session in which the server's Nora and the client's Mo are."""
    cast = (replace(NORA, voice="dealt"), MO)
    whole = SessionSettings(cast, TurnSettings(), Generation(temperature=0.3), stored={"nora": NORA}, **settings)
    return json.loads(json.dumps(settings_document(whole, "Ann")))


def test_everything_set_comes_back():
    """Cast with cards and lore, name, generation, scene and the rest."""
    change = configuration(kept(scene="A harbour.", lines_among_themselves=3, keep_audio=True), {})
    assert change.cast == (replace(NORA, voice="dealt"), MO)
    assert (change.user_name, change.generation) == ("Ann", Generation(temperature=0.3))
    assert (change.scene, change.lines_among_themselves, change.keep_audio) == ("A harbour.", 3, True)


def test_a_character_of_the_servers_is_who_it_is_now():
    """Whoever edits a character meets the edited one in old conversations; what a client brought stays as it was."""
    edited = replace(NORA, system_prompt="You are Nora, and tired.")
    change = configuration(kept(), {"nora": edited, "mo": replace(MO, name="Another Mo")})
    assert change.cast == (edited, MO)
