"""Admission of a call: its allowed targets, its reservation, its deadline, and its settlement.

Admission.admit(caller, call, estimate)
    allowed targets → priced targets → reservation → AdmittedCall
AdmittedCall.settle(status)            charge, record, content log: at most once
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace

from vaultcore.admission.caller import Caller
from vaultcore.admission.grant import Grant
from vaultcore.admission.limiter import Limiter
from vaultcore.admission.model_names import ModelNames, model_not_allowed
from vaultcore.admission.owed.settlements import PendingSettlement
from vaultcore.call import Call
from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Route, Target
from vaultcore.clock import Clock
from vaultcore.content_log import ContentLog
from vaultcore.dialects import NativeFields, load_dialect
from vaultcore.errors import CLIENT_DISCONNECTED, Forbidden, GatewayError, NoRoute
from vaultcore.lazy_dataclass import dataclass
from vaultcore.limits.allowlist import allowed_targets
from vaultcore.limits.virtual_key import RESERVE_MAX
from vaultcore.telemetry import Log
from vaultcore.usage.plausible import UsageBounds
from vaultcore.usage.request_estimate import RequestEstimate
from vaultcore.usage.unknown_price import UnknownPrice, with_price

LEASE_SHARE = 0.95  # of its lease, after which a call must have ended

FindTargets = Callable[[Call], Awaitable[tuple[Route, Sequence[Target]]]]


@dataclass(frozen=True, slots=True)
class Admission:
    """Decides whether a caller may make a call, and to which targets. One per process."""

    find_targets: FindTargets  # a call's route and the targets that can be reached
    limiter: Limiter
    model_names: ModelNames
    catalog: Callable[[], Catalog]
    prices: UnknownPrice
    content: ContentLog
    clock: Clock
    log: Log
    lease: float  # seconds

    async def admit(self, caller: Caller, call: Call, estimate: RequestEstimate) -> AdmittedCall:
        """Reserve what a call may use, and narrow it to its targets, deadline and maximum of tokens.

        Raises NoRoute, Forbidden, LimitExceeded, CreditsExhausted or StoreUnavailable.
        """
        allowed = await self.allowed_targets(caller, call)
        targets = self._priced(caller, allowed)
        if len(targets) < len(allowed):
            call.outcome.decision.skip_targets(allowed, targets, "no_price")
        estimate = _apply_input_policy(caller, _with_unknown_cost(estimate, call, targets))
        deadline = min(call.deadline, self.clock.now() + self.lease * LEASE_SHARE)
        grant = await self.limiter.admit(caller, call, estimate, targets)
        is_enforced = grant.is_reserved and grant.caller.has_lasting_limit
        bounds = UsageBounds(estimate, grant.completion, is_enforced)
        call.targets, call.deadline, call.bounds = targets, deadline, bounds
        if grant.completion_cap is not None:
            _cap_completion(call, grant.completion_cap)
        return AdmittedCall(self, call, grant)

    async def allowed_targets(self, caller: Caller, call: Call) -> Sequence[Target]:
        """Return the targets that the caller's key allows. Raises NoRoute or Forbidden."""
        models = caller.key.models if caller.key else None
        try:
            route, targets = await self.find_targets(call)
        except NoRoute as error:
            raise await self.model_names.explain(error, call.model, models) from error
        if models is None:
            return targets
        if "models" in call.request or call.native is not None:
            for param, name in _fallback_models(call):
                if name not in models:
                    raise model_not_allowed(name, param=param)
        is_route = route.name in self.catalog().routes
        allowed = allowed_targets(models, call.model, targets, routed=is_route)
        if not allowed:
            raise model_not_allowed(call.model)
        if len(allowed) < len(targets):
            call.outcome.decision.skip_targets(targets, allowed, "not_allowed")
        return allowed

    def _priced(self, caller: Caller, targets: Sequence[Target]) -> Sequence[Target]:
        """Return the targets with prices. Raises Forbidden if money is limited and no target has a price."""
        usable = []
        for target in targets:
            model = with_price(target.model, self.prices)
            if model is not None:
                usable.append(target if model is target.model else replace(target, model=model))
            elif not caller.has_money_limit:
                usable.append(target)
        if not usable:
            raise Forbidden(
                "this key has a money limit, and this model has no price; set one in providers.yaml",
                param="model",
                code="price_unknown",
            )
        return usable

    def log_call(self, call: Call, caller: Caller, status: int, error: GatewayError | None) -> None:
        """Write the log line of a finished call: ids, counts and times, never content."""
        outcome = call.outcome
        usage, candidate = outcome.total_usage, outcome.candidate
        self.log.request(
            request_id=call.id,
            client_id=call.client_id,
            key=caller.id,
            model=call.request["model"],
            provider=candidate.target.provider.name if candidate else None,
            served=candidate.target.model.name if candidate else None,
            key_id=candidate.credential.id if candidate else None,
            stream=call.is_streaming,
            status=status,
            code=error.code if error else None,
            attempts=len(outcome.attempts),
            changes=len(outcome.changes),
            prompt_tokens=usage.get("prompt_tokens"),
            completion_tokens=usage.get("completion_tokens"),
            cost_nanos=outcome.total_cost,
            ms=round((self.clock.now() - call.started) * 1_000, 1),
        )


class AdmittedCall:
    """A call with its reservation. Run `settle` at the end of every call; it settles at most once."""

    def __init__(self, admission: Admission, call: Call, grant: Grant) -> None:
        self._admission, self._grant = admission, grant
        self.call = call
        self._settlement: PendingSettlement | None = None
        self._content: asyncio.Task[None] | None = None  # writes the content log, if it is on
        self._timed_out = False  # `settle` returned before the settlement had finished

    @property
    def rate_limit_headers(self) -> Mapping[str, str]:
        """Return the x-ratelimit-* response headers; they are known before a provider answers."""
        return dict(self._grant.headers)

    async def settle(
        self, status: int, error: GatewayError | None = None, *, wait: float | None = None
    ) -> None:
        """Charge the call and write its record, at the first call of this method.

        The settlement runs to its end even if the caller is cancelled or `wait` (seconds) passes: what was
        used has been used. If nothing limits the call, it may end after this method.
        """
        admission, outcome, settlement = self._admission, self.call.outcome, self._settlement
        if settlement is None:
            outcome.status, outcome.error = status, error
            settlement = admission.limiter.begin_settlement(self._grant, self.call, status, error)
            self._settlement = settlement
            if admission.content.is_on:
                self._content = asyncio.ensure_future(admission.content.store(self.call))
            admission.log_call(self.call, self._grant.caller, status, error)
        if self._content is not None or (settlement.is_awaited and not settlement.is_done):
            if wait is None and self._content is None:
                await settlement.wait()
            else:
                await self._wait(settlement, wait)
        if outcome.ended is None:
            outcome.ended = admission.clock.now()

    async def abandon(self) -> None:
        """Settle a call whose client has disconnected, unless an earlier `settle` timed out."""
        if not self._timed_out:
            await self.settle(CLIENT_DISCONNECTED)

    async def _wait(self, settlement: PendingSettlement, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await settlement.wait()
                if self._content is not None:
                    await asyncio.shield(self._content)
        except TimeoutError:
            self._timed_out = True


def _fallback_models(call: Call) -> Iterator[tuple[str, str]]:
    """Yield the models that a provider may use instead, each with the field that names it.

    `models` is a field of OpenRouter's requests, `fallbacks` one of Anthropic's, with objects or a word.
    """
    models = call.request.get("models")
    yield from (("models", str(name)) for name in (models if isinstance(models, list) else ()))
    fallbacks = call.native.body.get("fallbacks") if call.native is not None else None
    entries = fallbacks if isinstance(fallbacks, list) else [fallbacks] if fallbacks else []
    for entry in entries:
        yield "fallbacks", str(entry.get("model") if isinstance(entry, dict) else entry)


def _with_unknown_cost(estimate: RequestEstimate, call: Call, targets: Sequence[Target]) -> RequestEstimate:
    """Return the estimate without a bound if a provider gets a field whose cost nobody knows."""
    native = call.native
    if native is None or native.unknown_cost is None or estimate.unbounded is not None:
        return estimate
    if not any(target.accepts_dialect(native.dialect) for target in targets):
        return estimate
    return replace(estimate, unbounded=native.unknown_cost)


def _apply_input_policy(caller: Caller, estimate: RequestEstimate) -> RequestEstimate:
    """Return the estimate under the key's policy for unbounded inputs. Raises Forbidden if it denies them."""
    policy = caller.key.unbounded_inputs if caller.key else RESERVE_MAX
    if policy == "deny" and estimate.unbounded is not None:
        raise Forbidden(
            f"this key may not use {estimate.unbounded}: its tokens cannot be counted before the request. "
            "Use text, images inside the request and tools of your own",
            param=estimate.unbounded,
            code="unbounded_input",
        )
    return replace(estimate, may_overshoot=True) if policy == "allow" else estimate


def _cap_completion(call: Call, tokens: int) -> None:
    """Set a call's maximum of completion tokens, so that the response fits its reservation."""
    request = copy(call.request)  # a copy of its class, which may remember the client's body
    request["max_completion_tokens"] = tokens
    native = call.native
    call.request = request
    if native is None or not native.dialect:
        return
    dialect = load_dialect(native.dialect)
    if isinstance(dialect, NativeFields):
        call.native = replace(native, body=dialect.with_max_tokens(native.body, tokens))
    elif dialect.max_tokens_field:
        call.native = replace(native, body={**native.body, dialect.max_tokens_field: tokens})
