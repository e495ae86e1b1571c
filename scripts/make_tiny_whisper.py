"""Make tests/fixtures/tiny-whisper: a Whisper model with random weights, small enough to keep in the repository.

It loads and runs like any faster-whisper model, on any machine, and understands nothing. Making it needs
`pip install torch transformers tokenizers ctranslate2`; loading it needs only faster-whisper.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import torch
from ctranslate2.converters import TransformersConverter
from faster_whisper.tokenizer import _LANGUAGE_CODES
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import WhisperConfig, WhisperForConditionalGeneration

DESTINATION = Path(__file__).parent.parent / "tests" / "fixtures" / "tiny-whisper"
MEL_BINS = 80
PREPROCESSOR = {
    "chunk_length": 30,
    "feature_extractor_type": "WhisperFeatureExtractor",
    "feature_size": MEL_BINS,
    "hop_length": 160,
    "n_fft": 400,
    "n_samples": 480_000,
    "nb_max_frames": 3000,
    "sampling_rate": 16_000,
}


def make_tokenizer() -> Tokenizer:
    """Byte-level tokenizer with no merges and Whisper's special tokens in Whisper's order; 1865 tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={symbol: index for index, symbol in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [
            "<|endoftext|>",
            "<|startoftranscript|>",
            *(f"<|{code}|>" for code in _LANGUAGE_CODES),
            "<|translate|>",
            "<|transcribe|>",
            "<|startoflm|>",
            "<|startofprev|>",
            "<|nospeech|>",
            "<|notimestamps|>",
        ]
    )
    tokenizer.add_tokens([AddedToken(f"<|{step / 50:.2f}|>", normalized=False) for step in range(1501)])
    return tokenizer


def make_model(tokenizer: Tokenizer) -> WhisperForConditionalGeneration:
    """Two layers each way, 64 wide; the same weights on every run."""
    torch.manual_seed(0)
    end, start = tokenizer.token_to_id("<|endoftext|>"), tokenizer.token_to_id("<|startoftranscript|>")
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=tokenizer.get_vocab_size(),
            num_mel_bins=MEL_BINS,
            d_model=64,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=128,
            decoder_ffn_dim=128,
            pad_token_id=end,
            bos_token_id=end,
            eos_token_id=end,
            decoder_start_token_id=start,
        )
    )
    generation = model.generation_config
    generation.no_timestamps_token_id = tokenizer.token_to_id("<|notimestamps|>")
    generation.is_multilingual = False
    generation.lang_to_id = {f"<|{code}|>": tokenizer.token_to_id(f"<|{code}|>") for code in _LANGUAGE_CODES}
    generation.task_to_id = {name: tokenizer.token_to_id(f"<|{name}|>") for name in ("transcribe", "translate")}
    generation.alignment_heads = [[1, 0], [1, 1]]
    # The defaults lie outside this small vocabulary, and CTranslate2 writes to them unchecked.
    generation.suppress_tokens = []
    generation.begin_suppress_tokens = [tokenizer.token_to_id("Ġ"), end]
    _prefer_letters(model, tokenizer)
    return model


def _prefer_letters(model: WhisperForConditionalGeneration, tokenizer: Tokenizer) -> None:
    """Let the text be letters and spaces, never the end: every decoding runs to its limit and is readable.

    Whisper's output layer has no bias; a constant first coordinate of the last layer norm serves as one.
    """
    letters = [tokenizer.token_to_id(symbol) for symbol in "abcdefghijklmnopqrstuvwxyzĠ"]
    decoder = model.model.decoder
    with torch.no_grad():
        decoder.layer_norm.weight[0] = 0.0
        decoder.layer_norm.bias[0] = 10.0
        decoder.embed_tokens.weight[:] *= 10.0
        decoder.embed_tokens.weight[:, 0] = -1.0
        decoder.embed_tokens.weight[letters, 0] = 1.0


def main() -> int:
    """Make the folder anew."""
    tokenizer = make_tokenizer()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        make_model(tokenizer).save_pretrained(source)
        tokenizer.save(str(source / "tokenizer.json"))
        (source / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR, indent=1) + "\n")
        (source / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))
        shutil.rmtree(DESTINATION, ignore_errors=True)
        converter = TransformersConverter(str(source), copy_files=["tokenizer.json", "preprocessor_config.json"])
        converter.convert(str(DESTINATION), quantization="int8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
