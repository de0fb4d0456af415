"""Virtual keys as their holders meet them: through the whole gateway, to fake providers on sockets."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import ADMIN, bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeResponse, FakeProvider
from vaultcore.admission.caller import account
from vaultcore.limits import virtual_key
from vaultcore.limits.account import day_of
from vaultcore.money import from_usd
from vaultcore.services import Services
from vaultcore.store import document_types
from vaultcore.store.base import Document, DocumentKey
from vaultcore.usage.record import Record

QUESTION = {"model": "fast", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}


async def ask(client: httpx.AsyncClient, token: str, path: str = "/v1/chat/completions", **more: Any) -> Any:
    return await client.post(path, json={**QUESTION, **more}, headers=bearer(token))


async def records(services: Services) -> list[Record]:
    shelf = document_types.records_collection(day_of(services.clock.now()))
    return [Record.unpack(document.body) for document in await services.store.query(shelf, limit=1_000)]


class CountingStore:
    """A store of another's that counts what it is asked."""

    def __init__(self, store: Any) -> None:
        self._store, self.asked = store, Counter[str]()

    async def get(self, *keys: DocumentKey, prefetch: Sequence[str] = ()) -> list[Document | None]:
        self.asked["get"] += 1
        found: list[Document | None] = await self._store.get(*keys, prefetch=prefetch)
        return found

    def __getattr__(self, name: str) -> Any:
        self.asked[name] += 1
        return getattr(self._store, name)


def test_garbage_costs_no_look_at_the_store(tmp_path: Path) -> None:
    """1,000 made-up keys, near misses of a real one among them, are refused without a single store read."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def story(client: httpx.AsyncClient) -> tuple[Counter[str], set[int]]:
            token = await issue_key(services)
            counting = CountingStore(services.store)
            services.authenticator._store = counting  # type: ignore[assignment]
            made_up = [f"vg_{secrets.token_urlsafe(30)}" for _ in range(500)]
            near = [
                token[:place] + ("a" if token[place] != "a" else "b") + token[place + 1 :]
                for place in range(3, 43)
            ]
            odd = [
                "vg_",
                "vg_" + "é" * 40,
                token + "a",
                token[:-1],
                token.upper(),
                "vg_'; drop table keys; --",
            ]
            tokens = [*made_up, *near, *odd, *(f"vg_{number:040d}" for number in range(454))]
            found = [
                await client.get("/v1/key", headers={"authorization": f"Bearer {each}".encode()})
                for each in tokens
            ]
            return counting.asked, {response.status_code for response in found}

        asked, statuses = run_with_client(services, story)

    assert asked == Counter()
    assert statuses == {401}


def test_refusals_read_alike(tmp_path: Path) -> None:
    """Unknown, malformed, revoked, expired and admin keys, and none, get the same answer but its id."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def story(client: httpx.AsyncClient) -> list[tuple[int, bytes, list[tuple[str, str]]]]:
            revoked, expired = await issue_key(services), await issue_key(services, expires=1.0)
            for key in await services.keys.all():
                if key.expires is None:
                    await services.keys.revoke(key.id, "test")
            unknown = virtual_key.issue(secrets.token_bytes)
            tokens = [unknown, "vg_garbage", "ve-" + "0" * 40, revoked, expired, ADMIN, "", "Basic"]
            found = [await ask(client, token) for token in tokens]
            return [
                (
                    each.status_code,
                    each.content,
                    [(n, v) for n, v in each.headers.items() if n != "x-request-id"],
                )
                for each in found
            ]

        answers = run_with_client(services, story)

    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == 401


def test_only_a_digest_is_kept(tmp_path: Path) -> None:
    """Nothing in the store opens anything: the token is in no document, and a digest is no token."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def story(client: httpx.AsyncClient) -> None:
            token = await issue_key(services)
            documents = services.store._documents.values()  # type: ignore[attr-defined]
            kept = repr(list(documents))
            (key,) = await services.keys.all()
            found = key.tokens[0].digest

            assert token not in kept
            assert token[3:] not in kept
            assert repr(key).count(found) == 0
            for digest in (found, f"vg_{found}"[:43], f"vg_{found}"):
                assert (await ask(client, digest)).status_code == 401

        run_with_client(services, story)


def test_a_raised_limit_in_the_store_opens_nothing(tmp_path: Path) -> None:
    """A record that was changed by somebody without the pepper is no key any more."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def story(client: httpx.AsyncClient) -> tuple[int, int]:
            token = await issue_key(services, rpm=1)
            before = (await ask(client, token)).status_code
            for document in services.store._documents.values():  # type: ignore[attr-defined]
                if "signed" in document.body:
                    document.body["signed"]["limits"]["rpm"] = 1_000_000
            services.authenticator.forget()
            return before, (await ask(client, token)).status_code

        assert run_with_client(services, story) == (200, 401)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
@pytest.mark.parametrize("stream", [False, True])
def test_sixty_of_two_hundred(path: str, stream: bool, tmp_path: Path) -> None:
    """A limit of 60 a minute lets exactly 60 of 200 simultaneous requests pass, on every surface."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def story(client: httpx.AsyncClient) -> list[httpx.Response]:
            token = await issue_key(services, rpm=60)
            asked: dict[str, Any] = {"stream": stream}
            if path.endswith("responses"):
                asked |= {"input": "hi"}
            return await asyncio.gather(*(ask(client, token, path, **asked) for _ in range(200)))

        found = run_with_client(services, story)

    assert Counter(response.status_code for response in found) == {200: 60, 429: 140}
    assert len(provider.requests) == 60
    refused = next(response for response in found if response.status_code == 429)
    assert 1 <= int(refused.headers["retry-after"]) <= 61
    assert refused.headers["x-ratelimit-limit-requests"] == "60"
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    lefts = sorted(int(each.headers["x-ratelimit-remaining-requests"]) for each in found if each.is_success)
    assert lefts == list(range(60))


@pytest.mark.parametrize("seed", range(5))
def test_a_quota_holds_to_the_token(seed: int, tmp_path: Path) -> None:
    """Whatever 100 simultaneous requests use, a quota of tokens is never passed; records, account, sums and
    what the provider counted agree."""
    chance = secrets.SystemRandom()
    used = [(chance.randint(1, 12), chance.randint(1, 20)) for _ in range(100)]
    with FakeProvider() as provider:
        provider.script("gpt-fake", *(FakeResponse(usage=each, delay=0.002) for each in used))
        services = build_services(tmp_path, provider)

        async def story(client: httpx.AsyncClient) -> tuple[list[httpx.Response], Any, list[Record], Any]:
            token = await issue_key(services, tokens=1_000)
            found = await asyncio.gather(*(ask(client, token) for _ in range(100)))
            (key,) = await services.keys.all()
            (held,) = await services.store.accounts(account(key.id))
            sums = await services.store.query(document_types.usage_collection(day_of(services.clock.now())))
            return found, held, await records(services), sums

        found, held, kept, sums = run_with_client(services, story)

    passed = [response.json()["usage"] for response in found if response.status_code == 200]
    total = sum(each["prompt_tokens"] + each["completion_tokens"] for each in passed)
    assert {response.status_code for response in found} == {200, 429}
    assert len(passed) == len(provider.requests) >= 10
    assert held.tokens == held.tokens_held == total <= 1_000
    assert sum(each.prompt_tokens + each.completion_tokens for each in kept) == total
    assert sum(each.body["prompt_tokens"] + each.body["completion_tokens"] for each in sums) == total
    refused = next(response for response in found if response.status_code == 429)
    assert refused.json()["error"]["code"] == "quota_exceeded"
    assert refused.json()["error"]["type"] == "insufficient_quota"


def test_credits_hold_to_the_nano_dollar(tmp_path: Path) -> None:
    """Simultaneous requests never overdraw prepaid money; what is short is a 402; more helps at once."""
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(usage=(3, 20), delay=0.002))
        services = build_services(tmp_path, provider)

        async def story(client: httpx.AsyncClient) -> tuple[list[httpx.Response], Any, int, Any]:
            token = await issue_key(services, credits=from_usd("0.005"), rpm=None)
            found = await asyncio.gather(*(ask(client, token, model="one/gpt-fake") for _ in range(60)))
            (key,) = await services.keys.all()
            (held,) = await services.store.accounts(account(key.id))
            await services.keys.credit(key.id, from_usd("0.005"), "more", "test")
            after = (await ask(client, token, model="one/gpt-fake")).status_code
            told = await client.get("/v1/key", headers=bearer(token))
            return found, held, after, told.json()

        found, held, after, told = run_with_client(services, story)

    cost = 3 * 1_000 + 20 * 10_000  # nano-dollars: 1 and 10 USD per million
    statuses = Counter(response.status_code for response in found)
    assert set(statuses) == {200, 402}
    assert held.nanos == held.nanos_held == statuses[200] * cost <= 5_000_000
    assert {each.headers["x-vaultedge-cost-usd"] for each in found if each.is_success} == {"0.000203"}
    assert after == 200
    assert told["balance_usd"] == pytest.approx(0.01 - (statuses[200] + 1) * cost / 1e9)
    assert told["usage"]["requests"] == statuses[200] + 1


def test_a_failed_request_costs_nothing(tmp_path: Path) -> None:
    """Tokens and money that were reserved for a request which every provider failed are there again."""
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(status=500))
        provider.script("claude-fake", FakeResponse(status=500))
        services = build_services(tmp_path, provider, max_retries=0)

        async def story(client: httpx.AsyncClient) -> tuple[int, Any, list[Record]]:
            token = await issue_key(services, tokens=400)
            found = await ask(client, token)
            (key,) = await services.keys.all()
            (held,) = await services.store.accounts(account(key.id))
            return found.status_code, held, await records(services)

        status, held, kept = run_with_client(services, story)

    assert status == 502
    assert (held.tokens, held.tokens_held, held.nanos_held, dict(held.leases)) == (0, 0, 0, {})
    assert [(each.status, each.cost, each.completion_tokens) for each in kept] == [(502, 0, 0)]
    assert [tried.status for tried in kept[0].attempts]


@pytest.mark.parametrize(("told", "charged"), [((0, 0), (0, 0)), ((-5, 1), (0, 1)), ((10**12, 1), None)])
def test_usage_that_cannot_be(told: tuple[int, int], charged: tuple[int, int] | None, tmp_path: Path) -> None:
    """A zero is a zero; what no answer can have used is held to what it can, and flagged."""
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(usage=told))
        services = build_services(tmp_path, provider)

        async def story(client: httpx.AsyncClient) -> list[Record]:
            await ask(client, await issue_key(services, tokens=100_000))
            return await records(services)

        (record,) = run_with_client(services, story)

    assert record.status == 200
    if charged is None:
        assert 0 < record.prompt_tokens < 1_000
    else:
        assert (record.prompt_tokens, record.completion_tokens) == charged
    assert ("clamped" in record.flags) == (charged is None)


def test_a_request_without_a_bound_is_given_one(tmp_path: Path) -> None:
    """With a quota, an answer that the client leaves open is held to what was reserved; else it is not."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def story(client: httpx.AsyncClient) -> None:
            question = {name: value for name, value in QUESTION.items() if name != "max_tokens"}
            for token in (await issue_key(services, tokens=2_000), await issue_key(services)):
                response = await client.post("/v1/chat/completions", json=question, headers=bearer(token))
                assert response.status_code == 200

        run_with_client(services, story)

    held, free = (request.body for request in provider.requests)
    assert 0 < held["max_completion_tokens"] <= 500
    assert "max_completion_tokens" not in free


def test_a_stream_left_early_is_paid_for(tmp_path: Path) -> None:
    """Who hangs up pays the prompt and what was produced until then, and no more than was reserved."""
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(text="word " * 400, pause=0.01))
        services = build_services(tmp_path, provider)

        async def story(client: httpx.AsyncClient) -> list[Record]:
            token = await issue_key(services, tokens=100_000)
            body = {**QUESTION, "stream": True, "max_tokens": 1_000}
            gone = asyncio.Event()
            scope_body = httpx.Request("POST", "http://house/v1/chat/completions", json=body).content
            sent: list[bytes] = []

            async def receive() -> dict[str, Any]:
                if not sent:
                    sent.append(b"")
                    return {"type": "http.request", "body": scope_body, "more_body": False}
                await gone.wait()
                return {"type": "http.disconnect"}

            async def send(message: Any) -> None:
                sent.append(message.get("body", b""))
                if len(sent) > 8:
                    gone.set()

            scope = {
                "type": "http",
                "method": "POST",
                "path": "/v1/chat/completions",
                "query_string": b"",
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"authorization", f"Bearer {token}".encode()),
                ],
                "client": ("127.0.0.1", 1),
                "server": ("house", 80),
                "scheme": "http",
                "http_version": "1.1",
            }
            await client._transport.app(scope, receive, send)  # type: ignore[attr-defined]
            return await records(services)

        (record,) = run_with_client(services, story)

    assert record.status == 499
    assert record.flags == ("estimated",)
    assert record.prompt_tokens > 0
    assert 0 < record.completion_tokens < 400


@pytest.mark.parametrize(
    ("models", "model", "served"),
    [
        (("fast",), "fast", {"gpt-fake"}),
        (("gpt-fake",), "fast", {"gpt-fake"}),
        (("one/*",), "fast", {"gpt-fake"}),
        (("one/gpt-fake",), "fast", {"gpt-fake"}),
        (("two/claude-fake",), "fast", {"claude-fake"}),
        (("two/*",), "one/gpt-fake", set()),
        (("other",), "fast", set()),
        (("GPT-FAKE", "one/", "*", "one*"), "one/gpt-fake", set()),
    ],
)
def test_an_allow_list_holds_at_every_hop(
    models: tuple[str, ...], model: str, served: set[str], tmp_path: Path
) -> None:
    """Providers receive what a key's list lets through and nothing else; the rest is a 403, not listed."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def story(client: httpx.AsyncClient) -> tuple[httpx.Response, set[str]]:
            token = await issue_key(services, models=models)
            listed = (await client.get("/v1/models", headers=bearer(token))).json()["data"]
            return await ask(client, token, model=model), {each["id"] for each in listed}

        response, listed = run_with_client(services, story)

    assert {request.model for request in provider.requests} == served
    assert response.status_code == (200 if served else 403)
    assert (model in listed) == bool(served) or "/" in model
    if not served:
        assert response.json()["error"]["code"] == "model_not_allowed"


def test_a_fallback_to_a_forbidden_model_is_not_taken(tmp_path: Path) -> None:
    """Where the model allowed fails, a key's request fails too, rather than go where it may not."""
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(status=503))
        services = build_services(tmp_path, provider, max_retries=0)

        async def story(client: httpx.AsyncClient) -> httpx.Response:
            return await ask(client, await issue_key(services, models=("gpt-fake",)))  # type: ignore[no-any-return]

        response = run_with_client(services, story)

    assert response.status_code == 502
    assert {request.model for request in provider.requests} == {"gpt-fake"}


def test_networks_a_key_may_be_used_from(tmp_path: Path) -> None:
    """A key with networks is refused from anywhere else, whatever headers say where a request came from."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def story(client: httpx.AsyncClient) -> list[int]:
            here, there = (
                await issue_key(services, ips=("127.0.0.0/8",)),
                await issue_key(services, ips=("10.0.0.0/8",)),
            )
            forged = {**bearer(there), "x-forwarded-for": "10.1.2.3", "forwarded": "for=10.1.2.3"}
            return [
                (await ask(client, here)).status_code,
                (await ask(client, there)).status_code,
                (await client.post("/v1/chat/completions", json=QUESTION, headers=forged)).status_code,
            ]

        assert run_with_client(services, story) == [200, 403, 403]


def test_rotation_lets_both_tokens_in_for_a_while(tmp_path: Path) -> None:
    """After a rotation the new token works at once and the old one for its grace; they share one account."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def story(client: httpx.AsyncClient) -> tuple[list[int], int]:
            old = await issue_key(services, rpm=3)
            (key,) = await services.keys.all()
            new = (await services.keys.rotate(key.id, 60.0, "test")).token
            statuses = [(await ask(client, token)).status_code for token in (old, new, new, old)]
            newest = (await services.keys.rotate(key.id, 0.0, "test")).token
            statuses += [(await ask(client, token)).status_code for token in (old, new, newest)]
            return statuses, len(provider.requests)

        assert run_with_client(services, story) == ([200, 200, 200, 429, 401, 401, 429], 3)


def test_an_owner_and_the_gateway_are_limited_too(tmp_path: Path) -> None:
    """A request passes every level or none: keys of one owner share its limit, all keys the gateway's."""
    from vaultcore.control.limit_policies import LimitPolicies
    from vaultcore.limits.limits import Limits

    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def story(client: httpx.AsyncClient) -> tuple[Counter[int], Counter[int], int]:
            policies = LimitPolicies(
                services.store, services.secrets, services.clock, services.authenticator.forget
            )
            await policies.set_owner("team", Limits(rpm=10), "test")
            await policies.set_gateway(Limits(rpm=15), "test")
            team = [await issue_key(services, owner="team", rpm=100) for _ in range(2)]
            other = await issue_key(services, rpm=100)
            first = await asyncio.gather(*(ask(client, team[turn % 2]) for turn in range(40)))
            second = await asyncio.gather(*(ask(client, other) for _ in range(40)))
            keys = await services.keys.all()
            held = await services.store.accounts(*(account(key.id) for key in keys))
            return (
                Counter(each.status_code for each in first),
                Counter(each.status_code for each in second),
                sum(each.requests for each in held),
            )

        team, other, counted = run_with_client(services, story)

    assert team == {200: 10, 429: 30}
    assert other == {200: 5, 429: 35}
    assert counted == 15
