"""Whoever brings a checkpoint learns which part of it does not fit, and why."""

from __future__ import annotations

import json

import pytest

from boson_multimodal.check_step_audio2 import check
from boson_multimodal.tiny_step_audio2 import write_tiny_step_audio2


@pytest.fixture
def tiny(tmp_path):
    return write_tiny_step_audio2(tmp_path)


def test_a_whole_checkpoint_is_usable_and_speaks(tiny):
    """Every part says what it is; that the sizes are not the published ones is said and no fault."""
    findings = {finding.part: finding for finding in check(tiny.checkpoint, tiny.voices)}
    assert list(findings) == ["speech tokens", "flow", "vocoder", "voices", "speech"]
    assert all(finding.usable for finding in findings.values())
    assert "151696 (as in Step-Audio-2-mini), 6562 in all" in findings["speech tokens"].says
    assert "not the published sizes" in findings["flow"].says
    assert "anna 1.0 s, bert 1.0 s; read by another" in findings["voices"].says
    assert findings["speech"].says.startswith("2.0 s in ")


def test_each_fault_is_named_and_the_rest_still_looked_at(tiny):
    """A broken flow and a foreign tokenizer are two findings, not one traceback."""
    (tiny.token2wav / "flow.pt").write_bytes(b"nothing")
    (tiny.checkpoint / "added_tokens.json").write_text(json.dumps({"<audio_0>": 5, "<audio_2>": 6}))
    findings = {finding.part: finding for finding in check(tiny.checkpoint, tiny.voices)}
    usable = {part: finding.usable for part, finding in findings.items()}
    assert usable == {"speech tokens": False, "flow": False, "vocoder": True, "voices": True, "speech": False}
    assert "flow.pt" in findings["flow"].says
    assert "flow.pt" in findings["speech"].says


def test_without_voices_it_says_how_to_give_some(tiny):
    """The recordings are not part of the published weights."""
    says = {finding.part: finding.says for finding in check(tiny.token2wav)}
    assert "--voices" in says["voices"]
    assert "no tokenizer here" in says["speech tokens"]
