"""`scripts/voice_consistency.py`: measures how much the voices of a running server stay themselves."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from backend.client.consistency.figures import VoiceHeard, summarise, table
from backend.client.consistency.measures import EmbeddingMeasure, SpectralMeasure
from backend.client.consistency.speaking import VoiceCatalogue, sentences_of
from backend.client.options import add_server_arguments, output_file, positive
from backend.errors import VoiceChatError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.client.consistency.measures import Measure


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure as the options say. The last line on stdout is the summary as JSON; returns 1 when it cannot be done."""
    parser = argparse.ArgumentParser(description="Measure how much the voices of a running server stay themselves.")
    add_server_arguments(parser)
    parser.add_argument("--voice", action="append", metavar="ID", help="a voice; repeatable (default: all there are)")
    parser.add_argument("--sentences", type=positive, default=10, metavar="N", help="of each voice (default: 10)")
    parser.add_argument(
        "--embedding", type=Path, metavar="FILE", help="compare by a network for speaker recognition (ONNX)"
    )
    parser.add_argument("--json", type=output_file, metavar="FILE", help="write the figures")
    args = parser.parse_args(arguments)
    try:
        measure = EmbeddingMeasure(args.embedding) if args.embedding else SpectralMeasure()
        summary = summarise(asyncio.run(_heard(args, measure)), measure)
    except VoiceChatError as error:
        print(f"voice_consistency: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    figures = json.dumps(summary, ensure_ascii=False)
    if args.json is not None:
        args.json.write_text(f"{figures}\n", "utf-8")
    print(table(summary), end="\n\n")
    print(figures)
    return 0


async def _heard(args: argparse.Namespace, measure: Measure) -> list[VoiceHeard]:
    """One voice after another: what two of them said at once would be measured of a busier server."""
    catalogue = VoiceCatalogue(args.url, args.api_key)
    heard: list[VoiceHeard] = []
    for voice in args.voice or await catalogue.ids():
        recording = await catalogue.recording(voice)
        sentences = await sentences_of(args.url, args.api_key, voice, args.sentences)
        reference = None if recording is None else measure.voiceprint(recording)
        prints = {sentence.text: measure.voiceprint(sentence.pcm) for sentence in sentences}
        heard.append(VoiceHeard(voice, prints, reference))
        print(f"{voice}: {len(sentences)} sentences", file=sys.stderr)
    return heard
