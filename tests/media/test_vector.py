"""Vectors as floats and as base64."""

from __future__ import annotations

import struct
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultcore.media.embeddings import vector

FLOATS = st.lists(
    st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9), min_size=1
)


@given(FLOATS)
def test_z2_base64_is_little_endian_32_bit_floats(values: list[float]) -> None:
    """What 32 bits hold survives both ways, in the byte order that OpenAI's SDKs read."""
    coded = vector.base64(vector.read(values))

    assert coded == b64encode(b"".join(struct.pack("<f", value) for value in values)).decode()
    assert vector.floats(vector.read(coded)) == values


@pytest.mark.parametrize(
    "value",
    [None, [], "", "@@@@", "AAA=", "AAAA", {"a": 1}, 5, [1, "2"], [None], [float("nan")], [1e39], "AADAfw=="],
)
def test_z2_what_is_no_vector_is_refused(value: object) -> None:
    """Neither numbers that are not finite nor bytes that are no floats pass for a vector."""
    with pytest.raises(ValueError, match="vector"):
        vector.read(value)
