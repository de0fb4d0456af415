"""Embeddings as floats and as base64."""

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
    """32-bit floats survive both conversions, in the byte order that OpenAI's SDKs read."""
    encoded = vector.to_base64(vector.parse_vector(values))

    assert encoded == b64encode(b"".join(struct.pack("<f", value) for value in values)).decode()
    assert vector.to_floats(vector.parse_vector(encoded)) == values


@pytest.mark.parametrize(
    "value",
    [None, [], "", "@@@@", "AAA=", "AAAA", {"a": 1}, 5, [1, "2"], [None], [float("nan")], [1e39], "AADAfw=="],
)
def test_z2_an_invalid_embedding_is_rejected(value: object) -> None:
    """Numbers that are not finite and base64 that is not 32-bit floats are rejected."""
    with pytest.raises(ValueError, match="embedding"):
        vector.parse_vector(value)
