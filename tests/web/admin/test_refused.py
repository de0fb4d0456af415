"""The admin API rejects every request without the admin key, and its errors reveal nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.web.admin.admin_app import ADMIN, SYSTEM, Client, admin_services, run_admin
from vaultcore.control.routes import RouteStore
from vaultcore.control.virtual_keys import VirtualKeys
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.virtual_key import VirtualKey
from vaultcore.services import Services
from vaultcore.store.base import Document, DocumentKey
from vaultcore.web.admin import create_admin

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
UNKNOWN_PATHS = ("/", "/unknown", "/keys/", "//keys", "/keys/../keys", "/%6beys", "/docs/", "/openapi.json/")


def all_requests(app: Any) -> list[tuple[str, str]]:
    """Return every route with every method, and unknown paths."""
    all_paths = list(dict.fromkeys(paths(app.routes)))
    assert {"/keys", "/keys/{id}", "/routes", "/docs", "/openapi.json", "/config"} <= set(all_paths)
    assert set(app.openapi()["paths"]) <= {path.replace(":path", "") for path in all_paths}
    return [(method, path) for path in (*all_paths, *UNKNOWN_PATHS) for method in METHODS]


def paths(routes: Any) -> Iterator[str]:
    """Yield the paths of routes and of the routers among them."""
    for route in routes:
        router = getattr(route, "original_router", None)
        yield from (route.path,) if router is None else paths(router.routes)


def visible_parts(response: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    headers = [(name, value) for name, value in response.headers.items() if name != "x-request-id"]
    return response.status_code, response.content, headers


def documents(services: Services) -> dict[DocumentKey, Document]:
    """Return all documents but the count of 401 responses."""
    stored: dict[DocumentKey, Document] = vars(services.store)["_documents"]
    return {key: each for key, each in stored.items() if not key.collection.startswith("refusals/")}


def test_every_route_requires_the_admin_key() -> None:
    """Without a key, with an invalid, the system or a virtual key, every path and method returns the same
    error."""
    services = admin_services()
    app = create_admin(services)
    assert isinstance(app, FastAPI)
    requests = all_requests(app)
    assert len(requests) > 150

    async def scenario(client: Client) -> list[list[str]]:
        issued = await services.keys.create(VirtualKey("", "a key", 0.0, ()), "made")
        before = copy.deepcopy(documents(services))
        invalid_keys = [
            None,
            "",
            "va-" + "7" * 40,
            ADMIN[:-1],
            ADMIN + "6",
            SYSTEM,
            issued.token,
            "x" * 10_000,
        ]
        contents: dict[str, set[str]] = {}
        for method, path in requests:
            for key in invalid_keys:
                headers = {} if key is None else {"authorization": f"Bearer {key}", "x-request-id": "mine"}
                client.headers.pop("authorization", None)
                filled_path = path.replace(":path", "").format(id=issued.key.id, name="openai", owner="me")
                response = await client.request(
                    method, f"http://gateway/admin{filled_path}", headers=headers, json={"name": "mine"}
                )
                contents.setdefault("HEAD" if method == "HEAD" else "", set()).add(
                    repr(visible_parts(response))
                )
        assert documents(services) == before
        return [sorted(group) for group in contents.values()]

    (content,), (head_content,) = run_admin(services, scenario)
    assert content.startswith("(401, b'{")
    assert head_content.startswith("(401, b''")


def test_where_the_admin_key_is_accepted() -> None:
    """The admin key is accepted as a bearer token or in `x-api-key`, not in a query or a cookie."""

    async def scenario(client: Client) -> list[int]:
        options: list[dict[str, Any]] = [
            {"headers": {"authorization": f"bearer {ADMIN}"}},
            {"headers": {"x-api-key": ADMIN}},
            {"params": {"key": ADMIN, "api_key": ADMIN}},
            {"headers": {"cookie": f"key={ADMIN}; authorization=Bearer {ADMIN}"}},
            {"headers": {"authorization": f"Basic {ADMIN}"}},
        ]
        return [(await client.get("/health", **each)).status_code for each in options]

    assert run_admin(admin_services(), scenario, key="") == [200, 200, 401, 401, 401]


def test_errors_have_the_gateways_format() -> None:
    """Errors 400, 404, 405, 409, 413 and 415 have the gateway's format, and none quotes a key."""
    secret = "sk-proj-0123456789abcdef"

    async def scenario(client: Client) -> None:
        json = {"content-type": "application/json"}
        revoked = (await client.post("/keys", json={"name": "a"})).json()["id"]
        await client.delete(f"/keys/{revoked}")
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
            (409, "POST", f"/keys/{revoked}/rotate", {"json": {}}),
            (413, "POST", "/keys", {"content": b" " * 300_000, "headers": json}),
            (415, "POST", "/keys", {"content": b"{}"}),
        ]
        for status, method, path, more in cases:
            response = await client.request(method, path, **more)
            assert (response.status_code, path) == (status, path), response.text
            assert set(response.json()["error"]) == {"message", "type", "param", "code"}
            assert "0123456789abcdef" not in response.text
            assert response.headers["cache-control"] == "no-store"
            assert response.headers["x-request-id"]

    run_admin(admin_services(), scenario)


class UnavailableStore:
    """A store whose methods raise StoreUnavailable."""

    async def aclose(self) -> None:
        return

    def __getattr__(self, name: str) -> Any:
        async def raise_error(*_arguments: Any, **_options: Any) -> Any:
            raise StoreUnavailable("the store does not answer", retry_after=1)

        return raise_error


@pytest.mark.parametrize("path", ["/keys", "/limits", "/usage", "/logs", "/alerts", "/audit", "/routes"])
def test_an_unavailable_store_is_a_503(path: str) -> None:
    """If the store is unavailable, the response says so and when to retry."""
    available, store = admin_services(), UnavailableStore()
    services = replace(
        available,
        store=store,
        keys=VirtualKeys(store, available.secrets, available.clock, available.authenticator.forget),
        routes=RouteStore(store, available.secrets, available.clock, available.catalog),
    )

    async def scenario(client: Client) -> httpx.Response:
        return await client.get(path)

    response = run_admin(services, scenario)
    assert response.status_code == 503, response.text
    assert response.json()["error"]["code"] == "store_unavailable"
    assert response.headers["retry-after"] == "1"
