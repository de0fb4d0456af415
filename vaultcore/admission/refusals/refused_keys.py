"""Keys whose every request is refused: the gateway refuses them before it reads the body.

A refusal is remembered only if it applies to any request of the key, however small. This is so if the
requests per minute are used up. It is also so if the tokens per minute, the quota, the credits or a budget
are used up and no request in flight can return a part of its reservation. A refusal is remembered for at
most MAX_SECONDS, so that a raised limit takes effect.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from vaultcore.admission.caller import Caller
from vaultcore.admission.limit_errors import limit_error
from vaultcore.errors import GatewayError
from vaultcore.lazy_dataclass import dataclass
from vaultcore.limits.account import remaining, roll_forward
from vaultcore.limits.reservation import LimitRefused
from vaultcore.limits.thresholds import limit_usages

MAX_SECONDS = 5.0
CAPACITY = 4_096  # keys
STEPS = (5.0, 2.0, 1.0, 0.5)  # seconds after which to check a rate


@dataclass(frozen=True, slots=True)
class _Remembered:
    caller: Caller  # with the limits that refused
    refused: LimitRefused
    at: float  # seconds since the epoch
    until: float  # seconds since the epoch


class RefusedKeys:
    """One per process. Calls no store."""

    def __init__(self) -> None:
        self._keys: OrderedDict[str, _Remembered] = OrderedDict()

    def remember(self, caller: Caller, refused: LimitRefused, now: float) -> None:
        """Remember a refusal if it applies to every request of the key."""
        seconds = seconds_without_room(refused, now)
        if seconds <= 0:
            self._keys.pop(caller.id, None)
            return
        self._keys[caller.id] = _Remembered(caller, refused, now, now + seconds)
        self._keys.move_to_end(caller.id)
        if len(self._keys) > CAPACITY:
            self._keys.popitem(last=False)

    def error(self, caller: Caller, clock: Callable[[], float]) -> GatewayError | None:
        """Return the error of a remembered refusal, with the remaining time to wait; None if none applies."""
        known = self._keys.get(caller.id)
        if known is None:
            return None
        now = clock()
        has_same_limits = caller.levels == known.caller.levels
        if not (has_same_limits and known.at <= now < known.until):  # before `at`: the clock was set back
            del self._keys[caller.id]
            return None
        denial, account = known.refused.denial, known.refused.account
        if denial.retry_after is not None:
            denial = replace(denial, retry_after=denial.retry_after - (now - known.at))
        return limit_error(LimitRefused(known.refused.level, denial, account), caller, now)


def seconds_without_room(refused: LimitRefused, now: float) -> float:
    """Return how many seconds a limit refuses every request, at most MAX_SECONDS; 0 if it may admit one."""
    account = roll_forward(refused.account, now)
    limits, denial = refused.level.limits, refused.denial
    most = min(MAX_SECONDS, MAX_SECONDS if denial.retry_after is None else denial.retry_after)
    match denial.limit:
        case "rpm":
            return most
        case "tpm" if account.tokens_held == account.tokens:  # nothing in flight
            steps = (step for step in STEPS if step <= most)
            return next((step for step in steps if not remaining(account, limits, now + step)["tpm"][1]), 0.0)
        case "tokens" | "credits" | "day" | "month":
            has_end = denial.limit in {"day", "month"}  # unknown for a request that exceeds the limit itself
            usage = next(each for each in limit_usages(account, limits) if each.limit == denial.limit)
            needed = (
                1 if denial.limit == "tokens" else 0
            )  # a request may be free of charge, but not of tokens
            is_used_up = usage.used + needed > usage.most
            return most if is_used_up and not (has_end and denial.retry_after is None) else 0.0
        case _:
            return 0.0
