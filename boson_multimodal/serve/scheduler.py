"""Continuous batching: one thread that owns the decoder and serves every utterance asked for.

Between two steps it admits one waiting utterance's prompt, or a piece of it, so that a long prompt does not hold up
those that are speaking. Columns, ends and errors go to each utterance's own sink, called in this thread.
"""

from __future__ import annotations

import logging
import queue
import secrets
import threading
from collections import deque
from typing import TYPE_CHECKING

import numpy as np
import torch

from boson_multimodal.serve.slots import SlotTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from boson_multimodal.model.higgs_audio.decoder import Decoder
    from boson_multimodal.serve.slots import Slot
    from boson_multimodal.serve.utterance import FinishReason, Utterance

log = logging.getLogger(__name__)

PREFILL_ROWS = 256
"""Positions prefilled between two steps of the others."""


class Scheduler:
    """Serves utterances until closed. `submit` and `cancel` may be called from any thread."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._slots = SlotTable(decoder)
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._waiting: deque[Utterance] = deque()
        self._prefilling: Utterance | None = None
        self._speaking: dict[Slot, Utterance] = {}
        self._unread: deque[tuple[list[Utterance], _Readback]] = deque()
        # On CUDA a step's columns are read while the next one runs.
        self._steps_unread = 1 if decoder.device.type == "cuda" else 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="higgs scheduler", daemon=True)
        self._thread.start()

    @property
    def active_slots(self) -> int:
        """Slots taken by an utterance."""
        return self._slots.busy

    def submit(self, utterance: Utterance) -> None:
        """Serve `utterance` as soon as a slot is free. Raises `ValueError` when it cannot fit, `RuntimeError` once
        closed."""
        room = self._decoder.capacity - len(utterance.rows) - 2
        if room < 2 * self._decoder.codebooks:
            raise ValueError(
                f"the prompt of {len(utterance.rows)} positions leaves no room to speak in {self._decoder.capacity}; "
                "shorten the text or the reference, keep fewer chunks, or raise kv_cache_lengths"
            )
        # C columns follow the last in which codebook 0 may sound.
        utterance.limit = max(1, min(utterance.max_columns, room) - self._decoder.codebooks)
        if self._closed:
            raise RuntimeError("the engine is closed")
        self._inbox.put(lambda: self._waiting.append(utterance))

    def cancel(self, utterance: Utterance) -> None:
        """End `utterance` before the next step, whatever its state; its sink's `end` follows unless it had ended."""
        self._inbox.put(lambda: self._finish(utterance, "cancelled"))

    def close(self) -> None:
        """Cancel everything and end the thread."""
        self._closed = True
        self._inbox.put(lambda: None)
        if self._thread is not threading.current_thread():
            self._thread.join()

    @torch.inference_mode()
    def _run(self) -> None:
        while not self._closed:
            try:
                self._take_messages()
                self._prefill()
                self._step()
            except Exception as error:
                log.exception("the decoder failed")
                self._fail_all(error)
        self._take_messages()
        for utterance in self._all():
            self._finish(utterance, "cancelled")

    def _all(self) -> list[Utterance]:
        prefilling = [self._prefilling] if self._prefilling else []
        return [*prefilling, *self._speaking.values(), *self._waiting]

    def _take_messages(self) -> None:
        """Do what was asked for; wait for something when there is nothing else to do."""
        if not (self._closed or self._waiting or self._prefilling or self._speaking):
            self._inbox.get()()
        while not self._inbox.empty():
            self._inbox.get()()

    def _prefill(self) -> None:
        utterance = self._prefilling or self._admitted()
        if utterance is None or utterance.slot is None:
            return
        slot, rows = utterance.slot, utterance.rows
        begin = len(slot.held)
        end = min(len(rows), begin + PREFILL_ROWS) if self._speaking else len(rows)
        hidden = self._decoder.prefill(slot.row, rows[begin:end], begin)
        slot.held = rows[:end]
        if end < len(rows):
            return
        self._prefilling = None
        self._slots.activate(slot)
        self._speaking[slot] = utterance
        seed = utterance.params.seed
        column = self._decoder.begin(
            slot.row,
            hidden,
            len(rows),
            utterance.params,
            seed=secrets.randbits(62) if seed is None else seed & (2**62 - 1),
            limit=utterance.limit,
        )
        utterance.position = len(rows)
        utterance.sink.put(np.full(self._decoder.codebooks, self._decoder.bos, dtype=np.int64))
        self._read([utterance], column)

    def _admitted(self) -> Utterance | None:
        """The first that waits, with its BOS column as the prompt's last position, if a slot is free for it."""
        if not self._waiting:
            return None
        utterance = self._waiting[0]
        bos = np.full((1, utterance.rows.shape[1]), self._decoder.bos, dtype=np.int64)
        bos[0, 0] = self._decoder.audio_id
        rows = np.concatenate((utterance.rows, bos))
        utterance.slot = self._slots.take(rows)
        if utterance.slot is None:
            return None
        utterance.rows = rows
        utterance.cached = len(utterance.slot.held)
        self._prefilling = self._waiting.popleft()
        return utterance

    def _step(self) -> None:
        speaking = [self._speaking[slot] for slot in self._slots.active]
        if not speaking:
            self._unread.clear()
            return
        longest = max(utterance.position for utterance in speaking)
        column = self._decoder.step(len(speaking), min(longest, self._decoder.capacity - 1))
        for utterance in speaking:
            utterance.position += 1
        self._read(speaking, column)

    def _read(self, utterances: list[Utterance], column: torch.Tensor) -> None:
        self._unread.append((utterances, _Readback(column)))
        while len(self._unread) > self._steps_unread:
            drawn, readback = self._unread.popleft()
            for utterance, value in zip(drawn, readback.wait(), strict=True):
                if not utterance.done:
                    self._accept(utterance, value)

    def _accept(self, utterance: Utterance, column: NDArray[np.int64]) -> None:
        """Pass a drawn column on, its ended codebooks written as the delay pattern has them."""
        utterance.columns.append(column)
        index, eos, codebooks = len(utterance.columns), self._decoder.eos, self._decoder.codebooks
        if utterance.ended_at is None:
            if column[0] == eos:
                utterance.ended_at = index
            elif reason := utterance.watchdog.feed(int(column[0])):
                self._end_soon(utterance, index, reason)
        if utterance.ended_at is None:
            utterance.sink.put(column)
            return
        since_end = index - utterance.ended_at
        column = column.copy()
        column[: since_end + 1] = eos
        utterance.sink.put(column)
        if since_end >= codebooks - 2:
            if since_end == codebooks - 2:
                utterance.sink.put(np.full(codebooks, eos, dtype=np.int64))
            self._finish(utterance, "length" if utterance.ended_at >= utterance.limit else "stop")

    def _end_soon(self, utterance: Utterance, index: int, reason: str) -> None:
        soon = index + 2
        if utterance.slot is not None and soon < utterance.limit:
            log.warning("an utterance is ended after %d columns: %s", index, reason)
            utterance.limit = soon
            self._decoder.end_by(utterance.slot.row, soon)

    def _finish(self, utterance: Utterance, reason: FinishReason) -> None:
        if utterance.done:
            return
        self._leave(utterance)
        utterance.sink.end(reason)

    def _leave(self, utterance: Utterance) -> None:
        """Out of every list; its slot keeps what it has computed."""
        utterance.done = True
        if utterance in self._waiting:
            self._waiting.remove(utterance)
        if utterance is self._prefilling:
            self._prefilling = None
        slot = utterance.slot
        if slot is None:
            return
        if self._speaking.pop(slot, None) is None:
            self._slots.release(slot, slot.held)
            return
        # The newest column has not been through the model.
        drawn = np.array(utterance.columns[:-1], dtype=np.int64).reshape(-1, self._decoder.codebooks)
        ids = np.full((len(drawn), 1), self._decoder.audio_id, dtype=np.int64)
        self._slots.release(slot, np.concatenate((utterance.rows, np.concatenate((ids, drawn), axis=1))))

    def _fail_all(self, error: BaseException) -> None:
        for utterance in self._all():
            self._leave(utterance)
            utterance.sink.error(error)
        self._unread.clear()
        self._slots.forget()


class _Readback:
    """A step's columns on their way to the host."""

    def __init__(self, column: torch.Tensor) -> None:
        self._ready: torch.cuda.Event | None = None
        if column.device.type == "cuda":
            self._host = torch.empty(column.shape, dtype=column.dtype, pin_memory=True)
            self._host.copy_(column, non_blocking=True)
            self._ready = torch.cuda.Event()
            self._ready.record()
        else:
            self._host = column

    def wait(self) -> NDArray[np.int64]:
        """The columns `[batch, C]`."""
        if self._ready is not None:
            self._ready.synchronize()
        return self._host.numpy().copy()
