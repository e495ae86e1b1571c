"""What a client is told of the person: that they speak, once that means something, and what they said."""

from __future__ import annotations

import pytest

from backend import events
from tests.protocols.realtime.client import ENCODED, Client, done, over, turn, voiced, written
from tests.protocols.realtime.test_outgoing import HEARD, SPOKEN, answered, interrupted, silent


def test_a_transcription_says_how_long_the_person_spoke():
    """It is billed by that: silence before and after does not count, and a client that commits itself is billed too."""
    for detection in ({"type": "server_vad"}, None):
        client = Client(audio={"input": {"transcription": {"model": "m"}, "turn_detection": detection}})
        for _ in range(30):
            client.send("input_audio_buffer.append", audio=ENCODED)
        client.send("input_audio_buffer.commit")
        client.hear(*HEARD)
        (completed,) = client.of("conversation.item.input_audio_transcription.completed")
        assert completed["usage"] == {"type": "duration", "seconds": 1.0}
        assert completed["transcript"] == "What now?"


@pytest.mark.parametrize("model", [None, "whisper-1"])
def test_segments_are_for_models_that_tell_speakers_apart(model):
    """Others, and a transcription without a model, are told the text only."""
    client = Client(audio={"input": {"transcription": {"model": model}}})
    client.hear(*HEARD)
    assert client.of("conversation.item.input_audio_transcription.completed")
    assert not client.of("conversation.item.input_audio_transcription.segment")


def test_without_transcription_only_the_item_is_told():
    """A client that asked for no transcripts gets no events of theirs."""
    assert not [type_ for type_ in answered(Client()).types() if "transcription" in type_]


def test_a_sound_without_words_is_no_item():
    """Where the server tells turns, a cough commits nothing."""
    client = Client()
    client.hear(*SPOKEN, events.TranscriptFinal("", "item_1"))
    assert client.types()[2:] == ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"]


def test_every_commit_of_the_client_s_is_answered():
    """Where the client tells turns it learns of every one, and nothing of voice activity."""
    client = Client(audio={"input": {"turn_detection": None}})
    client.hear(*SPOKEN, events.TranscriptFinal("", "item_1"))
    assert client.types()[3:] == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]


def test_discarded_audio_is_not_committed():
    """`cleared` is the only answer to `clear`, also where the client tells turns."""
    client = Client(audio={"input": {"turn_detection": None}})
    client.send("input_audio_buffer.clear")
    client.hear(*SPOKEN, events.TranscriptFinal("", "item_1", dismissed=True))
    assert client.types()[3:] == ["input_audio_buffer.cleared"]


def test_speaking_up_is_told_once_it_is_an_interruption():
    """Clients fall silent at `speech_started`: it comes before the end of the response it cuts off, and not before."""
    client = interrupted(Client())
    assert client.types()[-7:] == [
        "input_audio_buffer.speech_started",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    assert client.told[-1]["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}


def test_a_sound_of_agreement_is_not_told():
    """A client would stop playing for nothing."""
    client = Client()
    client.hear(*HEARD, turn(), *written(), voiced()[0])
    before = len(client.told)
    client.hear(events.SpeechStarted(2000, "item_2"), events.SpeechStopped(2300, 256, "silence", "item_2"))
    client.hear(events.TranscriptFinal("mhm", "item_2", dismissed=True))
    assert client.told[before:] == []
    client.hear(voiced()[1], done(), over())
    assert client.types()[-1] == "response.done"


def test_speech_that_outlasts_the_answer_is_told_when_that_ends():
    """Nobody is cut off any more: the client learns that somebody speaks, and then what was said."""
    client = Client()
    client.hear(*HEARD, turn(), *written(), *voiced(), events.SpeechStarted(2000, "item_2"), done())
    assert client.types()[-1] == "response.done"
    client.hear(over(), events.SpeechStopped(2600, 256, "silence", "item_2"), events.TranscriptFinal("So", "item_2"))
    told = [type_ for type_ in client.types() if type_.startswith("input_audio_buffer")]
    assert told[3:] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
    ]


def test_where_nobody_may_cut_in_speech_is_told_at_once():
    """Without `interrupt_response` a client does not stop playing for it."""
    client = Client(audio={"input": {"turn_detection": {"type": "server_vad", "interrupt_response": False}}})
    client.hear(turn(), *written(), events.SpeechStarted(2000, "item_2"))
    assert client.types()[-1] == "input_audio_buffer.speech_started"


def test_audio_sent_while_a_transcript_is_awaited_counts_for_the_next_commit():
    """A quick speaker's second utterance is not refused as empty because the first was understood meanwhile."""
    client = Client(audio={"input": {"turn_detection": None}})
    client.send("input_audio_buffer.append", audio=ENCODED)
    client.send("input_audio_buffer.commit")
    client.send("input_audio_buffer.append", audio=ENCODED)
    client.hear(*HEARD)
    client.send("input_audio_buffer.commit")
    assert not client.of("error")


def test_a_timeout_says_which_silence():
    """The span is the end of all audio, as long as was waited for or as much as there is."""
    client = silent(Client())
    (timeout,) = client.of("input_audio_buffer.timeout_triggered")
    assert (timeout["audio_start_ms"], timeout["audio_end_ms"]) == (0, 100)
    assert client.types()[-1] == "input_audio_buffer.committed"
