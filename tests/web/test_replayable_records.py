"""Records and usage of real requests: how each was routed can be replayed, and usage is complete at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.clock import NOON, FakeClock
from tests.fakes.gateway_app import (
    ADMIN,
    PEPPER,
    SYSTEM,
    bearer,
    build_services,
    issue_key,
    run_with_client,
    write_overlay,
)
from tests.fakes.provider import FakeProvider, FakeResponse
from tests.web.test_virtual_keys import load_records
from vaultcore.compose import compose
from vaultcore.ledger import tail
from vaultcore.routing.replay import replay
from vaultcore.secrets import FixedSecrets, Secrets, digest_key
from vaultcore.settings import Settings
from vaultcore.usage.record import Record
from vaultcore.vault.keyring import Keyring

PATHS = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 5},
    "/v1/messages": {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 5},
    "/v1/responses": {"input": "hi"},
}
ROUTES = {
    "models": {
        "spread": {
            "targets": [
                {"target": "one/gpt-fake", "weight": 1},
                {"target": "two/gpt-fake", "weight": 1},
                {"target": "one/broken", "weight": 1},
            ],
            "strategy": "weighted",
        }
    }
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_routing_decision_is_replayed_from_its_record(path: str, stream: bool, tmp_path: Path) -> None:
    """The draws, candidates and versions in a record give its attempts again, for every client API."""
    with FakeProvider() as provider:
        provider.script("broken", *(FakeResponse(status=500) for _ in range(40)))
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> tuple[list[Record], Any, Any]:
            admin = bearer(ADMIN)
            assert (await client.put("/admin/routes", json=ROUTES, headers=admin)).status_code == 200
            limit = {"rate_limit_rpm": 500}
            assert (await client.put("/admin/limits/gateway", json=limit, headers=admin)).status_code == 200
            token = await issue_key(services)
            for _ in range(8):
                body = {"model": "spread", "stream": stream, **PATHS[path]}
                response = await client.post(path, json=body, headers=bearer(token))
                assert response.status_code == 200, response.text
            logs = (await client.get("/admin/logs", headers=admin)).json()["data"]
            return await load_records(services), logs, services.catalog.routes["spread"]

        records, logs, route = run_with_client(services, scenario)

    for record in records:
        tried = [(f"{each.provider}/{each.model}", each.key_id) for each in record.attempts]
        assert replay(record.plan, [each.fault for each in record.attempts], route) == tried
        assert (record.plan["routes"], record.plan["policy"], len(record.plan["draws"])) == (1, 1, 3)
    assert len({tuple(record.plan["draws"]) for record in records}) == len(records) == 8
    assert [each["plan"] for each in logs] == [each.plan for each in records[::-1]]


def test_the_usual_record_is_small(tmp_path: Path) -> None:
    """The record of a request with one candidate has less than 1,000 bytes, and no random numbers."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> list[Record]:
            body = {"model": "one/gpt-fake", **PATHS["/v1/chat/completions"]}
            headers = bearer(await issue_key(services, owner="team"))
            assert (await client.post("/v1/chat/completions", json=body, headers=headers)).status_code == 200
            return await load_records(services)

        (record,) = run_with_client(services, scenario)

    assert record.plan.keys() == {"candidates"}
    assert len(json.dumps(record.pack(), separators=(",", ":"))) < 1_000


def test_skipped_targets_are_recorded(tmp_path: Path) -> None:
    """Targets without a provider key, or that the caller may not use, are recorded with the reason."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> list[Record]:
            targets = ["one/gpt-fake", "openai/gpt-4o", "one/other"]
            models = {"spread": {"targets": [{"target": each} for each in targets]}}
            await client.put("/admin/routes", json={"models": models}, headers=bearer(ADMIN))
            headers = bearer(await issue_key(services, models=("one/gpt-fake",)))
            body = {"model": "spread", **PATHS["/v1/chat/completions"]}
            assert (await client.post("/v1/chat/completions", json=body, headers=headers)).status_code == 200
            return await load_records(services)

        (record,) = run_with_client(services, scenario)

    assert record.plan["targets"] == {"openai/gpt-4o": "no_key", "one/other": "not_allowed"}


@pytest.mark.parametrize("pepper", [True, False])
def test_usage_is_complete_before_and_after_maintenance(pepper: bool, tmp_path: Path) -> None:
    """A request is in `/v1/usage` and `/admin/usage` at once, and once, whether or not it was summed."""
    clock = FakeClock(NOON)
    with FakeProvider() as provider:
        keys = Secrets(Keyring(()), digest_key(SYSTEM), digest_key(ADMIN), PEPPER if pepper else None)
        settings = Settings(providers_file=write_overlay(tmp_path, provider), home=tmp_path)
        services = compose(settings, FixedSecrets(keys), clock=clock)

        async def scenario(client: httpx.AsyncClient) -> list[tuple[int, int, int]]:
            seen = []
            body = {"model": "one/gpt-fake", **PATHS["/v1/chat/completions"]}
            for _ in range(3):
                assert (await client.post("/v1/chat/completions", json=body)).status_code == 200
                for pause in (5, 65, 5):
                    clock.time += pause
                    own = (await client.get("/v1/usage?days=1")).json()["data"][0]["requests"]
                    report = (await client.get("/admin/usage", headers=bearer(ADMIN))).json()
                    sums = await services.store.query("usage/2026-11-22")
                    seen.append(
                        (own, report["total"]["requests"], sum(each.body["requests"] for each in sums))
                    )
                    assert {"seals", "sums"}.isdisjoint(await services.maintenance.run())
            return seen

        seen = run_with_client(services, scenario)

    assert [each[:2] for each in seen] == [(1, 1)] * 3 + [(2, 2)] * 3 + [(3, 3)] * 3
    assert [each[2] for each in seen] == [0, 0, 1, 1, 1, 2, 2, 2, 3]


def test_incomplete_usage_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If there are too many recent records, both reports have the time up to which they are complete."""
    monkeypatch.setattr(tail, "MAX_ROWS", 1)
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider, clock=FakeClock(NOON))

        async def scenario(client: httpx.AsyncClient) -> list[Any]:
            body = {"model": "one/gpt-fake", **PATHS["/v1/chat/completions"]}
            seen = []
            for _ in range(2):
                assert (await client.post("/v1/chat/completions", json=body)).status_code == 200
                services.clock.time += 5  # type: ignore[attr-defined]
                own = (await client.get("/v1/usage?days=1")).json()
                report = (await client.get("/admin/usage", headers=bearer(ADMIN))).json()
                seen.append([own.get("complete_until"), report.get("complete_until")])
            return seen

        seen = run_with_client(services, scenario)

    assert seen == [[None, None], ["2026-11-22T12:00:00Z", "2026-11-22T12:00:00.000Z"]]
