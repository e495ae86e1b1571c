"""Voiceprints -> figures: how near each sentence is to the voice it should be, beside what other voices score. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backend.client.consistency.measures import Measure
    from backend.client.consistency.spectrum import Floats

DRIFT_OVER = 10
"""Sentences that the drift is told for."""


@dataclass(frozen=True, slots=True)
class VoiceHeard:
    """The voiceprints of one voice: of its sentences as they came, each of another text, and of the recording it
    imitates if it does."""

    voice: str
    sentences: Mapping[str, Floats]
    """By their texts."""
    reference: Floats | None = None


def summarise(heard: Sequence[VoiceHeard], measure: Measure) -> dict[str, Any]:
    """All figures. `same`: pairs of sentences of one voice; `different`: of two voices, the yardstick. What cannot be
    told, such as differences between voices where there is one, is `None`."""
    same = [measure.similarity(one, other) for each in heard for one, other in combinations(each.sentences.values(), 2)]
    different = [
        measure.similarity(one, other)
        for first, second in combinations(heard, 2)
        for text, one in first.sentences.items()
        for other_text, other in second.sentences.items()
        if text != other_text  # the same words sound more alike, and no voice is compared with itself saying them
    ]
    return {
        "measure": measure.name,
        "voices": {each.voice: _voice(each, measure) for each in heard},
        "same": _spread(same),
        "different": _spread(different),
        "auc": auc(same, different),
        "equal_error_rate": equal_error_rate(same, different),
    }


def _voice(heard: VoiceHeard, measure: Measure) -> dict[str, Any]:
    (first, *others), reference = heard.sentences.values(), heard.reference
    to_first = [measure.similarity(first, each) for each in others]
    to_reference = [] if reference is None else [measure.similarity(reference, each) for each in (first, *others)]
    return {
        "texts": list(heard.sentences),
        "to_first": to_first,
        "to_reference": to_reference,
        "mean_to_first": _mean(to_first),
        "mean_to_reference": _mean(to_reference),
        "drift": drift(to_reference or to_first),
    }


def drift(similarities: Sequence[float]) -> dict[str, float] | None:
    """What similarity changes by over `DRIFT_OVER` sentences, the slope of the line that fits best, and its standard
    error: sentences differ, so a slope of less than two errors is none. `None` for fewer than three."""
    count = len(similarities)
    if count < 3:
        return None
    places = np.arange(count) - (count - 1) / 2
    values = np.asarray(similarities) - np.mean(similarities)
    slope = places @ values / (places @ places)
    error = np.sqrt(np.square(values - slope * places).sum() / (count - 2) / (places @ places))
    return {"slope": float(DRIFT_OVER * slope), "standard_error": float(DRIFT_OVER * error)}


def auc(same: Sequence[float], different: Sequence[float]) -> float | None:
    """How likely two sentences of one voice are more alike than two of different voices: 1 tells all voices apart, 0.5
    none."""
    if not same or not different:
        return None
    ordered = np.sort(different)
    below = np.searchsorted(ordered, same, "left") + np.searchsorted(ordered, same, "right")
    return float(below.mean() / 2 / len(ordered))


def equal_error_rate(same: Sequence[float], different: Sequence[float]) -> float | None:
    """Share of mistakes of the threshold that takes as many voices for another as it takes others for the voice."""
    if not same or not different:
        return None
    thresholds = np.unique([*same, *different])
    rejected = np.searchsorted(np.sort(same), thresholds, "left") / len(same)
    accepted = 1 - np.searchsorted(np.sort(different), thresholds, "left") / len(different)
    best = np.argmin(np.abs(rejected - accepted))
    return float((rejected[best] + accepted[best]) / 2)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    low, high = np.percentile(values, [5, 95])
    return {"mean": float(np.mean(values)), "p5": float(low), "p95": float(high)}


def table(summary: Mapping[str, Any]) -> str:
    """The figures for people: a voice's sentences, one a column, then the yardstick."""
    lines = [f"similarity by {summary['measure']}, at most 1", ""]
    for voice, figures in summary["voices"].items():
        lines.append(voice)
        if figures["to_reference"]:
            lines.append(_row("to the recording", figures["to_reference"], figures["mean_to_reference"]))
        lines.append(_row("to sentence 1", figures["to_first"], figures["mean_to_first"]))
        lines += [_drift_line(figures["drift"]), ""]
    for pairs, name in (("same", "one voice"), ("different", "two voices")):
        spread = summary[pairs]
        if spread is not None:
            lines.append(f"{name:<10} mean {spread['mean']:.3f}, 90 % from {spread['p5']:.3f} to {spread['p95']:.3f}")
    if summary["auc"] is not None:
        lines.append(f"told apart AUC {summary['auc']:.4f}, equal error rate {100 * summary['equal_error_rate']:.1f} %")
    return "\n".join(lines)


def _drift_line(drift: Mapping[str, float] | None) -> str:
    if drift is None:
        return "  too few sentences for a drift"
    return f"  drift {drift['slope']:+.3f} ± {drift['standard_error']:.3f} over {DRIFT_OVER} sentences"


def _row(name: str, values: Sequence[float], mean: float | None) -> str:
    return f"  {name:<17}{' '.join(f'{value:.2f}' for value in values)}  mean {_number(mean)}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
