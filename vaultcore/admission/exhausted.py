"""Alerts of limits that are used up: of requests that were refused because too little is left.

What a request may take is reserved before it is let in, so a key whose credits are nearly gone is refused
while a little of them is left, and what is settled may never reach the last mark. Of each limit and period
one alert is written, by whichever process is first.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import replace
from math import inf

from vaultcore.admission.settlement import KEPT, alert
from vaultcore.clock import Clock
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.reservation import Refused
from vaultcore.limits.thresholds import Crossing, Meter, used_up
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Conflict, Name, Put, Store
from vaultcore.telemetry import Log

PATIENCE = 1.0  # seconds that a refusal waits for its alert
AGAIN = 60.0  # seconds until one that could not be written is tried again
MOST = 4_096  # limits remembered
END = 100  # the mark, in per cent, without which nobody wants to hear of this


class ExhaustedAlerts:
    """One per process."""

    def __init__(self, store: Store, clock: Clock, log: Log, *, patience: float = PATIENCE) -> None:
        self._store, self._clock, self._log, self._patience = store, clock, log, patience
        self._quiet: OrderedDict[Name, float] = OrderedDict()  # until when nothing is written of a limit

    async def alert(self, refused: Refused, id: str) -> Put | None:
        """The alert of a refused request, just written; None where there is nothing to tell.

        Never fails: what the store does not take is logged, and tried again at a later refusal.
        """
        meter = used_up(refused.account, refused.level.limits, refused.denial.limit)
        if meter is None or END not in refused.level.marks:
            return None
        account, now = refused.level.account, self._clock.now()
        name = document_types.refusal(account, meter.limit, meter.period, meter.most)
        if now < self._quiet.get(name, 0.0):
            return None
        self._remember(name, now + AGAIN)  # before anything is waited for: a flood writes once
        told = _alert(account, meter, now, id)
        mark = Put(name, {"alert": told.body["id"]}, expires=now + KEPT, version=ABSENT)
        try:
            async with asyncio.timeout(self._patience):
                await self._store.write(mark, told)
        except Conflict:
            self._remember(name, inf)
            return None
        except (StoreUnavailable, TimeoutError) as error:
            self._log.trouble("alert not written", alert=told.body["id"], reason=type(error).__name__)
            return None
        self._remember(name, inf)
        return told

    def _remember(self, name: Name, until: float) -> None:
        self._quiet[name] = until
        self._quiet.move_to_end(name)
        while len(self._quiet) > MOST:
            self._quiet.popitem(last=False)


def _alert(account: str, meter: Meter, at: float, id: str) -> Put:
    percent = meter.used * 100 // meter.most if meter.most else END
    told = alert(Crossing(account, meter, percent), at, id)
    return replace(told, body={**told.body, "refused": True})
