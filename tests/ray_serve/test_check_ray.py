"""The app on a real Ray cluster on this machine, whose parts are killed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.postgresql import running

ROOT = Path(__file__).resolve().parents[2]


def test_sessions_outlive_a_copy_of_the_voice_and_a_replica():
    """Sessions are spread; what a copy of the voice was saying is finished by the other; sessions of a replica go on at
    the other with their conversations; and not a byte of any sound differs from that of one process."""
    with running() as address:
        command = [sys.executable, "scripts/check_ray.py", "--sessions", "4", "--database-url", address]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "4 sessions, by replica: [2, 2]" in run.stdout
    assert run.stdout.count("byte for byte") == 3
    assert re.search(r"it had 2 sessions, [12] in the middle", run.stdout)
