"""The tiny checkpoint's text side: a tokenizer of bytes with the real special tokens, a chat template, a processor."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import HiggsAudioV2Config

SPECIAL_TOKENS = (
    *("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>"),
    # As in the real vocabulary these six follow each other: the original format names not all of their ids.
    *("<|audio_bos|>", "<|audio_eos|>", "<|audio_out_bos|>", "<|reserved_special_token_6|>", "<|AUDIO|>"),
    *("<|AUDIO_OUT|>", "<|scene_desc_start|>", "<|scene_desc_end|>"),
    *("<SE>", "</SE>", "<SE_s>", "</SE_s>", "<SE_e>", "</SE_e>"),
)
TOKEN_IDS = {token: 256 + index for index, token in enumerate(SPECIAL_TOKENS)}
"""The bytes are 0 to 255."""

VOCABULARY = 256 + len(SPECIAL_TOKENS)

CHAT_TEMPLATE = """\
{%- set audio = '<|audio_out_bos|><|AUDIO_OUT|><|audio_eos|>' -%}
{%- macro texts(content) -%}
    {%- if content is string -%}
        {{- content | trim -}}
    {%- else -%}
        {%- for item in content if item.type == 'text' -%}{{- item.text | trim -}}{%- endfor -%}
    {%- endif -%}
{%- endmacro -%}
{%- if not messages or messages[0].role != 'system' -%}
    {{- raise_exception('a conversation begins with a system message') -}}
{%- endif -%}
{{- bos_token -}}
{%- for message in messages -%}
    {%- if message.role == 'scene' -%}
        {%- if loop.index0 != 1 -%}{{- raise_exception('a scene follows the system message') -}}{%- endif -%}
        {{- '\\n\\n<|scene_desc_start|>\\n' -}}
        {%- if message.content is string -%}
            {{- message.content | trim -}}
        {%- else -%}
            {%- for item in message.content -%}
                {{- ' ' ~ audio if item.type == 'audio' else item.text | trim -}}
                {%- if not loop.last -%}
                    {%- if item.type == 'text' and loop.first -%}
                        {{- '\\n\\n' -}}
                    {%- elif item.type == 'audio' or loop.nextitem.type != 'audio' -%}
                        {{- '\\n' -}}
                    {%- endif -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endif -%}
        {{- '\\n<|scene_desc_end|>' -}}
    {%- else -%}
        {{- '<|start_header_id|>' ~ message.role ~ '<|end_header_id|>\\n\\n' -}}
        {%- if message.role != 'assistant' -%}
            {{- texts(message.content) -}}
        {%- elif message.content is string or message.content[0].type != 'audio' -%}
            {{- raise_exception('what the assistant says is audio') -}}
        {%- else -%}
            {{- audio -}}
        {%- endif -%}
    {%- endif -%}
    {%- if loop.last or loop.nextitem.role != 'scene' -%}{{- '<|eot_id|>' -}}{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n<|audio_out_bos|>' -}}
{%- endif -%}
"""


def write_json(file: Path, content: dict[str, Any]) -> None:
    """Write `content` as readable JSON."""
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def write_tokenizer(folder: Path) -> None:
    """Every byte is a token, written as the sign that stands for it in Llama's vocabulary."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={sign: index for index, sign in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    begin = "<|begin_of_text|>"
    tokenizer.post_processor = processors.TemplateProcessing(f"{begin} $A", special_tokens=[(begin, TOKEN_IDS[begin])])
    tokenizer.save(str(folder / "tokenizer.json"))
    named = {"bos_token": begin, "eos_token": "<|eot_id|>", "pad_token": "<|end_of_text|>"}
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", **named})


def write_processor(folder: Path, config: HiggsAudioV2Config, codec: Path) -> None:
    """The settings of the model's processor, which encodes with the codec in `codec`."""
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8")
    write_json(
        folder / "processor_config.json",
        {
            "processor_class": "HiggsAudioV2Processor",
            "audio_token": "<|AUDIO_OUT|>",
            "audio_bos_token": "<|audio_out_bos|>",
            "audio_eos_token": "<|audio_eos|>",
            "audio_delay_token": "<|reserved_special_token_6|>",
            "audio_stream_bos_id": config.audio_stream_bos_id,
            "audio_stream_eos_id": config.audio_stream_eos_id,
            "audio_tokenizer": {
                "audio_tokenizer_class": "HiggsAudioV2TokenizerModel",
                "audio_tokenizer_name_or_path": str(codec),
            },
            "feature_extractor": {
                "feature_extractor_type": "DacFeatureExtractor",
                "feature_size": 1,
                "hop_length": 1,
                "sampling_rate": 24000,
            },
        },
    )
