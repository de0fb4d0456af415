"""Simulated providers, which have the rules of the real ones, accept every rendered parameter."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from tests.fakes.parameters import PARAMETERS, Parameter
from vaultcore.capability_matrix.simulated_dialect import simulated_dialects
from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.schema import Target
from vaultcore.client_apis import chat
from vaultcore.errors import InvalidRequest
from vaultcore.simulators.faults import SimulatedError
from vaultcore.simulators.server import BEHAVIORS
from vaultcore.upstream.provider_request import render

CATALOG = load_builtin()
HEADERS = {"content-type": "application/json", "anthropic-version": "2023-06-01"}
PROVIDER_JUDGED = {  # only the provider can judge these; it may reject them
    "an_option_of_tomorrow": "passed on: the provider may know it",
    "tools": "not every simulator has custom tools",
    "tools[0].function.strict": "the client's schema is not strict",
    "response_format.json_schema.strict": "the client's schema is not strict",
    "messages[2].thinking_blocks": "not signed",
}


def targets(name: str) -> list[Target]:
    """Return the simulated models at the first provider with the dialect."""
    row = next(
        (row for row in CATALOG.providers.values() if row.dialect == name), CATALOG.providers["openai"]
    )
    return [
        Target(row, replace(CATALOG.model(row.name, model), dialect=name)) for model in BEHAVIORS[name].MODELS
    ]


@pytest.mark.parametrize("parameter", PARAMETERS, ids=str)
@pytest.mark.parametrize("name", simulated_dialects())
def test_simulators_accept_rendered_requests(name: str, parameter: Parameter) -> None:
    """If the gateway does not reject a parameter, the provider accepts its rendering."""
    if parameter.path in PROVIDER_JUDGED:
        return
    for target in targets(name):
        for request in parameter.requests:
            try:
                provider_request = render(target, chat.parse_request(copy.deepcopy(request)))
            except InvalidRequest:
                continue
            stream = {"stream": True} if request.get("stream") else {}
            body = {**provider_request.rendered.body, "model": target.model.name, **stream}
            try:
                BEHAVIORS[provider_request.dialect].validate_request(HEADERS, body)
            except SimulatedError as error:
                pytest.fail(f"{target.name}: {error}")
