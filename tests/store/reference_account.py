"""A reference implementation of accounts: it recalculates everything from a list of events.

It is written from the documentation of `vaultcore.store.base` and `vaultcore.limits.account` and shares no
code with them. Times are multiples of an eighth of a second, so that floats hold them exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from math import ceil
from typing import Any

from tests.store.store_request import StoreRequest
from vaultcore.limits.account import Charge
from vaultcore.limits.limits import Limits


def day(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment.year:04}-{moment.month:02}-{moment.day:02}"


@dataclass(slots=True)
class Event:
    """An admitted request, at the account's own time."""

    request: StoreRequest
    at: float
    charge: Charge | None = None
    given_back: bool = False

    @property
    def until(self) -> float:
        return self.request.lease.until - self.request.at + self.at

    @property
    def holds(self) -> bool:
        return self.charge is None and not self.given_back

    @property
    def minute(self) -> int:
        return self.request.minute if self.charge is None else self.charge.prompt + self.charge.completion


@dataclass(slots=True)
class ReferenceAccount:
    """An account and its limits."""

    name: str
    limits: Limits
    events: list[Event] = field(default_factory=list)

    @property
    def window(self) -> int:
        """Return the latest minute in which a request was admitted."""
        return max((int(event.at // 60) for event in self.events), default=0)

    def time(self, now: float) -> float:
        """Return the account's time: never before its current minute."""
        return max(now, self.window * 60.0)

    def holds(self, name: str) -> bool:
        return any(event.request.id == name and event.holds for event in self.events)

    def reserve(self, request: StoreRequest) -> None:
        """Admit a request that is not denied. Expired leases end before that."""
        self.end(request.at)
        self.events.append(Event(request, self.time(request.at)))

    def end(self, now: float) -> int:
        """End the leases that have expired. Return how many."""
        over = [event for event in self.events if event.holds and event.until <= self.time(now)]
        for event in over:
            event.given_back = True
        return len(over)

    def settle(self, name: str, spent: Charge) -> list[tuple[str, str, str, int]]:
        """Return the thresholds of the request's own levels that this settlement crosses."""
        before = dict(self._used())
        (event,) = [event for event in self.events if event.request.id == name]
        event.charge = spent
        (level,) = [each for each in event.request.levels if each.account == self.name]
        return [
            (self.name, limit, period, percent)
            for (limit, period), used in self._used()
            for percent in level.thresholds
            if not reached(before[limit, period], self._most(limit), percent)
            and reached(used, self._most(limit), percent)
        ]

    def denied(self, request: StoreRequest) -> str | None:
        """Return the first limit that denies a request."""
        now = self.time(request.at)
        window, today = int(now // 60), day(now)
        share = 1 - Fraction(now % 60) / 60  # of the previous minute that still counts
        live = [event for event in self.events if event.holds and event.until > now]
        over = [event.charge for event in self.events if event.charge is not None]
        paid = [(event.at, event.charge.nanos) for event in self.events if event.charge is not None]
        paid += [(event.at, event.request.nanos) for event in live]
        counted = {
            "rpm": len(self._of(window)) + ceil(len(self._of(window - 1)) * share) + 1,
            "tpm": sum(event.minute for event in self._of(window))
            + ceil(sum(event.minute for event in self._of(window - 1)) * share)
            + request.minute,
            "parallel": len(live) + 1,
            "tokens": sum(spent.prompt + spent.completion for spent in over)
            + sum(event.request.tokens for event in live)
            + request.tokens,
            "credits": sum(nanos for _, nanos in paid) + request.nanos,
            "day": sum(nanos for at, nanos in paid if day(at) == today) + request.nanos,
            "month": sum(nanos for at, nanos in paid if day(at)[:7] == today[:7]) + request.nanos,
        }
        limited = ((name, self._most(name)) for name in counted)
        return next((name for name, most in limited if most is not None and counted[name] > most), None)

    def state(self) -> dict[str, Any]:
        """Return what the account's fields must be."""
        if not self.events:
            return {"window": 0, "day": "", "month": "", "requests": 0, "settled": 0, "leases": set()}
        window, today = self.window, day(self.window * 60)
        used = {limit: amount for (limit, _), amount in self._used()}
        over = [event.charge for event in self.events if event.charge is not None]
        open_events = [event for event in self.events if event.holds]
        nanos = sum(event.request.nanos for event in open_events)
        return {
            "window": window,
            "requests": len(self._of(window)),
            "requests_before": len(self._of(window - 1)),
            "minute": sum(event.minute for event in self._of(window)),
            "minute_before": sum(event.minute for event in self._of(window - 1)),
            "tokens": used["tokens"],
            "tokens_held": used["tokens"] + sum(event.request.tokens for event in open_events),
            "nanos": used["credits"],
            "nanos_held": used["credits"] + nanos,
            "day": today,
            "day_nanos": used["day"],
            "day_held": used["day"]
            + sum(event.request.nanos for event in open_events if day(event.at) == today),
            "month": today[:7],
            "month_nanos": used["month"],
            "month_held": used["month"]
            + sum(event.request.nanos for event in open_events if day(event.at)[:7] == today[:7]),
            "settled": len(over),
            "prompt": sum(spent.prompt for spent in over),
            "completion": sum(spent.completion for spent in over),
            "leases": {event.request.id for event in open_events},
        }

    def _of(self, window: int) -> list[Event]:
        return [event for event in self.events if int(event.at // 60) == window]

    def _used(self) -> Iterator[tuple[tuple[str, str], int]]:
        today = day(self.window * 60)
        over = [(event.at, event.charge) for event in self.events if event.charge is not None]
        yield ("tokens", ""), sum(spent.prompt + spent.completion for _, spent in over)
        yield ("credits", ""), sum(spent.nanos for _, spent in over)
        yield ("day", today), sum(spent.nanos for at, spent in over if day(at) == today)
        month = today[:7]
        yield ("month", month), sum(spent.nanos for at, spent in over if day(at)[:7] == month)

    def _most(self, limit: str) -> int | None:
        return dict[str, int | None](self.limits.pack()).get(limit)


def reached(used: int, most: int | None, percent: int) -> bool:
    """Return True if usage has reached a threshold; no usage reaches none."""
    return most is not None and used > 0 and used * 100 >= most * percent


def refusal(levels: Iterable[ReferenceAccount], request: StoreRequest) -> tuple[str, str] | None:
    """Return the account and the limit that refuse a request."""
    refusals = ((each.name, each.denied(request)) for each in levels)
    return next(((name, limit) for name, limit in refusals if limit is not None), None)
