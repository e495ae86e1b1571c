"""The tiny checkpoint that the other tests run on."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from boson_multimodal.model.higgs_audio.codec import HiggsCodec
from boson_multimodal.model.higgs_audio.loading import load_model
from boson_multimodal.tiny_checkpoint import write_tiny_checkpoint

if TYPE_CHECKING:
    from boson_multimodal.tiny_checkpoint import TinyCheckpoint

ROOT = Path(__file__).resolve().parents[2]
AUDIO = "<|audio_out_bos|><|AUDIO_OUT|><|audio_eos|>"


def test_it_is_small_and_the_same_on_every_run(tiny: TinyCheckpoint, tmp_path: Path) -> None:
    """Tests depend on its very weights; writing it leaves torch's random state alone."""
    state = torch.get_rng_state()
    again = write_tiny_checkpoint(tmp_path)
    assert torch.equal(torch.get_rng_state(), state)
    for folder in ("model", "codec", "original_model", "original_codec"):
        first, second = getattr(tiny, folder), getattr(again, folder)
        for file in first.glob("*.safetensors"):
            assert file.read_bytes() == (second / file.name).read_bytes()
    assert sum(file.stat().st_size for file in tmp_path.rglob("*.*")) < 12_000_000


def test_sentences_end_after_some_time(tiny: TinyCheckpoint) -> None:
    """Sampled as the real model is, it neither ends at once nor speaks without end."""
    model = load_model(tiny.model, device="cpu")
    prompt = torch.arange(30)[None]
    prompt = torch.cat((prompt, torch.tensor([[model.config.audio_bos_token_id]])), dim=1)
    lengths: list[int] = []
    with torch.random.fork_rng():
        for seed in range(8):
            torch.manual_seed(seed)
            columns = model.generate(
                prompt + (prompt < 200) * seed,
                attention_mask=torch.ones_like(prompt),
                do_sample=True,
                temperature=0.7,
                top_p=0.95,
                max_new_tokens=500,
            )
            lengths.append(columns.shape[1])
    assert max(lengths) < 500
    assert sorted(lengths)[4] > 20
    assert len(set(lengths)) > 4


def test_the_codec_sounds(tiny: TinyCheckpoint) -> None:
    """Random codes decode to sound of usual loudness that differs from frame to frame."""
    codes = torch.randint(1024, (1, 8, 50), generator=torch.Generator().manual_seed(2))
    sound = HiggsCodec.from_pretrained(tiny.codec, "cpu").decode(codes)[0, 0]
    assert 0.05 < sound.std() < 0.2
    assert np.abs(sound).max() < 1
    frames = sound.reshape(50, 960)
    assert np.corrcoef(frames).max(initial=0, where=~np.eye(50, dtype=bool)) < 0.99


def test_the_tokenizer_keeps_bytes_and_special_tokens(tiny: TinyCheckpoint) -> None:
    """Any text survives, a special token is one id, and the ids are those that the model's settings name."""
    tokenizer = AutoTokenizer.from_pretrained(tiny.model)
    text = "Grüße, 世界! 🎧\n"
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text
    config = json.loads((tiny.model / "config.json").read_text())
    for token, name in (
        ("<|AUDIO_OUT|>", "audio_token_id"),
        ("<|audio_out_bos|>", "audio_bos_token_id"),
        ("<|reserved_special_token_6|>", "audio_delay_token_id"),
        ("<|eot_id|>", "eos_token_id"),
        ("<|end_of_text|>", "pad_token_id"),
    ):
        assert tokenizer.encode(token, add_special_tokens=False) == [config[name]]
    assert len(tokenizer) == config["vocab_size"]


def test_the_template_renders_conversations(tiny: TinyCheckpoint) -> None:
    """The prompt of a cloned voice in a scene, to the letter."""
    tokenizer = AutoTokenizer.from_pretrained(tiny.model)
    conversation = [
        {"role": "system", "content": " Generate audio following instruction. "},
        {
            "role": "scene",
            "content": [
                {"type": "text", "text": "A quiet room."},
                {"type": "text", "text": "SPEAKER0: feminine"},
                {"type": "text", "text": "SPEAKER1:"},
                {"type": "audio"},
            ],
        },
        {"role": "user", "content": [{"type": "text", "text": "Once."}]},
        {"role": "assistant", "content": [{"type": "audio"}]},
        {"role": "user", "content": "Again."},
    ]
    assert tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True) == (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nGenerate audio following instruction."
        "\n\n<|scene_desc_start|>\nA quiet room.\n\nSPEAKER0: feminine\n"
        f"SPEAKER1: {AUDIO}\n<|scene_desc_end|><|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nOnce.<|eot_id|>"
        f"<|start_header_id|>assistant<|end_header_id|>\n\n{AUDIO}<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nAgain.<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n<|audio_out_bos|>"
    )


def test_the_script_writes_what_it_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From any directory, with the sizes given; it finds the package beside it."""
    script = ROOT / "scripts" / "make_tiny_checkpoint.py"
    sizes = ["--hidden", "16", "--layers", "1", "--codebooks", "2", "--codebook-size", "16"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(script), "tiny", *sizes])
    monkeypatch.setattr(sys, "path", [path for path in sys.path if Path(path).resolve() != ROOT])
    with pytest.raises(SystemExit, match=r"^0$"):
        runpy.run_path(str(script), run_name="__main__")
    assert str(ROOT) in sys.path
    listed = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in listed] == ["model", "codec", "original_model", "original_codec"]
    assert all((tmp_path / line.split(": ")[1] / "config.json").is_file() for line in listed)
    config = load_model(tmp_path / "tiny" / "original_model", device="cpu").config
    assert (config.hidden_size, config.num_hidden_layers, config.codebook_size) == (16, 1, 18)


@pytest.mark.parametrize("heads", [2, 4])
def test_sizes_are_taken(tmp_path: Path, heads: int) -> None:
    """A head is as wide as the model divided by their number."""
    written = write_tiny_checkpoint(tmp_path, hidden_size=64, heads=heads, kv_heads=1)
    config = load_model(written.model, device="cpu").config
    assert (config.head_dim, config.num_key_value_heads) == (64 // heads, 1)
