"""Every parameter is rendered, reported or rejected by every dialect and every provider of the catalog."""

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
from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.client_apis import chat
from vaultcore.dialects import DIALECTS, Change
from vaultcore.dialects.default_values import is_default
from vaultcore.errors import InvalidRequest
from vaultcore.upstream.provider_request import render

LEVELS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
ALL = {
    *("vision", "tools", "parallel_tools", "forced_tool_use", "structured_output", "prefill"),
    *("sampling_params", "mid_conversation_system", "prompt_cache"),
}
MODELS = [
    Model(name, max_output_tokens=9_000, capabilities=capabilities)
    for name, capabilities in {
        "unknown": Capabilities(),
        "capable": Capabilities(**dict.fromkeys(ALL, True), thinking="adaptive", effort_levels=LEVELS),
        "incapable": Capabilities(**dict.fromkeys(ALL, False), thinking="none"),
        "budget": Capabilities(thinking="budget", structured_output=True),
        "always": Capabilities(thinking="always", effort_levels=("low", "high")),
    }.items()
]
ROWS = load_builtin().providers
NO_EFFECT: dict[str, Callable[[Capabilities], bool]] = {  # no difference to render or report
    # a model that does not reason does so without any effort, and with the least
    "reasoning_effort=none": lambda capabilities: capabilities.thinking in (None, "none"),
    "reasoning_effort=minimal": lambda capabilities: capabilities.thinking in (None, "none"),
    # a label for the client
    "response_format.json_schema.name": lambda _: True,
    # every provider that enforces schemas does so strictly; for the others, response_format is reported
    "response_format.json_schema.strict": lambda _: True,
}
GATEWAY_FIELDS = {  # fields that the gateway handles for every provider, or that every request has
    "model": "the target's",
    "messages": "tested part by part",
    "stream_options": "the gateway always requests usage and hides it from clients that did not",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The rendered form of one request, or its rejection."""

    rendered: str = ""  # path and body
    changes: frozenset[tuple[str, str, str]] = frozenset()  # path, kind, reason
    rejected_param: str | None = None  # the param of the InvalidRequest


def outcome(request: dict[str, Any], target: Target) -> Outcome:
    try:
        provider_request = render(target, chat.parse_request(copy.deepcopy(request)))
    except InvalidRequest as error:
        return Outcome(rejected_param=error.param or "")
    rendered = provider_request.rendered
    changes = {(change.path, change.kind, change.reason) for change in rendered.changes}
    return Outcome(f"{provider_request.path} {json.dumps(rendered.body)}", frozenset(changes))


def silent_losses(parameter: Parameter, target: Target) -> Iterator[str]:
    """Yield the pairs of values that are rendered alike although no change reports it."""
    capabilities = target.model.capabilities
    if any(parameter.label == name and applies(capabilities) for name, applies in NO_EFFECT.items()):
        return
    outcomes = [outcome(request, target) for request in parameter.requests]
    default_changes = outcomes[0].changes
    for (i, one), (j, other) in combinations(enumerate(outcomes), 2):
        if parameter.named_by(one.rejected_param) or parameter.named_by(other.rejected_param):
            continue
        if one.rejected_param is not None or other.rejected_param is not None:
            params = f"{one.rejected_param!r} and {other.rejected_param!r}"
            yield f"{parameter.label} {i},{j}: rejected, naming {params}"
        changes = one.changes | other.changes
        is_reported = any(reports(parameter, each, by_default=each in default_changes) for each in changes)
        if one.rendered == other.rendered and not is_reported:
            yield f"{parameter.label} {i},{j}: neither rendered nor reported by {target.name}"


def reports(parameter: Parameter, change: tuple[str, str, str], *, by_default: bool) -> bool:
    """Return True if the change reports the parameter.

    A change that also happens without the parameter reports it only if it removes an object around it.
    """
    path, kind, _ = change
    if by_default:
        return kind in {"dropped", "emulated"} and parameter.inside(path)
    return parameter.named_by(path)


@pytest.mark.parametrize("parameter", PARAMETERS, ids=str)
@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_renders_or_reports(name: str, parameter: Parameter) -> None:
    """Two values of a parameter give two bodies, or the report or the rejection names the parameter."""
    plain = Provider("acme", "https://api.acme.test/v1", dialect=name)
    targets = [Target(plain, each) for each in MODELS]

    assert [each for target in targets for each in silent_losses(parameter, target)] == []


@pytest.mark.parametrize("name", ROWS)
def test_every_provider_renders_or_reports(name: str) -> None:
    """The columns of a provider's row cause no silent loss of any parameter."""
    targets = [Target(ROWS[name], each) for each in MODELS]

    losses = [loss for target in targets for each in PARAMETERS for loss in silent_losses(each, target)]

    assert losses == []


@pytest.mark.parametrize("name", DIALECTS)
def test_clamped_values_are_reported(name: str) -> None:
    """The report of a clamped value has the client's value and the rendered one."""
    plain = Provider("acme", "https://api.acme.test/v1", dialect=name)
    small = Model("small", max_output_tokens=4_000, capabilities=MODELS[3].capabilities)
    extreme = {
        "temperature": 1.7,
        "reasoning_effort": "max",
        "max_tokens": 3,
        "stop": [f"END{number}" for number in range(30)],
    }
    requests = [each for parameter in PARAMETERS for each in parameter.requests]
    requests += [{**request, name: extreme[name]} for request in requests[:1] for name in extreme]
    clamped = [
        change
        for model in (*MODELS, small)
        for request in requests
        for change in clamped_changes(request, Target(plain, model))
    ]

    assert clamped
    assert [each for each in clamped if each.was is None or each.now is None or each.was == each.now] == []


def clamped_changes(request: dict[str, Any], target: Target) -> list[Change]:
    try:
        rendered = render(target, chat.parse_request(copy.deepcopy(request))).rendered
    except InvalidRequest:
        return []
    return [change for change in rendered.changes if change.kind == "clamped"]


def test_the_table_has_every_parameter() -> None:
    """The table contains every parameter of the OpenAI SDK."""
    sdk_parameters = {
        *CompletionCreateParamsBase.__annotations__,
        *CompletionCreateParamsNonStreaming.__annotations__,
    }
    listed = {parameter.path.partition(".")[0].partition("[")[0] for parameter in PARAMETERS}

    assert sdk_parameters - listed - GATEWAY_FIELDS.keys() == set()


def test_the_values_differ_from_the_defaults() -> None:
    """No request of the table contains a default value, which a dialect may drop without a report."""
    for parameter in PARAMETERS:
        first, *others = parameter.requests
        assert all(other != first for other in others)
        if "." not in parameter.path and "[" not in parameter.path:
            assert not any(is_default(parameter.path, other[parameter.path]) for other in others)


def test_a_silent_loss_is_detected() -> None:
    """`silent_losses` detects a parameter that the rendering drops without a report."""
    silent = Target(Provider("acme", "https://api.acme.test/v1", drop=frozenset({"seed"})), Model("m"))
    seed = next(parameter for parameter in PARAMETERS if parameter.path == "seed")
    unreported = Parameter("user", (seed.requests[0], seed.requests[1], seed.requests[2]))

    assert list(silent_losses(seed, silent)) == []
    assert len(list(silent_losses(unreported, silent))) == 3
