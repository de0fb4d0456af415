"""What is sent is taken: simulated providers, with the rules of the real ones, refuse nothing of it."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from tests.fakes.parameters import PARAMETERS, Parameter
from vaultcore.capability_matrix.subject import simulated
from vaultcore.catalog.load import builtin
from vaultcore.catalog.schema import Target
from vaultcore.client_apis import chat
from vaultcore.errors import InvalidRequest
from vaultcore.simulators.faults import Refused
from vaultcore.simulators.server import MANNERS
from vaultcore.upstream.client import render

CATALOG = builtin()
HEADERS = {"content-type": "application/json", "anthropic-version": "2023-06-01"}
THEIRS = {  # what only the provider can judge: that it refuses these is right
    "an_option_of_tomorrow": "passes to those who may know it",
    "tools": "custom tools are not simulated by all",
    "tools[0].function.strict": "the schema is the client's, and not as strict as it says",
    "response_format.json_schema.strict": "the schema is the client's, and not as strict as it says",
    "messages[2].thinking_blocks": "signed by nobody",
}


def targets(name: str) -> list[Target]:
    """The models that are simulated, at the first provider that speaks the dialect."""
    row = next(
        (row for row in CATALOG.providers.values() if row.dialect == name), CATALOG.providers["openai"]
    )
    return [
        Target(row, replace(CATALOG.model(row.name, model), dialect=name)) for model in MANNERS[name].MODELS
    ]


@pytest.mark.parametrize("parameter", PARAMETERS, ids=str)
@pytest.mark.parametrize("name", simulated())
def test_what_is_sent_is_taken(name: str, parameter: Parameter) -> None:
    """A parameter that is not refused here is in words that the provider knows."""
    if parameter.path in THEIRS:
        return
    for target in targets(name):
        for request in parameter.requests:
            try:
                asked = render(target, chat.parse_request(copy.deepcopy(request)))
            except InvalidRequest:
                continue
            stream = {"stream": True} if request.get("stream") else {}
            body = {**asked.rendered.body, "model": target.model.name, **stream}
            try:
                MANNERS[name].check(HEADERS, body)
            except Refused as error:
                pytest.fail(f"{target.name}: {error}")
