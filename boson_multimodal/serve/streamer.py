"""Utterances as deltas: what the model wrote, column by column, for callers that decode themselves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from boson_multimodal.serve.channel import ThreadChannel

if TYPE_CHECKING:
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerBase

    from boson_multimodal.serve.utterance import FinishReason


@dataclass(slots=True)
class HiggsAudioStreamerDelta:
    """A piece of an utterance: one column `audio_tokens [C]`, or text.

    The first column is all BOS, the last all EOS, as `revert_delay_pattern` expects; the text deltas after it close the
    message. `finish_reason` (`stop`, `length`, `cancelled`) stands on the last delta only.
    """

    text: str | None = None
    text_tokens: Tensor | None = None
    audio_tokens: Tensor | None = None
    finish_reason: str | None = None


class AsyncHiggsAudioStreamer:
    """A `ColumnSink` that is iterated in the event loop it was created in.

    `put` takes a column of `audio_num_codebooks` codes or a sequence of text ids; `skip_prompt` drops the first thing
    put; `timeout` (seconds) bounds the wait for each delta, beyond which iteration raises `TimeoutError`.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        skip_prompt: bool = False,
        timeout: float | None = None,
        audio_num_codebooks: int = 8,
    ) -> None:
        self._tokenizer = tokenizer
        self._skip = skip_prompt
        self._timeout = timeout
        self._codebooks = audio_num_codebooks
        self._channel: ThreadChannel[HiggsAudioStreamerDelta] = ThreadChannel()

    def put(self, value: NDArray[np.int64] | Tensor) -> None:
        """Pass on a column `[C]`, or text ids `[n]` with any other n."""
        tokens = torch.as_tensor(value).detach().cpu()
        if self._skip:
            self._skip = False
            return
        if tokens.numel() == self._codebooks:
            self._channel.put(HiggsAudioStreamerDelta(audio_tokens=tokens.reshape(-1)))
        else:
            self._channel.put(self._text(tokens.reshape(-1)))

    def end(self, finish_reason: FinishReason = "stop") -> None:
        """Close the message and the stream."""
        deltas = [self._token(token) for token in ("<|audio_eos|>", "<|eot_id|>")] if finish_reason == "stop" else []
        deltas = deltas or [HiggsAudioStreamerDelta()]
        deltas[-1].finish_reason = finish_reason
        for delta in deltas:
            self._channel.put(delta)
        self._channel.close()

    def error(self, error: BaseException) -> None:
        """The consumer gets `error`."""
        self._channel.fail(error)
        self._channel.close()

    async def wait_ended(self) -> None:
        """Until `end` or `error` has been called."""
        await self._channel.wait_closed()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> HiggsAudioStreamerDelta:
        async with asyncio.timeout(self._timeout):
            delta = await self._channel.get()
        if delta is None:
            raise StopAsyncIteration
        return delta

    def _token(self, token: str) -> HiggsAudioStreamerDelta:
        return HiggsAudioStreamerDelta(
            text=token, text_tokens=torch.tensor([self._tokenizer.convert_tokens_to_ids(token)])
        )

    def _text(self, ids: Tensor) -> HiggsAudioStreamerDelta:
        return HiggsAudioStreamerDelta(text=str(self._tokenizer.decode(ids)), text_tokens=ids)
