"""Routes that are set while the gateway runs."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.fakes.clock import FakeClock
from tests.fakes.gateway_app import build_services, run_with_client
from tests.fakes.provider import FakeProvider
from vaultcore.control.routes import RouteStore

BODY = {"model": "my-route", "messages": [{"role": "user", "content": "hi"}]}


def test_a_route_set_in_another_process_applies_within_five_seconds(tmp_path: Path) -> None:
    """A route that another process sets applies here and is listed, until it is removed."""
    clock = FakeClock()
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider, clock=clock)
        other_process = RouteStore(services.store, services.secrets, clock, services.catalog)

        async def request_model(client: httpx.AsyncClient) -> tuple[int, bool]:
            clock.time += 5
            listed = (await client.get("/v1/models")).json()["data"]
            status = (await client.post("/v1/chat/completions", json=BODY)).status_code
            return status, "my-route" in {each["id"] for each in listed}

        async def scenario(client: httpx.AsyncClient) -> list[tuple[int, bool]]:
            results = [await request_model(client)]
            await other_process.replace({"my-route": {"primary": "two/claude-fake"}}, None, "r1")
            results.append(await request_model(client))
            await other_process.replace({}, None, "r2")
            results.append(await request_model(client))
            return results

        assert run_with_client(services, scenario) == [(404, False), (200, True), (404, False)]
        assert [request.model for request in provider.requests] == ["claude-fake"]
