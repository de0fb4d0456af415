"""Collects refusals in memory and writes them to the store: at most one write per key in INTERVAL seconds.

A write reads the key's sums of the day, adds the batch, and replaces exactly the version it has read. If
another process was faster, the batch is added to that process's result. A failed write raises nothing into a
request: the collector writes the batch later.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from vaultcore.admission.refusals.refusal import UNKNOWN, Refusal, RefusalBatch
from vaultcore.admission.settlement import RETENTION
from vaultcore.clock import Clock
from vaultcore.errors import StoreUnavailable, Unauthorized
from vaultcore.limits.account import day_of
from vaultcore.store.base import ABSENT, Conflict, Document, DocumentKey, Put, Store
from vaultcore.store.refusal_documents import OTHER_KEYS, UNAUTHORIZED, refusal_sums_key
from vaultcore.telemetry import Log

INTERVAL = 10.0  # seconds between two writes about one key
TIMEOUT = 2.0  # seconds that a flush may take at the end of a request
MAX_KEYS = 500  # keys with refusals that are not written yet; further keys are counted together
CAPACITY = 4_096  # keys whose last write is remembered
CHUNK = 20  # keys that are read together
TRIES = 4  # of one write, if other processes write about the same key


class RefusalCollector:
    """One per process. `vaultedge serve` flushes it by a timer, other hosts at the end of requests."""

    def __init__(self, store: Store, clock: Clock, log: Log) -> None:
        self._store, self._clock, self._log = store, clock, log
        self.has_timer = False
        self._pending: dict[DocumentKey, RefusalBatch] = {}  # by the key of the sums
        self._sent: dict[DocumentKey, tuple[int, RefusalBatch]] = {}  # with its number: perhaps written
        self._writes: OrderedDict[str, float] = OrderedDict()  # by key ID, seconds since the epoch
        self._next_write = float("inf")  # seconds since the epoch
        self._process, self._number = "", 0
        self._is_flushing, self._is_failing = False, False

    def note(self, refusal: Refusal) -> None:
        """Collect the refusal of an authenticated key's request."""
        key = self._sums_key(refusal.at, refusal.key)
        if key.id == refusal.key:
            self._pending.setdefault(key, RefusalBatch()).count(refusal)
        else:
            self._pending.setdefault(key, RefusalBatch()).count_anonymous(refusal)

    def note_unauthorized(self) -> None:
        """Count a 401 response, of which nothing but the time is stored."""
        now, error = self._clock.now(), Unauthorized
        refusal = Refusal("", now, UNAUTHORIZED, None, "", error.status, error.code, counted_model=UNKNOWN)
        self._pending.setdefault(self._sums_key(now, UNAUTHORIZED), RefusalBatch()).count_anonymous(refusal)

    async def flush_after_request(self, seconds: float) -> None:
        """Write what is due, within `seconds`, unless a timer does so."""
        if self.has_timer or not (self._pending or self._sent):
            return
        now = self._clock.now()
        if self._next_write - INTERVAL <= now < self._next_write:  # further ahead: the clock was set back
            return
        await self.flush(min(seconds, TIMEOUT))

    async def flush(self, seconds: float = TIMEOUT, *, all_keys: bool = False) -> None:
        """Write the batches of the keys that are due, or of all. Raises only CancelledError."""
        if self._is_flushing:
            return
        self._is_flushing, now = True, self._clock.now()
        keys = [key for key in {**self._sent, **self._pending} if all_keys or self._is_due(key.id, now)]
        try:
            async with asyncio.timeout(seconds):
                for start in range(0, len(keys), CHUNK):
                    await self._write_chunk(keys[start : start + CHUNK], now)
            self._is_failing = self._is_failing and bool(self._sent)
        except Exception as error:  # noqa: BLE001 - a refusal that cannot be written must not fail a request
            self._log_failure(error)
        finally:
            self._is_flushing = False
            self._next_write = min(
                (self._writes.get(key.id, now) + INTERVAL for key in {**self._sent, **self._pending}),
                default=float("inf"),
            )

    def _sums_key(self, at: float, key_id: str) -> DocumentKey:
        """Return the key of the sums in which a refusal counts, and schedule their write."""
        key = refusal_sums_key(day_of(at), key_id)
        if key not in self._pending and len(self._pending) + len(self._sent) >= MAX_KEYS:
            key = refusal_sums_key(day_of(at), OTHER_KEYS)
        self._next_write = min(self._next_write, self._writes.get(key.id, at - INTERVAL) + INTERVAL)
        return key

    def _is_due(self, key_id: str, now: float) -> bool:
        at = self._writes.get(key_id)
        return at is None or not at <= now < at + INTERVAL

    async def _write_chunk(self, keys: Sequence[DocumentKey], now: float) -> None:
        for key in keys:  # before the first await: a write that fails is not repeated at once either
            self._writes[key.id] = now
            self._writes.move_to_end(key.id)
        while len(self._writes) > CAPACITY:
            self._writes.popitem(last=False)
        documents = await self._store.get(*keys)
        for key, document in zip(keys, documents, strict=True):
            try:
                await self._write(key, document)
            except StoreUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - the other keys must be written too
                self._log_failure(error)

    async def _write(self, key: DocumentKey, document: Document | None) -> None:
        """Write the batches of one key. Raises StoreUnavailable, and Conflict after TRIES."""
        for tries_left in range(TRIES - 1, -1, -1):
            body: dict[str, Any] = document.body if document else {}
            batch = self._next_batch(key, body)
            if batch is None:
                return
            self._process = self._process or secrets.token_hex(4)  # not before: snapshots would share it
            self._number += 1
            number = self._number
            self._sent[key] = number, batch
            rows = batch.new_rows(body, RETENTION)
            merged = batch.merged_into(body, rows, (self._process, number))
            version = document.version if document else ABSENT
            expires = self._clock.now() + RETENTION
            try:
                await self._store.write(Put(key, merged, expires=expires, version=version), *rows)
            except Conflict:
                if not tries_left:
                    raise
                (document,) = await self._store.get(key)
                continue
            del self._sent[key]
            return

    def _next_batch(self, key: DocumentKey, body: dict[str, Any]) -> RefusalBatch | None:
        """Return what the sums `body` lack: the last batch, if its write failed, and the pending one."""
        pending = self._pending.pop(key, None)
        number, batch = self._sent.pop(key, (0, None))
        if batch is None or body.get("writers", {}).get(self._process, 0) >= number:
            return pending
        if pending is not None:
            batch.add(pending)
        return batch

    def _log_failure(self, error: Exception) -> None:
        if not self._is_failing:
            self._log.error("refusals not written", reason=type(error).__name__, keys=len(self._sent))
        self._is_failing = True
