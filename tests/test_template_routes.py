"""The routes of the template lead to every data endpoint, through API Gateway and Lambda."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.gateway_app import SYSTEM, build_services
from tests.fakes.provider import FakeProvider
from tests.handlers.sam_template import Resources, translate_template
from vaultcore.app import create_app
from vaultcore.endpoints import ENDPOINTS
from vaultcore.lambda_runtime.event import build_scope

STAGES = ("prod", "v1")
MODEL = "one/gpt-fake"  # its slash reaches the application escaped or not
PATHS = [
    url.replace("{model:path}", model)
    for row in ENDPOINTS
    for url in row.urls
    for model in ((MODEL, MODEL.replace("/", "%2F")) if "{" in url else ("",))
    if url.startswith(("/v1/", "/v1beta/"))  # AWS deployments have no paths without a version
]
GETS = ("/v1/models", "/v1beta/models", f"/v1beta/models/{MODEL}", "/api/hello", "/", "/health")


@pytest.fixture(scope="module")
def routes() -> dict[str, set[str]]:
    """Return the methods of each path of the template."""
    resources: Resources = translate_template()["Resources"]
    return {path: set(methods) for path, methods in resources["Api"]["Properties"]["Body"]["paths"].items()}


def find_resource(path: str, method: str, routes: dict[str, set[str]]) -> str | None:
    """Return the resource to which a REST API sends a request: the path itself, or the longest prefix."""
    prefixes = [route for route in routes if route.endswith("/{proxy+}") and path.startswith(route[:-8])]
    matches = [route for route in (path, *sorted(prefixes, key=len, reverse=True)) if route in routes]
    return matches[0] if matches and method in routes[matches[0]] else None


def event_of(path: str, method: str, resource: str, stage: str) -> dict[str, Any]:
    """Return the event of a request, in the format of REST APIs."""
    base = resource.removesuffix("{proxy+}")
    headers = {"Authorization": f"Bearer {SYSTEM}", "Content-Type": "application/json", "Host": "x"}
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method.upper(),
        "headers": headers,
        "pathParameters": {"proxy": path.removeprefix(base)} if base != resource else None,
        "requestContext": {"stage": stage, "path": f"/{stage}{path}", "identity": {"sourceIp": "127.0.0.1"}},
        "body": json.dumps({"model": MODEL}),
    }


def call(app: Any, event: dict[str, Any]) -> tuple[int, str]:
    """Return the status and the body with which the application answers an event."""
    scope, body = build_scope(event)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:]).decode()


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("path", "method"), [*((path, "post") for path in PATHS), *((path, "get") for path in GETS)]
)
def test_every_endpoint_is_reached(
    path: str, method: str, stage: str, routes: dict[str, set[str]], tmp_path: Path
) -> None:
    """The application gets the request at the endpoint's own route, whatever the name of the stage."""
    resource = find_resource(path, method, routes)
    assert resource is not None, f"the template has no route for {method} {path}"

    with FakeProvider() as provider:
        app = create_app(build_services(tmp_path, provider))
        status, body = call(app, event_of(path, method, resource, stage))

    assert status < 500, body
    assert "no such" not in body, body  # the endpoint may reject the body, but it is the endpoint that does
    assert status != 405, body
