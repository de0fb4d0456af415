"""What accounts should say, worked out anew each time from a list of everything that ever happened.

Written from the words of `vaultcore.store.base` and `vaultcore.limits.account`, and shares none of their
arithmetic. Times are multiples of an eighth of a second, so that floats hold them exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from math import ceil
from typing import Any

from tests.store.traffic import Asking
from vaultcore.limits.account import Charge
from vaultcore.limits.limits import Limits


def day(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment.year:04}-{moment.month:02}-{moment.day:02}"


@dataclass(slots=True)
class Event:
    """A request that was let in, at the account's own time."""

    asked: Asking
    at: float
    charge: Charge | None = None
    given_back: bool = False

    @property
    def until(self) -> float:
        return self.asked.lease.until - self.asked.at + self.at

    @property
    def holds(self) -> bool:
        return self.charge is None and not self.given_back

    @property
    def minute(self) -> int:
        return self.asked.minute if self.charge is None else self.charge.prompt + self.charge.completion


@dataclass(slots=True)
class NaiveAccount:
    """An account, and the limits that hold for it."""

    name: str
    limits: Limits
    events: list[Event] = field(default_factory=list)

    @property
    def window(self) -> int:
        """The latest minute in which anything was let in."""
        return max((int(event.at // 60) for event in self.events), default=0)

    def time(self, now: float) -> float:
        """Nobody comes before the present minute."""
        return max(now, self.window * 60.0)

    def holds(self, name: str) -> bool:
        return any(event.asked.id == name and event.holds for event in self.events)

    def reserve(self, asked: Asking) -> None:
        """Let one in that is not denied; whatever is over has ended by that."""
        self.end(asked.at)
        self.events.append(Event(asked, self.time(asked.at)))

    def end(self, now: float) -> int:
        """How many leases are over by now, that were not before."""
        over = [event for event in self.events if event.holds and event.until <= self.time(now)]
        for event in over:
            event.given_back = True
        return len(over)

    def settle(self, name: str, spent: Charge) -> list[tuple[str, str, str, int]]:
        """The marks, as they were when it was let in, that this takes the account past."""
        before = dict(self._used())
        (event,) = [event for event in self.events if event.asked.id == name]
        event.charge = spent
        (level,) = [each for each in event.asked.levels if each.account == self.name]
        return [
            (self.name, limit, period, percent)
            for (limit, period), used in self._used()
            for percent in level.thresholds
            if not reached(before[limit, period], self._most(limit), percent)
            and reached(used, self._most(limit), percent)
        ]

    def denied(self, asked: Asking) -> str | None:
        """The first limit in the way of a request."""
        now = self.time(asked.at)
        window, today = int(now // 60), day(now)
        share = 1 - Fraction(now % 60) / 60  # of the minute before: what still counts
        live = [event for event in self.events if event.holds and event.until > now]
        over = [event.charge for event in self.events if event.charge is not None]
        paid = [(event.at, event.charge.nanos) for event in self.events if event.charge is not None]
        paid += [(event.at, event.asked.nanos) for event in live]
        counted = {
            "rpm": len(self._of(window)) + ceil(len(self._of(window - 1)) * share) + 1,
            "tpm": sum(event.minute for event in self._of(window))
            + ceil(sum(event.minute for event in self._of(window - 1)) * share)
            + asked.minute,
            "parallel": len(live) + 1,
            "tokens": sum(spent.prompt + spent.completion for spent in over)
            + sum(event.asked.tokens for event in live)
            + asked.tokens,
            "credits": sum(nanos for _, nanos in paid) + asked.nanos,
            "day": sum(nanos for at, nanos in paid if day(at) == today) + asked.nanos,
            "month": sum(nanos for at, nanos in paid if day(at)[:7] == today[:7]) + asked.nanos,
        }
        limited = ((name, self._most(name)) for name in counted)
        return next((name for name, most in limited if most is not None and counted[name] > most), None)

    def state(self) -> dict[str, Any]:
        """What an account's fields should be."""
        if not self.events:
            return {"window": 0, "day": "", "month": "", "requests": 0, "settled": 0, "leases": set()}
        window, today = self.window, day(self.window * 60)
        used = {limit: amount for (limit, _), amount in self._used()}
        over = [event.charge for event in self.events if event.charge is not None]
        held = [event for event in self.events if event.holds]
        nanos = sum(event.asked.nanos for event in held)
        return {
            "window": window,
            "requests": len(self._of(window)),
            "requests_before": len(self._of(window - 1)),
            "minute": sum(event.minute for event in self._of(window)),
            "minute_before": sum(event.minute for event in self._of(window - 1)),
            "tokens": used["tokens"],
            "tokens_held": used["tokens"] + sum(event.asked.tokens for event in held),
            "nanos": used["credits"],
            "nanos_held": used["credits"] + nanos,
            "day": today,
            "day_nanos": used["day"],
            "day_held": used["day"] + sum(event.asked.nanos for event in held if day(event.at) == today),
            "month": today[:7],
            "month_nanos": used["month"],
            "month_held": used["month"]
            + sum(event.asked.nanos for event in held if day(event.at)[:7] == today[:7]),
            "settled": len(over),
            "prompt": sum(spent.prompt for spent in over),
            "completion": sum(spent.completion for spent in over),
            "leases": {event.asked.id for event in held},
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
    """Whether use is at a mark; nothing used is at none."""
    return most is not None and used > 0 and used * 100 >= most * percent


def refusal(levels: Iterable[NaiveAccount], asked: Asking) -> tuple[str, str] | None:
    """The account and the limit that a request is refused for."""
    found = ((each.name, each.denied(asked)) for each in levels)
    return next(((name, limit) for name, limit in found if limit is not None), None)
