"""Validation of embeddings, images and moderations requests."""

from __future__ import annotations

from typing import Any

import pytest

from vaultcore.errors import InvalidRequest
from vaultcore.media import embeddings, images, moderations


@pytest.mark.parametrize(
    "value", ["a", ["a"], ["a", "b"], [1, 2, 3], [[1, 2], [3]], ["ä" * 9_000], [0] * 20_000]
)
def test_z1_valid_inputs(value: object) -> None:
    """An input is a text, texts, tokens, or lists of tokens."""
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
def test_z1_invalid_inputs(body: Any, param: str | None) -> None:
    """An invalid request is rejected with its exact parameter."""
    with pytest.raises(InvalidRequest) as caught:
        embeddings.parse_request(body)

    assert caught.value.param == param


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
def test_z6_invalid_image_requests(fields: dict[str, Any], param: str) -> None:
    """An image request that no provider could serve is rejected with its parameter."""
    with pytest.raises(InvalidRequest) as caught:
        images.parse_request({"model": "m", "prompt": "a dot", **fields})

    assert caught.value.param == param


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ("a", 1),
        ("", 1),
        (["a"], 1),
        (["a", "b", ""], 3),
        ([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:,"}}], 1),
        ([{"type": "from_next_month"}], 1),
    ],
)
def test_moderation_inputs(value: Any, count: int) -> None:
    """An input is a string, strings with a result each, or content parts with one result together."""
    assert moderations.parse_request({"model": "m", "input": value})["model"] == "m"
    assert moderations.count_results(value) == count


@pytest.mark.parametrize("model", [{}, {"model": None}])
def test_the_default_moderation_model(model: dict[str, Any]) -> None:
    """Without a model, OpenAI's default is used; the client's body is not changed."""
    body = {"input": "a", **model}

    assert moderations.parse_request(body)["model"] == "omni-moderation-latest"
    assert body == {"input": "a", **model}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ([], None),
        ({}, "input"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": 5}, "input"),
        ({"input": {}}, "input"),
        ({"input": ["a", 5]}, "input"),
        ({"input": ["a", {"type": "text", "text": "b"}]}, "input"),
        ({"input": "a", "model": 5}, "model"),
        ({"input": "a", "model": ""}, "model"),
        ({"input": "\ud800"}, None),
    ],
)
def test_invalid_moderation_requests(body: Any, param: str | None) -> None:
    """An invalid request is rejected with its exact parameter."""
    with pytest.raises(InvalidRequest) as caught:
        moderations.parse_request(body)

    assert caught.value.param == param
