"""Earlier answers are kept as long and as many as agreed."""

from __future__ import annotations

from boson_multimodal.speech_answers import AnswerStore, new_answer_id


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_answer_is_kept_for_its_time():
    """What a client was told of the expiry holds to the second."""
    clock = Clock()
    store = AnswerStore(ttl_s=60, clock=clock)
    assert store.put("a", "raw", "words") == 1060
    clock.now = 1059.9
    assert store.raw("a") == "raw"
    clock.now = 1060.0
    assert (store.raw("a"), store.get("a"), len(store)) == (None, None, 0)


def test_what_has_expired_takes_no_room():
    """Old answers go when new ones come, though nobody asks for them."""
    clock = Clock()
    store = AnswerStore(ttl_s=60, clock=clock)
    store.put("a", "raw", "words")
    clock.now = 1100.0
    store.put("b", "raw", "words")
    assert len(store) == 1


def test_the_one_used_longest_ago_goes_first():
    """The bytes of all answers stay within the limit; a character counts as what it takes."""
    store = AnswerStore(max_bytes=20)
    store.put("a", "x" * 5, "y" * 3)
    store.put("b", "é" * 3, "")
    assert store.raw("a") == "xxxxx"
    store.put("c", "z" * 10, "")
    assert [store.raw(name) for name in "abc"] == ["xxxxx", None, "z" * 10]


def test_an_answer_put_again_takes_the_room_of_one():
    """A name that is used again neither leaks nor counts twice."""
    store = AnswerStore(max_bytes=10)
    for _ in range(5):
        store.put("a", "x" * 6, "")
    store.put("b", "y" * 4, "")
    assert (store.raw("a"), store.raw("b")) == ("x" * 6, "y" * 4)


def test_an_answer_larger_than_the_limit_is_not_kept():
    """One answer cannot take more than all may."""
    store = AnswerStore(max_bytes=10)
    store.put("a", "x" * 11, "")
    assert (store.raw("a"), len(store)) == (None, 0)


def test_half_a_character_is_kept_and_forgotten_like_any_other():
    """Servers cut emoji in two; the store's count of bytes stays right."""
    store = AnswerStore(max_bytes=10)
    store.put("a", "Hi\ud83d", "Hi")
    assert store.raw("a") == "Hi\ud83d"
    store.put("b", "12345678", "12")
    assert store.raw("a") is None
    assert store.raw("b") == "12345678"


def test_ids_do_not_repeat():
    """An id names one answer."""
    assert len({new_answer_id() for _ in range(100)}) == 100
    assert new_answer_id().startswith("audio_")
