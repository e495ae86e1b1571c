"""The latency picture is read back as XML."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from backend.client.latency import STAGES, TurnRecord, summarise
from backend.client.waterfall import LEFT, PLOT, WIDTH, waterfall
from tests.client.scripted_server import ENGINES, ledger_entry

SVG = "{http://www.w3.org/2000/svg}"


def records(*entries: dict) -> list[TurnRecord]:
    return [TurnRecord(1, n, "hi", outcome="completed", ledger=[entry]) for n, entry in enumerate(entries, 1)]


def picture(turns, engines=ENGINES):
    summary = summarise(turns, 1, engines)
    return ElementTree.fromstring(waterfall(summary)), summary


def bars(root, *kinds: str) -> list[tuple[float, float]]:
    """(x, width) of the bars of these kinds."""
    return [(float(r.get("x")), float(r.get("width"))) for r in root.iter(f"{SVG}rect") if r.get("class") in kinds]


def test_bars_follow_one_another_and_sum_to_the_total():
    """The picture explains TTFA: stages without gaps whose lengths add up to it."""
    root, summary = picture(records(ledger_entry()))
    stages = bars(root, "stage", "after")
    assert len(stages) == len(STAGES)
    for (x, width), (following, _) in pairwise(stages):
        assert following == pytest.approx(x + width, abs=0.02)
    (total,) = bars(root, "total")
    assert total[1] == pytest.approx(sum(width for _, width in bars(root, "stage")), abs=0.1)
    scale = total[1] / summary["ttfa_ms"]["p50"]
    for (_, width), stage in zip(stages, STAGES, strict=True):
        assert width == pytest.approx(summary["stages_ms"][stage]["p50"] * scale, abs=0.02)


def test_whiskers_reach_to_p95_inside_the_picture():
    """The slow turns are what people notice; their marks must not be cut off."""
    root, summary = picture(records(*(ledger_entry(scale=scale) for scale in range(1, 40))))
    tips = [float(re.search(r"H([\d.]+)", path.get("d")).group(1)) for path in root.iter(f"{SVG}path")]
    (total,) = bars(root, "total")
    assert tips[-1] - LEFT == pytest.approx(total[1] * summary["ttfa_ms"]["p95"] / summary["ttfa_ms"]["p50"], rel=1e-3)
    assert max(tips) <= LEFT + PLOT < WIDTH


def test_the_title_names_the_engines_and_what_is_a_stand_in():
    """A picture without its engines proves nothing; names from a server cannot break the XML."""
    engines = {"stt": {"name": "<fast> & good", "stand_in": True}, "llm": {"name": "x", "stand_in": False}}
    root, _ = picture(records(ledger_entry()), engines)
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts[0] == "Time to first audio: p50 343 ms, p95 343 ms"
    assert texts[1] == "stt <fast> & good (stand-in) · llm x · 1 turn in 1 session"


def test_stages_that_were_not_reached_have_no_bar():
    """Without position reports nobody knows when the first sample was played."""
    root, _ = picture(records(ledger_entry(first_sample_played=None)))
    assert not bars(root, "after")
    assert len(bars(root, "stage")) == len(STAGES) - 1


@pytest.mark.parametrize("turns", [[], records(dict.fromkeys(STAGES, 0.0) | {"reply": 0})])
def test_no_time_at_all_is_drawn_too(turns):
    """A run in which everything failed, or took no time, still gives a picture."""
    root, _ = picture(turns)
    assert root.tag == f"{SVG}svg"


def test_nothing_is_loaded_from_elsewhere():
    """The picture is shown in READMEs, where neither fonts nor scripts are fetched."""
    source = waterfall(summarise(records(ledger_entry()), 1, ENGINES)).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|url\(|@import|<script", source)
    assert "prefers-color-scheme: dark" in source
