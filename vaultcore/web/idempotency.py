"""`Idempotency-Key`: what it may look like, what it stands for, and the answer that is given again."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response

from vaultcore.admission.caller import Caller
from vaultcore.call import Call
from vaultcore.errors import InvalidRequest
from vaultcore.idempotency.claims import Replay
from vaultcore.services import Services
from vaultcore.web.passage import allowed
from vaultcore.web.reply import SAFE

HEADER = "idempotency-key"
TOLD_AGAIN = ("content-type", "x-vaultedge-provider", "x-vaultedge-model", "x-vaultedge-translation")

_GRAMMAR = re.compile(r"[!-~]{1,255}", re.ASCII)


async def once(
    services: Services,
    request: Request,
    caller: Caller,
    call: Call,
    *,
    body: object,
    forwarded: Sequence[str],
    run: Callable[[], Awaitable[Response]],
) -> Response:
    """What `run` answers, or has answered before where the client sends a key that it has sent already.

    `forwarded` names the headers that a provider is sent. Raises InvalidRequest, AlreadyRunning, KeyReused or
    StoreUnavailable, and what `run` raises; a key whose request failed is free again.
    """
    key = _sent(request, call)
    if key is None:
        return await run()
    claim = await services.claims.begin(caller.id, key, _asked(request, call, body, forwarded))
    if isinstance(claim, Replay):
        await allowed(services, caller, call)
        return _again(services, caller, call, claim)
    answered = False
    try:
        response = await run()
        if answered := response.status_code < 400:
            told = {name: value for name in TOLD_AGAIN if (value := response.headers.get(name)) is not None}
            await services.claims.finish(claim, response.status_code, told, bytes(response.body))
    finally:
        if not answered:
            await services.claims.release(claim)
    return response


def _sent(request: Request, call: Call) -> str | None:
    """The key, where there is one. Raises InvalidRequest."""
    sent = request.headers.getlist(HEADER)
    if not sent:
        return None
    if len(sent) > 1 or not _GRAMMAR.fullmatch(sent[0]):
        raise InvalidRequest("must be sent once, as 1 to 255 visible ASCII characters", param=HEADER)
    if call.request.get("stream"):
        said = "is for answers that are not streamed: leave it out, or set stream to false"
        raise InvalidRequest(said, param=HEADER, code="unsupported_parameter")
    return sent[0]


def _asked(request: Request, call: Call, body: object, forwarded: Sequence[str]) -> bytes:
    """All that the answer depends on; the order of keys and the spaces between them do not count."""
    passed = {name: value for name in forwarded if (value := request.headers.get(name)) is not None}
    asked = [call.path, call.strategy, call.strict, call.explain, passed, body]
    return json.dumps(asked, sort_keys=True, separators=(",", ":")).encode()


def _again(services: Services, caller: Caller, call: Call, replay: Replay) -> Response:
    """An answer as it was given before. It costs nothing, and its headers say so: who adds up counts once."""
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
    told = {"x-vaultedge-replayed": "1", "x-vaultedge-cost-usd": "0"}
    return Response(replay.body, replay.status, {**SAFE, **replay.headers, **told})
