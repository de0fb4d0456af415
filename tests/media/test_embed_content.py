"""Google's embedContent for clients: which requests it takes, and what a provider without its fields gets."""

from __future__ import annotations

from typing import Any

import pytest

from vaultcore.catalog.load import load_builtin
from vaultcore.errors import InvalidRequest
from vaultcore.media import MediaResult, embeddings
from vaultcore.media.embeddings import embed_content, gemini, openai
from vaultcore.media.offers import find_offer

ONE = {"parts": [{"text": "a"}, {"text": "b"}]}


def request(**fields: Any) -> Any:
    return embed_content.parse_request({"model": "models/m", **fields})


def test_one_content_is_one_input() -> None:
    """The parts of a content are one text; options may be in either spelling."""
    parsed = request(content=ONE, task_type="RETRIEVAL_QUERY", outputDimensionality=3)

    assert parsed == {"model": "m", "input": ["a\nb"], "input_type": "RETRIEVAL_QUERY", "dimensions": 3}


@pytest.mark.parametrize("batched", [True, False])
def test_the_response_has_the_form_of_the_method(batched: bool) -> None:
    """One content gets one embedding, a batch a list, both with the tokens."""
    parsed = request(requests=[{"content": ONE}]) if batched else request(content=ONE)
    result = MediaResult(([0.5, 1.0],), {"prompt_tokens": 4})

    body = embed_content.render_response(parsed, [result], "T", 0).body

    vector = {"values": [0.5, 1.0]}
    expected = {"embeddings": [vector]} if batched else {"embedding": vector}
    assert body == {**expected, "usageMetadata": {"promptTokenCount": 4}}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"requests": []}, "requests"),
        ({"content": {}}, "content.parts"),
        ({"content": {"parts": [{"inlineData": {}}]}}, "content.parts[0]"),
        ({"requests": [{"content": ONE}, {"content": ONE, "taskType": "CLUSTERING"}]}, "taskType"),
        ({"requests": [{"content": ONE}, {"content": {"parts": 3}}]}, "requests[1].content.parts"),
        ({"content": ONE, "outputDimensionality": "8"}, "dimensions"),
    ],
)
def test_invalid_requests_name_the_field(fields: dict[str, Any], param: str) -> None:
    """A request without text, or with different options in one batch, is rejected."""
    with pytest.raises(InvalidRequest) as raised:
        request(**fields)

    assert raised.value.param == param


def test_n19_a_purpose_is_dropped_where_there_is_no_field() -> None:
    """OpenAI gets neither purpose nor title, which is reported; Gemini gets both."""
    parsed, catalog = request(content=ONE, taskType="CLUSTERING", title="t"), load_builtin()
    to_openai = catalog.target(catalog.providers["openai"], "text-embedding-3-small")
    to_gemini = catalog.target(catalog.providers["gemini"], "gemini-embedding-001")

    plain = openai.render(parsed, to_openai, find_offer(to_openai, embeddings))
    own = gemini.render(parsed, to_gemini, find_offer(to_gemini, embeddings))

    assert plain.requests[0].body == {"model": "text-embedding-3-small", "input": ["a\nb"]}
    assert [(each.path, each.kind) for each in plain.changes] == [
        ("input_type", "dropped"),
        ("title", "dropped"),
    ]
    assert own.requests[0].body["requests"][0]["taskType"] == "CLUSTERING"
    assert own.requests[0].body["requests"][0]["title"] == "t"
