"""GET /v1/key: what the key that asks may use, has used, and has left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from vaultcore.admission.caller import Caller, account
from vaultcore.limits.account import Account, remaining, rolled
from vaultcore.limits.limits import Limits
from vaultcore.limits.thresholds import meters
from vaultcore.services import Services
from vaultcore.web.credentials import recognised
from vaultcore.web.limit_json import NAMES, dollars, limited, spelt, used
from vaultcore.web.reply import json_reply
from vaultcore.wire import Json


def endpoint(services: Services) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        caller = await recognised(request, services)
        (found,) = await services.store.accounts(account(caller.id))
        return json_reply(_told(caller, found, services.clock.now()))

    return answer


def _told(caller: Caller, held: Account, now: float) -> Json:
    key, limits = caller.key, caller.limits
    held = rolled(held, now)
    return {
        "object": "key",
        "id": caller.id,
        "name": key.name if key else "system key",
        "owner": caller.owner,
        "created_at": int(key.created) if key else None,
        "expires_at": int(key.expires) if key and key.expires else None,
        "allowed_models": list(key.models) if key and key.models is not None else None,
        "limits": limited(limits),
        "remaining": _left(held, limits, now),
        "usage": used(held),
        "balance_usd": None if limits.credits is None else dollars(limits.credits - held.nanos),
    }


def _left(held: Account, limits: Limits, now: float) -> Json:
    """What may still be used; a limit that is not set is not there."""
    told: Json = {NAMES[name]: left for name, (_, left, _) in remaining(held, limits, now).items()}
    for meter in meters(held, limits):
        told[NAMES[meter.limit]] = spelt(meter.limit, max(0, meter.most - meter.used))
    return told
