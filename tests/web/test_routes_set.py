"""Routes that are set while the gateway runs."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.fakes.clock import FakeClock
from tests.fakes.gateway_app import build_services, run_with_client
from tests.fakes.provider import FakeProvider
from vaultcore.control.routes import RouteStore

QUESTION = {"model": "house", "messages": [{"role": "user", "content": "hi"}]}


def test_a_route_set_elsewhere_is_in_force_within_five_seconds(tmp_path: Path) -> None:
    """What another instance sets leads requests here, is listed, and ends when it is taken away."""
    clock = FakeClock()
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider, clock=clock)
        elsewhere = RouteStore(services.store, services.secrets, clock, services.catalog)

        async def ask(client: httpx.AsyncClient) -> tuple[int, bool]:
            clock.time += 5
            listed = (await client.get("/v1/models")).json()["data"]
            status = (await client.post("/v1/chat/completions", json=QUESTION)).status_code
            return status, "house" in {each["id"] for each in listed}

        async def story(client: httpx.AsyncClient) -> list[tuple[int, bool]]:
            found = [await ask(client)]
            await elsewhere.replace({"house": {"primary": "two/claude-fake"}}, None, "r1")
            found.append(await ask(client))
            await elsewhere.replace({}, None, "r2")
            found.append(await ask(client))
            return found

        assert run_with_client(services, story) == [(404, False), (200, True), (404, False)]
        assert [request.model for request in provider.requests] == ["claude-fake"]
