"""Reserves what a call may use before a provider is called, and settles what it used afterwards.

    reserve (one store call) → provider → settle (one store call)

A call without `max_tokens` reserves what the model may produce or, where that does not fit, a share of what
remains; the request is then capped to it. Settlements that the store cannot take now are retried later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from vaultcore.admission.authenticator import Authenticator
from vaultcore.admission.caller import Caller
from vaultcore.admission.exhausted import ExhaustedAlerts
from vaultcore.admission.grant import Grant, rate_limit_headers
from vaultcore.admission.limit_errors import ReservationRefused, limit_error
from vaultcore.admission.owed.journal import OwedJournal
from vaultcore.admission.owed.settlements import (
    NO_JOURNAL,
    NO_METRICS,
    OwedMetrics,
    OwedSettlements,
    PendingSettlement,
)
from vaultcore.admission.refusals.refused_keys import RefusedKeys
from vaultcore.admission.settlement import FinalStatus, settlement
from vaultcore.call import Call
from vaultcore.catalog.schema import Model, Target
from vaultcore.clock import Clock
from vaultcore.errors import GatewayError, StoreUnavailable
from vaultcore.limits.account import Lease, day_of, reserved
from vaultcore.limits.bounds import BOUNDS
from vaultcore.limits.reservation import Level, LimitRefused, Reservation, ReservationResult
from vaultcore.store.base import Put, Settlement, SettlementResult, Store
from vaultcore.store.memory import MemoryStore
from vaultcore.telemetry import Log
from vaultcore.usage.plausible import reserved_cost
from vaultcore.usage.request_estimate import RequestEstimate

LEASE = 960.0  # seconds; longer than the longest call
UNKNOWN_MAX_OUTPUT = 16_384  # completion tokens of a model whose maximum is unknown
EXPECTED_OUTPUT = 4_096  # completion tokens that a call without a maximum counts in tokens per minute
SHARE = 4  # a call without a maximum reserves at most 1/SHARE of what remains
RESERVE_ROUNDS = 4  # tries to find a reservation that fits

Notify = Callable[[Sequence[Put]], None]


def ignore_alerts(_alerts: Sequence[Put]) -> None:
    """Drop alerts: for limiters without alerting."""


class Limiter:
    """One per process. `notify` receives the alerts that settlements and refusals have written."""

    def __init__(
        self,
        store: Store,
        authenticator: Authenticator,
        clock: Clock,
        log: Log,
        *,
        notify: Notify = ignore_alerts,
        lease: float = LEASE,
        degraded: int = 0,
        price_version: str = "",
        journal: OwedJournal = NO_JOURNAL,
        metrics: OwedMetrics = NO_METRICS,
    ) -> None:
        self._store, self._authenticator, self._clock, self._log = store, authenticator, clock, log
        self._notify = notify
        self._lease, self._price_version = lease, price_version
        self._degraded, self._local_store = degraded, MemoryStore(clock)
        self.owed = OwedSettlements(
            self._write,
            self._notify_crossings,
            log,
            begin=getattr(store, "begin_settlement", None),  # of some stores
            journal=journal,
            metrics=metrics,
        )
        # True in a process that ends with `owed.flush`: the settlement of a call that nothing limits is then
        # written behind its response.
        self.settles_behind = False
        self._exhausted_alerts = ExhaustedAlerts(store, clock, log)
        self._refused_keys = RefusedKeys()

    def refuse_early(self, caller: Caller) -> None:
        """Raise the error of a recent refusal that applies to every request of the caller's key, if any.

        It calls no store and needs no request body. Raises LimitExceeded or CreditsExhausted.
        """
        error = self._refused_keys.error(caller, self._store.now)
        if error is not None:
            raise error

    async def admit(
        self, caller: Caller, call: Call, estimate: RequestEstimate, targets: Sequence[Target]
    ) -> Grant:
        """Reserve what a call may use. Raises LimitExceeded, CreditsExhausted or StoreUnavailable.

        A refusal is checked with the store once: an operator may have raised the limit meanwhile.
        """
        try:
            return await self._admit(caller, call, estimate, targets)
        except ReservationRefused as refused:
            current = await self._authenticator.refresh(caller)
            if current is None:
                raise await self._limit_error(refused, caller, call) from None
        try:
            return await self._admit(current, call, estimate, targets)
        except ReservationRefused as refused:
            raise await self._limit_error(refused, current, call) from None

    async def _admit(
        self, caller: Caller, call: Call, estimate: RequestEstimate, targets: Sequence[Target]
    ) -> Grant:
        levels, has_lasting = caller.levels, caller.has_lasting_limit
        now = self._store.now()
        lease = Lease(now, now + self._lease, date=day_of(self._clock.now()))
        models = [target.model for target in targets]
        completion = _max_completion(estimate, models)
        if not caller.has_limit:
            return Grant(caller, estimate, levels, lease, is_reserved=False, completion=completion)
        for rounds_left in range(RESERVE_ROUNDS, 0, -1):
            lease = _priced_lease(lease, estimate, completion, models, levels)
            reservation = Reservation(call.id, levels, lease)
            try:
                try:
                    result = await self._store.reserve(reservation)
                except StoreUnavailable:
                    if has_lasting or not self._degraded:
                        raise
                    result = await self._reserve_here(reservation)
            except LimitRefused as refused:
                smaller = _smaller_completion(refused, estimate, completion, models)
                if smaller is None or rounds_left == 1:
                    raise ReservationRefused(refused, lease) from None
                completion = smaller
                continue
            is_capped = has_lasting and estimate.completion is None
            return Grant(
                caller,
                estimate,
                levels,
                result.lease,
                is_reserved=True,
                completion=completion,
                completion_cap=completion // estimate.choices if is_capped else None,
                headers=rate_limit_headers(caller.limits, result.accounts[0], now),
            )
        raise AssertionError("the last round returns or raises")

    async def _limit_error(self, refused: ReservationRefused, caller: Caller, call: Call) -> GatewayError:
        """Return the client's error; write the operator's alert first, if one is due."""
        self._refused_keys.remember(caller, refused.cause, self._store.now())
        alert = await self._exhausted_alerts.alert(refused.cause, call.id)
        if alert is not None:
            self._notify([alert])
        return limit_error(refused.cause, caller, self._store.now(), refused.lease)

    async def _reserve_here(self, reservation: Reservation) -> ReservationResult:
        """Reserve in this process a share of each rate, since the store is unavailable."""
        shares = [
            replace(level, limits=level.limits.divide_rates(self._degraded)) for level in reservation.levels
        ]
        return await self._local_store.reserve(replace(reservation, levels=shares))

    async def settle(self, grant: Grant, call: Call, status: int, error: GatewayError | None = None) -> None:
        """Charge what a call used and write its record, even if the task is cancelled meanwhile.

        A charge that the store does not accept stays owed. Raises only CancelledError.
        """
        await self.begin_settlement(grant, call, status, error).wait()

    def begin_settlement(
        self, grant: Grant, call: Call, status: int, error: GatewayError | None = None
    ) -> PendingSettlement:
        """Begin what `settle` does. Wait for it if it `is_awaited`."""
        final = FinalStatus(status, self._clock.now(), error, self._price_version)
        due = settlement(grant, call, final)
        return self.owed.begin(due, grant.caller.id, is_awaited=self.is_awaited(grant))

    def is_awaited(self, grant: Grant) -> bool:
        """Return True if a client that has read its response must find its usage counted."""
        return grant.caller.has_limit or not self.settles_behind

    async def settle_owed(self) -> None:
        """Settle what this process owes. Stop if the store is unavailable."""
        await self.owed.settle_owed()

    async def _write(self, due: Settlement) -> SettlementResult:
        return await self._store.settle(due)

    def _notify_crossings(self, due: Settlement, result: SettlementResult) -> None:
        if result.crossings:
            self._notify([due.alert(crossing) for crossing in result.crossings if due.alert])


def _max_completion(estimate: RequestEstimate, models: Sequence[Model]) -> int:
    """Return the most completion tokens that any of the models may produce for a request."""
    if estimate.completion is not None:
        return estimate.completion
    most = 0
    for model in models:
        most = max(most, model.max_output_tokens or UNKNOWN_MAX_OUTPUT)
    return estimate.choices * most


def _priced_lease(
    lease: Lease,
    estimate: RequestEstimate,
    completion: int,
    models: Sequence[Model],
    levels: Sequence[Level],
) -> Lease:
    """Return the lease with the tokens and nano-dollars that the request may use at most."""
    nanos, prompt = 0, 0 if models else estimate.prompt
    for model in models:
        nanos = max(nanos, reserved_cost(estimate, completion, model) or 0)
        prompt = max(prompt, estimate.max_prompt(model))
    per_minute = completion
    if estimate.completion is None:
        per_minute = min(completion, EXPECTED_OUTPUT)
        for level in levels:
            if (tpm := level.limits.tpm) is not None:
                per_minute = min(per_minute, max(1, tpm // SHARE))
    return Lease(
        lease.at, lease.until, prompt + completion, estimate.expected + per_minute, nanos, lease.date
    )


def _max_cost(estimate: RequestEstimate, completion: int, model: Model) -> int:
    return reserved_cost(estimate, completion, model) or 0


def _smaller_completion(
    refused: LimitRefused, estimate: RequestEstimate, completion: int, models: Sequence[Model]
) -> int | None:
    """Return fewer completion tokens to try for a call without a maximum; None if fewer cannot help.

    They are a share of what remains, the prompt included. A prompt that may fill the context window is not
    part of the share: it would rarely fit.
    """
    limit = refused.denial.limit
    if estimate.completion is not None or not BOUNDS[limit].settled:
        return None
    remaining = getattr(refused.level.limits, limit) - reserved(refused.account, limit)
    if limit == "tokens":
        prompt, rate = max((estimate.max_prompt(model) for model in models), default=estimate.prompt), 0
    else:
        prompt = max((_max_cost(estimate, 0, model) for model in models), default=0)
        # The cost is convex in the tokens, so that its slope up to a million is no less than below it.
        rate = max(
            (_max_cost(estimate, 1_000_000, model) - _max_cost(estimate, 0, model) for model in models),
            default=0,
        )
    reserves_most = any(map(estimate.reserves_most, models))
    rest = (remaining - prompt) // SHARE if reserves_most else remaining // SHARE - prompt
    tokens = rest if limit == "tokens" else rest * 1_000_000 // rate if rate else 0
    tokens -= tokens % estimate.choices
    return tokens if 0 < tokens < completion else None
