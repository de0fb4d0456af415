"""What may be used: rates, quotas and money, of a key, of an owner's keys together, or of the gateway."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from vaultcore.money import Nanos

DEFAULT_RPM = 60
MARKS = (80, 100)  # per cent of lasting limits that there are alerts at, unless others are set


@dataclass(frozen=True, slots=True)
class Limits:
    """Each is a most; None is no limit. Money is in nano-dollars, days and months are UTC's."""

    rpm: int | None = None  # requests per minute
    tpm: int | None = None  # tokens per minute, prompt and completion together
    parallel: int | None = None  # requests in flight
    tokens: int | None = None  # in all: the token quota
    credits: Nanos | None = None  # prepaid money in all
    day: Nanos | None = None  # money per calendar day
    month: Nanos | None = None  # money per calendar month

    @property
    def any(self) -> bool:
        return any(getattr(self, field.name) is not None for field in fields(self))

    @property
    def money(self) -> bool:
        """Whether money is limited, so that every answer must have a price."""
        return not (self.credits is None and self.day is None and self.month is None)

    @property
    def lasting(self) -> bool:
        """Whether anything is limited that waiting a minute does not bring back."""
        return self.money or self.tokens is not None

    def share(self, among: int) -> Limits:
        """The rates as one of several may use them who know nothing of each other."""
        rpm, tpm, parallel = (
            rate if rate is None else rate // among for rate in (self.rpm, self.tpm, self.parallel)
        )
        return replace(self, rpm=rpm, tpm=tpm, parallel=parallel)

    def pack(self) -> dict[str, int]:
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def unpack(cls, packed: dict[str, Any]) -> Limits:
        return cls(**{field.name: packed.get(field.name) for field in fields(cls)})
