"""Checkpoints of Higgs Audio v2 and of its codec, in the format of transformers and in the original one.

The weights published under one repository id exist in both formats: the original until April 2026, that of
transformers since. Either is read here into the same modules.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from safetensors import safe_open
from torch import Tensor, nn

from boson_multimodal.model.higgs_audio.original_codec import native_codec
from boson_multimodal.model.weights import CheckpointError, fill, read_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from transformers import (
        HiggsAudioV2Config,
        HiggsAudioV2ForConditionalGeneration,
        HiggsAudioV2TokenizerConfig,
    )

Part = TypeVar("Part", bound=nn.Module)

SUPPORTED_MODELS = (
    "'higgs_audio_v2' (bosonai/higgs-audio-v2-generation-3B-base) and 'higgs_audio' "
    "(the same at revision 10840182ca4ad5d9d9113b60b9bb3c1ef1ba3f84)"
)
SUPPORTED_CODECS = (
    "'higgs_audio_v2_tokenizer' (bosonai/higgs-audio-v2-tokenizer) and the original one with a model.pth "
    "(the same at revision 9d4988fbd4ad07b4cac3a5fa462741a41810dbec)"
)

_ADVICE = f"download it again, with the config.json beside it, or use one of {SUPPORTED_MODELS} with {SUPPORTED_CODECS}"

_UNUSED = re.compile(r"^(audio_decoder_proj\.)?text_lm_head\.|^audio_codebook_weights$|rotary_emb\.\w*inv_freq$")
"""The text head only scores text; the codebook weights only weigh the training loss; frequencies are computed."""

_ORIGINAL_NAMES = (
    (re.compile(r"^audio_codebook_embeddings\."), "model.embed_audio_tokens.embed_audio_tokens."),
    (re.compile(r"^(embed_tokens|layers|norm)\."), r"model.\1."),
    (re.compile(r"^audio_decoder_proj\."), ""),
)


def resolve(name_or_path: str) -> Path:
    """The folder of a checkpoint: a local folder as it is, a Hugging Face id (`owner/name` or `owner/name@revision`)
    downloaded, or found in the cache. Raises `CheckpointError` when there is none."""
    folder = Path(name_or_path).expanduser()
    if name_or_path and folder.is_dir():
        return folder
    name, _, revision = name_or_path.partition("@")
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", name):
        raise CheckpointError(f"there is no folder {name_or_path!r}; give a checkpoint's folder or Hugging Face id")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, revision=revision or None))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"the checkpoint {name_or_path!r} is neither a folder nor to be had from Hugging Face ({error}); "
            "check the id and the network, or download it and give its folder"
        ) from error


def load_model(
    folder: Path, *, device: str | torch.device, dtype: str | torch.dtype = "auto"
) -> HiggsAudioV2ForConditionalGeneration:
    """The model in `folder`, for inference, without its text head. `dtype` "auto" is the checkpoint's own.

    Raises `CheckpointError` for other models, and for missing or unexpected tensors.
    """
    from transformers import GenerationConfig, HiggsAudioV2Config, HiggsAudioV2ForConditionalGeneration

    settings = _read_config(folder)
    if settings.get("model_type") == "higgs_audio_v2":
        config = HiggsAudioV2Config.from_dict(settings)
    elif settings.get("model_type") == "higgs_audio":
        config = _native_config(settings, folder)
    else:
        kind = settings.get("model_type")
        raise CheckpointError(f"{folder} holds the model type {kind!r}; supported are {SUPPORTED_MODELS}")
    wanted = _dtype(settings, dtype)
    tensors = {_native_name(name): tensor.to(device, wanted) for name, tensor in _tensors(folder)}
    _join_frozen(tensors)

    # Without memory for parameters until the checkpoint's own take their place; what is computed is made after.
    with torch.device("meta"):
        model = HiggsAudioV2ForConditionalGeneration(config)
    fill(model, tensors, folder, _ADVICE)
    model.model.rotary_emb = type(model.model.rotary_emb)(config).to(device)
    offsets = torch.arange(config.num_codebooks, device=device) * config.codebook_size
    model.model.embed_audio_tokens.audio_tokens_offsets = nn.Buffer(offsets, persistent=False)
    if (folder / "generation_config.json").is_file():
        model.generation_config = GenerationConfig.from_pretrained(folder)
    return model.eval().requires_grad_(False)


def load_tokenizer(folder: Path) -> Any:
    """The text tokenizer beside a model. Raises `CheckpointError` when there is none."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder} holds no tokenizer that can be loaded: {error}") from error


def load_codec_state(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Settings, as of transformers' `HiggsAudioV2TokenizerConfig`, and tensors by transformers' names, with plain
    weights where the checkpoint has normalised ones. Raises `CheckpointError` for other codecs."""
    settings = _read_config(folder)
    if settings.get("model_type") == "higgs_audio_v2_tokenizer":
        return settings, without_weight_norm(dict(_tensors(folder)))
    weights = folder / "model.pth"
    if "ratios" not in settings or not weights.is_file():
        kind = settings.get("model_type")
        raise CheckpointError(f"{folder} holds the model type {kind!r}; supported codecs are {SUPPORTED_CODECS}")
    return native_codec(settings, without_weight_norm(read_tensors(weights)))


def load_codec_part(
    make: Callable[[HiggsAudioV2TokenizerConfig], Part], folder: Path, device: str | torch.device
) -> Part:
    """The part of the codec in `folder` that `make` builds, in fp32, for inference. Raises `CheckpointError`."""
    from transformers import HiggsAudioV2TokenizerConfig

    settings, tensors = load_codec_state(folder)
    part = make(HiggsAudioV2TokenizerConfig.from_dict(settings))
    fill(part, {name: tensors[name] for name in part.state_dict() if name in tensors}, folder, _ADVICE)
    return part.float().to(device).eval().requires_grad_(False)


def without_weight_norm(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """With the plain weight in place of every pair of magnitude and direction. The magnitude has the size 1 in all
    dimensions over which the direction is normalised."""
    plain = dict(tensors)
    for magnitude, direction in ((".weight_g", ".weight_v"), (_parametrized(0), _parametrized(1))):
        for name in [name for name in plain if name.endswith(magnitude)]:
            module = name.removesuffix(magnitude)
            g, v = plain.pop(name), plain.pop(module + direction)
            over = [axis for axis, size in enumerate(g.shape) if size == 1]
            plain[f"{module}.weight"] = v * (g / torch.linalg.vector_norm(v, dim=over, keepdim=True))
    return plain


def _parametrized(index: int) -> str:
    return f".parametrizations.weight.original{index}"


def _read_config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} cannot be read ({error}); is {folder} a checkpoint's folder?") from error


def _tensors(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """All tensors that are used, from one safetensors file or from those of an index, one at a time."""
    index = folder / "model.safetensors.index.json"
    shards: Iterable[str] = ("model.safetensors",)
    if index.is_file():
        shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    for shard in shards:
        if not (folder / shard).is_file():
            raise CheckpointError(f"{folder} lacks {shard}; download the checkpoint again")
        with safe_open(folder / shard, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 (not a dictionary)
                if not _UNUSED.search(name):
                    yield name, file.get_tensor(name)


def _native_name(name: str) -> str:
    for pattern, replacement in _ORIGINAL_NAMES:
        name = pattern.sub(replacement, name)
    return name


def _join_frozen(tensors: dict[str, Tensor]) -> None:
    """Join the matrices of which only the last rows were trained, and which are stored in two parts."""
    for name in [name for name in tensors if re.search(r"\.(embedding|linear)_frozen\.", name)]:
        trained = name.replace("_frozen.", "_trainable.")
        whole = re.sub(r"\.(embedding|linear)_frozen\.", ".", name)
        if trained in tensors:
            tensors[whole] = torch.cat((tensors.pop(name), tensors.pop(trained)))


def _dtype(settings: dict[str, Any], dtype: str | torch.dtype) -> torch.dtype | None:
    """None leaves every tensor as it is stored."""
    if dtype == "auto":
        dtype = settings.get("dtype") or settings.get("torch_dtype") or "stored"
    if dtype == "stored":
        return None
    named = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if not isinstance(named, torch.dtype):
        raise ValueError(f"dtype is a torch dtype, its name or 'auto', not {dtype!r}")
    return named


def _native_config(settings: dict[str, Any], folder: Path) -> HiggsAudioV2Config:
    """The original configuration, a Llama's inside that of the audio, as one of transformers."""
    from transformers import HiggsAudioV2Config, LlamaConfig

    for feature in ("audio_embed_avg", "use_audio_out_embed_projector", "use_audio_out_self_attention"):
        if settings.get(feature):
            raise CheckpointError(f"{folder}: a model with {feature} is not supported; use one of {SUPPORTED_MODELS}")
    llama = LlamaConfig(**settings["text_config"])
    shared = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    shared += ("num_key_value_heads", "head_dim", "hidden_act", "rms_norm_eps", "max_position_embeddings")
    shared += ("rope_parameters", "attention_bias", "mlp_bias", "bos_token_id", "eos_token_id")
    return HiggsAudioV2Config(
        **{name: getattr(llama, name) for name in shared},
        pad_token_id=settings.get("pad_token_id", 128001),
        num_codebooks=settings["audio_num_codebooks"],
        codebook_size=settings["audio_codebook_size"] + 2,
        audio_token_id=settings.get("audio_out_token_idx", 128016),
        audio_bos_token_id=settings.get("audio_out_bos_token_id", 128013),
        # Not named in this format: Llama's reserved token that follows the one for the beginning of audio.
        audio_delay_token_id=settings.get("audio_out_bos_token_id", 128013) + 1,
        audio_stream_bos_id=settings.get("audio_stream_bos_id", 1024),
        audio_stream_eos_id=settings.get("audio_stream_eos_id", 1025),
    )
