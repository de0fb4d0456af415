"""The translation report: counted in a header, returned on request, an error in strict mode."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from vaultcore.app import create_app
from vaultcore.capability_matrix.capabilities import PNG, QUESTION, WEATHER, chat_body, user_message
from vaultcore.capability_matrix.simulated_dialect import simulated_dialects as dialects
from vaultcore.catalog.load import load
from vaultcore.catalog.schema import Target
from vaultcore.client_apis import chat
from vaultcore.compose import compose
from vaultcore.dialects import report_changes
from vaultcore.secrets import FixedSecrets, Secrets, digest_key
from vaultcore.settings import Settings
from vaultcore.simulators.faults import InjectedFault
from vaultcore.simulators.server import BEHAVIORS, Simulator, simulated
from vaultcore.upstream.provider_request import render
from vaultcore.vault.keyring import Credential, Keyring

SYSTEM, ADMIN = "ve-" + "5" * 40, "va-" + "6" * 40
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Ulm"}'}}
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
LOSSY_REQUEST = chat_body(  # something in it is too much for everybody, and nothing for all of them
    user_message("call weather"),
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": [IMAGE]},
    user_message(QUESTION),
    tools=[WEATHER],
    logit_bias={"42": 5},
    verbosity="low",
)
PLAIN_REQUEST = {"messages": [user_message(QUESTION)]}
EXPLAIN = {"x-vaultedge-explain": "1"}
STRICT = {"x-vaultedge-strict": "1"}
ENVIRON = {"AWS_REGION": "eu-central-1"}
COMMENT = ": vaultedge "


@dataclass(frozen=True)
class SimulatedGateway:
    """The gateway with a simulated provider of every dialect, each under its own name in the catalog."""

    folder: Path
    providers: dict[str, Simulator]

    @property
    def overlay(self) -> Path:
        rows = {each.name: {"base_url": each.base_url, "local": True} for each in self.providers.values()}
        models = {"twice": {"primary": "anthropic/claude-sonnet-4-5", "fallbacks": ["openai/gpt-4o"]}}
        file = self.folder / "providers.yaml"
        file.write_text(json.dumps({"providers": rows, "models": models}))
        return file

    def model(self, dialect: str) -> str:
        """Return the name of a model whose requests are rendered in that dialect."""
        catalog = load(self.overlay, ENVIRON)
        for row in catalog.providers.values():
            if row.dialect == dialect:
                return f"{row.name}/{BEHAVIORS[dialect].MODELS[0]}"
        openai = catalog.providers["openai"]
        names = (name for name in catalog.ids(openai) if catalog.model("openai", name).dialect == dialect)
        return f"openai/{next(names)}"

    def target(self, dialect: str) -> Target:
        catalog, (provider, _, name) = load(self.overlay, ENVIRON), self.model(dialect).partition("/")
        return catalog.target(catalog.providers[provider], name)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        keyring = Keyring(Credential(each.name, each.key) for each in self.providers.values())
        secrets = FixedSecrets(Secrets(keyring, digest_key(SYSTEM), digest_key(ADMIN)))
        services = compose(
            Settings(providers_file=self.overlay, home=self.folder, backoff=0.0, environ=ENVIRON), secrets
        )

        async def scenario() -> httpx.Response:
            all_headers = {"authorization": f"Bearer {SYSTEM}", **headers}
            transport = httpx.ASGITransport(create_app(services))
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
                try:
                    return await client.post(path, json=body, headers=all_headers)
                finally:
                    await services.gateway.upstream.aclose()

        return asyncio.run(scenario())

    def chat(self, dialect: str, request: Any, *, stream: bool = False, **headers: str) -> httpx.Response:
        body = {**request, "model": self.model(dialect), **({"stream": True} if stream else {})}
        return self.post("/v1/chat/completions", body, **headers)

    def changes(self, dialect: str, request: Any) -> list[Any]:
        """Return the changes that the translation of a request makes."""
        return list(render(self.target(dialect), chat.parse_request(request)).rendered.changes)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedGateway]:
    rows = load(None).providers.values()
    own = {row.name: row.dialect for row in reversed([*rows]) if row.dialect in BEHAVIORS}
    first = {dialect: name for name, dialect in own.items()}
    with simulated({name: dialect for dialect, name in first.items()}) as running:
        yield SimulatedGateway(tmp_path_factory.mktemp("gateway"), running)


def comments(response: httpx.Response) -> list[str]:
    return [line for line in response.text.splitlines() if line.startswith(COMMENT)]


@pytest.mark.parametrize("stream", [False, True], ids=["buffered", "streamed"])
@pytest.mark.parametrize("dialect", dialects())
def test_changes_are_counted_and_reported(gateway: SimulatedGateway, dialect: str, *, stream: bool) -> None:
    """The header has the number of changes; the report on request has path, kind, from, to and reason of
    each."""
    request = {**LOSSY_REQUEST, **({"stream": True} if stream else {})}
    changes = report_changes(gateway.changes(dialect, request))
    response = gateway.chat(dialect, LOSSY_REQUEST, stream=stream, **EXPLAIN)

    assert response.status_code == 200, response.text
    assert changes
    assert response.headers["x-vaultedge-translation"] == str(len(changes))
    if stream:
        (comment,) = comments(response)
        assert json.loads(comment.removeprefix(COMMENT))["translation"] == json.loads(json.dumps(changes))
    else:
        assert response.json()["vaultedge"] == {"translation": json.loads(json.dumps(changes))}
    assert all(set(each) == {"path", "kind", "from", "to", "reason"} for each in changes)


@pytest.mark.parametrize("stream", [False, True], ids=["buffered", "streamed"])
@pytest.mark.parametrize("dialect", dialects())
def test_no_report_without_the_header(gateway: SimulatedGateway, dialect: str, *, stream: bool) -> None:
    """Without x-vaultedge-explain the response has no report; the number of changes is in the header
    anyway."""
    response = gateway.chat(dialect, LOSSY_REQUEST, stream=stream)

    assert response.status_code == 200, response.text
    assert "vaultedge" not in response.text
    assert int(response.headers["x-vaultedge-translation"]) > 0


@pytest.mark.parametrize("dialect", dialects())
def test_no_changes_are_an_empty_report(gateway: SimulatedGateway, dialect: str) -> None:
    """A request that every dialect supports has no count and an empty report."""
    response = gateway.chat(dialect, PLAIN_REQUEST, **EXPLAIN)

    assert "x-vaultedge-translation" not in response.headers
    assert response.json()["vaultedge"] == {"translation": []}


@pytest.mark.parametrize("stream", [False, True], ids=["buffered", "streamed"])
@pytest.mark.parametrize("dialect", dialects())
def test_strict_mode_rejects_losses(gateway: SimulatedGateway, dialect: str, *, stream: bool) -> None:
    """A loss is a 400 error that names the parameter, before any call. Equivalent changes are accepted."""
    lossy = [change for change in gateway.changes(dialect, LOSSY_REQUEST) if change.lossy]
    scripts = [each.script.requests for each in gateway.providers.values()]
    before = sum(map(len, scripts))
    response = gateway.chat(dialect, LOSSY_REQUEST, stream=stream, **STRICT)

    if not lossy:
        assert response.status_code == 200, response.text
        return
    error = response.json()["error"]
    assert response.status_code == 400
    assert (error["type"], error["code"]) == ("invalid_request_error", "unsupported_parameter")
    assert error["param"] == lossy[0].path
    assert lossy[0].reason in error["message"]
    assert sum(map(len, scripts)) == before


@pytest.mark.parametrize("dialect", dialects())
def test_strict_mode_accepts_requests_without_losses(gateway: SimulatedGateway, dialect: str) -> None:
    """A request without losses gets a normal response in strict mode."""
    response = gateway.chat(dialect, PLAIN_REQUEST, **STRICT)

    assert response.status_code == 200, response.text
    assert QUESTION in response.json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("path", "more"),
    [
        (
            "/v1/messages",
            {"max_tokens": 500, "messages": [user_message(QUESTION)], "stop_sequences": ["END"]},
        ),
        ("/v1/responses", {"input": QUESTION, "prompt_cache_key": "one"}),
    ],
)
@pytest.mark.parametrize("dialect", dialects())
def test_other_client_apis_report_changes(
    gateway: SimulatedGateway, dialect: str, path: str, more: Any
) -> None:
    """The report of Messages and Responses has as many entries as the header counts."""
    response = gateway.post(path, {"model": gateway.model(dialect), **more}, **EXPLAIN)
    changes = response.json()["vaultedge"]["translation"]

    assert response.status_code == 200, response.text
    assert response.headers.get("x-vaultedge-translation", "0") == str(len(changes))


def test_the_report_is_about_the_final_target(gateway: SimulatedGateway) -> None:
    """After a fallback the report lists the changes for the target that responded."""
    request = {**PLAIN_REQUEST, "model": "twice", "seed": 7}
    first = gateway.post("/v1/chat/completions", request, **EXPLAIN)
    gateway.providers["anthropic"].script.queue("claude-sonnet-4-5", *[InjectedFault(status=500)] * 4)
    second = gateway.post("/v1/chat/completions", request, **EXPLAIN)
    gateway.providers["anthropic"].script.clear()

    assert [each["path"] for each in first.json()["vaultedge"]["translation"]] == ["seed"]
    assert second.headers["x-vaultedge-provider"] == "openai"
    assert second.json()["vaultedge"]["translation"] == []
    assert "x-vaultedge-translation" not in second.headers
