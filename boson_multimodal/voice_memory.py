"""What a voice keeps of what it has said, in a form that another engine with the same model can go on from.

Needs no torch: whoever carries it from engine to engine need not be able to speak.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SpokenChunk:
    """A text as it was prompted, and the codes `[C, T]` of its speech: 25 columns a second."""

    text: str
    codes: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class VoiceMemory:
    """The chunks that are part of the next prompt, the oldest first. `spoken` counts all there ever were: the noise of
    the next one depends on it."""

    spoken: int = 0
    chunks: tuple[SpokenChunk, ...] = ()
