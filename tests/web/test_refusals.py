"""Refused requests through the whole gateway: in the log, in the usage of the key, and refused early."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.clock import NOON, FakeClock
from tests.fakes.gateway_app import ADMIN, SYSTEM, bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse
from tests.store.ministack import table
from tests.web.test_store_calls import RecordingStore
from vaultcore.control.virtual_keys import VirtualKeys
from vaultcore.endpoints import ENDPOINTS
from vaultcore.limits.virtual_key import VirtualKey
from vaultcore.services import Services

CHAT = "/v1/chat/completions"
BODY = {"model": "fast", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}
BODIES = {
    "embeddings": {"input": "hi"},
    "images": {"prompt": "hi", "image": "data:image/png;base64,iVBORw0KGgo="},
    "moderations": {"input": "hi"},
}
VARYING = {"message": "", "details": None}  # they name the remaining time
CONTENTS = [{"parts": [{"text": "hi"}]}]
PAID = [row.urls[0].replace("{model:path}", "fast") for row in ENDPOINTS if row.estimate_usage is not None]


@pytest.fixture(params=["memory", "sqlite", "dynamo"])
def services(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return services at noon, with each kind of store."""
    store = {"memory": "memory", "sqlite": f"sqlite:{tmp_path / 'state.db'}"}.get(request.param, "")
    if not store:
        shared = table()
        store = shared.url
        for name, value in shared.environ.items():
            monkeypatch.setenv(name, value)
    with FakeProvider() as provider:
        provider.script("limited", FakeResponse(status=429))
        yield build_services(tmp_path, provider, clock=FakeClock(NOON), store=store, max_retries=0)


only_memory = pytest.mark.parametrize("services", ["memory"], indirect=True)


async def post(client: httpx.AsyncClient, token: str, path: str = CHAT, **more: Any) -> httpx.Response:
    google = {"contents": CONTENTS, "content": CONTENTS[0]}
    body = {**BODY, **BODIES.get(path.split("/")[2], {}), **google, "input": "hi", **more}
    if path.endswith(":batchEmbedContents"):
        body["requests"] = [{"content": CONTENTS[0]}]
    return await client.post(path, json=body, headers=bearer(token))


async def get(client: httpx.AsyncClient, path: str, token: str = ADMIN, **query: Any) -> Any:
    response = await client.get(path, params=query, headers=bearer(token))
    assert response.status_code == 200, response.text
    return response.json()


def test_a_refused_request_is_in_the_log_and_in_the_usage_of_its_key(services: Services) -> None:
    """Each refusal is found by its request id, key, status and code, marked as refused, among the other rows
    by time. The key finds it in its usage. Usage, cost and charges do not include it."""

    async def scenario(client: httpx.AsyncClient) -> None:
        clock: Any = services.clock
        token = await issue_key(services, rpm=2, models=("fast",), owner="me")
        (key,) = await services.keys.all()
        statuses, ids = [], []
        for model in ("fast", "nothing-like-it", "turned", "fast", "fast"):
            response = await post(client, token, model=model)
            statuses.append(response.status_code)
            ids.append(response.headers["x-request-id"])
            clock.time += 2
        assert statuses == [200, 404, 403, 200, 429]
        clock.time += 9
        await get(client, "/v1/key", token)  # the first request after the interval writes the rest

        rows = (await get(client, "/admin/logs"))["data"]
        assert [row["id"] for row in rows] == ids[::-1]
        assert [row["refused"] for row in rows] == [True, False, True, True, False]
        assert {row["cost_usd"] for row in rows if row["refused"]} == {0}
        for status, request_id in zip(statuses, ids, strict=True):
            (row,) = (await get(client, "/admin/logs", id=request_id))["data"]
            assert (row["status"], row["key"], row["owner"]) == (status, key.id, "me")
        for query, expected in (
            ({"status": "429"}, [ids[4]]),
            ({"code": "model_not_allowed"}, [ids[2]]),
            ({"refused": "true"}, [ids[4], ids[2], ids[1]]),
            ({"refused": "false"}, [ids[3], ids[0]]),
            ({"key": key.id, "status": "4xx", "model": "turned"}, [ids[2]]),
        ):
            assert [row["id"] for row in (await get(client, "/admin/logs", **query))["data"]] == expected
        pages, cursor = [], {}
        while True:
            page = await get(client, "/admin/logs", limit=2, **cursor)
            pages += [row["id"] for row in page["data"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert pages == ids[::-1]

        usage = await get(client, "/v1/usage", token, days=1)
        assert usage["data"][0]["requests"] == 2
        assert {(row["code"], row["status"], row["count"]) for row in usage["refusals"]} == {
            ("model_not_found", 404, 1),
            ("model_not_allowed", 403, 1),
            ("rate_limit_exceeded", 429, 1),
        }
        assert [row["request_id"] for row in usage["refused_requests"]] == [ids[4], ids[2], ids[1]]
        assert usage["refused_requests"][0] == {
            "request_id": ids[4],
            "at": "2026-11-22T12:00:08Z",
            "path": CHAT,
            "model": "fast",
            "status": 429,
            "code": "rate_limit_exceeded",
            "level": "key",
            "limit": "rate_limit_rpm",
            "most": 2,
            "remaining": 0,
            "needed": 1,
            "retry_after": usage["refused_requests"][0]["retry_after"],
        }
        report = await get(client, "/admin/usage")
        assert (report["total"]["requests"], report["total"]["failed"]) == (2, 0)
        sums = await get(client, "/admin/refusals", key=key.id)
        assert {row["code"]: row["models"] for row in sums["data"]} == {
            "model_not_found": {"unknown": 1},
            "model_not_allowed": {"turned": 1},
            "rate_limit_exceeded": {"fast": 1},
        }
        assert sums["data"] == [
            row for row in (await get(client, "/admin/refusals"))["data"] if row["key"] == key.id
        ]
        assert (await get(client, "/admin/refusals", id=ids[4]))["data"][0]["last_request_ids"] == [ids[4]]

    run_with_client(services, scenario)


@only_memory
def test_another_levels_numbers_are_for_the_operator(services: Services) -> None:
    """The log has the numbers of the gateway's limit that refused a request; the key's usage has not."""

    async def scenario(client: httpx.AsyncClient) -> None:
        token = await issue_key(services, rpm=None)
        limits = {"rate_limit_tpm": 30}
        await client.put("/admin/limits/gateway", json=limits, headers=bearer(ADMIN))
        response = await post(client, token, max_tokens=77)
        assert response.status_code == 429
        assert "30" not in response.text

        (row,) = (await get(client, "/admin/logs"))["data"]
        (own,) = (await get(client, "/v1/usage", token))["refused_requests"]
        assert (row["refusal"]["level"], row["refusal"]["most"]) == ("gateway", 30)
        assert (own["level"], own["most"], own["remaining"]) == ("gateway", None, None)
        assert own["needed"] == row["refusal"]["needed"] > 77

    run_with_client(services, scenario)


@only_memory
@pytest.mark.parametrize("path", PAID)
def test_a_key_at_its_limit_is_refused_without_body_and_store(services: Services, path: str) -> None:
    """Until the time to wait has passed, at most for five seconds, every endpoint that costs anything refuses
    the key from memory: with the same error and the remaining time, no body, no store call, and counted."""

    async def scenario(client: httpx.AsyncClient) -> None:
        clock: Any = services.clock
        token, calls = await issue_key(services, rpm=1), list[str]()
        await post(client, token)
        await post(client, SYSTEM)
        first = await post(client, token, path)
        assert first.status_code == 429
        await get(client, "/v1/key", token)
        store: Any = RecordingStore(services.store, calls)
        services.admission.limiter._store = services.authenticator._snapshots._store = store
        services.refusals._store = store

        async def body() -> Any:
            raise AssertionError("the body was read")
            yield b""

        for seconds in (0, 1, 2):
            clock.time += 1 if seconds else 0
            headers = {**bearer(token), "content-type": "application/json"}
            response = await client.post(path, content=body(), headers=headers)
            wait = int(first.headers["retry-after"]) - seconds
            assert response.status_code == 429
            assert response.headers["retry-after"] == str(wait)
            old = first.json()["error"] | VARYING
            assert response.json()["error"] | VARYING == old
            assert response.json()["error"]["message"].endswith(f"Retry after {wait} s.")
        assert calls == []

        assert (await post(client, SYSTEM)).status_code == 200
        assert (await post(client, token, "/v1/messages/count_tokens")).status_code == 200
        assert (await client.get("/v1/models", headers=bearer(token))).status_code == 200
        clock.time += 10
        await get(client, "/v1/key", token)
        (row,) = (await get(client, "/v1/usage", token))["refusals"]
        assert row["count"] == 4

    run_with_client(services, scenario)


@only_memory
def test_a_replay_is_not_refused_from_memory(services: Services) -> None:
    """A repeated request with its Idempotency-Key gets its response while the key is at its limit. Without a
    stored response, or with a large body, it is refused."""

    async def scenario(client: httpx.AsyncClient) -> None:
        token = await issue_key(services, rpm=1)
        headers = {**bearer(token), "idempotency-key": "once"}
        senders = (headers, bearer(token), headers, headers | {"idempotency-key": "other"})
        statuses = [(await client.post(CHAT, json=BODY, headers=each)).status_code for each in senders]
        large = {**BODY, "messages": [{"role": "user", "content": "x" * 300_000}]}
        statuses.append((await client.post(CHAT, json=large, headers=headers)).status_code)

        assert statuses == [200, 429, 200, 429, 429]  # the last one would be a 409 if it were read

    run_with_client(services, scenario)


@only_memory
def test_a_smaller_request_is_not_refused_from_memory(services: Services) -> None:
    """A request that exceeds tokens per minute, quota or credits leaves room for a smaller one at once."""

    async def scenario(client: httpx.AsyncClient) -> None:
        for limits in ({"tpm": 100}, {"tokens": 200}, {"credits": 10**6}, {"day": 10**6}, {"month": 10**6}):
            token = await issue_key(services, rpm=None, **limits)
            services.clock.time += 1  # type: ignore[attr-defined]
            statuses = [(await post(client, token, max_tokens=n)).status_code for n in (9_999, 9, 9_999, 9)]
            assert statuses[1::2] == [200, 200], limits
            assert set(statuses[::2]) <= {402, 429}

    run_with_client(services, scenario)


@only_memory
def test_a_raised_limit_takes_effect(services: Services) -> None:
    """In the process that raises a limit, the next request is admitted; elsewhere one within five seconds."""

    def raise_limit(key: VirtualKey) -> VirtualKey:
        return replace(key, limits=replace(key.limits, rpm=9))

    async def scenario(client: httpx.AsyncClient) -> None:
        clock: Any = services.clock
        for is_here in (True, False):
            token = await issue_key(services, rpm=1)
            (key,) = (each for each in await services.keys.all() if each.limits.rpm == 1)
            assert [(await post(client, token)).status_code for _ in range(3)] == [200, 429, 429]
            if is_here:
                change = {"rate_limit_rpm": 9}
                path = f"/admin/keys/{key.id}"
                assert (await client.patch(path, json=change, headers=bearer(ADMIN))).status_code == 200
            else:
                elsewhere = VirtualKeys(services.store, services.secrets, clock, lambda: None)
                await elsewhere.change(key.id, raise_limit, "req_elsewhere")
                assert (await post(client, token)).status_code == 429
                clock.time += 5
            assert (await post(client, token)).status_code == 200
            clock.time += 1

    run_with_client(services, scenario)


@only_memory
def test_only_the_gateways_own_refusals_are_counted(services: Services) -> None:
    """A provider's 429 has its ordinary record and is no refusal; 400 and unknown paths are none either."""

    async def scenario(client: httpx.AsyncClient) -> None:
        token = await issue_key(services, rpm=None)
        assert (await post(client, token, model="one/limited")).status_code == 429
        services.clock.time += 1  # type: ignore[attr-defined]
        assert (await post(client, token, messages="no")).status_code == 400
        assert (await client.post("/v1/nothing", headers=bearer(token))).status_code == 404
        assert (await client.get("/v1/models/nothing", headers=bearer(token))).status_code == 404

        rows = (await get(client, "/admin/logs"))["data"]
        assert [(row["status"], row["refused"]) for row in rows] == [(404, True), (429, False)]
        assert rows[0]["path"] == "/v1/models/nothing"

    run_with_client(services, scenario)


@only_memory
def test_an_address_that_is_not_allowed_is_a_refusal_of_the_key(services: Services) -> None:
    """A 403 for the client's address has a row with its key."""

    async def scenario(client: httpx.AsyncClient) -> None:
        token = await issue_key(services, ips=("192.0.2.0/24",))
        assert (await post(client, token)).status_code == 403
        (row,) = (await get(client, "/admin/logs"))["data"]
        assert (row["code"], row["refused"]) == ("address_not_allowed", True)
        assert row["key"].startswith("key_")

    run_with_client(services, scenario)


@only_memory
def test_nothing_of_an_unknown_key_is_stored(services: Services) -> None:
    """401 responses on all paths are counted per day; the store has no part of the keys and no digest."""
    keys = ["vg_" + "Q" * 40, "ve-" + "0" * 40, "sk-unknown-secret", ADMIN[:-1] + "5"]

    async def scenario(client: httpx.AsyncClient) -> None:
        before = repr(services.store._documents)  # type: ignore[attr-defined]
        for each in keys:
            assert (await post(client, each)).status_code == 401
            assert (await client.get("/v1/models", headers=bearer(each))).status_code == 401
            assert (await client.get("/admin/keys", headers=bearer(each))).status_code == 401
        services.clock.time += 10  # type: ignore[attr-defined]
        report = await get(client, "/admin/refusals")
        report = await get(client, "/admin/refusals")

        assert report["data"] == []
        (day,) = report["unauthorized"]
        assert (day["day"], day["count"]) == ("2026-11-22", 12)
        stored = repr(services.store._documents)  # type: ignore[attr-defined]
        assert before != stored
        assert not any(each[-12:] in stored for each in keys)

    run_with_client(services, scenario)
