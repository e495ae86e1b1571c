"""Checkpoints in both formats."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import load_file, save_file
from transformers import HiggsAudioV2ForConditionalGeneration

from boson_multimodal.model.higgs_audio.loading import (
    load_codec_state,
    load_model,
    resolve,
    without_weight_norm,
)
from boson_multimodal.model.weights import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

    from boson_multimodal.tiny_checkpoint import TinyCheckpoint

MODEL_REVISION = "10840182ca4ad5d9d9113b60b9bb3c1ef1ba3f84"


@pytest.fixture
def copy(tiny: TinyCheckpoint, tmp_path: Path) -> Path:
    """A copy of the tiny model that may be spoilt."""
    return Path(shutil.copytree(tiny.model, tmp_path / "model"))


def change_config(folder: Path, **changes: object) -> None:
    """Overwrite settings in a folder's config.json."""
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def change_tensors(folder: Path, remove: str = "", add: dict[str, Tensor] | None = None) -> None:
    """Remove a tensor from a folder's model.safetensors, and add others."""
    tensors = load_file(folder / "model.safetensors")
    tensors.pop(remove, None)
    save_file(tensors | (add or {}), folder / "model.safetensors")


def test_the_model_is_that_of_transformers(tiny: TinyCheckpoint) -> None:
    """Every tensor is what transformers itself loads, those that are computed included."""
    ours, theirs = (
        load_model(tiny.model, device="cpu"),
        HiggsAudioV2ForConditionalGeneration.from_pretrained(tiny.model),
    )
    for kind in ("named_parameters", "named_buffers"):
        expected = dict(getattr(theirs, kind)())
        found = dict(getattr(ours, kind)())
        assert set(found) == set(expected)
        assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert ours.generation_config.to_dict() == theirs.generation_config.to_dict()


def test_the_model_is_ready_for_inference(tiny: TinyCheckpoint) -> None:
    """No gradients, no dropout, no text head."""
    model = load_model(tiny.model, device="cpu")
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert model.text_lm_head is None


def test_original_format_is_the_same_model(tiny: TinyCheckpoint) -> None:
    """Names, partly trained matrices, shards and rotary settings of the first publication come out alike."""
    native, original = (load_model(folder, device="cpu") for folder in (tiny.model, tiny.original_model))
    expected, found = native.state_dict(), original.state_dict()
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    torch.testing.assert_close(original.model.rotary_emb.inv_freq, native.model.rotary_emb.inv_freq)
    same = ("vocab_size", "num_codebooks", "codebook_size", "eos_token_id", "pad_token_id", "audio_token_id")
    same += ("audio_bos_token_id", "audio_delay_token_id", "audio_stream_bos_id", "audio_stream_eos_id", "head_dim")
    assert all(getattr(original.config, name) == getattr(native.config, name) for name in same)


@pytest.mark.parametrize("dtype", ["bfloat16", torch.bfloat16])
def test_the_dtype_can_be_chosen(tiny: TinyCheckpoint, dtype: str | torch.dtype) -> None:
    """All parameters are converted, and the rotary frequencies stay in fp32."""
    model = load_model(tiny.model, device="cpu", dtype=dtype)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    assert model.model.rotary_emb.inv_freq.dtype == torch.float32


def test_auto_is_the_dtype_of_the_checkpoint(copy: Path) -> None:
    """What the settings name is taken, and without them what is stored."""
    change_config(copy, dtype="bfloat16")
    assert load_model(copy, device="cpu").dtype == torch.bfloat16
    change_config(copy, dtype=None)
    assert load_model(copy, device="cpu").dtype == torch.float32


def test_what_is_no_dtype_is_refused(tiny: TinyCheckpoint) -> None:
    """A misspelt setting does not load as something else."""
    with pytest.raises(ValueError, match="'float17'"):
        load_model(tiny.model, device="cpu", dtype="float17")


def test_other_models_are_refused(copy: Path) -> None:
    """The message names the kinds that work, with revisions."""
    change_config(copy, model_type="llama")
    with pytest.raises(CheckpointError, match=rf"'llama'.*'higgs_audio_v2'.*{MODEL_REVISION}"):
        load_model(copy, device="cpu")


def test_variants_of_the_original_are_refused(tiny: TinyCheckpoint, tmp_path: Path) -> None:
    """A model that computes otherwise is not run as if it did not."""
    folder = Path(shutil.copytree(tiny.original_model, tmp_path / "variant"))
    change_config(folder, audio_embed_avg=True)
    with pytest.raises(CheckpointError, match="audio_embed_avg"):
        load_model(folder, device="cpu")


def test_missing_tensors_are_named(copy: Path) -> None:
    """A model is never run with weights that were not loaded."""
    change_tensors(copy, remove="model.norm.weight")
    with pytest.raises(CheckpointError, match=r"1 tensors differ \(model\.norm\.weight is missing\)"):
        load_model(copy, device="cpu")


def test_unexpected_tensors_are_named(copy: Path) -> None:
    """Weights that would be passed over in silence mean another architecture; the text head alone is left out."""
    change_tensors(copy, add={"text_lm_head.weight": torch.zeros(2, 2)})
    load_model(copy, device="cpu")
    change_tensors(copy, add={f"adapter.{name}": torch.zeros(1) for name in "abcd"})
    with pytest.raises(CheckpointError, match=r"4 tensors differ \(adapter\.a is unexpected; .*adapter\.c.*; \.\.\.\)"):
        load_model(copy, device="cpu")


def test_other_shapes_are_named(copy: Path) -> None:
    """Settings that do not belong to the weights are found out."""
    change_config(copy, vocab_size=300)
    with pytest.raises(CheckpointError, match=r"embed_tokens\.weight has the shape \(276, 32\)"):
        load_model(copy, device="cpu")


def test_missing_files_are_named(tiny: TinyCheckpoint, tmp_path: Path) -> None:
    """A broken download says which file to fetch again."""
    folder = Path(shutil.copytree(tiny.original_model, tmp_path / "broken"))
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(CheckpointError, match="lacks model-00002-of-00002"):
        load_model(folder, device="cpu")
    with pytest.raises(CheckpointError, match=r"config\.json"):
        load_model(tmp_path, device="cpu")


def test_original_codec_is_the_same_codec(tiny: TinyCheckpoint) -> None:
    """Tensors by transformers' names, and settings that transformers' configuration understands."""
    (native_settings, native), (settings, original) = map(load_codec_state, (tiny.codec, tiny.original_codec))
    assert set(original) == set(native)
    assert all(torch.equal(original[name], native[name]) for name in native)
    for part in ("acoustic_model_config", "semantic_model_config"):
        assert settings[part].items() <= native_settings[part].items()
    same = ("sample_rate", "target_bandwidths", "codebook_size", "codebook_dim", "semantic_sample_rate")
    assert all(settings[name] == native_settings[name] for name in same)


def test_original_codec_has_the_published_names(tiny: TinyCheckpoint) -> None:
    """The twin that the tests load is laid out as the first publication was, not only as our reader expects."""
    tensors = torch.load(tiny.original_codec / "model.pth", weights_only=True)
    published = (
        *("encoder.block.0.weight_g", "encoder.block.5.block.2.block.3.weight_v", "encoder.block.5.block.4.bias"),
        *("encoder.block.3.block.3.alpha", "encoder.block.6.alpha", "encoder.block.7.weight_v"),
        *("decoder_2.model.1.block.1.weight_g", "decoder_2.model.5.block.4.block.0.alpha", "decoder_2.model.7.bias"),
        *("fc_prior.weight", "fc_post2.bias", "quantizer.vq.layers.7._codebook.embed"),
        *("quantizer.vq.layers.0.project_in.weight", "encoder_semantic.conv.conv.weight"),
        *("encoder_semantic.conv_blocks.0.res_units.1.conv1.conv.weight",),
        *("encoder_semantic.conv_blocks.1.res_units.0.conv2.weight", "encoder_semantic.conv_blocks.1.conv.conv.bias"),
    )
    assert set(published) <= set(tensors)


@pytest.mark.parametrize(("axis", "names"), [(0, ("weight_g", "weight_v")), (2, ("original0", "original1"))])
def test_weight_norm_is_folded_in(axis: int, names: tuple[str, str]) -> None:
    """The plain weight is what torch's own parametrization computes, along either dimension that is in use."""
    layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv1d(4, 6, 5), dim=axis)
    parametrized = layer.parametrizations.weight  # pyright: ignore[reportAttributeAccessIssue]
    with torch.no_grad():
        parametrized.original0.mul_(torch.rand_like(parametrized.original0) + 0.5)
    prefix = "" if names[0] == "weight_g" else "parametrizations.weight."
    tensors = {f"a.{prefix}{names[0]}": parametrized.original0, f"a.{prefix}{names[1]}": parametrized.original1}
    plain = without_weight_norm(tensors)
    assert list(plain) == ["a.weight"]
    torch.testing.assert_close(plain["a.weight"], layer.weight)


def test_a_folder_is_its_own_checkpoint(tiny: TinyCheckpoint) -> None:
    """Local folders need no network."""
    assert resolve(str(tiny.model)) == tiny.model


def test_ids_are_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A revision can be pinned behind the id."""
    asked: list[tuple[str, str | None]] = []

    def download(name: str, revision: str | None = None) -> str:
        asked.append((name, revision))
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert resolve("bosonai/model") == resolve("bosonai/model@abc") == tmp_path
    assert asked == [("bosonai/model", None), ("bosonai/model", "abc")]


def test_a_failed_download_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without network and cache the message names the id and the way out."""

    def download(_name: str, revision: str | None = None) -> str:
        raise LocalEntryNotFoundError("no network")

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    with pytest.raises(CheckpointError, match=r"'bosonai/model'.*no network.*give its folder"):
        resolve("bosonai/model")


@pytest.mark.parametrize("name", ["/no/such/folder", "./missing", "missing", "a/b/c", ""])
def test_missing_folders_are_not_looked_up(name: str) -> None:
    """A mistyped path is called one, and no request leaves the machine."""
    with pytest.raises(CheckpointError, match="there is no folder"):
        resolve(name)


@pytest.mark.parametrize("content", [b"version https://git-lfs.github.com/spec/v1", b""])
def test_a_damaged_codec_is_named(tiny: TinyCheckpoint, tmp_path: Path, content: bytes) -> None:
    """A pointer in the place of the original codec's weights is an error that says which file to fetch again."""
    folder = Path(shutil.copytree(tiny.original_codec, tmp_path / "codec"))
    (folder / "model.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.pth cannot be read as weights.*download it again"):
        load_codec_state(folder)
