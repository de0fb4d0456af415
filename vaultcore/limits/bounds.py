"""The table of limits: the field of an account that each limit bounds, and what a lease adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from vaultcore.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Bound:
    """How one limit applies to an account. `reserved`, `counts` and `settled` are fields of Account."""

    reserved: str  # never above the limit: use and open reservations
    need: str = ""  # the field of Lease that is added to it; "" for 1, a request
    counts: str = ""  # of a rate: the counts that `reserved` is the sum of
    settled: str = ""  # of a lasting limit: `reserved` without the open reservations
    period: Literal["", "day", "month"] = ""  # of a budget: the property of Account that names its period

    @property
    def is_money(self) -> bool:
        return self.need == "nanos"


BOUNDS: Final[Mapping[str, Bound]] = {  # by field of Limits, in the order in which limits refuse
    "rpm": Bound("requests", counts="request_counts"),
    "tpm": Bound("minute", "minute", counts="token_counts"),
    "parallel": Bound("in_flight"),
    "tokens": Bound("tokens_held", "tokens", settled="tokens"),
    "credits": Bound("nanos_held", "nanos", settled="nanos"),
    "day": Bound("day_held", "nanos", settled="day_nanos", period="day"),
    "month": Bound("month_held", "nanos", settled="month_nanos", period="month"),
}
