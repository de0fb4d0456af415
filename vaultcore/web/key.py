"""`GET /v1/key`: the calling key's limits, its usage, and what remains."""

from __future__ import annotations

from vaultcore.admission.caller import Caller, account
from vaultcore.limits.account import Account, remaining, roll_forward
from vaultcore.limits.limits import Limits
from vaultcore.limits.thresholds import limit_usages
from vaultcore.services import Services
from vaultcore.web.client_request import ClientRequest
from vaultcore.web.credentials import authenticate
from vaultcore.web.data_endpoint import Handler
from vaultcore.web.limit_json import FIELDS, amount_json, dollars, limits_json, usage_json
from vaultcore.web.reply import ClientResponse, json_response
from vaultcore.wire import Json


def key_endpoint(services: Services) -> Handler:
    """Return the handler."""

    async def handle(request: ClientRequest) -> ClientResponse:
        caller = await authenticate(request, services)
        (state,) = await services.store.accounts(account(caller.id))
        return json_response(_key_json(caller, state, services.clock.now()))

    return handle


def _key_json(caller: Caller, state: Account, now: float) -> Json:
    key, limits = caller.key, caller.limits
    state = roll_forward(state, now)
    return {
        "object": "key",
        "id": caller.id,
        "name": key.name if key else "system key",
        "owner": caller.owner,
        "created_at": int(key.created) if key else None,
        "expires_at": int(key.expires) if key and key.expires else None,
        "allowed_models": list(key.models) if key and key.models is not None else None,
        "limits": limits_json(limits),
        "remaining": _remaining_json(state, limits, now),
        "usage": usage_json(state),
        "balance_usd": None if limits.credits is None else dollars(limits.credits - state.nanos),
    }


def _remaining_json(state: Account, limits: Limits, now: float) -> Json:
    """Return what remains of each limit that is set."""
    amounts: Json = {FIELDS[name]: amount for name, (_, amount, _) in remaining(state, limits, now).items()}
    for usage in limit_usages(state, limits):
        amounts[FIELDS[usage.limit]] = amount_json(usage.limit, max(0, usage.most - usage.used))
    return amounts
