"""ONNX networks, run on one thread of the CPU."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def load_network(file: Path) -> Any:
    """The network in `file` as an onnxruntime `InferenceSession`; runs of it may be made from any thread.

    onnxruntime's own errors, which have no base but `Exception`, say what is wrong with the file.
    """
    onnxruntime: Any = importlib.import_module("onnxruntime")  # it has no types
    options = onnxruntime.SessionOptions()
    # Sessions share the machine's cores; one network's threads would only wait for each other.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(file), sess_options=options, providers=["CPUExecutionProvider"])
