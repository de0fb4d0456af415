"""What a client may ask of the embeddings and images endpoints."""

from __future__ import annotations

from typing import Any

import pytest

from vaultcore.errors import InvalidRequest
from vaultcore.media import embeddings, images


@pytest.mark.parametrize(
    "value", ["a", ["a"], ["a", "b"], [1, 2, 3], [[1, 2], [3]], ["ä" * 9_000], [0] * 20_000]
)
def test_z1_inputs_that_are_taken(value: object) -> None:
    """A text, texts, tokens, and lists of tokens."""
    assert embeddings.parse_request({"model": "m", "input": value})["model"] == "m"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ([], None),
        ({"input": "a"}, "model"),
        ({"model": 5, "input": "a"}, "model"),
        ({"model": " ", "input": "a"}, "model"),
        ({"model": "m"}, "input"),
        ({"model": "m", "input": None}, "input"),
        ({"model": "m", "input": ""}, "input"),
        ({"model": "m", "input": []}, "input"),
        ({"model": "m", "input": {}}, "input"),
        ({"model": "m", "input": ["a", ""]}, "input[1]"),
        ({"model": "m", "input": ["a", 1]}, "input[1]"),
        ({"model": "m", "input": [1, "a"]}, "input[0]"),
        ({"model": "m", "input": [[1], "a"]}, "input[1]"),
        ({"model": "m", "input": [[1], []]}, "input[1]"),
        ({"model": "m", "input": [[1], [-1]]}, "input[1]"),
        ({"model": "m", "input": [True]}, "input[0]"),
        ({"model": "m", "input": [1.5]}, "input[0]"),
        ({"model": "m", "input": ["a"] * 2_049}, "input"),
        ({"model": "m", "input": "a", "dimensions": 0}, "dimensions"),
        ({"model": "m", "input": "a", "dimensions": "8"}, "dimensions"),
        ({"model": "m", "input": "a", "dimensions": True}, "dimensions"),
        ({"model": "m", "input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"model": "m", "input": "\ud800"}, None),
        ({"model": "m", "input": "a", "x": float("nan")}, None),
    ],
)
def test_z1_inputs_that_are_refused(body: Any, param: str | None) -> None:
    """What cannot be embedded is refused with the exact place."""
    with pytest.raises(InvalidRequest) as refused:
        embeddings.parse_request(body)

    assert refused.value.param == param


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": " "}, "prompt"),
        ({"n": 0}, "n"),
        ({"n": 11}, "n"),
        ({"n": 1.5}, "n"),
        ({"size": "big"}, "size"),
        ({"size": 1024}, "size"),
        ({"size": "1024"}, "size"),
        ({"quality": 5}, "quality"),
        ({"response_format": "png"}, "response_format"),
        ({"stream": True}, "stream"),
    ],
)
def test_z6_pictures_that_are_refused(fields: dict[str, Any], param: str) -> None:
    """What no provider could draw is refused by name."""
    with pytest.raises(InvalidRequest) as refused:
        images.parse_request({"model": "m", "prompt": "a dot", **fields})

    assert refused.value.param == param
