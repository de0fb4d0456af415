"""The vendors' own packages judge what goes out to them, and OpenAI's what comes back to clients."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai.types import CreateEmbeddingResponse, EmbeddingCreateParams, ImagesResponse

from tests.media.media_cases import ALL, load
from vaultcore.media.embeddings import vector


def posts(provider: str, ending: str) -> Iterator[Any]:
    """The bodies of golden cases that go to one provider's path."""
    for case in ALL:
        if load(case, "case")["provider"] == provider:
            for post in load(case, "upstream").get("posts", ()):
                if post["path"].endswith(ending):
                    yield post["body"]


@pytest.mark.parametrize(
    "case", [case for case in ALL if (case / "made.json").exists()], ids=lambda case: case.name
)
def test_openais_package_reads_every_answer(case: Path) -> None:
    """Every answer is what OpenAI's own types say it is."""
    body = (load(case, "made") or {}).get("body")
    if body is None:
        return
    if case.parent.name == "embeddings":  # of base64 the package makes floats before it looks
        rows = [{**row, "embedding": vector.floats(row["embedding"])} for row in body["data"]]
        CreateEmbeddingResponse.model_validate({**body, "data": rows})
    else:
        ImagesResponse.model_validate(body)


def test_openais_package_knows_every_field_sent_there() -> None:
    """Nothing of ours but what a client sent goes to OpenAI's embeddings."""
    known = {*EmbeddingCreateParams.__annotations__, "new_field"}
    sent = [set(body) for body in posts("openai", "/embeddings")]

    assert sent
    assert all(fields <= known for fields in sent)


def test_googles_package_knows_every_field_sent_there() -> None:
    """Requests to Gemini are what its own package would send: unknown fields are refused by its types."""
    types = _google()
    configs = [body["generationConfig"] for body in posts("gemini", ":generateContent")]
    embedded = [each for body in posts("gemini", ":batchEmbedContents") for each in body["requests"]]
    parameters = [body["parameters"] for body in posts("gemini", ":predict")]

    assert configs
    assert embedded
    assert parameters
    for config in configs:
        types.GenerateContentConfig.model_validate(config)
    for each in embedded:
        types.Content.model_validate(each["content"])
        rest = {name: value for name, value in each.items() if name not in {"content", "model"}}
        types.EmbedContentConfig.model_validate(rest)
    for each in parameters:
        assert set(each) <= {"sampleCount", "aspectRatio", "sampleImageSize"}


def test_coheres_package_knows_every_field_sent_there() -> None:
    """Requests to Cohere have no field that its own package would not send."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import cohere
    known = set(inspect.signature(cohere.ClientV2.embed).parameters)
    sent = [set(body) for body in posts("cohere", "/v2/embed")]

    assert sent
    assert all(fields <= known for fields in sent)


def _google() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from google.genai import types
    return types
