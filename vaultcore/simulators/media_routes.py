"""Routes of a simulated provider for media APIs, with keys, faults and jobs to poll."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vaultcore.simulators import media
from vaultcore.simulators.faults import FaultScript, SimulatedError, SimulatedRequest

KEY_HEADERS = ("x-goog-api-key", "x-key", "x-api-key", "api-key")
TOKEN_COUNT_HEADER = "x-amzn-bedrock-input-token-count"  # noqa: S105 - not a password


def media_routes(keys: tuple[str, ...], script: FaultScript) -> list[Route]:
    """Return the routes. They match any path and must therefore come after the others."""
    polls: Counter[str] = Counter()  # by job

    async def create(request: Request) -> Response:
        path = "/" + request.path_params["path"]
        body = await _read_body(request)
        is_authorized = _request_key(request) in keys
        name = str(body.get("model") or path)
        script.requests.append(SimulatedRequest(request.url.path, name, False, is_authorized, body))
        fault = script.next(name)
        await asyncio.sleep(fault.delay)
        if fault.status is not None:
            raise SimulatedError(fault.status, "api_error", fault.message, retry_after=fault.retry_after)
        require_key(is_authorized)
        response = media.create_media(path, body)
        if response is None:
            raise SimulatedError(404, "not_found_error", "There is no such path.")
        if set(response) == {"id"}:
            key = f"{response['id']}-{len(polls)}"
            polls[key] = 0
            url = str(request.url.replace(path="/v1/get_result", query=f"id={key}"))
            response = {"id": key, "polling_url": url}
        return JSONResponse(response, headers={TOKEN_COUNT_HEADER: "7"} if path.endswith("/invoke") else {})

    async def poll(request: Request) -> Response:
        key = request.query_params.get("id", "")
        is_authorized = _request_key(request) in keys
        script.requests.append(SimulatedRequest(request.url.path, key, False, is_authorized, {}))
        require_key(is_authorized)
        if key not in polls:
            return JSONResponse({"id": key, "status": "Task not found"})
        polls[key] += 1
        return JSONResponse(media.job_status(key, polls[key]))

    return [
        Route("/v1/get_result", poll, methods=["GET"]),
        Route("/v1/{path:path}", create, methods=["POST"]),
    ]


async def _read_body(request: Request) -> dict[str, Any]:
    """Return a JSON body, or the fields of a form with its files as bytes."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        body: dict[str, Any] = await request.json()
        return body
    fields: dict[str, Any] = {}
    async with request.form() as form:
        for name, value in form.multi_items():
            item = value if isinstance(value, str) else await value.read()
            if name.endswith("[]"):
                fields.setdefault(name.removesuffix("[]"), []).append(item)
            else:
                fields[name] = item
    return fields


def _request_key(request: Request) -> str:
    """Return the key, from the header of any format."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    others = (request.headers[name] for name in KEY_HEADERS if name in request.headers)
    return key if scheme == "Bearer" else next(others, "")


def require_key(is_authorized: bool) -> None:
    """Raise SimulatedError unless the request has a key of the provider."""
    if not is_authorized:
        raise SimulatedError(
            401, "authentication_error", "Incorrect API key provided.", code="invalid_api_key"
        )
