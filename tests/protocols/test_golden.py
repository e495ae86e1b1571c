"""The golden messages, which the frontend's tests read too, are those of the backend's codec."""

from __future__ import annotations

import json

import pytest

from backend.protocols import native
from tests.protocols import golden

STORED = json.loads(golden.PATH.read_text(encoding="utf-8"))


def test_the_stored_messages_are_what_the_codec_sends():
    """A changed protocol is noticed here, before a page of yesterday meets a server of today."""
    assert json.loads(json.dumps(golden.messages())) == STORED


def test_every_kind_of_event_is_among_them():
    """What the page is tested with leaves out no message it can get."""
    assert {event["type"] for event in STORED["events"]} == set(native._TYPES.values())


@pytest.mark.parametrize(
    ("message", "command"),
    [
        *zip(STORED["positions"], golden.POSITIONS, strict=True),
        *((message, command) for _, message, command in golden.CONFIGURATIONS),
    ],
)
def test_what_the_page_sends_is_understood_as_meant(message, command):
    """Positions and configurations arrive as the commands they stand for."""
    assert native.decode(json.dumps(message), {}) == command
