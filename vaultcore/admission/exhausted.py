"""Alerts for exhausted limits: written when a request is refused because too little remains.

The gateway reserves the most that a request may use, so a key is refused while a little of its limit remains,
and settled usage may never reach the 100 % threshold. One alert is written per limit and period, by the first
process that refuses.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import replace
from math import inf

from vaultcore.admission.settlement import RETENTION, alert
from vaultcore.clock import Clock
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.reservation import LimitRefused
from vaultcore.limits.thresholds import Crossing, LimitUsage, find_exhausted
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Conflict, DocumentKey, Put, Store
from vaultcore.telemetry import Log

TIMEOUT = 1.0  # seconds that a refusal waits for its alert to be written
RETRY_INTERVAL = 60.0  # seconds until an alert that could not be written is tried again
CAPACITY = 4_096  # limits remembered
FULL = 100  # per cent; without this threshold the operator wants no alert about an exhausted limit


class ExhaustedAlerts:
    """One per process."""

    def __init__(self, store: Store, clock: Clock, log: Log, *, timeout: float = TIMEOUT) -> None:
        self._store, self._clock, self._log, self._timeout = store, clock, log, timeout
        self._quiet_until: OrderedDict[DocumentKey, float] = OrderedDict()  # seconds since the epoch

    async def alert(self, refused: LimitRefused, request_id: str) -> Put | None:
        """Write the alert of a refused request and return it; None if none is due.

        Never raises: an alert that the store does not accept is logged, and retried at a later refusal.
        """
        usage = find_exhausted(refused.account, refused.level.limits, refused.denial.limit)
        if usage is None or FULL not in refused.level.thresholds:
            return None
        account, now = refused.level.account, self._clock.now()
        key = document_types.refusal_key(account, usage.limit, usage.period, usage.most)
        if now < self._quiet_until.get(key, 0.0):
            return None
        self._remember(key, now + RETRY_INTERVAL)  # before the first await: a flood of refusals writes once
        alert = _build_alert(account, usage, now, request_id)
        marker = Put(key, {"alert": alert.body["id"]}, expires=now + RETENTION, version=ABSENT)
        try:
            async with asyncio.timeout(self._timeout):
                await self._store.write(marker, alert)
        except Conflict:  # another process has written it
            self._remember(key, inf)
            return None
        except (StoreUnavailable, TimeoutError) as error:
            self._log.error("alert not written", alert=alert.body["id"], reason=type(error).__name__)
            return None
        self._remember(key, inf)
        return alert

    def _remember(self, key: DocumentKey, until: float) -> None:
        self._quiet_until[key] = until
        self._quiet_until.move_to_end(key)
        while len(self._quiet_until) > CAPACITY:
            self._quiet_until.popitem(last=False)


def _build_alert(account: str, usage: LimitUsage, at: float, request_id: str) -> Put:
    percent = usage.used * 100 // usage.most if usage.most else FULL
    document = alert(Crossing(account, usage, percent), at, request_id)
    return replace(document, body={**document.body, "refused": True})
