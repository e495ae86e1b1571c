#!/usr/bin/env python3
"""Measures a running server's time to first audio; the same as `voicechat ttfa`. Works from any directory."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"

if PYTHON.exists() and Path(sys.prefix) != ROOT / ".venv":
    os.execv(PYTHON, [str(PYTHON), __file__, *sys.argv[1:]])

sys.path.insert(0, str(ROOT))

try:
    from backend.client.ttfa import main
except ImportError as error:
    sys.exit(f"measure_ttfa: {error}. Run scripts/serve once; it installs what is needed.")

sys.exit(main())
