"""The figures of a run: what the timelines say, per category and condition. Shares are 0 to 1, times milliseconds."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from backend.client.evaluation import scoring
from backend.client.evaluation.words import word_error_rate
from backend.client.latency import spread_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from backend.client.evaluation.timeline import Observation

Figures = dict[str, Any]


def summarise(observations: Iterable[Observation]) -> dict[str, dict[str, Figures]]:
    """Category -> condition -> figures. Items that could not be played are only counted, as `failed`."""
    groups: dict[tuple[str, str], list[Observation]] = defaultdict(list)
    for observation in observations:
        groups[observation.item.category, observation.item.condition].append(observation)
    summary: dict[str, dict[str, Figures]] = {}
    for category, figures in FIGURES.items():
        for (other, condition), group in sorted(groups.items(), key=lambda entry: _order(entry[0][1])):
            if other == category:
                played = [observation for observation in group if observation.problem is None]
                counts = {"items": len(group), "failed": len(group) - len(played)}
                summary.setdefault(category, {})[condition] = counts | figures(played)
    return summary


def _order(condition: str) -> tuple[bool, str, int]:
    """Clean first, then from mild to severe."""
    name, _, level = condition.partition(" ")
    return condition != "clean", name, -abs(int(level.split()[0])) if level else 0


def share(verdicts: Iterable[bool]) -> float | None:
    """Of the verdicts that are true; `None` when there are none."""
    counted = list(verdicts)
    return sum(counted) / len(counted) if counted else None


def _delays(group: Sequence[Observation]) -> Figures:
    spoken = [(o.moments, o.spoken) for o in group if o.spoken is not None]
    return {
        "missed": share(scoring.missed(moments, said) for moments, said in spoken),
        "decided_in_speech": share(scoring.decided_in_speech(moments, said) for moments, said in spoken),
        "decision_ms": spread_ms(scoring.decision_delay(moments, said) for moments, said in spoken),
        "turn_ms": spread_ms(scoring.turn_delay(moments, said) for moments, said in spoken),
    }


def _finished(group: Sequence[Observation]) -> Figures:
    return _delays(group) | {"wer": word_error_rate((o.item.text, scoring.transcript(o.moments)) for o in group)}


def _pauses(group: Sequence[Observation]) -> Figures:
    judged = [
        (pause, cut)
        for o in group
        if o.spoken is not None
        for pause, cut in zip(o.item.pauses, scoring.false_cut_offs(o.moments, o.spoken), strict=True)
    ]
    places = sorted({pause.place for pause, _ in judged})
    return {
        "pauses": len(judged),
        "false_cut_offs": share(cut for _, cut in judged),
        "false_cut_offs_by_place": {name: share(cut for p, cut in judged if p.place == name) for name in places},
        **_delays(group),
    }


def _replies(group: Sequence[Observation]) -> Figures:
    ducked = [scoring.ducks(o.moments) for o in group]
    return {
        "cut": share(scoring.interrupted_at(o.moments) is not None for o in group),
        "made_a_turn": share(bool(scoring.user_turns(o.moments)) for o in group),
        "ducked": sum(down for down, _ in ducked),
        "came_back": sum(up for _, up in ducked),
    }


def _barge_ins(group: Sequence[Observation]) -> Figures:
    caught = [(o, o.spoken.began_s) for o in group if o.spoken is not None and scoring.caught(o)]
    return {
        "caught": len(caught) / len(group) if group else None,
        "silent_ms": spread_ms(_since(began, scoring.silent_at(o)) for o, began in caught),
        "cut_ms": spread_ms(_since(began, scoring.interrupted_at(o.moments)) for o, began in caught),
    } | {name: figure for name, figure in _replies(group).items() if name != "cut"}


def _since(began_s: float, at_s: float | None) -> float | None:
    return None if at_s is None else at_s - began_s


FIGURES: Mapping[str, Callable[[Sequence[Observation]], Figures]] = {
    "finished": _finished,
    "pauses": _pauses,
    "backchannels": _replies,
    "barge_ins": _barge_ins,
    "echo": _replies,
}


def record(observation: Observation) -> Figures:
    """One observation for a JSON file: truth and timeline without the audio."""
    item = observation.item
    return {
        "item": item.number,
        "category": item.category,
        "condition": item.condition,
        "text": item.text,
        "pauses": [asdict(pause) for pause in item.pauses],
        "spoken": asdict(observation.spoken) if observation.spoken else None,
        "late_s": round(observation.late_s, 4),
        "problem": observation.problem,
        "moments": [{"at_s": round(m.at_s, 4), **_brief(m.event)} for m in observation.moments],
    }


def problems(observations: Iterable[Observation]) -> Counter[str]:
    """Why items could not be played, and how often."""
    return Counter(observation.problem for observation in observations if observation.problem)


def _brief(event: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("type", "turn", "reply", "source", "outcome", "gain", "audio_ms", "silence_ms", "reason", "code", "message")
    texts = ("text",) if event["type"] in ("transcript.final", "turn.started") else ()
    return {name: event[name] for name in (*kept, *texts) if name in event}
