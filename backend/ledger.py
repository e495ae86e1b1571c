"""Where the time to first audio went: marks on one clock, as consecutive stages of one reply.

Every mark is at least the one before it, so the stages (the differences) are never negative and sum to
`first_frame_sent`, the time to first audio (TTFA). Marks are held as whole ticks of 2^-20 s: binary fractions, whose
differences and sums are exact in floating point.
"""

from __future__ import annotations

from dataclasses import dataclass

TICKS_PER_S = 1 << 20

STAGES = (
    "turn_decided",
    "transcript_final",
    "llm_request",
    "llm_first_token",
    "first_sentence",
    "tts_request",
    "tts_first_audio",
    "first_frame_sent",
    "first_sample_played",
)
"""The marks in the order they are passed; the last one needs a client that reports its playback position."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One reply's account. `marks`: stage -> seconds since the end of the person's speech, `None` when not reached."""

    reply: int
    marks: dict[str, float | None]
    audio_s: float
    rtf: float | None
    """Seconds the voice worked per second of audio; `None` without audio."""
    llm_tokens: int
    """Pieces received from the language model (servers send about one token in each)."""
    sentences: int
    underruns: int
    cancelled_after_s: float | None
    """When the reply was cut, on the marks' clock; `None` when it was not."""
    saved_by_speculation: float = 0.0
    """Seconds of work that had been done before the turn was decided."""

    @property
    def ttfa_s(self) -> float | None:
        """Time to first audio."""
        return self.marks["first_frame_sent"]

    def stages(self) -> dict[str, float]:
        """Stage -> seconds spent in it, of the stages that were reached."""
        durations: dict[str, float] = {}
        before = 0.0
        for stage in STAGES:
            mark = self.marks[stage]
            if mark is not None:
                durations[stage] = mark - before
                before = mark
        return durations


class Ledger:
    """Collects one reply's marks while it is made. Work may be done before it could be used: its marks then count from
    the moment it can be."""

    def __init__(self, reply: int, speech_ended_at: float) -> None:
        self._reply = reply
        self._origin = speech_ended_at
        self._passed: dict[str, int] = {}
        self._cancelled_ticks: int | None = None
        self._voice_s = 0.0
        self.transcribed_ahead_s = 0.0
        """Seconds of recognition done before the turn was decided."""
        self.llm_tokens = 0
        self.sentences = 0

    def mark(self, stage: str, at: float) -> None:
        """The reply passed `stage` at clock time `at`. Only the first time counts."""
        if stage not in self._passed:
            self._passed[stage] = self._since_origin(at)

    def cancelled(self, at: float) -> None:
        """The reply was cut at clock time `at`."""
        self._cancelled_ticks = max(0, self._since_origin(at))

    def voice_worked(self, seconds: float) -> None:
        """The voice took this long to make some of the audio."""
        self._voice_s += seconds

    def entry(self, audio_s: float, underruns: int) -> LedgerEntry:
        """The account as it stands, for `audio_s` seconds of audio sent."""
        return LedgerEntry(
            reply=self._reply,
            marks=self._marks(),
            audio_s=round(audio_s, 4),
            rtf=round(self._voice_s / audio_s, 4) if audio_s else None,
            llm_tokens=self.llm_tokens,
            sentences=self.sentences,
            underruns=underruns,
            cancelled_after_s=_seconds(self._cancelled_ticks),
            saved_by_speculation=round(self.transcribed_ahead_s + self._answered_ahead_s(), 6),
        )

    def _marks(self) -> dict[str, float | None]:
        """Every mark, none before the one in front of it."""
        marks: dict[str, float | None] = {}
        latest = 0
        for stage in STAGES:
            ticks = self._passed.get(stage)
            latest = latest if ticks is None else max(latest, ticks)
            marks[stage] = None if ticks is None else _seconds(latest)
        return marks

    def _answered_ahead_s(self) -> float:
        """Seconds for which the answer had been in the making when the words it answers were certain."""
        certain, begun = self._passed.get("transcript_final"), self._passed.get("llm_request")
        if certain is None or begun is None or begun >= certain:
            return 0.0
        return (min(certain, self._passed.get("tts_first_audio", certain)) - begun) / TICKS_PER_S

    def _since_origin(self, at: float) -> int:
        return round((at - self._origin) * TICKS_PER_S)


def _seconds(ticks: int | None) -> float | None:
    return None if ticks is None else ticks / TICKS_PER_S
