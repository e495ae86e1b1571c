"""What one timeline says about turn-taking. Pure functions; times are seconds since the session began."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backend.client.evaluation.timeline import Moment, Observation, Spoken

SMEAR_S = 0.05
"""The end of speech is known to about this: a voice fades, and a frame is sent as a whole."""

DUE_S = 3.0
"""A turn that starts later than this after the end of the speech counts as missed."""


def decisions(moments: Iterable[Moment]) -> list[float]:
    """When a turn was decided: each `speech.stopped`, and each spoken turn that begins without one before it."""
    times: list[float] = []
    announced = False
    for moment in moments:
        match moment.event:
            case {"type": "speech.stopped"}:
                times.append(moment.at_s)
                announced = True
            case {"type": "turn.started", "source": "speech"}:
                if not announced:
                    times.append(moment.at_s)
                announced = False
            case _:
                pass
    return times


def false_cut_offs(moments: Iterable[Moment], spoken: Spoken) -> list[bool]:
    """For each pause, whether a turn was decided in it, before the sentence went on."""
    decided = decisions(moments)
    return [any(start <= at < end for at in decided) for start, end in spoken.pauses]


def decided_in_speech(moments: Iterable[Moment], spoken: Spoken) -> bool:
    """Whether a turn was decided before the end of the speech and outside its pauses."""
    return any(
        at < spoken.ended_s - SMEAR_S and not any(start <= at < end for start, end in spoken.pauses)
        for at in decisions(moments)
    )


def decision_delay(moments: Iterable[Moment], spoken: Spoken) -> float | None:
    """Seconds from the end of the speech to the arrival of the first decision after it."""
    return _delay(decisions(moments), spoken.ended_s)


def turn_delay(moments: Sequence[Moment], spoken: Spoken) -> float | None:
    """Seconds from the end of the speech to the arrival of the spoken turn after it."""
    started = turn_started_at(moments, spoken.ended_s)
    return None if started is None else started - spoken.ended_s


def missed(moments: Sequence[Moment], spoken: Spoken) -> bool:
    """Whether no turn began in time after the end of the speech."""
    delay = turn_delay(moments, spoken)
    return delay is None or delay > DUE_S


def turn_started_at(moments: Iterable[Moment], ended_s: float) -> float | None:
    """When the first spoken turn after the end of the speech began."""
    return next((at for at in user_turns(moments) if at >= ended_s - SMEAR_S), None)


def is_understood(moments: Sequence[Moment], spoken: Spoken) -> bool:
    """Whether the end of the speech has been answered: by a turn, or by a transcript without words."""
    nothing = (m for m in moments if m.event["type"] == "transcript.final" and not m.event["text"])
    ended_s = spoken.ended_s
    return turn_started_at(moments, ended_s) is not None or any(m.at_s >= ended_s - SMEAR_S for m in nothing)


def user_turns(moments: Iterable[Moment]) -> list[float]:
    """When spoken turns began."""
    return [m.at_s for m in moments if m.event["type"] == "turn.started" and m.event["source"] == "speech"]


def interrupted_at(moments: Iterable[Moment]) -> float | None:
    """When the reply to the typed line was cut for good."""
    typed: int | None = None
    for moment in moments:
        match moment.event:
            case {"type": "turn.started", "source": "text"}:
                typed = moment.event["turn"]
            case {"type": "reply.done" | "turn.done", "outcome": "interrupted"} if moment.event["turn"] == typed:
                return moment.at_s
            case _:
                pass
    return None


def silent_at(observation: Observation) -> float | None:
    """When the character fell silent after the person had begun to speak: held (a duck to nothing) or cut."""
    began = observation.spoken.began_s if observation.spoken else 0.0
    held = (m.at_s for m in observation.moments if m.event["type"] == "reply.ducked" and m.event.get("gain") == 0)
    times = [at for at in (*held, interrupted_at(observation.moments)) if at is not None and at >= began]
    return min(times, default=None)


def caught(observation: Observation) -> bool:
    """Whether a barge-in cut the reply: at or after its first voiced sample."""
    cut = interrupted_at(observation.moments)
    return cut is not None and observation.spoken is not None and cut >= observation.spoken.began_s


def ducks(moments: Iterable[Moment]) -> tuple[int, int]:
    """How often the reply was ducked, and how often it came back."""
    kinds = [moment.event["type"] for moment in moments]
    return kinds.count("reply.ducked"), kinds.count("reply.unducked")


def transcript(moments: Iterable[Moment]) -> str:
    """All that was understood, in order."""
    return " ".join(m.event["text"] for m in moments if m.event["type"] == "transcript.final" and m.event["text"])


def _delay(times: Iterable[float], ended_s: float) -> float | None:
    return next((at - ended_s for at in times if at >= ended_s - SMEAR_S), None)
