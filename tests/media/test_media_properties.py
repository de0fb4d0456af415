"""Properties of every offer in the catalog, and of fuzzed requests and responses."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.media.media_cases import APIS, CASES, api_of, offer_of, request_of, responses_of, target_of
from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.media_offer import FORMATS
from vaultcore.catalog.schema import MediaOffer, Model, Provider, Target
from vaultcore.dialects import StreamFault
from vaultcore.errors import InvalidRequest
from vaultcore.media import (
    MediaResponse,
    MediaResult,
    PendingMedia,
    load_format,
)
from vaultcore.upstream.media_jobs import media_jobs

REQUESTS: Mapping[str, dict[str, Any]] = {
    "embeddings": {"model": "m", "input": ["first text", "second text"]},
    "images": {"model": "m", "prompt": "a dot"},
}
FIELDS: Mapping[str, dict[str, list[Any]]] = {
    "embeddings": {
        "dimensions": [773],
        "encoding_format": ["base64"],
        "user": ["user-1"],
        "input_type": ["query", "RETRIEVAL_DOCUMENT", "nonsense"],
        "truncate": ["END"],
        "unknown_field": ["value"],
    },
    "images": {
        "n": [3],
        "size": ["1024x1024", "1792x1024", "1024x768", "999x777", "3000x3000"],
        "quality": ["hd", "low", "high"],
        "style": ["natural"],
        "response_format": ["url", "b64_json"],
        "background": ["transparent"],
        "moderation": ["low"],
        "output_format": ["webp"],
        "output_compression": [50],
        "user": ["user-1"],
        "seed": [77],
        "unknown_field": ["value"],
    },
}
ROUNDS = 250  # per case
OFFERS = [
    (kind, provider, offer)
    for provider in load_builtin({"AWS_REGION": "us-east-1"}).providers.values()
    for kind in ("embeddings", "images")
    for offer in (provider.embeddings if kind == "embeddings" else provider.images) or ()
]


def offer_id(value: object) -> str:
    match value:
        case Provider():
            return value.name
        case MediaOffer():
            return "-".join((value.format, *value.when[:1]))
        case _:
            return str(value)


@pytest.mark.parametrize(("kind", "provider", "offer"), OFFERS, ids=offer_id)
def test_no_field_is_dropped_without_a_report(kind: str, provider: Provider, offer: MediaOffer) -> None:
    """Every field of a client is in the provider request, in the report, or rejected by name."""
    target = Target(provider, Model(f"some-{(offer.when or ('model',))[0]}-1"))
    for name, values in FIELDS[kind].items():
        for value in values:
            assert _is_accounted_for(name, value, target, kind), (name, value)


@pytest.mark.parametrize(("kind", "provider", "offer"), OFFERS, ids=offer_id)
def test_every_offer_has_a_format_and_a_path(kind: str, provider: Provider, offer: MediaOffer) -> None:
    """Every offer can be rendered, contains the model once, and its path is below the base URL."""
    target = Target(provider, Model(f"vendor/some-{(offer.when or ('model',))[0]}-1"))
    job = media_jobs(REQUESTS[kind], [target], APIS[kind])[target.name]
    request = job.rendered.requests[0]

    assert offer.format in FORMATS[kind]
    assert request.path.startswith("/")
    assert ("some-" in request.path) is not (request.body.get("model") == target.model.name)
    assert offer.size != "ratio" or offer.ratios


@pytest.mark.parametrize("case", [case for case in CASES if responses_of(case)], ids=lambda case: case.name)
def test_fuzz_responses(case: Path) -> None:
    """A fuzzed provider response is parsed or raises ValueError or StreamFault, never another error."""
    title, api, request = target_of(case).provider.title, api_of(case), request_of(case)
    media_format = load_format(api.kind, offer_of(case).format)
    responses, generator = responses_of(case), random.Random(case.name)
    for _ in range(ROUNDS):
        response = generator.choice(responses)
        body = _mutate(response["body"], generator)
        body = body if isinstance(body, dict) else {}
        try:
            result = media_format.parse(MediaResponse(body, response.get("headers", {})))
        except (ValueError, StreamFault):
            continue
        assert isinstance(result, MediaResult | PendingMedia)
        if isinstance(result, MediaResult):
            json.dumps(api.render_response(request, [result], title, 1).body, allow_nan=False)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fuzz_requests(case: Path) -> None:
    """A fuzzed request is rendered or raises InvalidRequest, never another error."""
    target, api, request = target_of(case), api_of(case), request_of(case)
    generator = random.Random(case.name)
    for _ in range(ROUNDS):
        try:
            parsed: Any = api.parse_request(_mutate(request, generator))
            jobs = media_jobs(parsed, [target], api)
        except InvalidRequest:
            continue
        for job in jobs.values():
            json.dumps([each.body for each in job.rendered.requests], allow_nan=False)


def _is_accounted_for(name: str, value: object, target: Target, kind: str) -> bool:
    try:
        job = media_jobs({**REQUESTS[kind], name: value}, [target], APIS[kind])[target.name]
    except InvalidRequest as error:
        return error.param == name
    is_sent = all(_contains(request.body, value) for request in job.rendered.requests)
    return is_sent or name in [change.path for change in job.rendered.changes]


def _contains(body: object, value: object) -> bool:
    """Return True if a value is anywhere in a body."""
    match body:
        case dict():
            return any(_contains(inner, value) for inner in body.values())
        case list():
            return any(_contains(inner, value) for inner in body)
        case _:
            return body == value


ODD_VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    "",
    "x",
    [],
    {},
    [[]],
    {"a": None},
    [None],
    "data:",
    1e39,
]


def _mutate(value: Any, generator: random.Random) -> Any:
    """Return the value with one part of it removed, doubled or replaced by an odd value."""
    if isinstance(value, dict) and value and generator.random() < 0.85:
        name = generator.choice(list(value))
        match generator.randrange(4):
            case 0:
                return {key: inner for key, inner in value.items() if key != name}
            case _:
                return {**value, name: _mutate(value[name], generator)}
    if isinstance(value, list) and value and generator.random() < 0.8:
        at = generator.randrange(len(value))
        match generator.randrange(4):
            case 0:
                return [*value[:at], *value[at + 1 :]]
            case 1:
                return [*value, value[at]]
            case _:
                return [*value[:at], _mutate(value[at], generator), *value[at + 1 :]]
    return generator.choice(ODD_VALUES)
