"""Messages and their contents."""

from __future__ import annotations

import pytest

from boson_multimodal.data_types import AudioContent, ChatMLSample, Message, TextContent


@pytest.mark.parametrize(
    ("content", "pieces"),
    [
        ("Hello.", (TextContent("Hello."),)),
        (TextContent("Hello."), (TextContent("Hello."),)),
        (AudioContent(""), (AudioContent(""),)),
        (["Hello.", AudioContent("a.wav")], (TextContent("Hello."), AudioContent("a.wav"))),
        ([], ()),
    ],
)
def test_content_of_every_form_is_read_as_pieces(content, pieces):
    """A caller may write a string, one content or a list, and the prompt is the same."""
    assert Message("user", content).contents() == pieces


@pytest.mark.parametrize(("url", "supplied"), [("", True), ("placeholder", True), ("voice.wav", False)])
def test_only_a_named_file_is_fetched(url, supplied):
    """A placeholder is never opened as a file."""
    assert AudioContent(url).supplied is supplied


def test_fields_stand_in_the_order_of_boson():
    """Samples written by position for boson's package mean the same here."""
    audio = AudioContent("a.wav", "UklGRg==", 0.5, 2.0, 7)
    assert (audio.raw_audio, audio.offset, audio.duration, audio.row_id, audio.type) == (
        "UklGRg==",
        0.5,
        2.0,
        7,
        "audio",
    )
    sample = ChatMLSample([Message("assistant", "Hi.", "user")], 0, {"source": "test"}, "ann")
    assert (sample.start_index, sample.misc, sample.speaker) == (0, {"source": "test"}, "ann")
    assert sample.messages[0].recipient == "user"
