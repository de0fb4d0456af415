"""The studio's paths as routes of a simulated provider: keys, mishaps, and orders asked for again."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vaultcore.simulators import media
from vaultcore.simulators.faults import FaultScript, ProviderCall, Refused

HEADERS = ("x-goog-api-key", "x-key", "x-api-key", "api-key")
COUNTED = "x-amzn-bedrock-input-token-count"


def atelier(keys: tuple[str, ...], script: FaultScript) -> list[Route]:
    """Routes for everything that is not chat; after the others, for they match any path."""
    orders: Counter[str] = Counter()

    async def make(request: Request) -> Response:
        path = "/" + request.path_params["path"]
        body: dict[str, Any] = await request.json()
        known = _token(request) in keys
        name = str(body.get("model") or path)
        script.asked.append(ProviderCall(request.url.path, name, False, known, body))
        mishap = script.next(name)
        await asyncio.sleep(mishap.delay)
        if mishap.status is not None:
            raise Refused(mishap.status, "api_error", mishap.message, wait=mishap.retry_after)
        _admit(known)
        made = media.make(path, body)
        if made is None:
            raise Refused(404, "not_found_error", "Nothing is made at this path.")
        if set(made) == {"id"}:
            key = f"{made['id']}-{len(orders)}"
            orders[key] = 0
            made = {
                "id": key,
                "polling_url": str(request.url.replace(path="/v1/get_result", query=f"id={key}")),
            }
        return JSONResponse(made, headers={COUNTED: "7"} if path.endswith("/invoke") else {})

    async def ask(request: Request) -> Response:
        key = request.query_params.get("id", "")
        known = _token(request) in keys
        script.asked.append(ProviderCall(request.url.path, key, False, known, {}))
        _admit(known)
        if key not in orders:
            return JSONResponse({"id": key, "status": "Task not found"})
        orders[key] += 1
        return JSONResponse(media.status(key, orders[key]))

    return [
        Route("/v1/get_result", ask, methods=["GET"]),
        Route("/v1/{path:path}", make, methods=["POST"]),
    ]


def _token(request: Request) -> str:
    """The key, in whichever header the format wants it."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    held = (request.headers[name] for name in HEADERS if name in request.headers)
    return key if scheme == "Bearer" else next(held, "")


def _admit(known: bool) -> None:
    if not known:
        raise Refused(401, "authentication_error", "This is no key of ours.", code="invalid_api_key")
