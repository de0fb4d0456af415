"""The translation report from the outside: counted in a header, told on demand, refused in strict mode."""

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
PICTURE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
TOLD = chat_body(  # something in it is too much for everybody, and nothing for all of them
    user_message("call weather"),
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": [PICTURE]},
    user_message(QUESTION),
    tools=[WEATHER],
    logit_bias={"42": 5},
    verbosity="low",
)
PLAIN = {"messages": [user_message(QUESTION)]}
WORDY = {"x-vaultedge-explain": "1"}
STRICT = {"x-vaultedge-strict": "1"}
ENVIRON = {"AWS_REGION": "eu-central-1"}
COMMENT = ": vaultedge "


@dataclass(frozen=True)
class House:
    """The gateway over a simulated provider of every dialect, each under its own name in the catalog."""

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
        """A name that leads to a model which is spoken to in that dialect."""
        catalog = load(self.overlay, ENVIRON)
        for row in catalog.providers.values():
            if row.dialect == dialect:
                return f"{row.name}/{BEHAVIORS[dialect].MODELS[0]}"
        openai = catalog.providers["openai"]
        found = (name for name in catalog.ids(openai) if catalog.model("openai", name).dialect == dialect)
        return f"openai/{next(found)}"

    def target(self, dialect: str) -> Target:
        catalog, (provider, _, name) = load(self.overlay, ENVIRON), self.model(dialect).partition("/")
        return catalog.target(catalog.providers[provider], name)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        keyring = Keyring(Credential(each.name, each.key) for each in self.providers.values())
        secrets = FixedSecrets(Secrets(keyring, digest_key(SYSTEM), digest_key(ADMIN)))
        services = compose(
            Settings(providers_file=self.overlay, home=self.folder, backoff=0.0, environ=ENVIRON), secrets
        )

        async def story() -> httpx.Response:
            sent = {"authorization": f"Bearer {SYSTEM}", **headers}
            transport = httpx.ASGITransport(create_app(services))
            async with httpx.AsyncClient(transport=transport, base_url="http://house") as client:
                try:
                    return await client.post(path, json=body, headers=sent)
                finally:
                    await services.gateway.upstream.aclose()

        return asyncio.run(story())

    def chat(self, dialect: str, request: Any, *, stream: bool = False, **headers: str) -> httpx.Response:
        body = {**request, "model": self.model(dialect), **({"stream": True} if stream else {})}
        return self.post("/v1/chat/completions", body, **headers)

    def changes(self, dialect: str, request: Any) -> list[Any]:
        """What the translation itself says of a request."""
        return list(render(self.target(dialect), chat.parse_request(request)).rendered.changes)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    rows = load(None).providers.values()
    own = {row.name: row.dialect for row in reversed([*rows]) if row.dialect in BEHAVIORS}
    first = {dialect: name for name, dialect in own.items()}
    with simulated({name: dialect for dialect, name in first.items()}) as running:
        yield House(tmp_path_factory.mktemp("house"), running)


def comments(answer: httpx.Response) -> list[str]:
    return [line for line in answer.text.splitlines() if line.startswith(COMMENT)]


@pytest.mark.parametrize("stream", [False, True], ids=["buffered", "streamed"])
@pytest.mark.parametrize("dialect", dialects())
def test_changes_are_counted_and_told(house: House, dialect: str, *, stream: bool) -> None:
    """The header counts what was changed; who asks is told of each: path, kind, from, to and reason."""
    request = {**TOLD, **({"stream": True} if stream else {})}
    told = report_changes(house.changes(dialect, request))
    answer = house.chat(dialect, TOLD, stream=stream, **WORDY)

    assert answer.status_code == 200, answer.text
    assert told
    assert answer.headers["x-vaultedge-translation"] == str(len(told))
    if stream:
        (comment,) = comments(answer)
        assert json.loads(comment.removeprefix(COMMENT))["translation"] == json.loads(json.dumps(told))
    else:
        assert answer.json()["vaultedge"] == {"translation": json.loads(json.dumps(told))}
    assert all(set(each) == {"path", "kind", "from", "to", "reason"} for each in told)


@pytest.mark.parametrize("stream", [False, True], ids=["buffered", "streamed"])
@pytest.mark.parametrize("dialect", dialects())
def test_who_does_not_ask_is_not_told(house: House, dialect: str, *, stream: bool) -> None:
    """Without the header the answer is a plain one; the count is there all the same."""
    answer = house.chat(dialect, TOLD, stream=stream)

    assert answer.status_code == 200, answer.text
    assert "vaultedge" not in answer.text
    assert int(answer.headers["x-vaultedge-translation"]) > 0


@pytest.mark.parametrize("dialect", dialects())
def test_nothing_changed_is_nothing_told(house: House, dialect: str) -> None:
    """A request that every dialect can carry has no count, and an empty list."""
    answer = house.chat(dialect, PLAIN, **WORDY)

    assert "x-vaultedge-translation" not in answer.headers
    assert answer.json()["vaultedge"] == {"translation": []}


@pytest.mark.parametrize("stream", [False, True], ids=["buffered", "streamed"])
@pytest.mark.parametrize("dialect", dialects())
def test_strict_refuses_what_would_be_lost(house: House, dialect: str, *, stream: bool) -> None:
    """A loss is a 400 that names the parameter, and nobody was asked; what is only said otherwise passes."""
    lossy = [change for change in house.changes(dialect, TOLD) if change.lossy]
    scripts = [each.script.requests for each in house.providers.values()]
    before = sum(map(len, scripts))
    answer = house.chat(dialect, TOLD, stream=stream, **STRICT)

    if not lossy:
        assert answer.status_code == 200, answer.text
        return
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert (error["type"], error["code"]) == ("invalid_request_error", "unsupported_parameter")
    assert error["param"] == lossy[0].path
    assert lossy[0].reason in error["message"]
    assert sum(map(len, scripts)) == before


@pytest.mark.parametrize("dialect", dialects())
def test_strict_lets_pass_what_is_whole(house: House, dialect: str) -> None:
    """A request that loses nothing is answered in strict mode as ever."""
    answer = house.chat(dialect, PLAIN, **STRICT)

    assert answer.status_code == 200, answer.text
    assert QUESTION in answer.json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/v1/messages", {"max_tokens": 500, "messages": [user_message(QUESTION)], "stop_sequences": ["END"]}),
        ("/v1/responses", {"input": QUESTION, "prompt_cache_key": "one"}),
    ],
)
@pytest.mark.parametrize("dialect", dialects())
def test_other_surfaces_tell_it_too(house: House, dialect: str, path: str, more: Any) -> None:
    """Messages and Responses carry the same list, as long as what was changed."""
    answer = house.post(path, {"model": house.model(dialect), **more}, **WORDY)
    told = answer.json()["vaultedge"]["translation"]

    assert answer.status_code == 200, answer.text
    assert answer.headers.get("x-vaultedge-translation", "0") == str(len(told))


def test_the_report_is_of_the_one_who_answered(house: House) -> None:
    """After a failover it tells what was changed for who answered, not for who failed."""
    request = {**PLAIN, "model": "twice", "seed": 7}
    first = house.post("/v1/chat/completions", request, **WORDY)
    house.providers["anthropic"].script.queue("claude-sonnet-4-5", *[InjectedFault(status=500)] * 4)
    second = house.post("/v1/chat/completions", request, **WORDY)
    house.providers["anthropic"].script.clear()

    assert [each["path"] for each in first.json()["vaultedge"]["translation"]] == ["seed"]
    assert second.headers["x-vaultedge-provider"] == "openai"
    assert second.json()["vaultedge"]["translation"] == []
    assert "x-vaultedge-translation" not in second.headers
