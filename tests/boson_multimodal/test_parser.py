"""What Step-Audio 2 writes is told apart, however it is cut into pieces."""

from __future__ import annotations

import logging
import random
from itertools import pairwise

import pytest

from boson_multimodal.audio_tokens import STEP_AUDIO_2_MINI, TAGS, TokenIds
from boson_multimodal.parser import AudioTokenParser, InvalidSpeechCodeError, ParsedSpeech, ParserEvent

PARTS = [
    *("<audio_0>", "<audio_12>", "<audio_6560>", "<audio_6561>", "<audio_6562>", "<audio_999999>", "<audio_1234567>"),
    *("<audio_٣>", "<audio_ 1>", "<audio_-1>", "<audio_>", "<audio_007>", "<tts_start>", "<tts_end>", "<tts_pad>"),
    *("<|EOT|>", "<|BOT|>", "<|endoftext|>", "<|im_end|>", "<|other|>", "<tool_call>", "</tool_call>", "<b>"),
    *("<", ">", "<<", " ", "a < b", "hello", "你好", "<audio_12", "<tts_", "<|", "audio_1>", "\n", "{}"),
]


def merged(events: list[ParserEvent]) -> list[ParserEvent]:
    """With neighbours of one kind as one event."""
    out: list[ParserEvent] = []
    for event in events:
        if out and out[-1].kind == event.kind and event.value is not None:
            out[-1] = ParserEvent(event.kind, out[-1].value + event.value)
        else:
            out.append(event)
    return out


def told(*pieces: object, in_speech: bool = True, **options: object) -> list[tuple[str, object]]:
    """Kinds and values of all events of an answer, merged."""
    parser = AudioTokenParser(in_speech=in_speech, **options)
    events = [event for piece in pieces for event in parser.feed(piece)]
    return [(event.kind, event.value) for event in merged(events + parser.finish())]


def cut(draw: random.Random, text: str) -> list[str]:
    places = sorted(draw.randrange(len(text) + 1) for _ in range(draw.randrange(6)))
    return [text[start:end] for start, end in pairwise([0, *places, len(text)])]


def test_any_cut_gives_the_events_of_the_whole():
    """Where the network cuts an answer changes nothing of it: 20,000 random answers, cut at random."""
    draw = random.Random(2)
    for _ in range(20_000):
        text = "".join(draw.choices(PARTS, k=draw.randrange(12)))
        in_speech = draw.random() < 0.5
        assert told(*cut(draw, text), in_speech=in_speech) == told(text, in_speech=in_speech), text


def test_one_character_at_a_time_gives_the_counts_of_the_whole():
    """Counters, like events, do not depend on the pieces."""
    text = "".join(PARTS)
    whole, single = AudioTokenParser(in_speech=True), AudioTokenParser(in_speech=True)
    whole.parse(text)
    for character in text:
        single.feed(character)
    single.finish()
    for parser in (whole, single):
        assert (parser.audio, parser.pads, parser.invalid) == (4, 1, 2)
    assert single.text == whole.text > 0


def test_text_is_not_held_back():
    """The transcript follows the voice: only what may still become a tag waits."""
    parser = AudioTokenParser(in_speech=True)
    assert parser.feed("Good ") == [ParserEvent("text", "Good ")]
    assert parser.feed("day<") == [ParserEvent("text", "day")]
    assert parser.feed("audio_1234567") == [ParserEvent("text", "<audio_1234567")]
    assert parser.feed("<tool_call") == [ParserEvent("text", "<tool_call")]
    assert parser.feed("<audio_12") == []
    assert parser.feed("<") == [ParserEvent("text", "<audio_12")]


def test_a_second_bracket_begins_anew():
    """The tag after a stray `<` is seen, and the stray one is text."""
    assert told("a <<audio_5>") == [("text", "a <"), ("audio", [5])]
    assert told("<audio_1<audio_2>") == [("text", "<audio_1"), ("audio", [2])]


def test_codes_are_sound_fillers_or_counted():
    """Only codes of the codebook reach the voice; no code reaches the transcript."""
    parser = AudioTokenParser(in_speech=True)
    parsed = parser.parse("a<audio_0><audio_6560><audio_6561><audio_6562>b<audio_999999>")
    assert parsed == ParsedSpeech("ab", [0, 6560], "", pads=1, invalid=2)
    assert (parser.audio, parser.text) == (2, 2)


@pytest.mark.parametrize("tag", ["<audio_٣>", "<audio_ 1>", "<audio_-1>", "<audio_+1>", "<audio_>", "<audio_1234567>"])
def test_only_one_to_six_ascii_digits_are_a_code(tag):
    """What merely looks like a code is text as it stands."""
    assert told(f"x{tag}y") == [("text", f"x{tag}y")]


def test_strict_parsers_refuse_codes_that_do_not_exist():
    """A caller that wants to know of a wrong tokenizer is told; the filler is no error."""
    parser = AudioTokenParser(in_speech=True, strict=True)
    assert parser.feed("<audio_6561>") == []
    with pytest.raises(InvalidSpeechCodeError, match="6562"):
        parser.feed("<audio_6562>")


def test_the_speech_has_a_beginning_and_an_end():
    """Text inside is the transcript, text outside is not; a second start or end says nothing new."""
    text = "Hm.<tts_start><tts_start>Hi<audio_1><tts_end><tts_end>Bye"
    expected = [("speech_start", None), ("text", "Hi"), ("audio", [1]), ("speech_end", None), ("other", "Bye")]
    assert told(text, in_speech=False) == [("other", "Hm."), *expected]
    assert told("<tts_start>Hi<audio_1><tts_end><tts_end>Bye") == expected[1:]


@pytest.mark.parametrize("tag", ["<tts_pad>", "<|EOT|>", "<|BOT|>", "<|endoftext|>", "<|im_end|>"])
def test_fillers_and_ends_are_not_shown(tag):
    """Tags that mean nothing to a reader appear nowhere, in the speech or after it."""
    assert told(f"a{tag}b<tts_end>c{tag}d") == [("text", "ab"), ("speech_end", None), ("other", "cd")]


def test_what_is_no_tag_passes_unchanged():
    """Comparisons, markup and tool calls are the model's words."""
    text = 'if a < b: <b>no</b> <|x|> <tool_call>function\nf\n{"a": "<"}</tool_call>'
    assert told(text, in_speech=False) == [("other", text)]
    assert told(text) == [("text", text)]


def test_space_between_tags_is_text():
    """A token may be a single space, which parts two words."""
    assert told("a<audio_1> <audio_2>b") == [
        ("text", "a"),
        ("audio", [1]),
        ("text", " "),
        ("audio", [2]),
        ("text", "b"),
    ]


def test_a_tag_cut_off_at_the_end_is_counted_and_not_shown():
    """An answer that ran into its limit does not end in half a tag; a lone bracket is what it is."""
    parser = AudioTokenParser(in_speech=True)
    assert parser.parse("Hi<audio_12") == ParsedSpeech("Hi", [], "", pads=0, invalid=1)
    assert told("Hi<tts_e") == told("Hi<t") == [("text", "Hi")]
    assert told("1 <") == [("text", "1 <")]


def test_codes_outside_the_speech_are_spoken(caplog):
    """A server that swallows `<tts_start>` still gives a voice, and the log says so once; a filler starts nothing."""
    with caplog.at_level(logging.WARNING):
        events = told("<audio_6561>A<audio_1>b<tts_end>c<audio_2>", in_speech=False)
    speech = [("speech_start", None), ("audio", [1]), ("text", "b"), ("speech_end", None), ("other", "c")]
    assert events == [("other", "A"), *speech, ("speech_start", None), ("audio", [2])]
    assert len(caplog.records) == 1


def test_one_feed_joins_neighbours_of_a_kind():
    """A piece of many codes is one event, in order between the words."""
    parser = AudioTokenParser(in_speech=True)
    events = parser.feed("a<tts_pad>b<audio_1><audio_6561><audio_2>c")
    assert events == [ParserEvent("text", "ab"), ParserEvent("audio", [1, 2]), ParserEvent("text", "c")]


def test_long_answers_of_brackets_hold_back_one_character():
    """Hostile answers cost neither memory nor time beyond their length."""
    parser = AudioTokenParser(in_speech=True)
    parser.feed("<" * 100_000)
    assert parser.text == 99_999
    assert parser.feed("x") == [ParserEvent("text", "<x")]


def test_structured_deltas_give_the_events_of_raw_text():
    """A server that tells words and codes apart, and one that does not, are the same to the caller."""
    deltas = [
        {"tts_text": "Hel", "tts_audio": None},
        {"tts_audio": "<audio_1><audio_"},
        {"tts_text": "lo", "tts_audio": "2><audio_6561> <audio_7000>"},
        {"tts_text": None, "tts_audio": None},
        "",
        "<tool_call>x",
    ]
    assert told(*deltas) == [
        ("text", "Hel"),
        ("audio", [1]),
        ("text", "lo"),
        ("audio", [2]),
        ("speech_end", None),
        ("other", "<tool_call>x"),
    ]
    assert told({"tts_text": "<tts_pad>Hi"}, in_speech=False) == [("speech_start", None), ("text", "Hi")]


def test_text_beside_structured_deltas_keeps_its_place():
    """A bracket at the end of one field is not swallowed or moved by the next."""
    events = told("a <", {"tts_text": "b <"}, "c", in_speech=False)
    assert events == [("other", "a <"), ("speech_start", None), ("text", "b <"), ("speech_end", None), ("other", "c")]


class Words:
    """An incremental detokenizer: the ids are bytes."""

    def __init__(self) -> None:
        self.held = b""

    def __call__(self, ids: list[int]) -> str:
        self.held += bytes(ids)
        for end in range(len(self.held), -1, -1) if ids else ():
            try:
                text = self.held[:end].decode()
            except UnicodeDecodeError:
                continue
            self.held = self.held[end:]
            return text
        rest, self.held = self.held, b""
        return rest.decode(errors="replace")


IDS = TokenIds(first_audio_id=1000, tags={tag: 300 + place for place, tag in enumerate(TAGS)})


def test_token_ids_give_the_events_of_raw_text():
    """Ids and text of one answer are told apart alike; a character cut between two text tokens is whole."""
    one, two = "é".encode()
    ids = [72, one, 1000, 1001, two, 1000 + 6561, 302, 301, *b"<b>"]
    assert IDS.tags["<tts_end>"] == 301
    expected = [("text", "H"), ("audio", [0, 1]), ("text", "é"), ("speech_end", None), ("other", "<b>")]
    assert told(ids, token_ids=IDS, detokenize=Words()) == expected
    assert told(*[[number] for number in ids], token_ids=IDS, detokenize=Words()) == expected


def test_ids_above_the_speech_tokens_are_counted():
    """Rows that pad the embedding are no sound and no words."""
    parser = AudioTokenParser(in_speech=True, token_ids=STEP_AUDIO_2_MINI, detokenize=Words())
    assert parser.feed([158256, 158257, 158258, 158719]) == [ParserEvent("audio", [6560])]
    assert (parser.pads, parser.invalid) == (1, 2)


def test_words_that_look_like_half_a_tag_are_text_before_a_code():
    """In id form a bracket followed by a speech token cannot become a tag."""
    assert told([*b"a <", 1003, *b"audio_4>"], token_ids=IDS, detokenize=Words()) == [
        ("text", "a <"),
        ("audio", [3]),
        ("text", "audio_4>"),
    ]


def test_a_character_cut_off_at_the_end_is_not_lost():
    """What the detokenizer still holds comes out with the end."""
    assert told([*b"a", 0xC3], token_ids=IDS, detokenize=Words()) == [("text", "a\ufffd")]


def test_token_ids_need_a_table_and_a_detokenizer():
    """A caller that forgot them is told what to give."""
    with pytest.raises(ValueError, match="token_ids and detokenize"):
        AudioTokenParser(in_speech=True).feed([1])
