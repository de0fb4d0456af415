"""A reference implementation of accounts: it recalculates everything from a list of events.

It is written from the documentation of `vaultcore.store.base` and `vaultcore.limits.account` and shares no
code with them. Times are multiples of an eighth of a second, so that floats hold them exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from math import ceil, floor
from typing import Any

from tests.store.store_request import StoreRequest
from vaultcore.limits.account import Charge
from vaultcore.limits.limits import Limits


def day(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment.year:04}-{moment.month:02}-{moment.day:02}"


WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600)  # seconds of a bucket


@dataclass(slots=True)
class Event:
    """An admitted request."""

    request: StoreRequest
    charge: Charge | None = None
    given_back: bool = False

    @property
    def at(self) -> float:
        return self.request.at

    @property
    def until(self) -> float:
        """Return the end of its bucket: at most a sixteenth of its lease later than the lease's end."""
        lease = self.request.lease
        width = max([1, *(each for each in WIDTHS if each * 16 <= lease.until - lease.at)])
        return ceil(lease.until / width) * width

    @property
    def holds(self) -> bool:
        return self.charge is None and not self.given_back

    @property
    def minute(self) -> int:
        return self.request.minute if self.charge is None else self.charge.prompt + self.charge.completion

    def counts(self, now: float, *, exactly: bool) -> bool:
        """Return True if the request is one of the last minute, by its own time or by its second's end."""
        if exactly:
            return Fraction(now) < Fraction(ceil(Fraction(self.at) * 100), 100) + 60
        return now < floor(self.at) + 61


@dataclass(slots=True)
class ReferenceAccount:
    """An account and its limits."""

    name: str
    limits: Limits
    events: list[Event] = field(default_factory=list)

    @property
    def today(self) -> str:
        """Return the latest day in which a request was admitted."""
        return max((day(event.at) for event in self.events), default="")

    def holds(self, name: str) -> bool:
        return any(event.request.id == name and event.holds for event in self.events)

    def reserve(self, request: StoreRequest) -> None:
        """Admit a request that is not denied. Expired reservations end before that."""
        self.end(request.at)
        self.events.append(Event(request))

    def end(self, now: float) -> int:
        """End the reservations that have expired. Return how many."""
        over = [event for event in self.events if event.holds and event.until <= now]
        for event in over:
            event.given_back = True
        return len(over)

    def settle(self, name: str, spent: Charge) -> list[tuple[str, str, str, int]]:
        """Return the thresholds of the request's own levels that this settlement crosses."""
        before = dict(self._used(self.today))
        (event,) = [event for event in self.events if event.request.id == name]
        event.charge = spent
        (level,) = [each for each in event.request.levels if each.account == self.name]
        return [
            (self.name, limit, period, percent)
            for (limit, period), used in self._used(self.today)
            for percent in level.thresholds
            if not reached(before[limit, period], self._most(limit), percent)
            and reached(used, self._most(limit), percent)
        ]

    def denied(self, request: StoreRequest) -> str | None:
        """Return the first limit that denies a request."""
        now, today = request.at, day(request.at)
        live = [event for event in self.events if event.holds and event.until > now]
        over = [event.charge for event in self.events if event.charge is not None]
        paid = [(event.at, event.charge.nanos) for event in self.events if event.charge is not None]
        paid += [(event.at, event.request.nanos) for event in live]
        requests, minute = self._rates(now)
        counted = {
            "rpm": requests + 1,
            "tpm": minute + request.minute,
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

    def state(self, now: float) -> dict[str, Any]:
        """Return what the account's fields must be, after expired reservations are released."""
        over = [event.charge for event in self.events if event.charge is not None]
        live = [event for event in self.events if event.holds and event.until > now]
        today, used = day(now), {limit: amount for (limit, _), amount in self._used(day(now))}
        requests, minute = self._rates(now)
        held_nanos = {
            period: sum(event.request.nanos for event in live if day(event.at).startswith(period))
            for period in ("", today, today[:7])
        }
        return {
            "requests": requests,
            "minute": minute,
            "in_flight": len(live),
            "tokens": used["tokens"],
            "tokens_held": used["tokens"] + sum(event.request.tokens for event in live),
            "nanos": used["credits"],
            "nanos_held": used["credits"] + held_nanos[""],
            "day_nanos": used["day"],
            "day_held": used["day"] + held_nanos[today],
            "month_nanos": used["month"],
            "month_held": used["month"] + held_nanos[today[:7]],
            "settled": len(over),
            "prompt": sum(spent.prompt for spent in over),
            "completion": sum(spent.completion for spent in over),
        }

    def _rates(self, now: float) -> tuple[int, int]:
        """Return the requests and tokens of the last minute, as far as these rates are limited."""
        rpm, tpm = self.limits.rpm, self.limits.tpm
        requests = [each for each in self.events if rpm is not None and each.counts(now, exactly=rpm <= 60)]
        tokens = [each.minute for each in self.events if tpm is not None and each.counts(now, exactly=False)]
        return len(requests), sum(tokens)

    def _used(self, today: str) -> Iterator[tuple[tuple[str, str], int]]:
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
