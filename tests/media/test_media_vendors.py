"""Provider requests and client responses are valid by the vendors' own packages."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai.types import (
    CreateEmbeddingResponse,
    EmbeddingCreateParams,
    ImagesResponse,
    ModerationCreateParams,
    ModerationCreateResponse,
)

from tests.media.media_cases import ALL, load
from vaultcore.media.embeddings import vector


def request_bodies(provider: str, ending: str) -> Iterator[Any]:
    """Yield the bodies of golden cases that are sent to a provider's path."""
    for case in ALL:
        if load(case, "case")["provider"] == provider:
            for request in load(case, "upstream").get("requests", ()):
                if request["path"].endswith(ending):
                    yield request["body"]


@pytest.mark.parametrize(
    "case", [case for case in ALL if (case / "result.json").exists()], ids=lambda case: case.name
)
def test_openais_package_reads_every_response(case: Path) -> None:
    """Every client response is valid by OpenAI's own types, except for Mistral's categories."""
    body = (load(case, "result") or {}).get("body")
    if body is None:
        return
    if case.parent.name == "embeddings":  # the package decodes base64 before validation
        rows = [{**row, "embedding": vector.to_floats(row["embedding"])} for row in body["data"]]
        CreateEmbeddingResponse.model_validate({**body, "data": rows})
    elif case.parent.name == "images":
        ImagesResponse.model_validate(body)
    elif load(case, "case")["provider"] == "openai":
        ModerationCreateResponse.model_validate(body)
    else:  # Mistral's categories differ; the package reads them as unknown fields
        assert all(isinstance(result["flagged"], bool) for result in body["results"])


def test_openais_package_has_every_field_sent_to_openai() -> None:
    """OpenAI gets only its own fields and those that the client sent."""
    for params, path, unknown in (
        (EmbeddingCreateParams, "/embeddings", "new_field"),
        (ModerationCreateParams, "/moderations", "unknown_field"),
    ):
        fields = {*params.__annotations__, unknown}
        bodies = [set(body) for body in request_bodies("openai", path)]

        assert bodies
        assert all(body <= fields for body in bodies)


def test_googles_package_has_every_field_sent_to_gemini() -> None:
    """Requests to Gemini are valid by its own package, whose types reject unknown fields."""
    types = _google_types()
    configs = [body["generationConfig"] for body in request_bodies("gemini", ":generateContent")]
    embeddings = [
        each for body in request_bodies("gemini", ":batchEmbedContents") for each in body["requests"]
    ]
    parameters = [body["parameters"] for body in request_bodies("gemini", ":predict")]

    assert configs
    assert embeddings
    assert parameters
    for config in configs:
        types.GenerateContentConfig.model_validate(config)
    for each in embeddings:
        types.Content.model_validate(each["content"])
        rest = {name: value for name, value in each.items() if name not in {"content", "model"}}
        types.EmbedContentConfig.model_validate(rest)
    for each in parameters:
        assert set(each) <= {"sampleCount", "aspectRatio", "sampleImageSize"}


def test_coheres_package_has_every_field_sent_to_cohere() -> None:
    """Requests to Cohere have only fields of its own package."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import cohere
    parameters = set(inspect.signature(cohere.ClientV2.embed).parameters)
    bodies = [set(body) for body in request_bodies("cohere", "/v2/embed")]

    assert bodies
    assert all(body <= parameters for body in bodies)


def _google_types() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from google.genai import types
    return types
