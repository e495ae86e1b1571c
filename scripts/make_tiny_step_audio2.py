"""Write a tiny Step-Audio 2 with random weights, for trials without the real one: two voices, a few megabytes."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main() -> int:
    """Write the folder named on the command line, one line for each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the checkpoint is made, or replaced")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    from boson_multimodal.tiny_step_audio2 import write_tiny_step_audio2

    written = write_tiny_step_audio2(chosen.folder, chosen.seed)
    for part in fields(written):
        print(f"{part.name}: {getattr(written, part.name)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
