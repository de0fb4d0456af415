"""Encryption of stored responses: they open for their caller and context only."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from vaultcore.idempotency.encryption import AnswerCipher

PEPPER = b"a pepper of forty characters or even more"
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.binary(max_size=500), st.lists(NAMES, max_size=3))
def test_a_sealed_text_opens_for_its_caller_and_context(content: bytes, context: list[str]) -> None:
    """Any content that was sealed is returned unchanged."""
    cipher = AnswerCipher.of("key_1", PEPPER)

    assert AnswerCipher.of("key_1", PEPPER).open(cipher.seal(content, *context), *context) == content


@given(NAMES, NAMES, st.binary(max_size=40))
def test_a_sealed_text_opens_for_no_other_caller(caller: str, other: str, content: bytes) -> None:
    """Another caller, context or pepper does not open it."""
    sealed = AnswerCipher.of(caller, PEPPER).seal(content, "here")

    assert other == caller or AnswerCipher.of(other, PEPPER).open(sealed, "here") is None
    assert other == "here" or AnswerCipher.of(caller, PEPPER).open(sealed, other) is None
    assert AnswerCipher.of(caller, PEPPER + b"!").open(sealed, "here") is None


@given(st.data())
def test_a_changed_sealed_text_does_not_open(data: st.DataObject) -> None:
    """A sealed text with one changed bit, or a truncated one, does not open."""
    cipher = AnswerCipher.of("key_1", PEPPER)
    raw = bytearray(base64.b64decode(cipher.seal(b"an answer", "here")))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    cut = data.draw(st.integers(0, len(raw) - 1))
    short = base64.b64encode(raw[:cut]).decode()
    raw[bit // 8] ^= 1 << bit % 8

    assert cipher.open(base64.b64encode(raw).decode(), "here") is None
    assert cipher.open(short, "here") is None
    assert cipher.open("no base64!", "here") is None


@given(NAMES, NAMES, st.binary(max_size=20))
def test_digests_depend_on_caller_kind_and_pepper(caller: str, other: str, text: bytes) -> None:
    """The same text has another digest for another caller, another kind and another pepper."""
    digest = AnswerCipher.of(caller, PEPPER).digest("key", text)

    assert digest == AnswerCipher.of(caller, PEPPER).digest("key", text)
    assert (digest == AnswerCipher.of(other, PEPPER).digest("key", text)) == (caller == other)
    assert digest != AnswerCipher.of(caller, PEPPER).digest("request", text)
    assert digest != AnswerCipher.of(caller, PEPPER + b"!").digest("key", text)


def test_sealing_twice_gives_different_texts() -> None:
    """Two sealed texts do not reveal that their content is the same."""
    cipher = AnswerCipher.of("key_1", PEPPER)

    assert cipher.seal(b"an answer", "here") != cipher.seal(b"an answer", "here")
    assert repr(cipher) == "AnswerCipher()"
