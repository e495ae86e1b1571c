#!/usr/bin/env python3
"""Runs the app on Ray Serve: replicas of it, sessions that find back to theirs, and one Higgs voice for all.

Joins the Ray cluster that RAY_ADDRESS names, or starts one on this machine. SIGINT or SIGTERM ends it.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"

if PYTHON.exists() and Path(sys.prefix) != ROOT / ".venv":
    os.execv(PYTHON, [str(PYTHON), __file__, *sys.argv[1:]])

sys.path.insert(0, str(ROOT))

from backend.errors import VoiceChatError  # noqa: E402
from backend.setting_options import add_options, chosen  # noqa: E402
from backend.settings import RaySettings  # noqa: E402


def main() -> int:
    """Exit status 1 when the settings cannot work."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, RaySettings)
    try:
        from backend.ray_serve.serving import serve

        serve(chosen(parser.parse_args(), RaySettings))
    except VoiceChatError as error:
        print(f"serve_ray: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
