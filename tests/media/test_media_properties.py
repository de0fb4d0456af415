"""What holds for every offer of the catalog, and for whatever a provider answers."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.media.media_cases import CASES, answers, artifact_of, offer_of, request_of, target_of
from vaultcore.catalog.load import builtin
from vaultcore.catalog.offer import FORMATS
from vaultcore.catalog.schema import Model, Offer, Provider, Target
from vaultcore.dialects import StreamFault
from vaultcore.errors import InvalidRequest
from vaultcore.media import Later, MediaApi, Part, Told, embeddings, form, images
from vaultcore.upstream.media_jobs import errands

ARTIFACTS: Mapping[str, MediaApi] = {"embeddings": embeddings, "images": images}
ASKED: Mapping[str, dict[str, Any]] = {
    "embeddings": {"model": "m", "input": ["first text", "second text"]},
    "images": {"model": "m", "prompt": "a dot"},
}
FIELDS: Mapping[str, dict[str, list[Any]]] = {
    "embeddings": {
        "dimensions": [773],
        "encoding_format": ["base64"],
        "user": ["somebody"],
        "input_type": ["query", "RETRIEVAL_DOCUMENT", "nonsense"],
        "truncate": ["END"],
        "unheard_of": ["value"],
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
        "user": ["somebody"],
        "seed": [77],
        "unheard_of": ["value"],
    },
}
ROUNDS = 250  # of every case
STATED = [
    (kind, provider, offer)
    for provider in builtin({"AWS_REGION": "us-east-1"}).providers.values()
    for kind in ("embeddings", "images")
    for offer in (provider.embeddings if kind == "embeddings" else provider.images) or ()
]


def ident(value: object) -> str:
    match value:
        case Provider():
            return value.name
        case Offer():
            return "-".join((value.format, *value.when[:1]))
        case _:
            return str(value)


@pytest.mark.parametrize(("kind", "provider", "offer"), STATED, ids=ident)
def test_no_field_is_lost_in_silence(kind: str, provider: Provider, offer: Offer) -> None:
    """Every field a client may send is in what goes out, or in the report, or refused by name."""
    to = Target(provider, Model(f"some-{(offer.when or ('model',))[0]}-1"))
    for name, values in FIELDS[kind].items():
        for value in values:
            assert _accounted(name, value, to, kind), (name, value)


@pytest.mark.parametrize(("kind", "provider", "offer"), STATED, ids=ident)
def test_every_offer_names_a_format_and_a_place(kind: str, provider: Provider, offer: Offer) -> None:
    """Each offer can be rendered, names its model once, and leads below the provider's own address."""
    to = Target(provider, Model(f"vendor/some-{(offer.when or ('model',))[0]}-1"))
    errand = errands(ASKED[kind], [to], ARTIFACTS[kind])[to.name]
    post = errand.order.posts[0]

    assert offer.format in FORMATS[kind]
    assert post.path.startswith("/")
    assert ("some-" in post.path) is not (post.body.get("model") == to.model.name)
    assert offer.size != "ratio" or offer.ratios


@pytest.mark.parametrize("case", [case for case in CASES if answers(case)], ids=lambda case: case.name)
def test_fuzz_answers(case: Path) -> None:
    """Whatever a provider answers is parts, a promise, or an error that is told: never a crash."""
    to, artifact, asked = target_of(case), artifact_of(case), request_of(case)
    speak, told, chance = form(artifact.kind, offer_of(case).format), answers(case), random.Random(case.name)
    for _ in range(ROUNDS):
        answer = chance.choice(told)
        body = _mutated(answer["body"], chance)
        try:
            found = speak.parse(Told(body if isinstance(body, dict) else {}, answer.get("headers", {})))
        except (ValueError, StreamFault):
            continue
        assert isinstance(found, Part | Later)
        if isinstance(found, Part):
            json.dumps(artifact.render_answer(asked, [found], to.provider.title, 1).body, allow_nan=False)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fuzz_requests(case: Path) -> None:
    """Whatever a client asks becomes posts or a refusal: never a crash."""
    to, artifact, asked, chance = (
        target_of(case),
        artifact_of(case),
        request_of(case),
        random.Random(case.name),
    )
    for _ in range(ROUNDS):
        try:
            checked: Any = artifact.parse_request(_mutated(asked, chance))
            able = errands(checked, [to], artifact)
        except InvalidRequest:
            continue
        for errand in able.values():
            json.dumps([post.body for post in errand.order.posts], allow_nan=False)


def _accounted(name: str, value: object, to: Target, kind: str) -> bool:
    try:
        errand = errands({**ASKED[kind], name: value}, [to], ARTIFACTS[kind])[to.name]
    except InvalidRequest as error:
        return error.param == name
    sent = all(_holds(post.body, value) for post in errand.order.posts)
    return sent or name in [change.path for change in errand.order.changes]


def _holds(body: object, value: object) -> bool:
    """Whether a value stands anywhere in a body."""
    match body:
        case dict():
            return any(_holds(inner, value) for inner in body.values())
        case list():
            return any(_holds(inner, value) for inner in body)
        case _:
            return body == value


ODD: list[Any] = [None, True, 0, -1, 1.5, 10**30, "", "x", [], {}, [[]], {"a": None}, [None], "data:", 1e39]


def _mutated(value: Any, chance: random.Random) -> Any:
    """The value with one thing in it gone, doubled or replaced by something odd."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        name = chance.choice(list(value))
        match chance.randrange(4):
            case 0:
                return {key: inner for key, inner in value.items() if key != name}
            case _:
                return {**value, name: _mutated(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        at = chance.randrange(len(value))
        match chance.randrange(4):
            case 0:
                return [*value[:at], *value[at + 1 :]]
            case 1:
                return [*value, value[at]]
            case _:
                return [*value[:at], _mutated(value[at], chance), *value[at + 1 :]]
    return chance.choice(ODD)
