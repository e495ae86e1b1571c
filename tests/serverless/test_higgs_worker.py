"""A worker with the Higgs voice, on a tiny checkpoint with random weights: it speaks gibberish, by the real code."""

from __future__ import annotations

import asyncio

from backend.app import choose_tts
from backend.settings import WorkerSettings
from boson_multimodal.tiny_checkpoint import write_tiny_checkpoint
from tests.serverless.jobs import output, worker


async def test_it_is_found_on_the_volume_loaded_unloaded_and_loaded_again(tmp_path):
    """What a seed gives does not depend on what the worker did before."""
    write_tiny_checkpoint(tmp_path / "models" / "me" / "tiny")
    settings = WorkerSettings(tts="higgs", tts_model="me/tiny", volume=tmp_path, device="cpu")
    tts = await asyncio.to_thread(choose_tts, settings)
    served = worker(tts)
    asked = {"transcript": "Good evening. How are you?", "max_new_tokens": 30, "seed": 3, "ref_audio": "narrator"}
    first = await output(served, **asked, chunk_method="word", chunk_max_word_num=3)
    assert first["success"] is True
    assert (first["metadata"]["engine"], first["metadata"]["chunks"]) == ("higgs", 2)
    assert (tts.ready, served.model.state) == (False, "unloaded")
    again = await output(served, **asked, chunk_method="word", chunk_max_word_num=3)
    assert again["audio_base64"] == first["audio_base64"]
