"""Virtual keys through the whole gateway, with fake providers on sockets."""

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
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.admission.caller import account
from vaultcore.ledger.queries import TimeRange, read_usage
from vaultcore.limits import virtual_key
from vaultcore.limits.account import day_of
from vaultcore.money import from_usd
from vaultcore.services import Services
from vaultcore.store import document_types
from vaultcore.store.base import Document, DocumentKey
from vaultcore.usage.record import Record

BODY = {"model": "fast", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}


async def post_chat(
    client: httpx.AsyncClient, token: str, path: str = "/v1/chat/completions", **more: Any
) -> Any:
    return await client.post(path, json={**BODY, **more}, headers=bearer(token))


async def load_records(services: Services) -> list[Record]:
    collection = document_types.records_collection(day_of(services.clock.now()))
    return [Record.unpack(document.body) for document in await services.store.query(collection, limit=1_000)]


class CountingStore:
    """A store that counts its calls and forwards them to another store."""

    def __init__(self, store: Any) -> None:
        self._store, self.counts = store, Counter[str]()

    async def get(self, *keys: DocumentKey, prefetch: Sequence[str] = ()) -> list[Document | None]:
        self.counts["get"] += 1
        documents: list[Document | None] = await self._store.get(*keys, prefetch=prefetch)
        return documents

    def __getattr__(self, name: str) -> Any:
        self.counts[name] += 1
        return getattr(self._store, name)


def test_invalid_tokens_are_rejected_without_the_store(tmp_path: Path) -> None:
    """1,000 invalid tokens, some similar to a real one, are rejected without a single store read."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> tuple[Counter[str], set[int]]:
            token = await issue_key(services)
            counting = CountingStore(services.store)
            services.authenticator._store = counting  # type: ignore[assignment]
            invented = [f"vg_{secrets.token_urlsafe(30)}" for _ in range(500)]
            similar = [
                token[:place] + ("a" if token[place] != "a" else "b") + token[place + 1 :]
                for place in range(3, 43)
            ]
            malformed = [
                "vg_",
                "vg_" + "é" * 40,
                token + "a",
                token[:-1],
                token.upper(),
                "vg_'; drop table keys; --",
            ]
            tokens = [*invented, *similar, *malformed, *(f"vg_{number:040d}" for number in range(454))]
            responses = [
                await client.get("/v1/key", headers={"authorization": f"Bearer {each}".encode()})
                for each in tokens
            ]
            return counting.counts, {response.status_code for response in responses}

        counts, statuses = run_with_client(services, scenario)

    assert counts == Counter()
    assert statuses == {401}


def test_every_authentication_error_is_the_same(tmp_path: Path) -> None:
    """Unknown, malformed, revoked, expired, admin and missing keys get the same response, except its request
    id."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> list[tuple[int, bytes, list[tuple[str, str]]]]:
            revoked, expired = await issue_key(services), await issue_key(services, expires=1.0)
            for key in await services.keys.all():
                if key.expires is None:
                    await services.keys.revoke(key.id, "test")
            unknown = virtual_key.issue(secrets.token_bytes)
            tokens = [unknown, "vg_garbage", "ve-" + "0" * 40, revoked, expired, ADMIN, "", "Basic"]
            responses = [await post_chat(client, token) for token in tokens]
            return [
                (
                    each.status_code,
                    each.content,
                    [(n, v) for n, v in each.headers.items() if n != "x-request-id"],
                )
                for each in responses
            ]

        contents = run_with_client(services, scenario)

    assert all(content == contents[0] for content in contents)
    assert contents[0][0] == 401


def test_only_a_digest_is_stored(tmp_path: Path) -> None:
    """The store contains no token, and a stored digest does not authenticate."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> None:
            token = await issue_key(services)
            documents = services.store._documents.values()  # type: ignore[attr-defined]
            stored = repr(list(documents))
            (key,) = await services.keys.all()
            key_digest = key.tokens[0].digest

            assert token not in stored
            assert token[3:] not in stored
            assert repr(key).count(key_digest) == 0
            for digest in (key_digest, f"vg_{key_digest}"[:43], f"vg_{key_digest}"):
                assert (await post_chat(client, digest)).status_code == 401

        run_with_client(services, scenario)


def test_a_tampered_key_record_is_rejected(tmp_path: Path) -> None:
    """A key record that was changed without the pepper no longer authenticates."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> tuple[int, int]:
            token = await issue_key(services, rpm=1)
            before = (await post_chat(client, token)).status_code
            for document in services.store._documents.values():  # type: ignore[attr-defined]
                if "signed" in document.body:
                    document.body["signed"]["limits"]["rpm"] = 1_000_000
            services.authenticator.forget()
            return before, (await post_chat(client, token)).status_code

        assert run_with_client(services, scenario) == (200, 401)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
@pytest.mark.parametrize("stream", [False, True])
def test_the_rate_limit_admits_60_of_200(path: str, stream: bool, tmp_path: Path) -> None:
    """A limit of 60 requests per minute admits exactly 60 of 200 concurrent requests, on every client API."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> list[httpx.Response]:
            token = await issue_key(services, rpm=60)
            fields: dict[str, Any] = {"stream": stream}
            if path.endswith("responses"):
                fields |= {"input": "hi"}
            return await asyncio.gather(*(post_chat(client, token, path, **fields) for _ in range(200)))

        responses = run_with_client(services, scenario)

    assert Counter(response.status_code for response in responses) == {200: 60, 429: 140}
    assert len(provider.requests) == 60
    refused = next(response for response in responses if response.status_code == 429)
    assert 1 <= int(refused.headers["retry-after"]) <= 61
    assert refused.headers["x-ratelimit-limit-requests"] == "60"
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    remaining = sorted(
        int(each.headers["x-ratelimit-remaining-requests"]) for each in responses if each.is_success
    )
    assert remaining == list(range(60))


@pytest.mark.parametrize("seed", range(5))
def test_a_quota_is_never_exceeded(seed: int, tmp_path: Path) -> None:
    """100 concurrent requests never exceed a token quota. Records, account, daily usage and the provider
    agree."""
    random = secrets.SystemRandom()
    used = [(random.randint(1, 12), random.randint(1, 20)) for _ in range(100)]
    with FakeProvider() as provider:
        provider.script("gpt-fake", *(FakeResponse(usage=each, delay=0.002) for each in used))
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> tuple[list[httpx.Response], Any, list[Record], Any]:
            token = await issue_key(services, tokens=1_000)
            responses = await asyncio.gather(*(post_chat(client, token) for _ in range(100)))
            (key,) = await services.keys.all()
            (balance,) = await services.store.accounts(account(key.id))
            now = services.clock.now()
            usage = await read_usage(services.store, TimeRange(now - 60, now + 1), key.id)
            return responses, balance, await load_records(services), [each.totals for each in usage]

        responses, balance, stored, sums = run_with_client(services, scenario)

    usages = [response.json()["usage"] for response in responses if response.status_code == 200]
    total = sum(each["prompt_tokens"] + each["completion_tokens"] for each in usages)
    assert {response.status_code for response in responses} == {200, 429}
    assert len(usages) == len(provider.requests) >= 10
    assert balance.tokens == balance.tokens_held == total <= 1_000
    assert sum(each.prompt_tokens + each.completion_tokens for each in stored) == total
    assert sum(each.prompt_tokens + each.completion_tokens for each in sums) == total
    refused = next(response for response in responses if response.status_code == 429)
    assert refused.json()["error"]["code"] == "quota_exceeded"
    assert refused.json()["error"]["type"] == "insufficient_quota"


def test_credits_are_exact_to_the_nano_dollar(tmp_path: Path) -> None:
    """Concurrent requests never overdraw credits. A request over the balance is a 402; new credits apply at
    once."""
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(usage=(3, 20), delay=0.002))
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> tuple[list[httpx.Response], Any, int, Any]:
            token = await issue_key(services, credits=from_usd("0.005"), rpm=None)
            responses = await asyncio.gather(
                *(post_chat(client, token, model="one/gpt-fake") for _ in range(60))
            )
            (key,) = await services.keys.all()
            (balance,) = await services.store.accounts(account(key.id))
            await services.keys.credit(key.id, from_usd("0.005"), "more", "test")
            after = (await post_chat(client, token, model="one/gpt-fake")).status_code
            key_info = await client.get("/v1/key", headers=bearer(token))
            return responses, balance, after, key_info.json()

        responses, balance, after, key_info = run_with_client(services, scenario)

    cost = 3 * 1_000 + 20 * 10_000  # nano-dollars: 1 and 10 USD per million
    statuses = Counter(response.status_code for response in responses)
    assert set(statuses) == {200, 402}
    assert balance.nanos == balance.nanos_held == statuses[200] * cost <= 5_000_000
    assert {each.headers["x-vaultedge-cost-usd"] for each in responses if each.is_success} == {"0.000203"}
    assert after == 200
    assert key_info["balance_usd"] == pytest.approx(0.01 - (statuses[200] + 1) * cost / 1e9)
    assert key_info["usage"]["requests"] == statuses[200] + 1


def test_a_failed_request_costs_nothing(tmp_path: Path) -> None:
    """If every provider fails, the reserved tokens and money are released and nothing is charged."""
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(status=500))
        provider.script("claude-fake", FakeResponse(status=500))
        services = build_services(tmp_path, provider, max_retries=0)

        async def scenario(client: httpx.AsyncClient) -> tuple[int, Any, list[Record]]:
            token = await issue_key(services, tokens=400)
            response = await post_chat(client, token)
            (key,) = await services.keys.all()
            (balance,) = await services.store.accounts(account(key.id))
            return response.status_code, balance, await load_records(services)

        status, balance, stored = run_with_client(services, scenario)

    assert status == 502
    assert (balance.tokens, balance.tokens_held, balance.nanos_held, balance.in_flight) == (0, 0, 0, 0)
    assert [(each.status, each.cost, each.completion_tokens) for each in stored] == [(502, 0, 0)]
    assert [attempt.status for attempt in stored[0].attempts]


@pytest.mark.parametrize(
    ("reported", "charged", "flags"),
    [
        ((0, 0), (0, 0), ()),
        ((500_000, 10), (500_000, 10), ()),
        ((-5, 1), (5, 6), ("implausible", "estimated")),
        ((10**15, 1), (5, 6), ("implausible", "estimated")),
        ((10**12, 1), (18, 20), ("implausible",)),
    ],
)
def test_impossible_usage_is_not_charged(
    reported: tuple[int, int], charged: tuple[int, int], flags: tuple[str, ...], tmp_path: Path
) -> None:
    """Zero is zero, and possible usage is charged in full. More than the model can use costs the reservation,
    and a count that is none an estimate; the record then has the provider's counts and a flag."""
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(usage=reported))
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> list[Record]:
            await post_chat(client, await issue_key(services, tokens=100_000))
            return await load_records(services)

        (record,) = run_with_client(services, scenario)

    assert record.status == 200
    assert (record.prompt_tokens, record.completion_tokens) == charged
    assert tuple(record.flags) == flags
    assert (record.reported_usage or {}).get("completion_tokens") == (reported[1] if flags else None)


def test_a_quota_caps_open_ended_requests(tmp_path: Path) -> None:
    """With a quota, a request without a token maximum gets the reserved maximum; without a quota it is
    unchanged."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> None:
            body = {name: value for name, value in BODY.items() if name != "max_tokens"}
            for token in (await issue_key(services, tokens=2_000), await issue_key(services)):
                response = await client.post("/v1/chat/completions", json=body, headers=bearer(token))
                assert response.status_code == 200

        run_with_client(services, scenario)

    capped, uncapped = (request.body for request in provider.requests)
    assert 0 < capped["max_completion_tokens"] <= 500
    assert "max_completion_tokens" not in uncapped


def test_a_disconnected_stream_is_charged(tmp_path: Path) -> None:
    """After a disconnect the prompt and the text received so far are charged, at most the reserved amount."""
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(text="word " * 400, pause=0.01))
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> list[Record]:
            token = await issue_key(services, tokens=100_000)
            body = {**BODY, "stream": True, "max_tokens": 1_000}
            disconnected = asyncio.Event()
            scope_body = httpx.Request("POST", "http://gateway/v1/chat/completions", json=body).content
            sent: list[bytes] = []

            async def receive() -> dict[str, Any]:
                if not sent:
                    sent.append(b"")
                    return {"type": "http.request", "body": scope_body, "more_body": False}
                await disconnected.wait()
                return {"type": "http.disconnect"}

            async def send(message: Any) -> None:
                sent.append(message.get("body", b""))
                if len(sent) > 8:
                    disconnected.set()

            scope = {
                "type": "http",
                "method": "POST",
                "path": "/v1/chat/completions",
                "query_string": b"",
                "headers": [
                    (b"host", b"gateway"),
                    (b"content-type", b"application/json"),
                    (b"authorization", f"Bearer {token}".encode()),
                ],
                "client": ("127.0.0.1", 1),
                "server": ("gateway", 80),
                "scheme": "http",
                "http_version": "1.1",
            }
            await client._transport.app(scope, receive, send)  # type: ignore[attr-defined]
            return await load_records(services)

        (record,) = run_with_client(services, scenario)

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
def test_the_allowlist_applies_to_every_target(
    models: tuple[str, ...], model: str, served: set[str], tmp_path: Path
) -> None:
    """Providers receive only requests that the key's allowlist permits. Others get 403 and are not listed."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> tuple[httpx.Response, set[str]]:
            token = await issue_key(services, models=models)
            listed = (await client.get("/v1/models", headers=bearer(token))).json()["data"]
            return await post_chat(client, token, model=model), {each["id"] for each in listed}

        response, listed = run_with_client(services, scenario)

    assert {request.model for request in provider.requests} == served
    assert response.status_code == (200 if served else 403)
    assert (model in listed) == bool(served) or "/" in model
    if not served:
        assert response.json()["error"]["code"] == "model_not_allowed"


def test_no_fallback_to_a_forbidden_model(tmp_path: Path) -> None:
    """If the allowed model fails, the request fails; it does not fall back to a model that the key may not
    use."""
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(status=503))
        services = build_services(tmp_path, provider, max_retries=0)

        async def scenario(client: httpx.AsyncClient) -> httpx.Response:
            return await post_chat(client, await issue_key(services, models=("gpt-fake",)))  # type: ignore[no-any-return]

        response = run_with_client(services, scenario)

    assert response.status_code == 502
    assert {request.model for request in provider.requests} == {"gpt-fake"}


def test_allowed_ips_apply(tmp_path: Path) -> None:
    """A key with allowed networks is rejected elsewhere; forwarding headers have no effect."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> list[int]:
            allowed, rejected = (
                await issue_key(services, ips=("127.0.0.0/8",)),
                await issue_key(services, ips=("10.0.0.0/8",)),
            )
            forged = {**bearer(rejected), "x-forwarded-for": "10.1.2.3", "forwarded": "for=10.1.2.3"}
            return [
                (await post_chat(client, allowed)).status_code,
                (await post_chat(client, rejected)).status_code,
                (await client.post("/v1/chat/completions", json=BODY, headers=forged)).status_code,
            ]

        assert run_with_client(services, scenario) == [200, 403, 403]


def test_both_tokens_work_during_the_grace_period(tmp_path: Path) -> None:
    """After a rotation the new token works at once and the old one during its grace period. They share one
    account."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> tuple[list[int], int]:
            old = await issue_key(services, rpm=3)
            (key,) = await services.keys.all()
            new = (await services.keys.rotate(key.id, 60.0, "test")).token
            statuses = [(await post_chat(client, token)).status_code for token in (old, new, new, old)]
            newest = (await services.keys.rotate(key.id, 0.0, "test")).token
            statuses += [(await post_chat(client, token)).status_code for token in (old, new, newest)]
            return statuses, len(provider.requests)

        assert run_with_client(services, scenario) == ([200, 200, 200, 429, 401, 401, 429], 3)


def test_owner_and_gateway_limits_apply(tmp_path: Path) -> None:
    """A request is admitted by all levels or none: an owner's keys share a limit, all keys the gateway's."""
    from vaultcore.control.limit_policies import LimitPolicies
    from vaultcore.limits.limits import Limits

    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> tuple[Counter[int], Counter[int], int]:
            policies = LimitPolicies(
                services.store, services.secrets, services.clock, services.authenticator.forget
            )
            await policies.set_owner("team", Limits(rpm=10), "test")
            await policies.set_gateway(Limits(rpm=15), "test")
            team = [await issue_key(services, owner="team", rpm=100) for _ in range(2)]
            other = await issue_key(services, rpm=100)
            first = await asyncio.gather(*(post_chat(client, team[turn % 2]) for turn in range(40)))
            second = await asyncio.gather(*(post_chat(client, other) for _ in range(40)))
            keys = await services.keys.all()
            balances = await services.store.accounts(*(account(key.id) for key in keys))
            return (
                Counter(each.status_code for each in first),
                Counter(each.status_code for each in second),
                sum(each.requests for each in balances),
            )

        team, other, count = run_with_client(services, scenario)

    assert team == {200: 10, 429: 30}
    assert other == {200: 5, 429: 35}
    assert count == 15
