"""Boxes: opened by their caller, in their place, and by nobody and nowhere else."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from vaultcore.idempotency.encryption import AnswerCipher

PEPPER = b"a pepper of forty characters or even more"
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.binary(max_size=500), st.lists(NAMES, max_size=3))
def test_a_box_opens_where_it_was_closed(content: bytes, bound: list[str]) -> None:
    """What was put in comes out again, whatever it is."""
    locker = AnswerCipher.of("key_1", PEPPER)

    assert AnswerCipher.of("key_1", PEPPER).open(locker.seal(content, *bound), *bound) == content


@given(NAMES, NAMES, st.binary(max_size=40))
def test_a_box_opens_for_nobody_else(caller: str, other: str, content: bytes) -> None:
    """Another caller, another place or another pepper does not open it."""
    box = AnswerCipher.of(caller, PEPPER).seal(content, "here")

    assert other == caller or AnswerCipher.of(other, PEPPER).open(box, "here") is None
    assert other == "here" or AnswerCipher.of(caller, PEPPER).open(box, other) is None
    assert AnswerCipher.of(caller, PEPPER + b"!").open(box, "here") is None


@given(st.data())
def test_a_changed_box_does_not_open(data: st.DataObject) -> None:
    """A box of which one bit is changed, or that is cut short, is none."""
    locker = AnswerCipher.of("key_1", PEPPER)
    raw = bytearray(base64.b64decode(locker.seal(b"an answer", "here")))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    cut = data.draw(st.integers(0, len(raw) - 1))
    short = base64.b64encode(raw[:cut]).decode()
    raw[bit // 8] ^= 1 << bit % 8

    assert locker.open(base64.b64encode(raw).decode(), "here") is None
    assert locker.open(short, "here") is None
    assert locker.open("no base64!", "here") is None


@given(NAMES, NAMES, st.binary(max_size=20))
def test_digests_are_a_callers_own(caller: str, other: str, text: bytes) -> None:
    """The same text has another digest for another caller, for another kind and under another pepper."""
    digest = AnswerCipher.of(caller, PEPPER).digest("key", text)

    assert digest == AnswerCipher.of(caller, PEPPER).digest("key", text)
    assert (digest == AnswerCipher.of(other, PEPPER).digest("key", text)) == (caller == other)
    assert digest != AnswerCipher.of(caller, PEPPER).digest("request", text)
    assert digest != AnswerCipher.of(caller, PEPPER + b"!").digest("key", text)


def test_the_same_answer_looks_different_every_time() -> None:
    """Nobody sees from two boxes that they hold the same."""
    locker = AnswerCipher.of("key_1", PEPPER)

    assert locker.seal(b"an answer", "here") != locker.seal(b"an answer", "here")
    assert repr(locker) == "AnswerCipher()"
