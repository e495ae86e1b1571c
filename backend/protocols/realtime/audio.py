"""The sound of a connection in the formats of the protocol: base64 of 24 kHz PCM16, or of 8 kHz mu-law or A-law."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from backend import g711
from backend.audio import SAMPLE_BYTES, Resampler, whole_samples
from backend.engines.interfaces import HEARING_RATE_HZ
from backend.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

RATE_HZ = 24_000
MAX_APPEND = 15 << 20

_LAWS: Mapping[str, g711.Law] = {"audio/pcmu": "mu", "audio/pcma": "a"}


class SoundIn:
    """What the client hears of the world, on its way to 16 kHz."""

    def __init__(self, form: Mapping[str, Any]) -> None:
        self.form = dict(form)
        self._law: g711.Law | None = _LAWS.get(form["type"])
        self._resampler = Resampler(self.rate_hz, HEARING_RATE_HZ)
        self._odd = b""

    @property
    def rate_hz(self) -> int:
        """Of what comes in."""
        return g711.RATE_HZ if self._law else RATE_HZ

    def milliseconds(self, data: bytes) -> float:
        """How long `data` is."""
        return len(data) / (1 if self._law else SAMPLE_BYTES) / self.rate_hz * 1000

    def feed(self, data: bytes) -> bytes:
        """PCM16 at 16 kHz of what is certain by now."""
        if self._law:
            return self._resampler.feed(g711.decoded(data, self._law))
        data = self._odd + data
        whole = whole_samples(data)
        self._odd = data[len(whole) :]
        return self._resampler.feed(whole)

    def finish(self) -> bytes:
        """The rest; used up then."""
        return self._resampler.finish()


class SoundOut:
    """A reply's 24 kHz PCM16 on its way to the client."""

    def __init__(self, form: Mapping[str, Any]) -> None:
        self._law: g711.Law | None = _LAWS.get(form["type"])
        self._resampler = Resampler(RATE_HZ, g711.RATE_HZ if self._law else RATE_HZ)

    def feed(self, pcm: bytes, *, last: bool) -> str:
        """What is certain by now, in base64; all of it with the `last` piece."""
        out = self._resampler.feed(pcm) if pcm else b""
        if last:
            out += self._resampler.finish()
        return base64.b64encode(g711.encoded(out, self._law) if self._law else out).decode()


def read_append(audio: str) -> bytes:
    """The bytes of an `input_audio_buffer.append`. Raises `InvalidRequest`."""
    if len(audio) * 3 // 4 > MAX_APPEND:
        raise InvalidRequest(f"audio: at most {MAX_APPEND} bytes at once", param="audio")
    try:
        return base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("audio is not base64", param="audio") from error
