"""Limits of a virtual key, of all keys of an owner, or of the whole gateway.

Rates are `rpm`, `tpm` and `parallel`; a client that waits can send again within a minute or so.
Lasting limits are the token quota, the credits, and the daily and monthly budgets.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from vaultcore.lazy_dataclass import dataclass
from vaultcore.limits.bounds import BOUNDS, Bound
from vaultcore.money import Nanos

DEFAULT_RPM = 60  # requests per minute
DEFAULT_THRESHOLDS = (80, 100)  # per cent of a lasting limit at which the gateway sends an alert


class _LimitFacts:
    """Facts about limits, computed once: every request needs them several times."""

    __slots__ = ("bounds", "has_any", "has_lasting_limit", "has_money_limit", "lasting_bounds")

    bounds: tuple[tuple[str, int, Bound], ...]  # the limits that are set, in the order in which they refuse
    lasting_bounds: tuple[tuple[str, int, Bound], ...]  # those that do not reset within a minute
    has_any: bool
    has_lasting_limit: bool  # a quota, credits or a budget is set
    has_money_limit: bool  # credits or a budget is set, so that every request needs a known price


@dataclass(frozen=True, slots=True)
class Limits(_LimitFacts):
    """Each field is a maximum; None is no limit. Days and months are in UTC."""

    rpm: int | None = None  # requests per minute
    tpm: int | None = None  # tokens per minute, prompt and completion together
    parallel: int | None = None  # requests in flight
    tokens: int | None = None  # token quota, for the lifetime of the account
    credits: Nanos | None = None  # prepaid credits, nano-dollars
    day: Nanos | None = None  # budget per calendar day, nano-dollars
    month: Nanos | None = None  # budget per calendar month, nano-dollars

    def __post_init__(self) -> None:
        bounds = tuple(
            (name, limit, bound)
            for name, bound in BOUNDS.items()
            if (limit := getattr(self, name)) is not None
        )
        lasting = tuple(each for each in bounds if each[2].settled)
        facts = {
            "bounds": bounds,
            "lasting_bounds": lasting,
            "has_any": bool(bounds),
            "has_lasting_limit": bool(lasting),
            "has_money_limit": any(bound.is_money for _, _, bound in bounds),
        }
        for name, value in facts.items():
            object.__setattr__(self, name, value)

    def divide_rates(self, instances: int) -> Limits:
        """Return the limits with each rate divided by `instances`, which cannot see each other's counts."""
        rpm, tpm, parallel = (
            rate if rate is None else rate // instances for rate in (self.rpm, self.tpm, self.parallel)
        )
        return replace(self, rpm=rpm, tpm=tpm, parallel=parallel)

    def pack(self) -> dict[str, int]:
        """Return the limits that are set, as they are stored."""
        return {name: value for name in _NAMES if (value := getattr(self, name)) is not None}

    @classmethod
    def unpack(cls, packed: dict[str, Any]) -> Limits:
        return cls(**{field.name: packed.get(field.name) for field in fields(cls)})


_NAMES = tuple(field.name for field in fields(Limits))
NO_LIMITS = Limits()
