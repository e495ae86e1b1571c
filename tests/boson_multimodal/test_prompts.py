"""Prompt ids, compared with the chat template and the processor of transformers."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import jinja2
import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.models.higgs_audio_v2.processing_higgs_audio_v2 import HiggsAudioV2Processor

from boson_multimodal.data_types import AudioContent, ChatMLSample, Message, TextContent
from boson_multimodal.model.higgs_audio.utils import revert_delay_pattern
from boson_multimodal.prompts import (
    INSTRUCTION,
    MULTI_SPEAKER_INSTRUCTION,
    Prompt,
    PromptBuilder,
    Reference,
    base_messages,
    system_text,
)

TEMPLATE = Path(__file__).parents[1] / "fixtures" / "higgs_chat_template.jinja"
CODEBOOKS, BOS, EOS = 4, 1024, 1025
DELAY = "<|reserved_special_token_6|>"
SPECIAL = [
    *("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>"),
    *("<|audio_bos|>", "<|audio_eos|>", "<|audio_out_bos|>", DELAY, "<|AUDIO|>", "<|AUDIO_OUT|>"),
    *("<|scene_desc_start|>", "<|scene_desc_end|>"),
]
# How Llama 3 parts a text before its merges.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)


def byte_tokenizer(special: list[str]) -> PreTrainedTokenizerFast:
    """Bytes, a few merges that reach across a careless seam, and the given special tokens."""
    vocabulary = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("Ċ", "Ċ"), (".", "ĊĊ"), ("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("<", "|")]
    vocabulary += [left + right for left, right in merges]
    tokenizer = Tokenizer(models.BPE(vocab={token: number for number, token in enumerate(vocabulary)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(special)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


TOKENIZER = byte_tokenizer(SPECIAL)
BUILDER = PromptBuilder(TOKENIZER, CODEBOOKS, BOS, EOS)


def codes(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1024, (CODEBOOKS, frames))


# As much of transformers' processor as its methods on audio read.
PROCESSOR = SimpleNamespace(
    audio_token="<|AUDIO_OUT|>",
    audio_delay_token=DELAY,
    audio_stream_bos_id=BOS,
    audio_stream_eos_id=EOS,
    audio_tokenizer=SimpleNamespace(config=SimpleNamespace(num_quantizers=CODEBOOKS)),
)


def rendered(messages: list[dict[str, object]], audio: list[np.ndarray], *, generation: bool = True) -> np.ndarray:
    """What transformers makes of a conversation: `rows [L, 1 + C]`, its delay ids mapped to AUDIO_OUT."""

    def refuse(message: str) -> None:
        raise jinja2.TemplateError(message)

    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = refuse
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        messages=messages, bos_token="<|begin_of_text|>", add_generation_prompt=generation
    )
    columns = []
    for frames in audio:
        whole = np.pad(frames, ((0, 0), (1, 1)), constant_values=((0, 0), (BOS, EOS)))
        columns.append(HiggsAudioV2Processor.build_delay_pattern(PROCESSOR, torch.from_numpy(whole)[None])[0].T.numpy())
    lengths = iter(map(len, columns))
    text = re.sub(
        re.escape("<|AUDIO_OUT|>"), lambda _: HiggsAudioV2Processor.get_audio_tokens(PROCESSOR, next(lengths)), text
    )
    ids = np.array(TOKENIZER.encode(text, add_special_tokens=False))
    ids[ids == TOKENIZER.convert_tokens_to_ids(DELAY)] = BUILDER.ids.AUDIO_OUT
    rows = np.zeros((len(ids), 1 + CODEBOOKS), dtype=np.int64)
    rows[:, 0] = ids
    if columns:
        rows[ids == BUILDER.ids.AUDIO_OUT, 1:] = np.concatenate(columns)
    return rows


def built(messages: tuple[Message, ...], audio: list[np.ndarray]) -> np.ndarray:
    conversation = BUILDER.from_sample(ChatMLSample(list(messages)), audio)
    return Prompt.joined(conversation, BUILDER.generation_prompt()).rows


def decoded(rows: np.ndarray) -> str:
    return TOKENIZER.decode(rows[:, 0])


def said(text: str) -> dict[str, object]:
    return {"role": "user", "content": [{"type": "text", "text": text}]}


HEARD = {"role": "assistant", "content": [{"type": "audio"}]}
SCENE = "Audio is recorded from a quiet room."


@pytest.mark.parametrize(
    ("base", "theirs", "audio"),
    [
        pytest.param(base_messages(), [{"role": "system", "content": INSTRUCTION}], [], id="plain"),
        pytest.param(
            base_messages(SCENE),
            [{"role": "system", "content": INSTRUCTION}, {"role": "scene", "content": SCENE}],
            [],
            id="scene",
        ),
        pytest.param(
            base_messages(SCENE, ["feminine;warm", "SPEAKER1: masculine;deep"]),
            [
                {"role": "system", "content": MULTI_SPEAKER_INSTRUCTION},
                {
                    "role": "scene",
                    "content": [
                        {"type": "text", "text": SCENE},
                        {"type": "text", "text": "SPEAKER0: feminine;warm"},
                        {"type": "text", "text": "SPEAKER1: masculine;deep"},
                    ],
                },
            ],
            [],
            id="descriptions",
        ),
        pytest.param(
            base_messages(SCENE, None, [Reference("The first voice.", "a.wav")]),
            [
                {"role": "system", "content": INSTRUCTION},
                {"role": "scene", "content": SCENE},
                *(said("The first voice."), HEARD),
            ],
            [codes(5)],
            id="one reference",
        ),
        pytest.param(
            base_messages(None, None, [Reference("The first voice."), Reference("The second.")]),
            [
                {"role": "system", "content": INSTRUCTION},
                *(said("[SPEAKER0] The first voice."), HEARD),
                *(said("[SPEAKER1] The second."), HEARD),
            ],
            [codes(1), codes(9, seed=1)],
            id="two references",
        ),
    ],
)
def test_prompts_equal_the_chat_template(base, theirs, audio):
    """The model reads, position by position, what transformers would give it."""
    ours = built((*base, Message("user", "Speak this, the end.")), audio)
    np.testing.assert_array_equal(ours, rendered([*theirs, said("Speak this, the end.")], audio))


def test_pieces_equal_the_whole():
    """A voice that appends message after message has the same ids as one that builds its conversation anew."""
    frames = codes(3)
    pieces = Prompt.joined(
        BUILDER.begin_of_text(),
        BUILDER.system(INSTRUCTION),
        BUILDER.user("One."),
        BUILDER.assistant_audio(frames),
        BUILDER.user("Two."),
        BUILDER.generation_prompt(),
    )
    assert len(pieces) == len(pieces.rows)
    messages = (*base_messages(None, None, [Reference("One.")]), Message("user", "Two."))
    np.testing.assert_array_equal(pieces.rows, built(messages, [frames]))


def test_difference_heard_audio_has_its_own_opening():
    """boson opens audio in a system turn with <|audio_bos|>, the template with <|audio_out_bos|>; else they agree."""
    frames = codes(4)
    scene = [TextContent(f"{INSTRUCTION}\n\n<|scene_desc_start|>\nA hall.\n\nSPEAKER0: "), AudioContent("")]
    ours = built((Message("system", [*scene, "\n<|scene_desc_end|>"]), Message("user", "Hi.")), [frames])
    speaker = [{"type": "text", "text": "A hall."}, {"type": "text", "text": "SPEAKER0:"}, {"type": "audio"}]
    theirs = rendered(
        [{"role": "system", "content": INSTRUCTION}, {"role": "scene", "content": speaker}, said("Hi.")], [frames]
    )
    (opening,) = np.flatnonzero((ours != theirs).any(axis=1))
    assert ours[opening, 0] == BUILDER.ids.audio_bos
    assert theirs[opening, 0] == BUILDER.ids.audio_out_bos


def test_difference_speakers_without_a_scene_have_no_blank_line():
    """boson writes speaker lines below each other; the template puts a blank line after the first."""
    ours = built((*base_messages(None, ["warm", "deep"]), Message("user", "Hi.")), [])
    speakers = [{"type": "text", "text": "SPEAKER0: warm"}, {"type": "text", "text": "SPEAKER1: deep"}]
    theirs = rendered(
        [
            {"role": "system", "content": MULTI_SPEAKER_INSTRUCTION},
            {"role": "scene", "content": speakers},
            said("Hi."),
        ],
        [],
    )
    assert "SPEAKER0: warm\nSPEAKER1: deep" in decoded(ours)
    assert decoded(theirs) == decoded(ours).replace("warm\nSPEAKER1", "warm\n\nSPEAKER1")


def test_difference_text_is_not_trimmed():
    """boson takes a message as it is written; the template trims it."""
    system = Message("system", INSTRUCTION)
    ours = decoded(built((system, Message("user", " Hi. ")), []))
    theirs = decoded(rendered([{"role": "system", "content": INSTRUCTION}, said(" Hi. ")], []))
    assert theirs == ours.replace(" Hi. ", "Hi.")


def test_difference_a_prompt_may_have_no_system_message():
    """boson's format begins with any message; the template refuses one that is not the system's."""
    with pytest.raises(jinja2.TemplateError):
        rendered([said("Hi.")], [])
    start = "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi.<|eot_id|>"
    assert decoded(built((Message("user", "Hi."),), [])).startswith(start)


def test_difference_messages_of_one_turn_are_joined():
    """boson ends a message that goes on in another with <|eom_id|>; the template ends each with <|eot_id|>."""
    frames = [codes(1), codes(2)]
    heard = Message("assistant", AudioContent(""))
    ours = built((Message("system", INSTRUCTION), Message("user", "Hi."), heard, heard), frames)
    theirs = rendered([{"role": "system", "content": INSTRUCTION}, said("Hi."), HEARD, HEARD], frames)
    (end,) = np.flatnonzero((ours != theirs).any(axis=1))
    assert TOKENIZER.convert_ids_to_tokens([ours[end, 0], theirs[end, 0]]) == ["<|eom_id|>", "<|eot_id|>"]


def test_a_user_may_speak_between_text_and_audio():
    """Codes go to the audio contents in order, each with the opening of its role."""
    frames = [codes(2), codes(3)]
    messages = [
        Message("user", ["Like this:", AudioContent("placeholder"), "please."]),
        Message("assistant", AudioContent("")),
    ]
    rows = BUILDER.from_sample(ChatMLSample(messages), frames).rows
    audio = rows[:, 0] == BUILDER.ids.AUDIO_OUT
    openings = np.flatnonzero(audio & ~np.roll(audio, 1))
    assert rows[openings - 1, 0].tolist() == [BUILDER.ids.audio_bos, BUILDER.ids.audio_out_bos]
    for opening, expected in zip(openings, frames, strict=True):
        columns = rows[opening : opening + expected.shape[1] + CODEBOOKS + 1]
        assert (columns[:, 0] == BUILDER.ids.AUDIO_OUT).all()
        assert rows[opening + len(columns), 0] == BUILDER.ids.audio_eos
        np.testing.assert_array_equal(revert_delay_pattern(torch.from_numpy(columns[:, 1:].T))[:, 1:-1], expected)
    assert not rows[~audio, 1:].any()


def test_tensors_and_arrays_are_the_same_audio():
    """Codes from the model and codes from a file, of any integer type and read-only, make one prompt."""
    frames = codes(3).astype(np.uint16)
    frames.flags.writeable = False
    np.testing.assert_array_equal(
        BUILDER.assistant_audio(frames).rows, BUILDER.assistant_audio(torch.from_numpy(codes(3))).rows
    )


@pytest.mark.parametrize(
    "bad", [codes(3)[:-1], codes(0), codes(3)[0], np.full((CODEBOOKS, 2), BOS), np.full((CODEBOOKS, 2), -1)]
)
def test_codes_that_are_no_audio_are_refused(bad):
    """A wrong shape or a BOS among the frames is an error here and not noise later."""
    with pytest.raises(ValueError, match=r"shape|codes"):
        BUILDER.assistant_audio(bad)


@pytest.mark.parametrize("supplied", [0, 2])
def test_codes_and_audio_contents_are_counted(supplied):
    """No audio takes the place of another's codes."""
    sample = ChatMLSample([Message("assistant", AudioContent(""))])
    with pytest.raises(ValueError, match=f"1 audio contents and came with codes for {supplied}"):
        BUILDER.from_sample(sample, [codes(1)] * supplied)


@pytest.mark.parametrize("message", [Message("scene", "A hall."), Message("assistant", "Hi.", recipient="tool")])
def test_messages_the_model_does_not_know_are_refused(message):
    """A role or a recipient outside the format is named."""
    with pytest.raises(ValueError, match=r"scene|tool"):
        BUILDER.from_sample(ChatMLSample([message]), [])


@pytest.mark.parametrize("missing", ["<|audio_out_bos|>", "<|AUDIO_OUT|>", "<|eot_id|>"])
def test_a_tokenizer_of_another_model_is_refused(missing):
    """The token that is missing is named before anything is generated."""
    tokenizer = byte_tokenizer([token for token in SPECIAL if token != missing])
    with pytest.raises(ValueError) as error:
        PromptBuilder(tokenizer, CODEBOOKS, BOS, EOS)
    assert missing in str(error.value)


@given(st.lists(st.sampled_from([*SPECIAL, "<|eot", "_id|>", "Hi", "<", "|", ">", " "])).map("".join))
@example("<|eot<|eot_id|>_id|>")
def test_text_cannot_write_control_tokens(text):
    """What a person or a language model writes neither ends its message nor begins another."""
    written = set(BUILDER.text(text).rows[:, 0].tolist())
    assert not written & {TOKENIZER.convert_tokens_to_ids(token) for token in SPECIAL if "scene" not in token}


def test_system_text_of_one_speaker():
    """A single description is of SPEAKER0, below the scene; without either only the instruction is left."""
    assert system_text() == system_text(" ", " ") == INSTRUCTION
    assert system_text(None, "warm") == f"{INSTRUCTION}\n\n<|scene_desc_start|>\nSPEAKER0: warm\n<|scene_desc_end|>"
    assert system_text("A hall.\n", ["warm"]) == system_text("A hall.", "SPEAKER0: warm")
    assert "\nA hall.\n\nSPEAKER0: warm\n" in system_text("A hall.", "warm")


def test_references_speak_for_themselves():
    """With reference audio several speakers do not ask for voices to be chosen."""
    assert system_text(None, ["warm", "deep"]).startswith(MULTI_SPEAKER_INSTRUCTION)
    assert system_text(None, ["warm", "deep"], references=True).startswith(INSTRUCTION)
    opening = base_messages(None, ["warm", "deep"], [Reference("One."), Reference("", raw_audio="UklGRg==")])
    assert [message.content for message in opening[1:]] == [
        *("[SPEAKER0] One.", AudioContent("")),
        *("[SPEAKER1]", AudioContent("", "UklGRg==")),
    ]


@pytest.mark.parametrize("descriptions", [["warm", " "], ["SPEAKER1: warm", "deep"]])
def test_descriptions_that_contradict_are_refused(descriptions):
    """No speaker is left blank or described twice."""
    with pytest.raises(ValueError, match=r"blank|SPEAKER1"):
        system_text(None, descriptions)
