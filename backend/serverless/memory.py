"""How much memory the process and its model take."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def memory() -> dict[str, int]:
    """In bytes: `rss` of the process where the system tells, and what torch has taken of the GPU where it is in use."""
    report = dict[str, int]()
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        report["rss"] = pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        pass
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        report["gpu_allocated"] = torch.cuda.memory_allocated()
        report["gpu_reserved"] = torch.cuda.memory_reserved()
    return report
