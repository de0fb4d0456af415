"""Nobody but the holder of the admin key learns or does anything here."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.web.admin.admin_app import ADMIN, SYSTEM, Client, office, visit
from vaultcore.control.routes import RouteStore
from vaultcore.control.virtual_keys import VirtualKeys
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.virtual_key import VirtualKey
from vaultcore.web.admin import create_admin

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
NOWHERE = ("/", "/nowhere", "/keys/", "//keys", "/keys/../keys", "/%6beys", "/docs/", "/openapi.json/")


def listed(app: Any) -> list[tuple[str, str]]:
    """Every route of the router with every method, and paths where nothing is."""
    found = list(dict.fromkeys(paths(app.routes)))
    assert {"/keys", "/keys/{id}", "/routes", "/docs", "/openapi.json", "/config"} <= set(found)
    assert set(app.openapi()["paths"]) <= {path.replace(":path", "") for path in found}
    return [(method, path) for path in (*found, *NOWHERE) for method in METHODS]


def paths(routes: Any) -> Iterator[str]:
    """Of the routes, and of the routers that are among them."""
    for route in routes:
        within = getattr(route, "original_router", None)
        yield from (route.path,) if within is None else paths(within.routes)


def told(response: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    headers = [(name, value) for name, value in response.headers.items() if name != "x-request-id"]
    return response.status_code, response.content, headers


def test_every_route_refuses_everyone_but_the_admin_key() -> None:
    """Without a key, with a wrong one, the system key or a virtual one, all routes and none answer alike."""
    services = office()
    app = create_admin(services)
    assert isinstance(app, FastAPI)
    asked = listed(app)
    assert len(asked) > 150

    async def story(client: Client) -> list[list[str]]:
        issued = await services.keys.create(VirtualKey("", "a key", 0.0, ()), "made")
        before = copy.deepcopy(vars(services.store)["_documents"])
        wrong = [None, "", "va-" + "7" * 40, ADMIN[:-1], ADMIN + "6", SYSTEM, issued.token, "x" * 10_000]
        seen: dict[str, set[str]] = {}
        for method, path in asked:
            for key in wrong:
                headers = {} if key is None else {"authorization": f"Bearer {key}", "x-request-id": "mine"}
                client.headers.pop("authorization", None)
                named = path.replace(":path", "").format(id=issued.key.id, name="openai", owner="me")
                answer = await client.request(
                    method, f"http://desk/admin{named}", headers=headers, json={"name": "mine"}
                )
                seen.setdefault("HEAD" if method == "HEAD" else "", set()).add(repr(told(answer)))
        assert vars(services.store)["_documents"] == before
        return [sorted(several) for several in seen.values()]

    (only,), (without_body,) = visit(services, story)
    assert only.startswith("(401, b'{")
    assert without_body.startswith("(401, b''")


def test_keys_count_wherever_a_client_puts_them_and_nowhere_else() -> None:
    """The admin key opens as a bearer token or in `x-api-key`; in a query or a cookie it is none."""

    async def story(client: Client) -> list[int]:
        places: list[dict[str, Any]] = [
            {"headers": {"authorization": f"bearer {ADMIN}"}},
            {"headers": {"x-api-key": ADMIN}},
            {"params": {"key": ADMIN, "api_key": ADMIN}},
            {"headers": {"cookie": f"key={ADMIN}; authorization=Bearer {ADMIN}"}},
            {"headers": {"authorization": f"Basic {ADMIN}"}},
        ]
        return [(await client.get("/health", **place)).status_code for place in places]

    assert visit(office(), story, key="") == [200, 200, 401, 401, 401]


def test_refusals_are_in_the_house_envelope() -> None:
    """What the admin API refuses reads like any refusal: 400, 404, 405, 409, 413, 415; none quotes a key."""
    secret = "sk-proj-0123456789abcdef"

    async def story(client: Client) -> None:
        json = {"content-type": "application/json"}
        gone = (await client.post("/keys", json={"name": "a"})).json()["id"]
        await client.delete(f"/keys/{gone}")
        cases: list[tuple[int, str, str, dict[str, Any]]] = [
            (400, "POST", "/keys", {"content": b"{", "headers": json}),
            (400, "POST", "/keys", {"content": b"[]", "headers": json}),
            (400, "POST", "/keys", {"json": {"name": "a", secret: secret}}),
            (400, "POST", "/keys", {"json": {"name": "a", "metadata": {secret: 5}}}),
            (400, "POST", "/keys", {"json": {"name": ["a", secret]}}),
            (400, "PUT", "/routes", {"json": {"models": {"a": {"primary": secret}}}}),
            (400, "GET", "/logs", {"params": {"limit": secret}}),
            (400, "GET", "/logs", {"params": {secret: 1}}),
            (404, "GET", f"/keys/{secret}", {}),
            (404, "GET", "/keys/vg_0123456789abcdef0123456789abcdef01234567", {}),
            (404, "POST", f"/providers/{secret}/check", {}),
            (404, "GET", f"/{secret}", {}),
            (405, "PUT", "/keys", {"json": {}}),
            (409, "POST", f"/keys/{gone}/rotate", {"json": {}}),
            (413, "POST", "/keys", {"content": b" " * 300_000, "headers": json}),
            (415, "POST", "/keys", {"content": b"{}"}),
        ]
        for status, method, path, more in cases:
            answer = await client.request(method, path, **more)
            assert (answer.status_code, path) == (status, path), answer.text
            assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
            assert "0123456789abcdef" not in answer.text
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-request-id"]

    visit(office(), story)


class Away:
    """A store that cannot be reached."""

    async def aclose(self) -> None:
        return

    def __getattr__(self, name: str) -> Any:
        async def asked(*_given: Any, **_named: Any) -> Any:
            raise StoreUnavailable("the store does not answer", retry_after=1)

        return asked


@pytest.mark.parametrize("path", ["/keys", "/limits", "/usage", "/logs", "/alerts", "/audit", "/routes"])
def test_a_store_that_is_away_is_a_503(path: str) -> None:
    """Where the store cannot be reached, an administrator is told so, and that it may pass."""
    there, away = office(), Away()
    services = replace(
        there,
        store=away,
        keys=VirtualKeys(away, there.secrets, there.clock, there.authenticator.forget),
        routes=RouteStore(away, there.secrets, there.clock, there.catalog),
    )

    async def story(client: Client) -> httpx.Response:
        return await client.get(path)

    answer = visit(services, story)
    assert answer.status_code == 503, answer.text
    assert answer.json()["error"]["code"] == "store_unavailable"
    assert answer.headers["retry-after"] == "1"
