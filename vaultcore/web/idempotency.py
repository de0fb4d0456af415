"""`Idempotency-Key`: reads the header, runs a call once, and replays its stored response."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from vaultcore.admission.caller import Caller
from vaultcore.call import Call
from vaultcore.errors import InvalidRequest
from vaultcore.idempotency.claims import Replay
from vaultcore.services import Services
from vaultcore.web.reply import SAFE_HEADERS

HEADER = "idempotency-key"
MAX_REPLAYED_BODY = 256 * 1024  # bytes of a request that may be replayed although its key is at a limit
REPLAYED_HEADERS = ("content-type", "x-vaultedge-provider", "x-vaultedge-model", "x-vaultedge-translation")

_KEY = re.compile(r"[!-~]{1,255}", re.ASCII)


async def run_once(
    services: Services,
    request: Request,
    caller: Caller,
    call: Call,
    *,
    body: object,
    run: Callable[[], Awaitable[Response]],
) -> Response:
    """Return the response of `run`, or the stored one if the client repeats an `Idempotency-Key`.

    Raises InvalidRequest, AlreadyRunning, KeyReused or StoreUnavailable, and what `run` raises. The key of a
    failed request can be used again.
    """
    key = _read_key(request, call)
    if key is None:
        return await run()
    claim = await services.claims.begin(caller.id, key, _fingerprint(call, body))
    if isinstance(claim, Replay):
        await services.admission.allowed_targets(caller, call)
        return _replay(services, caller, call, claim)
    is_stored = False
    try:
        response = await run()
        if is_stored := response.status_code < 400:
            headers = {
                name: value for name in REPLAYED_HEADERS if (value := response.headers.get(name)) is not None
            }
            await services.claims.finish(claim, response.status_code, headers, bytes(response.body))
    finally:
        if not is_stored:
            await services.claims.release(claim)
    return response


def may_replay(request: Request) -> bool:
    """Return True if a request is possibly answered by a stored response, and cheap to read."""
    length = request.headers.get("content-length", "")
    is_small = length.isascii() and length.isdecimal() and int(length[:20]) <= MAX_REPLAYED_BODY
    return HEADER in request.headers and is_small


def _read_key(request: Request, call: Call) -> str | None:
    """Return the idempotency key, or None. Raises InvalidRequest."""
    values = request.headers.getlist(HEADER)
    if not values:
        return None
    if len(values) > 1 or not _KEY.fullmatch(values[0]):
        raise InvalidRequest("must be sent once, as 1 to 255 visible ASCII characters", param=HEADER)
    if call.is_streaming:
        text = "does not work with streams: remove it, or set stream to false"
        raise InvalidRequest(text, param=HEADER, code="unsupported_parameter")
    return values[0]


def _fingerprint(call: Call, body: object) -> bytes:
    """Return everything the response depends on. The order of JSON keys and white space do not count."""
    headers = dict(call.native.headers) if call.native else {}
    inputs = [call.path, call.strategy, call.strict, call.explain, headers, body]
    return json.dumps(inputs, sort_keys=True, separators=(",", ":")).encode()


def _replay(services: Services, caller: Caller, call: Call, replay: Replay) -> Response:
    """Return a stored response. It costs nothing, and its headers say so."""
    services.log.request(
        request_id=call.id,
        client_id=call.client_id,
        key=caller.id,
        path=call.path,
        model=call.model,
        status=replay.status,
        replayed=True,
        cost_nanos=0,
        ms=round((services.clock.now() - call.started) * 1_000, 1),
    )
    headers = {"x-vaultedge-replayed": "1", "x-vaultedge-cost-usd": "0"}
    return Response(replay.body, replay.status, {**SAFE_HEADERS, **replay.headers, **headers})
