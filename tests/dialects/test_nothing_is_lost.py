"""Every parameter, sent to every dialect and every provider of the catalog: carried, reported or refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pytest
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsBase,
    CompletionCreateParamsNonStreaming,
)

from tests.fakes.parameters import PARAMETERS, Parameter
from vaultcore.catalog.load import builtin
from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.client_apis import chat
from vaultcore.dialects import NAMES, Change
from vaultcore.dialects.default_values import neutral
from vaultcore.errors import InvalidRequest
from vaultcore.upstream.client import render

LEVELS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
ALL = {
    *("vision", "tools", "parallel_tools", "forced_tool_use", "structured_output", "prefill"),
    *("sampling_params", "mid_conversation_system", "prompt_cache"),
}
MODELS = [
    Model(name, max_output_tokens=9_000, capabilities=able)
    for name, able in {
        "unknown": Capabilities(),
        "able": Capabilities(**dict.fromkeys(ALL, True), thinking="adaptive", effort_levels=LEVELS),
        "unable": Capabilities(**dict.fromkeys(ALL, False), thinking="none"),
        "budgeting": Capabilities(thinking="budget", structured_output=True),
        "pondering": Capabilities(thinking="always", effort_levels=("low", "high")),
    }.items()
]
ROWS = builtin().providers
MOOT: dict[
    str, Callable[[Capabilities], bool]
] = {  # what happens anyway: nothing to carry, nothing to report
    # a model that is not known to think does not, and the least of it is as little
    "reasoning_effort=none": lambda able: able.thinking in (None, "none"),
    "reasoning_effort=minimal": lambda able: able.thinking in (None, "none"),
    # a label for the client's own eyes
    "response_format.json_schema.name": lambda _: True,
    # a schema is enforced wherever it can be; where it cannot, response_format itself is reported
    "response_format.json_schema.strict": lambda _: True,
}
OURS = {  # what the gateway sees to itself, whoever the provider is, and what every request has
    "model": "the target's",
    "messages": "tested part by part",
    "stream_options": "usage is always asked for, and shown to those who asked",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request."""

    sent: str = ""  # path and body
    changes: frozenset[tuple[str, str, str]] = frozenset()  # path, kind, reason
    refused: str | None = None  # the param that a refusal names


def outcome(request: dict[str, Any], target: Target) -> Outcome:
    try:
        asked = render(target, chat.parse_request(copy.deepcopy(request)))
    except InvalidRequest as error:
        return Outcome(refused=error.param or "")
    told = {(change.path, change.kind, change.reason) for change in asked.rendered.changes}
    return Outcome(f"{asked.path} {json.dumps(asked.rendered.body)}", frozenset(told))


def lost(parameter: Parameter, target: Target) -> Iterator[str]:
    """The pairs of values that the provider cannot tell apart though nobody has said so."""
    able = target.model.capabilities
    if any(parameter.label == name and moot(able) for name, moot in MOOT.items()):
        return
    outcomes = [outcome(request, target) for request in parameter.requests]
    usual = outcomes[0].changes
    for (i, one), (j, other) in combinations(enumerate(outcomes), 2):
        if parameter.named_by(one.refused) or parameter.named_by(other.refused):
            continue
        if one.refused is not None or other.refused is not None:
            yield f"{parameter.label} {i},{j}: refused, naming {one.refused!r} and {other.refused!r}"
        told = one.changes | other.changes
        if one.sent == other.sent and not any(reported(parameter, each, each in usual) for each in told):
            yield f"{parameter.label} {i},{j}: neither carried nor reported to {target.name}"


def reported(parameter: Parameter, change: tuple[str, str, str], usual: bool) -> bool:
    """Whether a change tells of the parameter. One made without it too does, where what holds it is gone."""
    path, kind, _ = change
    if usual:
        return kind in {"dropped", "emulated"} and parameter.inside(path)
    return parameter.named_by(path)


@pytest.mark.parametrize("parameter", PARAMETERS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_every_dialect_carries_or_reports(name: str, parameter: Parameter) -> None:
    """Two values of a parameter make two requests, or the report names it, or a refusal does."""
    plain = Provider("acme", "https://api.acme.test/v1", dialect=name)
    targets = [Target(plain, each) for each in MODELS]

    assert [each for target in targets for each in lost(parameter, target)] == []


@pytest.mark.parametrize("name", ROWS)
def test_every_provider_carries_or_reports(name: str) -> None:
    """What a provider's row renames, drops or bounds is carried or reported, for every parameter."""
    targets = [Target(ROWS[name], each) for each in MODELS]

    assert [each for target in targets for parameter in PARAMETERS for each in lost(parameter, target)] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_clamped_tells_from_what_to_what(name: str) -> None:
    """The report of a value that was moved has the value that was sent and the one that is asked for."""
    plain = Provider("acme", "https://api.acme.test/v1", dialect=name)
    small = Model("small", max_output_tokens=4_000, capabilities=MODELS[3].capabilities)
    wild = {
        "temperature": 1.7,
        "reasoning_effort": "max",
        "max_tokens": 3,
        "stop": [f"END{number}" for number in range(30)],
    }
    asked = [each for parameter in PARAMETERS for each in parameter.requests]
    asked += [{**request, name: wild[name]} for request in asked[:1] for name in wild]
    clamped = [
        change for model in (*MODELS, small) for each in asked for change in moved(each, Target(plain, model))
    ]

    assert clamped
    assert [each for each in clamped if each.was is None or each.now is None or each.was == each.now] == []


def moved(request: dict[str, Any], target: Target) -> list[Change]:
    try:
        asked = render(target, chat.parse_request(copy.deepcopy(request)))
    except InvalidRequest:
        return []
    return [change for change in asked.rendered.changes if change.kind == "clamped"]


def test_no_parameter_is_forgotten() -> None:
    """All that the OpenAI SDK knows as a parameter is in the table."""
    known = {*CompletionCreateParamsBase.__annotations__, *CompletionCreateParamsNonStreaming.__annotations__}
    listed = {parameter.path.partition(".")[0].partition("[")[0] for parameter in PARAMETERS}

    assert known - listed - OURS.keys() == set()


def test_the_values_are_worth_carrying() -> None:
    """No request of the table is told from another by a value that says what happens anyway."""
    for parameter in PARAMETERS:
        first, *others = parameter.requests
        assert all(other != first for other in others)
        if "." not in parameter.path and "[" not in parameter.path:
            assert not any(neutral(parameter.path, other[parameter.path]) for other in others)


def test_a_loss_is_found() -> None:
    """The test itself sees a parameter that vanishes."""
    silent = Target(Provider("acme", "https://api.acme.test/v1", drop=frozenset({"seed"})), Model("m"))
    seed = next(parameter for parameter in PARAMETERS if parameter.path == "seed")
    forgetful = Parameter("user", (seed.requests[0], seed.requests[1], seed.requests[2]))

    assert list(lost(seed, silent)) == []
    assert len(list(lost(forgetful, silent))) == 3
