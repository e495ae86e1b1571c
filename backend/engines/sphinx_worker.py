"""The process in which pocketsphinx recognises: it answers each request on its socket with one reply.

pocketsphinx holds the GIL while it decodes, so it works outside the server's process. Imported by both sides; this
side knows nothing of asyncio, sessions or engines.
"""

from __future__ import annotations

import importlib
import signal
import struct
from contextlib import suppress
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import socket
    from io import BufferedRWPair

    from numpy.typing import NDArray

HEADER = struct.Struct("!BI")
"""In front of every message, both ways: its kind and the bytes that follow."""

DITHER = 20.0
"""Standard deviation of the noise added, of 32768. Digital silence makes the decoder miss most words; more noise than
this costs words again."""


OPENING_SAMPLES = 9_600
"""The first 0.6 s of an utterance, which decide how much it is amplified."""
QUIET_PEAK, WANTED_PEAK, MOST_GAIN = 3_000.0, 9_000.0, 16.0
"""An opening that stays below the first of these is brought to the second: the model does not know quiet microphones.
The gain holds for the whole utterance; one that follows the speech distorts it."""


class Request(IntEnum):
    """What the server asks. Each is answered by one `Reply`."""

    HEAR = 1
    """PCM16LE mono 16 kHz that goes on with the utterance, or begins one. Answered by the text so far."""
    FINISH = 2
    """The utterance is over. Answered by its text."""
    FORGET = 3
    """Leave the utterance, if there is one. Answered by an empty text."""


class Reply(IntEnum):
    """What the worker says. The first one, unasked, says that the model is loaded."""

    TEXT = 1
    FAILURE = 2
    """Why it cannot go on; the worker ends after it."""


def serve(connection: socket.socket) -> None:
    """The process: load the model, then answer requests until the other side closes or is gone."""
    # Ctrl-C goes to the whole terminal; the server decides when its workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(BrokenPipeError, ConnectionResetError), connection, connection.makefile("rwb") as stream:
        try:
            recognizer = Recognizer()
            _send(stream, Reply.TEXT)
            while header := stream.read(HEADER.size):
                request, size = HEADER.unpack(header)
                _send(stream, Reply.TEXT, recognizer.answer(Request(request), stream.read(size)))
        except (BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:  # the process's last words; the server turns them into an `EngineError`
            _send(stream, Reply.FAILURE, f"{type(error).__name__}: {error}")


def _send(stream: BufferedRWPair, reply: Reply, text: str = "") -> None:
    data = text.encode()
    stream.write(HEADER.pack(reply, len(data)) + data)
    stream.flush()


class Recognizer:
    """One decoder and the utterance it is in."""

    def __init__(self) -> None:
        """Load the bundled English model (about half a second, 100 MB)."""
        pocketsphinx: Any = importlib.import_module("pocketsphinx")  # it has no types
        # All three passes: the second and third cost about 0.1 s after the last word and save one error in four.
        self._decoder = pocketsphinx.Decoder(loglevel="FATAL")
        self._listening = False
        self._opening = np.zeros(0, np.float32)
        self._gain = 1.0
        self._noise = np.random.default_rng(0)

    def answer(self, request: Request, data: bytes) -> str:
        """Do what is asked; returns the text so far."""
        match request:
            case Request.HEAR:
                return self._hear(data)
            case Request.FINISH:
                return self._finish()
            case Request.FORGET:
                if self._listening:
                    self._decoder.end_utt()
                self._listening = False
                self._opening = self._opening[:0]
                return ""

    def _hear(self, pcm: bytes) -> str:
        samples = np.frombuffer(pcm, "<i2").astype(np.float32)
        if not self._listening:
            self._opening = np.concatenate([self._opening, samples])
            if len(self._opening) < OPENING_SAMPLES:
                return ""
            samples = self._begin()
        self._decode(samples)
        return self._text()

    def _begin(self) -> NDArray[np.float32]:
        """Start the utterance whose opening has been heard; returns that opening."""
        opening, self._opening = self._opening, self._opening[:0]
        peak = float(np.abs(opening).max(initial=1.0))
        self._gain = min(MOST_GAIN, WANTED_PEAK / peak) if peak < QUIET_PEAK else 1.0
        self._noise = np.random.default_rng(0)
        self._decoder.start_utt()
        self._listening = True
        return opening

    def _decode(self, samples: NDArray[np.float32]) -> None:
        noisy = samples * self._gain + self._noise.normal(0.0, DITHER, len(samples))
        self._decoder.process_raw(np.clip(noisy, -32768, 32767).astype("<i2").tobytes(), False, False)

    def _finish(self) -> str:
        if not self._listening:
            if not len(self._opening):
                return ""
            self._decode(self._begin())
        self._decoder.end_utt()
        self._listening = False
        return self._text()

    def _text(self) -> str:
        hypothesis = self._decoder.hyp()
        return hypothesis.hypstr if hypothesis else ""
