"""The outbox: alerts are written with the settlement that crossed a threshold, and delivered from the store.

A process claims an alert before it delivers it, by a conditional write over the version that it read: of
several processes only one delivers. A claim ends after CLAIM_TIME seconds; if its process has died, another
one delivers the alert under the same id. So each sink receives each alert at least once, and exactly once if
nothing fails.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field, replace
from typing import Any

from vaultcore.alerts.notification import AlertSink, DeliveryFailed, Notification, build_notification
from vaultcore.clock import Clock
from vaultcore.errors import StoreUnavailable
from vaultcore.lazy_dataclass import dataclass
from vaultcore.store import document_types
from vaultcore.store.base import Conflict, Document, DocumentKey, Put, Store
from vaultcore.telemetry import Log
from vaultcore.wire import Json

CLAIM_TIME = 60.0  # seconds
PAUSES = (60.0, 3_600.0)  # seconds after a failed delivery: doubling from the first to the second
GIVE_UP_AFTER = 86_400.0  # seconds since the first try
FIRST_SEARCH = 7 * 86_400.0  # seconds that a new process looks back
OVERLAP = 3_600.0  # seconds that it looks back later: clocks differ, and settlements may be late
PAGE_SIZE, PASS_SIZE = 100, 64  # alerts per query, and per call of `deliver`
CONCURRENCY = 8  # deliveries at a time
CLOSE_TIMEOUT = 7.0  # seconds that running deliveries may take at shutdown


@dataclass(frozen=True, slots=True)
class Delivery:
    """The state of an alert's delivery, stored in its document. Times are seconds since the epoch."""

    by: str = ""  # claim of the latest try
    first: float | None = None  # try
    tries: int = 0
    due: float = 0.0  # the next try is not earlier
    sinks: Mapping[str, float] = field(default_factory=dict)  # name → when it accepted the alert
    reasons: Mapping[str, str] = field(default_factory=dict)  # name → why it has not
    failed: float | None = None  # when it was given up

    def pack(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, alert: Json) -> Delivery:
        return cls(**(alert.get("delivery") or {}))


class AlertOutbox:
    """One per process. Without sinks, alerts are only stored."""

    def __init__(self, store: Store, sinks: Sequence[AlertSink], clock: Clock, log: Log) -> None:
        self._store, self._sinks, self._clock, self._log = store, tuple(sinks), clock, log
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._from: float | None = None  # no undelivered alert is older

    def notify(self, alerts: Sequence[Put]) -> None:
        """Start to deliver alerts that were just written. Returns at once."""
        for put in alerts if self._sinks else ():
            task = asyncio.get_running_loop().create_task(self._deliver_one(put.key))
            self._tasks.add(task)
            task.add_done_callback(self._finish)

    async def deliver(self) -> int:
        """Deliver the alerts that are due, oldest first. Return how many were delivered."""
        if not self._sinks:
            return 0
        tries = [self._try_delivery(document) for document in await self._load_due()]
        results = await asyncio.gather(*tries, return_exceptions=True)
        for each in results:
            if isinstance(each, BaseException):
                raise each
        return results.count(True)

    async def aclose(self, wait: float = CLOSE_TIMEOUT) -> None:
        """Wait for running deliveries; another process takes over those that take longer."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(set(self._tasks), timeout=wait)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _deliver_one(self, key: DocumentKey) -> None:
        try:
            (document,) = await self._store.get(key)
            if document is not None and self._is_due(document):
                await self._try_delivery(document)
        except StoreUnavailable as error:
            self._log.error("alert not delivered yet", alert=key.id, reason=error.code)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("crash", kind=type(error).__name__, at="alerts")

    async def _load_due(self) -> list[Document]:
        """Return alerts that are not delivered, given up or claimed, at most PASS_SIZE."""
        now = self._clock.now()
        since = now - FIRST_SEARCH if self._from is None else min(self._from, now - OVERLAP)
        oldest, after = now, document_types.timestamp(max(0.0, since))
        due: list[Document] = []
        while len(due) < PASS_SIZE:
            page = await self._store.query(document_types.ALERTS, after=after, limit=PAGE_SIZE)
            for document in page:
                if not _is_finished(document.body):
                    oldest = min(oldest, document.body["at"])
            due += [document for document in page if self._is_due(document)]
            if len(page) < PAGE_SIZE:
                break
            after = page[-1].key.id
        self._from = oldest
        return due[:PASS_SIZE]

    def _is_due(self, document: Document) -> bool:
        return not _is_finished(document.body) and Delivery.of(document.body).due <= self._clock.now()

    async def _try_delivery(self, document: Document) -> bool:
        """Claim an alert, deliver it, and store the result. Return True if every sink has accepted it."""
        async with self._slots:
            try:
                claimed = await self._claim(document)
                return await self._store_result(claimed, await self._send(claimed))
            except Conflict:
                return False  # another process has claimed it

    async def _claim(self, document: Document) -> Document:
        now, before = self._clock.now(), Delivery.of(document.body)
        claim = replace(
            before,
            by=secrets.token_hex(4),
            first=now if before.first is None else before.first,
            tries=before.tries + 1,
            due=now + CLAIM_TIME,
        )
        return await self._write(document, {**document.body, "delivery": claim.pack()})

    async def _send(self, claimed: Document) -> Delivery:
        """Return the state after one try at every sink that has not accepted the alert yet."""
        before, notification = Delivery.of(claimed.body), build_notification(claimed.body)
        pending = [sink for sink in self._sinks if sink.name not in before.sinks]
        reasons = await asyncio.gather(*(_send_to(sink, notification) for sink in pending))
        now = self._clock.now()
        results = list(zip((sink.name for sink in pending), reasons, strict=True))
        return replace(
            before,
            sinks={**before.sinks, **{name: now for name, reason in results if reason is None}},
            reasons={name: reason for name, reason in results if reason is not None},
        )

    async def _store_result(self, claimed: Document, after: Delivery) -> bool:
        now, delivered = self._clock.now(), None
        if not after.reasons:
            delivered = now
        elif now - (after.first or now) >= GIVE_UP_AFTER:
            after = replace(after, failed=now)
        else:
            first, last = PAUSES
            after = replace(after, due=now + min(last, first * 2.0 ** min(after.tries - 1, 16)))
        for name, reason in after.reasons.items():
            message = "alert given up" if after.failed else "alert not delivered yet"
            alert = claimed.body["id"]
            self._log.error(message, alert=alert, sink=name, reason=reason, tries=after.tries)
        await self._write(claimed, {**claimed.body, "delivered": delivered, "delivery": after.pack()})
        return delivered is not None

    async def _write(self, document: Document, body: Json) -> Document:
        """Write over exactly this version of a document. Raises Conflict."""
        await self._store.write(Put(document.key, body, expires=document.expires, version=document.version))
        return replace(document, body=body, version=document.version + 1)


def _is_finished(alert: Json) -> bool:
    return alert["delivered"] is not None or Delivery.of(alert).failed is not None


async def _send_to(sink: AlertSink, notification: Notification) -> str | None:
    """Return why the sink did not accept it; None if it did."""
    try:
        await sink.send(notification)
    except DeliveryFailed as error:
        return error.reason
    return None
