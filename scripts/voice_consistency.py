#!/usr/bin/env python3
"""Measures how much the voices of a running server stay themselves; see docs/voices.md. Works from any directory."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"

if PYTHON.exists() and Path(sys.prefix) != ROOT / ".venv":
    os.execv(PYTHON, [str(PYTHON), __file__, *sys.argv[1:]])

sys.path.insert(0, str(ROOT))

try:
    from backend.client.consistency.command import main
except ImportError as error:
    sys.exit(f"voice_consistency: {error}. Run scripts/serve once; it installs what is needed.")

sys.exit(main())
