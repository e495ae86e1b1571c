"""Measure the engine on this machine with random weights: a table, and last one line of JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def _batches(text: str) -> list[int]:
    return sorted({int(part) for part in text.split(",")})


def main() -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), help="cuda if there is one")
    parser.add_argument("--config", choices=("small", "3b"), default="small", help="sizes of the model and its codec")
    parser.add_argument("--batches", type=_batches, default=[1, 4, 8, 16], metavar="1,4", help="utterances at once")
    parser.add_argument("--steps", type=int, help="columns a measurement; 40 on a CPU, 200 on CUDA if not given")
    parser.add_argument("--dtype", choices=("float32", "bfloat16", "float16"), help="float32 for small on a CPU")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures are written too")
    chosen = parser.parse_args()
    import torch

    from boson_multimodal.benchmark import Options, run, table
    from boson_multimodal.benchmark_models import SHAPES

    device = chosen.device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = chosen.dtype or ("float32" if (device, chosen.config) == ("cpu", "small") else "bfloat16")
    steps = chosen.steps or (200 if device == "cuda" else 40)
    report = run(Options(SHAPES[chosen.config], device, getattr(torch, dtype), chosen.batches, steps))
    line = json.dumps(report)
    if chosen.json:
        chosen.json.write_text(f"{line}\n")
    sys.stdout.write(f"{table(report)}\n{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
