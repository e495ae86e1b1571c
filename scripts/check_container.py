#!/usr/bin/env python3
"""Checks Dockerfile and compose.yaml without a container engine.

Reads both by the rules of scripts/container, performs the steps of one image in a temporary folder (a fresh virtual
environment, the packages from the index), starts its command there with the image's variables and no others, asks by
the image's own health check, ends it by its own signal, and says how large the image's layers would be.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.container import building, compose, rules, trial  # noqa: E402
from scripts.container.dockerfile import NotUnderstood, parse  # noqa: E402


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description="Checks Dockerfile and compose.yaml without a container engine.")
    parser.add_argument("--target", default="cpu", help="the image whose steps are performed (default: cpu)")
    parser.add_argument("--python", default=sys.executable, help="stands for the base image's Python")
    parser.add_argument("--here", action="store_true", help="install nothing, use this Python's packages")
    parser.add_argument("--lint", action="store_true", help="only read the files")
    options = parser.parse_args()
    try:
        dockerfile = parse(ROOT / "Dockerfile")
        found = [f"Dockerfile {each}" for each in rules.findings(dockerfile, ROOT)]
        found += [f"compose.yaml: {each}" for each in compose.findings(ROOT / "compose.yaml")]
        print("\n".join(found) or "Dockerfile and compose.yaml keep to the rules")
        if not options.lint:
            with tempfile.TemporaryDirectory(prefix="voicechat-image-") as folder:
                _perform(dockerfile, Path(folder), options)
    except (NotUnderstood, building.StepFailed, trial.TrialFailed) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return bool(found)


def _perform(dockerfile: building.Dockerfile, folder: Path, options: argparse.Namespace) -> None:
    started = time.monotonic()
    builder = building.Builder(dockerfile, ROOT, folder, python=options.python, install=not options.here)
    image = builder.build(options.target)
    print(f"{options.target}: all steps performed in {time.monotonic() - started:.0f} s, but for these:")
    for step in builder.left_out:
        print(f"  {step}")
    megabytes = sum(path.lstat().st_size for path in builder.root.rglob("*") if not path.is_dir()) / 1e6
    if not options.here:
        print(f"layers above the base image: {megabytes:.0f} MB")
    print(f"this was {platform.system()} {platform.machine()}, no container")
    check = dockerfile.last(options.target, "HEALTHCHECK")
    if check and check.value == "NONE":
        print("it says that its health cannot be checked: its command was not started")
        return
    result = trial.run(dockerfile, options.target, builder, image)
    print(
        f"it listened after {result.listening_s:.1f} s and was ready after {result.ready_s:.1f} s; the health check "
        f"passed; it ended {result.stopped_s:.1f} s after its signal, status {result.status}"
    )


if __name__ == "__main__":
    sys.exit(main())
