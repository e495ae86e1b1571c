"""A network in an ONNX file, opened when it is first asked."""

from __future__ import annotations

import importlib
import threading
from typing import TYPE_CHECKING, Any

from boson_multimodal.model.weights import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class OnnxModel:
    """Runs on the CPU: what is asked of it is short and rare. Thread-safe.

    onnxruntime's errors have no base but `Exception`; all become a `CheckpointError` that names the file.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._session: Any = None
        self._opening = threading.Lock()

    @property
    def loaded(self) -> bool:
        """Whether the network is in memory."""
        return self._session is not None

    def run(self, *inputs: NDArray[Any], shape: tuple[int | None, ...]) -> NDArray[Any]:
        """The first output for `inputs`, in the order of the file; it has the `shape`, None being any size.

        Raises `CheckpointError` when the file is missing, is no network, or takes or gives something else.
        """
        session = self._opened()
        names = [entry.name for entry in session.get_inputs()]
        try:
            output = session.run(None, dict(zip(names, inputs, strict=True)))[0]
        except Exception as error:
            given = ", ".join(f"{array.dtype}{list(array.shape)}" for array in inputs)
            raise CheckpointError(f"{self._file} does not take {given} ({error}); is it the right file?") from error
        fits = len(shape) == len(output.shape)
        if not fits or any(due not in {None, found} for due, found in zip(shape, output.shape, strict=True)):
            raise CheckpointError(f"{self._file} gives the shape {output.shape}, not {shape}; is it the right file?")
        return output

    def unload(self) -> None:
        """Give the memory back; the next call opens the file again."""
        with self._opening:
            self._session = None

    def _opened(self) -> Any:
        with self._opening:
            if self._session is None:
                self._session = self._open()
            return self._session

    def _open(self) -> Any:
        if not self._file.is_file():
            raise CheckpointError(f"there is no {self._file}; give the token2wav folder of the model")
        onnxruntime: Any = importlib.import_module("onnxruntime")  # it has no types
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        # Threads that spin between requests take the cores from the speech that is being made.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            return onnxruntime.InferenceSession(str(self._file), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise CheckpointError(f"{self._file} cannot be opened as a network ({error}); download it again") from error
