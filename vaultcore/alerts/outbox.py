"""The outbox of alerts: each was written with the settlement that passed a mark, and is delivered from there.

Whoever delivers an alert claims it first, by writing over the very version that it read: of several who try
only one sends. Who dies with a claim loses it after HELD seconds, and the alert is sent again under the same
id. So every sink hears of an alert at least once, and once only where nothing breaks.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from vaultcore.alerts.notification import AlertSink, DeliveryFailed, Notification, notice
from vaultcore.clock import Clock
from vaultcore.errors import StoreUnavailable
from vaultcore.store import document_types
from vaultcore.store.base import Conflict, Document, Name, Put, Store
from vaultcore.telemetry import Log
from vaultcore.wire import Json

HELD = 60.0  # seconds that a claim stands
PAUSES = (60.0, 3_600.0)  # seconds after a failed try: doubling from the first to the second
TRIED = 86_400.0  # seconds after its first try an alert is given up
SEARCHED = 7 * 86_400.0  # how far back a process looks for what others left behind
OVERLAP = 3_600.0  # seconds that it looks back later on: clocks differ, and settlements may be owed
PAGE, PASS = 100, 64  # alerts read at a time, and sent in one pass
AT_ONCE = 8
CLOSING = 7.0  # seconds that deliveries under way are given at the end


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far the delivery of an alert is, kept in its document. Times are seconds since 1970."""

    by: str = ""  # who tried last
    first: float | None = None  # tried
    tries: int = 0
    due: float = 0.0  # nobody else tries before
    sinks: Mapping[str, float] = field(default_factory=dict)  # which have taken it, and when
    reasons: Mapping[str, str] = field(default_factory=dict)  # why others have not
    failed: float | None = None  # given up

    def pack(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, alert: Json) -> Delivery:
        return cls(**(alert.get("delivery") or {}))


class AlertOutbox:
    """One per process. Without sinks alerts are only kept."""

    def __init__(self, store: Store, sinks: Sequence[AlertSink], clock: Clock, log: Log) -> None:
        self._store, self._sinks, self._clock, self._log = store, tuple(sinks), clock, log
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._from: float | None = None  # nothing older is outstanding

    def notify(self, alerts: Sequence[Put]) -> None:
        """Begin to deliver what was written just now. Returns at once."""
        for put in alerts if self._sinks else ():
            task = asyncio.get_running_loop().create_task(self._started(put.name))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def deliver(self) -> int:
        """Deliver what is outstanding and due, oldest first; how many alerts came through."""
        if not self._sinks:
            return 0
        tries = [self._try(document) for document in await self._outstanding()]
        ended = await asyncio.gather(*tries, return_exceptions=True)
        for each in ended:
            if isinstance(each, BaseException):
                raise each
        return ended.count(True)

    async def aclose(self, patience: float = CLOSING) -> None:
        """Wait for what has begun; what takes longer is left to another process."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(set(self._tasks), timeout=patience)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _started(self, name: Name) -> None:
        try:
            (document,) = await self._store.get(name)
            if document is not None and self._open(document):
                await self._try(document)
        except StoreUnavailable as error:
            self._log.trouble("alert not delivered yet", alert=name.entry, reason=error.code)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.trouble("crash", kind=type(error).__name__, at="alerts")

    async def _outstanding(self) -> list[Document]:
        """Alerts that nobody has delivered, given up or claimed, at most PASS."""
        now = self._clock.now()
        since = now - SEARCHED if self._from is None else min(self._from, now - OVERLAP)
        oldest, after = now, document_types.stamp(max(0.0, since))
        due: list[Document] = []
        while len(due) < PASS:
            page = await self._store.entries(document_types.ALERTS, after=after, limit=PAGE)
            for document in page:
                if not _over(document.body):
                    oldest = min(oldest, document.body["at"])
            due += [document for document in page if self._open(document)]
            if len(page) < PAGE:
                break
            after = page[-1].name.entry
        self._from = oldest
        return due[:PASS]

    def _open(self, document: Document) -> bool:
        return not _over(document.body) and Delivery.of(document.body).due <= self._clock.now()

    async def _try(self, document: Document) -> bool:
        """Claim an alert, send it, and write down what came of it."""
        async with self._places:
            try:
                claimed = await self._claim(document)
                return await self._mark(claimed, await self._send(claimed))
            except Conflict:
                return False  # somebody else has it

    async def _claim(self, document: Document) -> Document:
        now, before = self._clock.now(), Delivery.of(document.body)
        claim = replace(
            before,
            by=secrets.token_hex(4),
            first=now if before.first is None else before.first,
            tries=before.tries + 1,
            due=now + HELD,
        )
        return await self._write(document, {**document.body, "delivery": claim.pack()})

    async def _send(self, claimed: Document) -> Delivery:
        """The delivery after one try at every sink that has not taken it."""
        before, said = Delivery.of(claimed.body), notice(claimed.body)
        open_sinks = [sink for sink in self._sinks if sink.name not in before.sinks]
        reasons = await asyncio.gather(*(_sent(sink, said) for sink in open_sinks))
        now = self._clock.now()
        named = list(zip((sink.name for sink in open_sinks), reasons, strict=True))
        return replace(
            before,
            sinks={**before.sinks, **{name: now for name, reason in named if reason is None}},
            reasons={name: reason for name, reason in named if reason is not None},
        )

    async def _mark(self, claimed: Document, after: Delivery) -> bool:
        now, delivered = self._clock.now(), None
        if not after.reasons:
            delivered = now
        elif now - (after.first or now) >= TRIED:
            after = replace(after, failed=now)
        else:
            first, last = PAUSES
            after = replace(after, due=now + min(last, first * 2.0 ** min(after.tries - 1, 16)))
        for name, reason in after.reasons.items():
            given_up = "alert given up" if after.failed else "alert not delivered yet"
            alert = claimed.body["id"]
            self._log.trouble(given_up, alert=alert, sink=name, reason=reason, tries=after.tries)
        await self._write(claimed, {**claimed.body, "delivered": delivered, "delivery": after.pack()})
        return delivered is not None

    async def _write(self, over: Document, body: Json) -> Document:
        """Write over exactly that version. Raises Conflict."""
        await self._store.write(Put(over.name, body, expires=over.expires, version=over.version))
        return replace(over, body=body, version=over.version + 1)


def _over(alert: Json) -> bool:
    return alert["delivered"] is not None or Delivery.of(alert).failed is not None


async def _sent(sink: AlertSink, said: Notification) -> str | None:
    """Why it was not; None where the sink has taken it."""
    try:
        await sink.send(said)
    except DeliveryFailed as error:
        return error.reason
    return None
