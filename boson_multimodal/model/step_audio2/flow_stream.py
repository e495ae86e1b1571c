"""The flow by chunks: codes as they come to the frames that they settle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from boson_multimodal.model.step_audio2.config import FRAMES_PER_CODE
from boson_multimodal.model.step_audio2.flow_matching import join_conditions
from boson_multimodal.model.step_audio2.noise import Noise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from boson_multimodal.model.step_audio2.flow import Flow, FlowPrompt


class FlowStream:
    """One utterance. A code is settled once the three after it are known, or the utterance is over.

    All state is the stream's own, so that any number of them may take turns on one flow. It grows with the utterance:
    keys and values of the encoder are kept for all frames, as the original does (86 MB a minute at full size in fp32),
    those of the estimator for the prompt's frames and the last `history` ones (None: for all). Not for several threads
    at once.
    """

    def __init__(self, flow: Flow, prompt: FlowPrompt, seed: int, *, history: int | None = 100) -> None:
        """Takes in the prompt, which costs as much as speech of its length. Raises `ValueError` as `Flow.generate`."""
        codes = flow.check_prompt(prompt)
        self._flow = flow
        self._keep = None if history is None else (prompt.mel.shape[1], history)
        self._noise = Noise(seed, flow.config.output_size)
        self._pending = codes[:0]
        self._ended = False
        with torch.inference_mode():
            self._speaker = flow.speaker(prompt)
            self._encoder_cache = flow.encoder.empty_cache(1)
            self._solver_caches = flow.decoder.empty_caches()
            # What will follow the prompt is not known yet; its own beginning stands in for it.
            self._advance(codes, codes[: flow.encoder.ahead], prompt.mel)

    def push(self, codes: Sequence[int] | Tensor) -> Tensor:
        """The next codes, any number -> the frames settled by them, `[80, T]`, float32; T may be 0.

        Raises `ValueError` for an id that is no speech code, which leaves the stream as it was, and `RuntimeError`
        after `finish`.
        """
        self._check_open()
        known = torch.cat((self._pending, self._flow.check_codes(codes)))
        settled = max(len(known) - self._flow.encoder.ahead, 0)
        self._pending = known[settled:]
        return self._advance(known[:settled], self._pending)

    def finish(self, codes: Sequence[int] | Tensor = ()) -> Tensor:
        """The last codes, if any -> the frames that are left, `[80, T]`; frees what the stream holds.

        Pushed before, the same codes make a chunk more. Raises as `push`, and `RuntimeError` the second time.
        """
        self._check_open()
        mel = self._advance(torch.cat((self._pending, self._flow.check_codes(codes))), None)
        self._ended = True
        del self._encoder_cache, self._solver_caches
        return mel

    def _check_open(self) -> None:
        if self._ended:
            raise RuntimeError("this stream is finished; open another one")

    @torch.inference_mode()
    def _advance(self, codes: Tensor, lookahead: Tensor | None, known: Tensor | None = None) -> Tensor:
        """The frames of `codes [n]`, `[80, 2n]`, and the caches after them. `known [1, 2n, 80]` are frames given."""
        flow, frames = self._flow, FRAMES_PER_CODE * len(codes)
        noise = self._noise.take(frames).to(flow.device)
        if not frames:
            return noise.T
        ahead = None if lookahead is None else flow.embed(lookahead[None])
        hidden, self._encoder_cache = flow.encoder.forward_chunk(flow.embed(codes[None]), ahead, self._encoder_cache)
        mu = flow.encoder_proj(hidden)
        given = torch.zeros_like(mu) if known is None else known.to(mu)
        conditions = join_conditions(mu, self._speaker, given)
        mel, self._solver_caches = flow.decoder.solve_chunk(noise[None], conditions, self._solver_caches, self._keep)
        return mel[0].T
