"""Look at a Step-Audio 2 folder, part by part: what matches the engine, what does not, and how fast it speaks here."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"

if __name__ == "__main__" and PYTHON.exists() and Path(sys.prefix) != ROOT / ".venv":
    os.execv(PYTHON, [str(PYTHON), __file__, *sys.argv[1:]])

sys.path.insert(0, str(ROOT))


def main() -> int:
    """Print a line for each part. Returns 1 when one cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a checkpoint, or its folder token2wav")
    parser.add_argument("--voices", type=Path, help="a folder of recordings, 3 to 15 s each")
    parser.add_argument("--device", default="cpu", help="where it speaks (default: %(default)s)")
    chosen = parser.parse_args()
    try:
        from boson_multimodal.check_step_audio2 import check
    except ImportError as error:
        sys.exit(f"check_step_audio2: {error}. Install the extra 'step-audio2'.")
    usable = True
    for finding in check(chosen.folder, chosen.voices, chosen.device):
        usable &= finding.usable
        print(f"{'ok' if finding.usable else 'NO':3} {finding.part}: {finding.says}", flush=True)
    return 0 if usable else 1


if __name__ == "__main__":
    sys.exit(main())
