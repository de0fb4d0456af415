"""Names of keys in searches: read again only after a change, by whichever process made it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.web.admin.admin_app import Client, admin_services, record_request, run_admin


def test_a_search_sees_every_change_of_a_name(tmp_path: Path) -> None:
    """A search finds a key's current name after a change in this process and in another one."""
    url = f"sqlite:{tmp_path / 'state.db'}"
    services, other = admin_services(store=url), admin_services(store=url)

    async def scenario(client: Client) -> list[int]:
        created = (await client.post("/keys", json={"name": "first"})).json()
        await record_request(services, "req_1", key=await services.keys.get(created["id"]))
        counts = []
        for name, keys in (("second", services.keys), ("third", other.keys)):
            other.clock.time += 1  # type: ignore[attr-defined]
            counts.append(len((await client.get("/logs", params={"search": name})).json()["data"]))
            await keys.change(created["id"], partial(replace, name=name), f"req_{name}")
            counts.append(len((await client.get("/logs", params={"search": name})).json()["data"]))
        await other.store.aclose()
        return counts

    assert run_admin(services, scenario) == [0, 1, 0, 1]
