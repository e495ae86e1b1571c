"""Write a tiny Higgs Audio v2 with random weights, for trials without the real one: four folders, a few megabytes."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main() -> int:
    """Write the folders named on the command line, one line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the four folders are made, or replaced")
    parser.add_argument("--hidden", type=int, default=32, help="width of the model")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--kv-heads", type=int, default=2)
    parser.add_argument("--intermediate", type=int, default=64, help="width of the feed-forward networks")
    parser.add_argument("--codebooks", type=int, default=8)
    parser.add_argument("--codebook-size", type=int, default=1024, help="codes of a codebook, without begin and end")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    from boson_multimodal.tiny_checkpoint import write_tiny_checkpoint

    written = write_tiny_checkpoint(
        chosen.folder,
        hidden_size=chosen.hidden,
        layers=chosen.layers,
        heads=chosen.heads,
        kv_heads=chosen.kv_heads,
        intermediate_size=chosen.intermediate,
        codebooks=chosen.codebooks,
        codebook_size=chosen.codebook_size,
        seed=chosen.seed,
    )
    for field in fields(written):
        sys.stdout.write(f"{field.name}: {getattr(written, field.name)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
