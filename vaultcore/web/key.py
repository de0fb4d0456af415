"""GET /v1/key: what the key that asks may use, has used, and has left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from vaultcore.gate.caller import Caller, account
from vaultcore.governance.account import Account, remaining, rolled
from vaultcore.governance.limits import Limits
from vaultcore.governance.meters import meters
from vaultcore.money import PER_DOLLAR, usd
from vaultcore.services import Services
from vaultcore.web.access import recognised
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
        "balance_usd": _dollars(None if limits.credits is None else limits.credits - held.nanos),
    }


def limited(limits: Limits) -> Json:
    """Limits by the names that the admin API has for them; money in US dollars."""
    return {
        "rate_limit_rpm": limits.rpm,
        "rate_limit_tpm": limits.tpm,
        "max_parallel": limits.parallel,
        "token_quota": limits.tokens,
        "credits_usd": _dollars(limits.credits),
        "budget_day_usd": _dollars(limits.day),
        "budget_month_usd": _dollars(limits.month),
    }


def used(held: Account) -> Json:
    """What an account has used for ever; what is reserved at the moment does not count."""
    return {
        "requests": held.settled,
        "prompt_tokens": held.prompt,
        "completion_tokens": held.completion,
        "total_tokens": held.tokens,
        "cost_usd": _dollars(held.nanos),
    }


def _left(held: Account, limits: Limits, now: float) -> Json:
    """What may still be used; a limit that is not set is not there."""
    names = {
        "tokens": "token_quota",
        "credits": "credits_usd",
        "day": "budget_day_usd",
        "month": "budget_month_usd",
    }
    rates = {"rpm": "rate_limit_rpm", "tpm": "rate_limit_tpm"}
    told: Json = {rates[name]: left for name, (_, left, _) in remaining(held, limits, now).items()}
    for meter in meters(held, limits):
        left = max(0, meter.most - meter.used)
        told[names[meter.limit]] = left if meter.limit == "tokens" else _dollars(left)
    return told


def _dollars(nanos: int | None) -> float | None:
    """As a JSON number: nano-dollars up to nine million dollars are exact in one."""
    return None if nanos is None else float(usd(nanos)) if nanos % PER_DOLLAR else float(nanos // PER_DOLLAR)
