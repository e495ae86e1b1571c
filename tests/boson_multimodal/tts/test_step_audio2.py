"""Speech codes to sound: the whole of token2wav on a tiny checkpoint."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest

from boson_multimodal.model.step_audio2.token2wav import CodePlan
from boson_multimodal.tiny_step_audio2 import write_tiny_step_audio2
from boson_multimodal.tts import BaseTTSEngine, EngineBusy, StepAudio2TTS
from boson_multimodal.tts.step_audio2 import SpeechCodes


def resident_bytes() -> int:
    """What this process holds in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def codes(count: int, seed: int = 0) -> list[int]:
    """Random speech codes."""
    return np.random.default_rng(seed).integers(0, 6561, count).tolist()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny checkpoint with two voices."""
    return write_tiny_step_audio2(tmp_path_factory.mktemp("step-audio-2")).checkpoint


@pytest.fixture(scope="module")
def tts(folder):
    """One engine for the tests that leave it as it was."""
    return StepAudio2TTS(folder, folder / "voices", device="cpu", plan=CodePlan(4, 6), max_streams=2)


def spoken(tts, request, sizes) -> bytes:
    """What a stream says when the codes arrive in pieces of these sizes, over and over."""
    stream, heard, at = tts.open_stream(request.voice, request.seed), b"", 0
    while at < len(request.codes):
        size = sizes[at % len(sizes)]
        heard += stream.push(request.codes[at : at + size])
        at += size
    return heard + stream.finish()


@pytest.mark.parametrize("count", [0, 1, 3, 6, 7, 8, 13, 14, 20])
def test_every_code_is_forty_milliseconds(tts, count):
    """Nothing is lost or added, with however few codes, in one call, as they come and in a batch."""
    request = SpeechCodes(codes(count), "anna")
    assert len(tts.generate(request)) == count * 960
    assert len(spoken(tts, request, [5])) == count * 960 * 2
    (batched,) = tts.generate_batch([request])
    assert len(batched) == count * 960


@pytest.mark.parametrize("sizes", [[1], [4], [2, 7, 1], [50]])
def test_how_the_codes_arrive_changes_no_sample(tts, sizes):
    """Only the plan cuts: a fast model and a slow one give the same sound."""
    request = SpeechCodes(codes(23), "anna", seed=7)
    whole = tts.generate(request)
    assert np.frombuffer(spoken(tts, request, sizes), "<i2").tolist() == np.rint(whole * 32767).astype(int).tolist()


def test_the_first_sound_comes_with_the_first_chunk(tts):
    """The listener does not wait for more than the first chunk and the three codes it looks ahead; what the vocoder
    will cross-fade is held back."""
    stream = tts.open_stream("anna")
    first = [len(stream.push([code])) for code in codes(7)]
    assert first == [0] * 7
    later = [len(stream.push([code])) for code in codes(6)]
    assert later[:5] == [0] * 5
    assert later[5] > 0
    stream.close()


def test_seed_and_voice_make_the_sound(tts, folder):
    """The same request sounds the same, another seed or voice otherwise, and a recording counts as a voice."""
    said = codes(9)
    one = tts.generate(SpeechCodes(said, "anna", 1))
    assert np.array_equal(one, tts.generate(SpeechCodes(said, "anna", 1)))
    assert np.array_equal(one, tts.generate(SpeechCodes(said, (folder / "voices" / "anna.wav").read_bytes(), 1)))
    assert np.array_equal(one, tts.generate(SpeechCodes(said, None, 1)))
    assert not np.array_equal(one, tts.generate(SpeechCodes(said, "anna", 2)))
    assert not np.array_equal(one, tts.generate(SpeechCodes(said, "bert", 1)))


@pytest.mark.parametrize("seed", [-1, -(2**63) - 1, 2**64, 10**40])
def test_any_whole_number_is_a_seed(tts, seed):
    """Whatever a client sends as a seed is spoken, by every door, and the same each time."""
    request = SpeechCodes(codes(9), "anna", seed)
    said = tts.generate(request)
    assert np.array_equal(said, tts.generate(request))
    assert np.frombuffer(spoken(tts, request, [9]), "<i2").tolist() == np.rint(said * 32767).astype(int).tolist()
    assert len(tts.generate_batch([request])[0]) == len(said)


@pytest.mark.parametrize("sizes", [(0, 25), (10, 0), (-1, 25), (10, -1)])
def test_a_chunk_has_a_code_at_least(sizes):
    """A plan by which no code would ever be spoken is refused when it is made."""
    with pytest.raises(ValueError, match="one code or more"):
        CodePlan(*sizes)
    assert CodePlan(1, 1).first == 1


def test_two_utterances_at_once_do_not_touch(tts):
    """Each stream has its own state: spoken in turn, both sound as they do alone."""
    said = {"anna": codes(20, 1), "bert": codes(20, 2)}
    alone = {voice: spoken(tts, SpeechCodes(ids, voice), [3]) for voice, ids in said.items()}
    streams = {voice: tts.open_stream(voice) for voice in said}
    heard = dict.fromkeys(said, b"")
    for at in range(0, 20, 3):
        for voice, stream in streams.items():
            heard[voice] += stream.push(said[voice][at : at + 3])
    assert {voice: heard[voice] + stream.finish() for voice, stream in streams.items()} == alone


def test_a_batch_is_as_one_by_one(tts):
    """Utterances of different lengths and voices share a batch without hearing of each other."""
    requests = [SpeechCodes(codes(5), "anna"), SpeechCodes(codes(12, 3), "bert"), SpeechCodes(codes(8, 4), "anna")]
    singles = [tts.generate_batch([request])[0] for request in requests]
    for single, batched in zip(singles, tts.generate_batch(requests), strict=True):
        assert np.allclose(single, batched, atol=2e-4)
    with pytest.raises(ValueError, match="one seed"):
        tts.generate_batch([SpeechCodes([1], seed=1), SpeechCodes([1], seed=2)])


def test_a_code_that_is_none_leaves_the_utterance_as_it_was(tts):
    """The model may write anything; what it wrote before is still spoken."""
    stream, said = tts.open_stream("anna"), codes(8)
    heard = stream.push(said[:5])
    for wrong in ([6561], [-1], [7000, 3]):
        with pytest.raises(ValueError, match="no speech code"):
            stream.push(wrong)
    heard += stream.push(said[5:]) + stream.finish()
    assert heard == spoken(tts, SpeechCodes(said, "anna"), [8])
    with pytest.raises(RuntimeError, match="over"):
        stream.push([1])


def test_an_unknown_voice_is_refused_by_name(tts, folder):
    """The message lists the voices there are; with none it says what is missing."""
    with pytest.raises(ValueError, match="'carl'; the voices are anna, bert"):
        tts.open_stream("carl")
    with pytest.raises(ValueError, match="give a folder of recordings"):
        StepAudio2TTS(folder, device="cpu").open_stream()
    with pytest.raises(ValueError, match="cannot be read as audio"):
        tts.open_stream(b"not a sound")
    assert tts.users == 0


def test_no_more_utterances_than_there_is_memory_for(tts):
    """Each holds its caches: one too many is refused, closing one makes room; who only keeps the model takes none."""
    with tts.in_use():
        one, two = tts.open_stream("anna"), tts.open_stream("bert")
        with pytest.raises(EngineBusy, match="2 utterances"):
            tts.open_stream("anna")
        one.close()
        one.close()
        tts.open_stream("anna").close()
        two.close()
    assert tts.users == 0


def test_a_model_that_was_unloaded_speaks_as_before(folder):
    """Unloading is refused while an utterance is open; afterwards the next use loads the same voice."""
    tts = StepAudio2TTS(folder, folder / "voices", device="cpu")
    assert isinstance(tts, BaseTTSEngine)
    assert not tts.loaded
    request = SpeechCodes(codes(12), "bert", 3)
    before = tts.generate(request)
    stream = tts.open_stream("bert")
    with pytest.raises(EngineBusy):
        tts.unload_model()
    stream.close()
    tts.unload_model()
    assert not tts.loaded
    assert np.array_equal(tts.generate(request), before)


class Moving:
    """Stands in for token2wav: where it was loaded, and all the places it was moved to."""

    def __init__(self, folder, device, dtype) -> None:
        self.places = [device]

    def to(self, device: str):
        self.places.append(device)
        if device == "full":
            raise RuntimeError("out of memory")
        return self


def test_an_offloaded_model_waits_in_the_memory_of_the_cpu(folder, monkeypatch):
    """It is moved off the device and back, and is read from the files only once; without `offload` each time."""
    monkeypatch.setattr("boson_multimodal.tts.step_audio2.Token2Wav", Moving)
    tts = StepAudio2TTS(folder, device="cuda", offload="cpu")
    with tts.in_use() as first:
        assert first.places == ["cuda"]
    for _ in range(2):
        tts.unload_model()
        assert not tts.loaded
        assert first.places[-1] == "cpu"
        with tts.in_use() as again:
            assert again is first
    assert first.places == ["cuda", "cpu", "cuda", "cpu", "cuda"]
    for dropping in (StepAudio2TTS(folder, device="cuda"), StepAudio2TTS(folder, device="cpu", offload="cpu")):
        with dropping.in_use() as first:
            pass
        dropping.unload_model()
        with dropping.in_use() as again:
            assert again is not first
        assert len(first.places) == 1


def test_an_offloaded_model_that_does_not_fit_any_more_is_dropped(folder, monkeypatch):
    """Half of it would stay on a device that is full; the next use reads the files."""
    monkeypatch.setattr("boson_multimodal.tts.step_audio2.Token2Wav", Moving)
    tts = StepAudio2TTS(folder, device="cuda", offload="cpu")
    tts.load_model()
    tts.unload_model()
    tts.device = "full"
    with pytest.raises(RuntimeError, match="out of memory"):
        tts.load_model()
    tts.device = "cuda"
    with tts.in_use() as model:
        assert model.places == ["cuda"]


def test_a_model_moves_as_a_whole(folder):
    """No parameter and no buffer of the flow or the vocoder stays behind on the device."""
    with StepAudio2TTS(folder, device="cpu").in_use() as model:
        assert model.to("meta") is model
        parts = [*model.flow.parameters(), *model.flow.buffers(), *model.vocoder.parameters(), *model.vocoder.buffers()]
        assert {tensor.device.type for tensor in parts} == {"meta"}


def test_memory_stays_flat_over_fifty_lives(folder):
    """Load, speak, unload, fifty times: what a life takes is given back."""
    tts = StepAudio2TTS(folder, folder / "voices", device="cpu")
    request = SpeechCodes(codes(8), "anna")
    taken = []
    for life in range(50):
        tts.generate(request)
        tts.unload_model()
        if life >= 10:
            taken.append(resident_bytes())
    assert np.mean(taken[-10:]) - np.mean(taken[:10]) < 16 << 20
