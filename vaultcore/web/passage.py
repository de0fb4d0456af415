"""A call that has been let in: where it may go, what was reserved for it, and its end, which comes once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from vaultcore.admission.caller import Caller
from vaultcore.admission.grant import Grant
from vaultcore.admission.settlement import GONE
from vaultcore.call import Call
from vaultcore.catalog.schema import Target
from vaultcore.errors import Forbidden, GatewayError
from vaultcore.limits.allowlist import permitted
from vaultcore.services import Services
from vaultcore.usage.request_estimate import RequestEstimate
from vaultcore.usage.unknown_price import priced
from vaultcore.web.reply import told

CAPS: Mapping[str, str] = {  # how a native body says the most tokens of an answer
    "anthropic": "max_tokens",
    "responses": "max_output_tokens",
}

WITHIN = 0.95  # of its reservation's time, a call is over


class AdmittedCall:
    """What stands between a caller and the gateway for one call."""

    def __init__(self, services: Services, call: Call, grant: Grant) -> None:
        self._services, self._grant = services, grant
        self.call = call
        self._ending: asyncio.Task[None] | None = None
        self._left = False  # to end by itself

    @property
    def headers(self) -> dict[str, str]:
        """The response headers that say who answered, what it cost, and what the key has left."""
        return {**told(self.call), **dict(self._grant.headers)}

    @property
    def allowance(self) -> dict[str, str]:
        """The response headers that are known before anybody has answered."""
        return dict(self._grant.headers)

    async def settle(
        self, status: int, error: GatewayError | None = None, *, within: float | None = None
    ) -> None:
        """Charge the call and write its record, the first time that this is called.

        Goes on to its end even where the caller is cancelled, or waits no longer than `within` seconds: what
        was used has been used.
        """
        if self._ending is None:
            settling = self._settled(status, error)
            self.call.status, self.call.error = status, error
            self._ending = asyncio.ensure_future(settling)
            note(self._services, self.call, self._grant.caller, status, error)
        done, _ = await asyncio.wait({self._ending}, timeout=within)
        self._left = not done
        if done:
            self._ending.result()

    async def abandon(self) -> None:
        """The end of a call that nobody waits for any more; not where settling it has taken too long."""
        if not self._left:
            await self.settle(GONE)

    async def _settled(self, status: int, error: GatewayError | None) -> None:
        await self._services.limiter.settle(self._grant, self.call, status, error)
        await self._services.content.keep(self.call)
        self.call.ended = self._services.clock.now()


async def admit(services: Services, caller: Caller, call: Call, wanted: RequestEstimate) -> AdmittedCall:
    """Let a call in. Raises NoRoute, Forbidden, LimitExceeded, CreditsExhausted or StoreUnavailable."""
    targets = _priced(services, caller, await allowed(services, caller, call))
    call.targets = targets
    call.deadline = min(call.deadline, services.clock.now() + services.settings.lease * WITHIN)
    grant = await services.limiter.admit(caller, call, wanted, targets)
    call.bounds = (wanted.prompt, grant.completion)
    if grant.cap is not None:
        _hold(call, grant.cap)
    return AdmittedCall(services, call, grant)


async def allowed(services: Services, caller: Caller, call: Call) -> Sequence[Target]:
    """The targets that a caller's key lets a call go to. Raises NoRoute or Forbidden."""
    route, targets = await services.gateway.routed(call)
    models = caller.key.models if caller.key else None
    if models is None:
        return targets
    asked = call.request.get("models")  # fallbacks that some aggregators take from a request's body
    if isinstance(asked, list) and not all(name in models for name in asked):
        raise Forbidden("this key may not use all of these models", param="models")
    found = permitted(models, call.model, targets, routed=route.name in services.catalog.routes)
    if not found:
        raise Forbidden("this key may not use this model", param="model")
    return found


def _priced(services: Services, caller: Caller, targets: Sequence[Target]) -> Sequence[Target]:
    """The targets with a price, the operator's where there is no other; Forbidden where money needs one."""
    money = any(level.limits.money for level in caller.levels)
    found = []
    for target in targets:
        model = priced(target.model, services.prices)
        if model is not None:
            found.append(target if model is target.model else replace(target, model=model))
        elif not money:
            found.append(target)
    if not found:
        raise Forbidden(
            "this key's money is limited, and nobody knows what this model costs",
            param="model",
            code="price_unknown",
        )
    return found


def _hold(call: Call, cap: int) -> None:
    """Bound an answer that the request leaves open, so that it fits into what was reserved."""
    call.request = {**call.request, "max_completion_tokens": cap}
    if call.native is not None and (name := CAPS.get(call.native.dialect)):
        call.native = replace(call.native, body={**call.native.body, name: cap})


def note(
    services: Services, call: Call, caller: Caller, status: int, error: GatewayError | None = None
) -> None:
    """The line in the log about what became of a call."""
    usage = call.usage or {}
    served = call.served
    services.log.request(
        request_id=call.id,
        client_id=call.client_id,
        key=caller.id,
        model=call.model,
        provider=served.target.provider.name if served else None,
        served=served.target.model.name if served else None,
        key_id=served.credential.id if served else None,
        stream=bool(call.request.get("stream")),
        status=status,
        code=error.code if error else None,
        attempts=len(call.attempts),
        changes=len(call.changes),
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
        cost_nanos=call.cost,
        ms=round((services.clock.now() - call.started) * 1_000, 1),
    )
