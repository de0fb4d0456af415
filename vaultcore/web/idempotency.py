"""`Idempotency-Key`: reads the header, runs a call once, and replays its stored response."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp

from vaultcore.admission.caller import Caller
from vaultcore.call import Call
from vaultcore.errors import InvalidRequest
from vaultcore.idempotency.claims import Replay
from vaultcore.services import Services
from vaultcore.web.client_request import ClientRequest
from vaultcore.web.reply import SAFE_HEADERS, ClientResponse

HEADER = "idempotency-key"
MAX_REPLAYED_BODY = 256 * 1024  # bytes of a request that may be replayed although its key is at a limit
REPLAYED_HEADERS = ("content-type", "x-vaultedge-provider", "x-vaultedge-model", "x-vaultedge-translation")

_KEY = re.compile(r"[!-~]{1,255}", re.ASCII)


async def run_once(
    services: Services,
    request: ClientRequest,
    caller: Caller,
    call: Call,
    *,
    body: object,
    run: Callable[[], Awaitable[ASGIApp]],
) -> ASGIApp:
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
        if is_stored := isinstance(response, ClientResponse) and response.status < 400:
            headers = {name: response.headers[name] for name in REPLAYED_HEADERS if name in response.headers}
            await services.claims.finish(claim, response.status, headers, response.body)
    finally:
        if not is_stored:
            await services.claims.release(claim)
    return response


def may_replay(request: ClientRequest) -> bool:
    """Return True if a request with a key is cheap to read: a stored response may answer it."""
    return 0 < request.content_length <= MAX_REPLAYED_BODY


def _read_key(request: ClientRequest, call: Call) -> str | None:
    """Return the idempotency key, or None. Raises InvalidRequest."""
    if HEADER not in request.headers:
        return None
    values = request.values(HEADER)
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


def _replay(services: Services, caller: Caller, call: Call, replay: Replay) -> ClientResponse:
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
    return ClientResponse(replay.body, replay.status, {**SAFE_HEADERS, **replay.headers, **headers})
