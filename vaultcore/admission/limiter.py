"""The gate: reserves before a provider is asked, settles when the answer is over. All inference passes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from vaultcore.admission.authenticator import Authenticator
from vaultcore.admission.caller import Caller
from vaultcore.admission.exhausted import ExhaustedAlerts
from vaultcore.admission.grant import Grant, refusal, told
from vaultcore.admission.settlement import FinalStatus, settlement
from vaultcore.call import Call
from vaultcore.catalog.schema import Model, Target
from vaultcore.clock import Clock
from vaultcore.errors import GatewayError, StoreUnavailable
from vaultcore.limits.account import Account, Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Refused, Reservation
from vaultcore.store.base import Put, Settlement, Store
from vaultcore.store.memory import MemoryStore
from vaultcore.telemetry import Log
from vaultcore.usage.max_cost import most
from vaultcore.usage.request_estimate import RequestEstimate

LEASE = 960.0  # seconds: longer than the longest answer
UNBOUNDED = 16_384  # completion tokens of a model that nobody has said the most of
BRIEF = 4_096  # what an answer without a bound is expected to stay below, where only rates are limited
SHARE = 4  # a request without a bound reserves at most a quarter of what is left
ROUNDS = 4  # tries to find what such a request may have
OWED = 1_000  # settlements kept while the store is away
FEW = 2  # of them that an answer waits for

Notify = Callable[[Sequence[Put]], None]


class Limiter:
    """One per process."""

    def __init__(
        self,
        store: Store,
        doorman: Authenticator,
        clock: Clock,
        log: Log,
        *,
        lease: float = LEASE,
        degraded: int = 0,
        price_version: str = "",
    ) -> None:
        self._store, self._doorman, self._clock, self._log = store, doorman, clock, log
        self._lease, self._price_version = lease, price_version
        self._degraded, self._spare = degraded, MemoryStore(clock)
        self._owed: deque[Settlement] = deque(maxlen=OWED)
        self._used_up = ExhaustedAlerts(store, clock, log)
        self.notify: Notify = _unheard

    async def admit(
        self, caller: Caller, call: Call, wanted: RequestEstimate, targets: Sequence[Target]
    ) -> Grant:
        """Reserve what a call may use. Raises LimitExceeded, CreditsExhausted or StoreUnavailable."""
        try:
            return await self._admit(caller, call, wanted, targets)
        except Refused as refused:
            again = await self._doorman.again(caller)
            if again is None:
                raise await self._refusal(refused, caller, call) from None
        try:
            return await self._admit(again, call, wanted, targets)
        except Refused as refused:
            raise await self._refusal(refused, again, call) from None

    async def _admit(
        self, caller: Caller, call: Call, wanted: RequestEstimate, targets: Sequence[Target]
    ) -> Grant:
        levels = caller.levels
        limits = [level.limits for level in levels]
        now = self._clock.now()
        lease = Lease(now, now + self._lease)
        models = [target.model for target in targets]
        completion = _completion(wanted, models)
        if not any(each.any for each in limits):
            return Grant(caller, wanted, levels, lease, reserved=False, completion=completion)
        lasting = any(each.lasting for each in limits)
        for chance in range(ROUNDS, 0, -1):
            lease = _lease(lease, wanted, completion, models, limits)
            try:
                accounts = await self._reserve(Reservation(call.id, levels, lease), lasting=lasting)
            except Refused as refused:
                less = _less(refused, wanted, completion, models)
                if less is None or chance == 1:
                    raise
                completion = less
                continue
            cap = completion // wanted.choices if lasting and wanted.completion is None else None
            headers = told(caller.limits, accounts[0], now)
            return Grant(
                caller, wanted, levels, lease, reserved=True, completion=completion, cap=cap, headers=headers
            )
        raise AssertionError("the last round returns or raises")

    async def _refusal(self, refused: Refused, caller: Caller, call: Call) -> GatewayError:
        """What a client is told, once the operator has been told what there is to tell."""
        alert = await self._used_up.alert(refused, call.id)
        if alert is not None:
            self.notify([alert])
        return refusal(refused, caller, self._clock.now())

    async def _reserve(self, reservation: Reservation, *, lasting: bool) -> list[Account]:
        """Reserve in the store; while it is away and nothing lasting is limited, in this process's share."""
        try:
            return await self._store.admit(reservation)
        except StoreUnavailable:
            if lasting or not self._degraded:
                raise
        shares = [replace(level, limits=level.limits.share(self._degraded)) for level in reservation.levels]
        return await self._spare.admit(replace(reservation, levels=shares))

    async def settle(self, grant: Grant, call: Call, status: int, error: GatewayError | None = None) -> None:
        """Charge what a call used and write its record. Never fails: what cannot be written now is owed."""
        ended = self._clock.now()
        over = FinalStatus(status, ended, error, self._price_version)
        due = settlement(grant, call, over)
        if await self._settled(due):
            await self.pay(FEW)
            return
        self._owed.append(due)
        self._log.trouble(
            "settlement owed",
            request_id=due.id,
            key=grant.caller.id,
            prompt_tokens=due.spent.prompt,
            completion_tokens=due.spent.completion,
            cost_nanos=due.spent.nanos,
        )

    async def pay(self, most: int = OWED) -> None:
        """Settle what is owed, oldest first, until the store is away again."""
        for _ in range(min(most, len(self._owed))):
            if not self._owed:  # others pay too
                return
            due, paid = self._owed.popleft(), False
            try:
                paid = await self._settled(due)
            finally:  # also where whoever pays is told to stop
                if not paid:
                    self._owed.appendleft(due)
            if not paid:
                return

    async def _settled(self, due: Settlement) -> bool:
        """Settle, if the store can be reached."""
        try:
            done = await self._store.settle(due)
        except StoreUnavailable:
            return False
        if done.crossings:
            self.notify([due.alert(crossing) for crossing in done.crossings if due.alert])
        return True


def _unheard(_alerts: Sequence[Put]) -> None:
    return


def _completion(wanted: RequestEstimate, models: Sequence[Model]) -> int:
    """The completion tokens that any of the models may produce for a request."""
    if wanted.completion is not None:
        return wanted.completion
    return wanted.choices * max((model.max_output_tokens or UNBOUNDED for model in models), default=0)


def _lease(
    lease: Lease, wanted: RequestEstimate, completion: int, models: Sequence[Model], limits: Sequence[Limits]
) -> Lease:
    nanos = max((_most(wanted, completion, model) for model in models), default=0)
    minute = wanted.expected + completion
    if wanted.completion is None:
        rates = [each.tpm for each in limits if each.tpm is not None]
        minute = wanted.expected + min(completion, BRIEF, *(max(1, rate // SHARE) for rate in rates))
    return replace(lease, tokens=wanted.prompt + completion, minute=minute, nanos=nanos)


def _most(wanted: RequestEstimate, completion: int, model: Model) -> int:
    return most(wanted.prompt, completion, model, pictures=wanted.pictures) or 0


def _less(refused: Refused, wanted: RequestEstimate, completion: int, models: Sequence[Model]) -> int | None:
    """The completion tokens to ask for instead, where a request leaves them open; None: no fewer."""
    limits, account, limit = refused.level.limits, refused.account, refused.denial.limit
    left = _left(account, limits).get(limit)
    if wanted.completion is not None or left is None:
        return None
    share = left // SHARE
    fits = share - wanted.prompt
    if limit != "tokens":
        rate = max((most(wanted.prompt, 1_000_000, model, pictures=0) or 0 for model in models), default=0)
        prompt = max((_most(wanted, 0, model) for model in models), default=0)
        fits = (share - prompt) * 1_000_000 // rate if rate else 0
    fits -= fits % wanted.choices
    return fits if 0 < fits < completion else None


def _left(account: Account, limits: Limits) -> dict[str, int]:
    held = {
        "tokens": (limits.tokens, account.tokens_held),
        "credits": (limits.credits, account.nanos_held),
        "day": (limits.day, account.day_held),
        "month": (limits.month, account.month_held),
    }
    return {name: limit - used for name, (limit, used) in held.items() if limit is not None}
