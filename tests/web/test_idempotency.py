"""`Idempotency-Key` as clients meet it: one upstream call and one charge, however often a request is sent."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.gateway_app import SYSTEM, bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeResponse, FakeProvider
from vaultcore.admission.caller import account
from vaultcore.limits.account import day_of
from vaultcore.limits.virtual_key import VirtualKey
from vaultcore.services import Services
from vaultcore.store import document_types
from vaultcore.usage.record import Record

CANARY = "Kanarienvogel"
TURN = {"role": "user", "content": f"How does a {CANARY} sing?"}
PICTURE = {"created": 1, "data": [{"b64_json": "aGk="}]}
VECTOR = {
    "object": "list",
    "model": "gpt-fake",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}],
    "usage": {"prompt_tokens": 3, "total_tokens": 3},
}


@dataclass(frozen=True, slots=True)
class Kind:
    """An endpoint, what it is asked, and what the provider says where its own good answer is none."""

    path: str
    body: dict[str, Any]
    said: dict[str, Any] | None = None

    def prepare(self, provider: FakeProvider, delay: float = 0.0) -> None:
        body = None if self.said is None else json.dumps(self.said).encode()
        provider.script("gpt-fake", FakeResponse(body=body, delay=delay))


KINDS = {
    "chat": Kind("/v1/chat/completions", {"model": "fast", "messages": [TURN]}),
    "messages": Kind("/v1/messages", {"model": "fast", "messages": [TURN], "max_tokens": 20}),
    "verbatim": Kind("/v1/messages", {"model": "turned", "messages": [TURN], "max_tokens": 20}),
    "responses": Kind("/v1/responses", {"model": "fast", "input": TURN["content"]}),
    "embeddings": Kind("/v1/embeddings", {"model": "one/gpt-fake", "input": CANARY}, VECTOR),
    "images": Kind("/v1/images/generations", {"model": "one/gpt-fake", "prompt": CANARY}, PICTURE),
}
CHAT = KINDS["chat"]


async def ask(
    client: httpx.AsyncClient, kind: Kind = CHAT, key: str = "k-1", token: str = SYSTEM, **more: Any
) -> httpx.Response:
    """A request with an idempotency key, and further headers."""
    headers = {**bearer(token), "idempotency-key": key, **more}
    return await client.post(kind.path, json=kind.body, headers=headers)


async def records(services: Services) -> list[Record]:
    shelf = document_types.records_collection(day_of(services.clock.now()))
    return [Record.unpack(document.body) for document in await services.store.query(shelf, limit=1_000)]


@pytest.mark.parametrize("store", ["memory:", "sqlite:{}/state.db"])
@pytest.mark.parametrize("name", KINDS)
def test_fifty_at_once_are_one(tmp_path: Path, name: str, store: str) -> None:
    """Of 50 parallel posts one is run and charged; the others are told to wait, or get its answer."""
    kind = KINDS[name]

    async def story(client: httpx.AsyncClient) -> None:
        token = await issue_key(services)
        answers = await asyncio.gather(*(ask(client, kind, token=token) for _ in range(50)))
        later = await asyncio.gather(*(ask(client, kind, token=token) for _ in range(5)))
        (first,) = [each for each in answers if each.status_code == 200 and not replayed(each)]
        others = [each for each in answers if each is not first]

        assert {each.status_code for each in others} <= {200, 409}
        assert {each.headers["retry-after"] for each in others if each.status_code == 409} == {"1"}
        for each in [*later, *(each for each in others if each.status_code == 200)]:
            assert replayed(each)
            assert (each.status_code, each.content) == (200, first.content)
            assert each.headers["content-type"] == first.headers["content-type"]
        (record,) = await records(services)
        (used,) = await services.store.accounts(account(record.key))
        assert (used.settled, used.nanos) == (1, record.cost or 0)

    with FakeProvider() as provider:
        services = build_services(tmp_path, provider, store=store.format(tmp_path))
        kind.prepare(provider, delay=0.1)
        run_with_client(services, story)

    assert len(provider.requests) == 1


def replayed(response: httpx.Response) -> bool:
    return response.headers.get("x-vaultedge-replayed") == "1"


def test_a_replay_says_that_it_is_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A replay has its own request id, costs nothing, tells who had answered, and is in the log as one."""

    async def story(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await ask(client), await ask(client)]

    with FakeProvider() as provider, caplog.at_level(logging.INFO, "vaultedge"):
        first, again = run_with_client(build_services(tmp_path, provider), story)

    assert first.headers["x-vaultedge-cost-usd"] != "0"
    assert again.headers["x-vaultedge-cost-usd"] == "0"
    assert not replayed(first)
    assert first.headers["x-request-id"] != again.headers["x-request-id"]
    for name in ("x-vaultedge-provider", "x-vaultedge-model", "cache-control"):
        assert again.headers[name] == first.headers[name]
    line = caplog.records[-1].__dict__["fields"]
    assert (line["request_id"], line["replayed"]) == (again.headers["x-request-id"], True)
    assert CANARY not in caplog.text


@pytest.mark.parametrize("name", KINDS)
def test_a_key_is_for_one_request(tmp_path: Path, name: str) -> None:
    """The same key with another body is refused, in the surface's own words, and no client repeats that."""
    kind = KINDS[name]
    other = replace(kind, body={**kind.body, "user": "somebody else", "metadata": {"user_id": "else"}})

    async def story(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await ask(client, kind), await ask(client, other)]

    with FakeProvider() as provider:
        kind.prepare(provider)
        first, refused = run_with_client(build_services(tmp_path, provider), story)

    assert (first.status_code, refused.status_code) == (200, 409)
    assert "idempotency" in refused.json()["error"]["message"]
    assert refused.headers["x-should-retry"] == "false"
    assert len(provider.requests) == 1


def test_what_the_answer_depends_on(tmp_path: Path) -> None:
    """Order and spaces of the body do not count; what changes the answer does, be it in a header."""
    turned = json.dumps({"messages": [TURN], "model": "fast"}, indent=4)
    changes = {
        "x-vaultedge-routing-strategy": "cheapest",
        "x-vaultedge-strict": "1",
        "x-vaultedge-explain": "1",
    }

    async def story(client: httpx.AsyncClient) -> None:
        await ask(client)
        headers = {"idempotency-key": "k-1", "content-type": "application/json"}
        same = await client.post(CHAT.path, content=turned, headers=headers)
        eager = await ask(client, **{"x-vaultedge-max-key-retries": "1", "user-agent": "another"})
        changed = [await ask(client, **{name: value}) for name, value in changes.items()]
        bounded = replace(CHAT, body={**CHAT.body, "max_tokens": 9})
        here = await ask(client, bounded, "k-2")
        elsewhere = await ask(client, replace(bounded, path="/v1/messages"), "k-2")

        assert replayed(same)
        assert replayed(eager)
        assert [each.json()["error"]["code"] for each in changed] == ["idempotency_key_reused"] * 3
        assert (here.status_code, elsewhere.status_code) == (200, 409)

    with FakeProvider() as provider:
        run_with_client(build_services(tmp_path, provider), story)


def test_forwarded_headers_count(tmp_path: Path) -> None:
    """A header that a provider is sent belongs to the request: another beta is another answer."""

    async def story(client: httpx.AsyncClient) -> list[int]:
        betas = ["one", "one", "two"]
        asked = [await ask(client, KINDS["verbatim"], **{"anthropic-beta": beta}) for beta in betas]
        return [each.status_code for each in asked]

    with FakeProvider() as provider:
        assert run_with_client(build_services(tmp_path, provider), story) == [200, 200, 409]


def test_tenants_do_not_meet(tmp_path: Path) -> None:
    """The same idempotency key of another virtual key, or of the system key, is another request."""

    async def story(client: httpx.AsyncClient) -> None:
        tokens = [await issue_key(services), await issue_key(services), SYSTEM]
        answers = [await ask(client, token=token) for token in tokens]
        again = [await ask(client, token=token) for token in tokens]

        assert not any(map(replayed, answers))
        assert all(map(replayed, again))

    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)
        run_with_client(services, story)

    assert len(provider.requests) == 3


def test_replays_pass_no_limit(tmp_path: Path) -> None:
    """A replay needs no room in any limit; a request that had none leaves its key free for the next try."""

    async def story(client: httpx.AsyncClient) -> None:
        token = await issue_key(services, rpm=1)
        first = await ask(client, token=token)
        again = [await ask(client, token=token) for _ in range(3)]
        refused = await ask(client, key="k-2", token=token)
        clock.time += 120
        later = await ask(client, key="k-2", token=token)

        assert first.status_code == 200
        assert all(map(replayed, again))
        assert refused.status_code == 429
        assert (later.status_code, replayed(later)) == (200, False)

    with FakeProvider() as provider:
        clock = FakeClock()
        services = build_services(tmp_path, provider, clock=clock)
        run_with_client(services, story)


def test_a_replay_is_for_who_may_still_ask(tmp_path: Path) -> None:
    """A key that lost the model, or was revoked, is refused its kept answers too."""

    async def story(client: httpx.AsyncClient) -> list[int]:
        issue = await services.keys.create(VirtualKey("", "a key", 0.0, ()), "r-1")
        asked = [await ask(client, token=issue.token)]
        await services.keys.change(issue.key.id, lambda key: replace(key, models=("two/other",)), "r-2")
        asked.append(await ask(client, token=issue.token))
        await services.keys.change(issue.key.id, lambda key: replace(key, models=("fast",)), "r-3")
        asked.append(await ask(client, token=issue.token))
        await services.keys.revoke(issue.key.id, "r-4")
        asked.append(await ask(client, token=issue.token))
        return [each.status_code for each in asked]

    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)
        assert run_with_client(services, story) == [200, 403, 200, 401]

    assert len(provider.requests) == 1


@pytest.mark.parametrize("sent", [[""], [" "], ["a b"], ["ü"], ["x" * 256], ["a", "a"], ["a\tb"]])
def test_keys_that_are_none(tmp_path: Path, sent: list[str]) -> None:
    """What is not 1 to 255 visible ASCII characters, sent once, is refused before anybody is asked."""

    async def story(client: httpx.AsyncClient) -> httpx.Response:
        headers = [("idempotency-key", each.encode()) for each in sent]
        return await client.post(CHAT.path, json=CHAT.body, headers=[*bearer(SYSTEM).items(), *headers])

    with FakeProvider() as provider:
        refused = run_with_client(build_services(tmp_path, provider), story)

    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "idempotency-key"
    assert provider.requests == []


@pytest.mark.parametrize("name", ["chat", "messages", "responses"])
def test_streams_take_no_key(tmp_path: Path, name: str) -> None:
    """With a key, a streamed request is refused: its answer would not be kept, and it could be run twice."""
    streamed = replace(KINDS[name], body={**KINDS[name].body, "stream": True})

    async def story(client: httpx.AsyncClient) -> httpx.Response:
        return await ask(client, streamed)

    with FakeProvider() as provider:
        refused = run_with_client(build_services(tmp_path, provider), story)

    assert refused.status_code == 400
    assert "stream" in refused.json()["error"]["message"]
    assert provider.requests == []


def test_every_visible_key_is_taken(tmp_path: Path) -> None:
    """All visible ASCII characters, and 255 of them, make a key."""
    keys = ["x", "x" * 255, "".join(map(chr, range(33, 127)))]

    async def story(client: httpx.AsyncClient) -> Counter[tuple[int, bool]]:
        asked = [await ask(client, key=key) for key in keys * 2]
        return Counter((each.status_code, replayed(each)) for each in asked)

    with FakeProvider() as provider:
        assert run_with_client(build_services(tmp_path, provider), story) == {(200, False): 3, (200, True): 3}


def test_openais_client_gets_the_answer_by_itself(tmp_path: Path) -> None:
    """OpenAI's client waits where it is told that its request is running, and then has the same answer."""

    async def story(client: httpx.AsyncClient) -> None:
        sdk = openai.AsyncOpenAI(api_key=SYSTEM, base_url="http://house/v1", http_client=client)

        async def create(content: str) -> str:
            asked = await sdk.chat.completions.create(
                model="fast",
                messages=[{"role": "user", "content": content}],
                extra_headers={"Idempotency-Key": "k-1"},
            )
            return asked.choices[0].message.content or ""

        assert len(set(await asyncio.gather(create("hi"), create("hi")))) == 1
        with pytest.raises(openai.ConflictError):
            await create("something else")

    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(delay=0.2))
        run_with_client(build_services(tmp_path, provider), story)

    assert len(provider.requests) == 1
