"""Recordings of voices prepared for the flow."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
import torch

from boson_multimodal.model.step_audio2.frontend import log_mel_80, resample
from boson_multimodal.model.step_audio2.onnx_model import OnnxModel
from boson_multimodal.model.step_audio2.prompts import VoicePrompts, aligned
from boson_multimodal.model.step_audio2.tiny_vocoder import write_tiny_vocoder
from boson_multimodal.model.weights import CheckpointError
from tests.boson_multimodal.model.step_audio2.recordings import a_sound, wav

if TYPE_CHECKING:
    from pathlib import Path

    from boson_multimodal.model.step_audio2.flow import FlowPrompt


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose networks were run."""
    names: list[str] = []
    real = OnnxModel.run

    def counted(self: OnnxModel, *inputs: Any, **options: Any) -> Any:
        names.append(self._file.name)  # pyright: ignore[reportPrivateUsage]
        return real(self, *inputs, **options)

    monkeypatch.setattr(OnnxModel, "run", counted)
    return names


def same(one: FlowPrompt, other: FlowPrompt) -> bool:
    """Whether two prompts are equal to the bit."""
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in ("codes", "mel", "speaker"))


@pytest.mark.parametrize(("seconds", "rate"), [(3.0, 16000), (2.53, 24000), (1.0, 44100), (0.5, 48000), (4.01, 8000)])
def test_a_prompt_is_two_frames_a_code(folder: Path, seconds: float, rate: int) -> None:
    """Whatever the rate and length: shapes, types and alignment that the flow needs."""
    prompt = VoicePrompts(folder).prompt(wav(a_sound(seconds, rate), rate))
    codes = prompt.codes.shape[1]
    assert abs(codes - 25 * seconds) <= 1.5
    assert prompt.codes.shape == (1, codes)
    assert prompt.mel.shape == (1, 2 * codes, 80)
    assert prompt.speaker.shape == (1, 192)
    assert (prompt.codes.dtype, prompt.mel.dtype, prompt.speaker.dtype) == (torch.int64, torch.float32, torch.float32)
    assert prompt.size == 8 * codes + 4 * 160 * codes + 4 * 192


def test_the_mel_is_that_of_the_recording(folder: Path) -> None:
    """What the flow goes on from is made from the sound as it came, not from the tokenizer's copy of it."""
    sound = a_sound(1.0, 24000)
    mel = VoicePrompts(folder).prompt(wav(sound, 24000)).mel
    rounded = (np.round(sound * 32767) / 32768).astype(np.float32)
    torch.testing.assert_close(mel, log_mel_80(rounded)[:, : mel.shape[1]], atol=1e-4, rtol=0)
    poorer = log_mel_80(resample(resample(rounded, 24000, 16000), 16000, 24000))
    assert (mel - poorer[:, : mel.shape[1]]).abs().max() > 0.1


def test_channels_are_mixed(folder: Path) -> None:
    """A stereo file with the same sound on both sides is the mono one."""
    sound = a_sound(1.0, 16000)
    mono, stereo = (VoicePrompts(folder).prompt(wav(sound, 16000, channels)) for channels in (1, 2))
    assert same(mono, stereo)


def encoded(kind: str, codec: str, samples: np.ndarray[Any, Any], rate: int) -> bytes:
    """The samples in a compressed file."""
    held = io.BytesIO()
    with av.open(held, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.layout = "mono"  # pyright: ignore
        frame = av.AudioFrame.from_ndarray(np.round(samples[None] * 32767).astype("<i2"), "s16", "mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(stream.format.name, "mono", rate, frame_size=stream.codec_context.frame_size)  # pyright: ignore
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))  # pyright: ignore
        container.mux(stream.encode(None))  # pyright: ignore
    return held.getvalue()


@pytest.mark.parametrize(("kind", "codec"), [("mp3", "libmp3lame"), ("ogg", "libopus"), ("flac", "flac")])
def test_any_format_will_do(folder: Path, kind: str, codec: str) -> None:
    """Compressed recordings are prompts of the same length."""
    prompt = VoicePrompts(folder).prompt(encoded(kind, codec, a_sound(2.0, 48000), 48000))
    assert abs(prompt.codes.shape[1] - 50) <= 3


def test_the_second_request_runs_no_network(folder: Path, runs: list[str]) -> None:
    """A prompt is prepared once for the same bytes, and the same object comes back."""
    prompts = VoicePrompts(folder)
    audio = wav(a_sound(1.0, 16000), 16000)
    first = prompts.prompt(audio)
    assert sorted(runs) == ["campplus.onnx", "speech_tokenizer_v2_25hz.onnx"]
    assert prompts.prompt(bytes(bytearray(audio))) is first
    assert len(runs) == 2


def test_other_bytes_are_another_voice(folder: Path, runs: list[str]) -> None:
    """A file that changed is prepared anew, and sounds of two voices differ in all three parts."""
    prompts = VoicePrompts(folder)
    one, other = (prompts.prompt(wav(a_sound(1.0, 16000, seed), 16000)) for seed in (1, 2))
    assert len(runs) == 4
    assert not any(torch.equal(getattr(one, name), getattr(other, name)) for name in ("codes", "mel", "speaker"))


def test_the_longest_unused_goes_first(folder: Path, runs: list[str]) -> None:
    """What is kept stays below the cap, and what was asked for lately stays."""
    audio = [wav(a_sound(1.0, 16000, seed), 16000) for seed in range(3)]
    size = VoicePrompts(folder).prompt(audio[0]).size
    prompts = VoicePrompts(folder, cache_bytes=2 * size)
    for k in (0, 1, 0, 2):
        prompts.prompt(audio[k])
    assert prompts.kept_bytes == 2 * size
    runs.clear()
    prompts.prompt(audio[0])
    prompts.prompt(audio[2])
    assert not runs
    prompts.prompt(audio[1])
    assert len(runs) == 2
    assert prompts.kept_bytes == 2 * size


def test_what_exceeds_the_cap_is_not_kept(folder: Path) -> None:
    """A cap below one prompt keeps none, and the prompt is given all the same."""
    prompts = VoicePrompts(folder, cache_bytes=100)
    assert prompts.prompt(wav(a_sound(1.0, 16000), 16000)).codes.shape == (1, 25)
    assert prompts.kept_bytes == 0


def test_many_at_once_prepare_once(folder: Path, runs: list[str]) -> None:
    """Requests that come together for one voice share one preparation."""
    prompts = VoicePrompts(folder)
    audio = wav(a_sound(1.0, 16000), 16000)
    found: list[FlowPrompt] = []
    threads = [threading.Thread(target=lambda: found.append(prompts.prompt(audio))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs) == 2
    assert len({id(prompt) for prompt in found}) == 1
    assert len(found) == 4


def test_fifteen_seconds_are_heard(folder: Path) -> None:
    """A longer recording is its first 15 s; no more of it is decoded."""
    prompts = VoicePrompts(folder)
    sound = a_sound(16.0, 8000)
    long, cut = (prompts.prompt(wav(part, 8000)) for part in (sound, sound[:120000]))
    assert long.codes.shape == (1, 375)
    assert same(long, cut)


def test_what_is_no_voice_is_refused(folder: Path, runs: list[str]) -> None:
    """Bytes that are no audio and sounds too short are errors for the one who sent them, and nothing is kept."""
    prompts = VoicePrompts(folder)
    with pytest.raises(ValueError, match="cannot be read as audio"):
        prompts.prompt(b"no sound")
    with pytest.raises(ValueError, match=r"lasts 0\.49 s; give 0\.5 s at least"):
        prompts.prompt(wav(a_sound(0.49, 16000), 16000))
    assert not runs
    assert prompts.kept_bytes == 0


def test_a_failure_is_not_kept(folder: Path, tmp_path: Path) -> None:
    """Once the missing file is there the same recording works."""
    prompts = VoicePrompts(tmp_path)
    audio = wav(a_sound(1.0, 16000), 16000)
    with pytest.raises(CheckpointError, match="there is no"):
        prompts.prompt(audio)
    write_tiny_vocoder(tmp_path)
    assert same(prompts.prompt(audio), VoicePrompts(folder).prompt(audio))


def test_unloading_keeps_the_prompts(folder: Path, runs: list[str]) -> None:
    """Without the networks a known voice is still there, and a new one loads them again."""
    prompts = VoicePrompts(folder)
    audio = wav(a_sound(1.0, 16000), 16000)
    first = prompts.prompt(audio)
    prompts.unload()
    assert not prompts.tokenizer.network.loaded
    assert not prompts.speaker_encoder.network.loaded
    assert prompts.prompt(audio) is first
    prompts.prompt(wav(a_sound(1.0, 16000, 1), 16000))
    assert len(runs) == 4


@pytest.mark.parametrize(
    ("codes", "frames", "expected"),
    [
        (10, 20, 10),
        (10, 21, 10),
        (10, 25, 10),
        (10, 19, 9),
        (10, 18, 9),
        (10, 17, 8),
        (10, 16, 8),
        (10, 15, 10),
        (2, 1, 2),
    ],
)
def test_alignment(codes: int, frames: int, expected: int) -> None:
    """Frames beyond the codes go, up to two codes beyond the frames go, and for more the last frame is repeated."""
    mel = torch.arange(frames, dtype=torch.float32)[None, :, None].expand(1, frames, 80)
    kept, found = aligned(torch.arange(codes)[None], mel)
    assert kept.tolist() == [list(range(expected))]
    assert found[0, :, 0].tolist() == [float(min(frame, frames - 1)) for frame in range(2 * expected)]
    assert found.shape == (1, 2 * expected, 80)
