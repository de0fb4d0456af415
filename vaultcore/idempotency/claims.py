"""Idempotency keys: a repeated request gets the stored response, and is neither run nor charged again.

    first request      begin: write "running" if no document exists → run → finish: write "done" + response
    same key meanwhile begin: conflict → 409 with retry-after
    same key later     begin: conflict → the stored response, for a day
    after a failure    release: write "free" → the next request may claim the key

A claim of a process that has died can be taken over after its lease. Documents are overwritten and never
deleted, so that versions only grow: a claim holder that returns late finds another version and stops.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
from collections.abc import Coroutine, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING

from vaultcore.clock import Clock
from vaultcore.errors import IdempotencyConflict, IdempotencyKeyReused, StoreUnavailable
from vaultcore.lazy_dataclass import dataclass
from vaultcore.secrets import SecretSource
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Conflict, Document, DocumentKey, Put, Store
from vaultcore.telemetry import Log
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.idempotency.encryption import AnswerCipher

RETENTION = 86_400.0  # seconds that responses are stored
MAX_RESPONSE = 350_000  # bytes of a response that can be stored
MAX_SEALED = 390_000  # characters; a DynamoDB item has at most 400 kB
MAX_RETRY_AFTER = 30.0  # seconds
WRITE_ATTEMPTS = 5  # after conflicts with other requests

RUNNING, FREE, DONE, LARGE = "running", "free", "done", "large"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run the request of a key. It must be finished or released."""

    key: DocumentKey
    fingerprint: str  # digest of the request
    owner: str  # random; names this claim
    version: int  # of the document, as this claim wrote it
    expires: float  # seconds since the epoch
    cipher: AnswerCipher = field(repr=False)


@dataclass(frozen=True, slots=True)
class Replay:
    """A stored response."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Claims:
    """One per process."""

    def __init__(
        self, store: Store, secret_source: SecretSource, clock: Clock, log: Log, *, lease: float
    ) -> None:
        self._store, self._secrets, self._clock, self._log = store, secret_source, clock, log
        self._lease = lease
        self._tasks: set[asyncio.Task[None]] = set()  # referenced, so that none is garbage-collected

    async def begin(self, caller: str, key: str, request: bytes) -> Claim | Replay:
        """Claim a caller's key for a request, or return the stored response.

        `request` is everything the response depends on. Raises IdempotencyConflict while the first request
        runs, IdempotencyKeyReused for another request, and StoreUnavailable.
        """
        claim = await self._new_claim(caller, key, request)
        version = ABSENT
        for _ in range(WRITE_ATTEMPTS):
            claim = replace(claim, version=version + 1, expires=self._clock.now() + RETENTION)
            try:
                await self._store.write(Put(claim.key, self._running(claim), claim.expires, version))
            except Conflict:
                (existing,) = await self._store.get(claim.key)
            except BaseException:  # the write may have succeeded
                self._start(self._withdraw(claim))
                raise
            else:
                return claim
            if existing is not None and existing.body.get("owner") == claim.owner:
                return replace(claim, version=existing.version)  # this write was repeated in transit
            if existing is not None and (replay := self._replay(existing, claim)) is not None:
                return replay
            version = existing.version if existing is not None else ABSENT
        raise IdempotencyConflict("other requests with this idempotency key are in progress", retry_after=1.0)

    async def finish(self, claim: Claim, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Store the response for repeated requests. Never raises: the client gets its response anyway."""
        sealed = self._seal(claim, status, headers, body)
        await self._end(claim, {"state": LARGE} if sealed is None else {"state": DONE, "box": sealed})

    async def release(self, claim: Claim) -> None:
        """Free the key for the next request. Never raises: if nothing can be written, the lease expires."""
        await self._end(claim, {"state": FREE})

    async def _new_claim(self, caller: str, key: str, request: bytes) -> Claim:
        """Return a claim that is not written yet."""
        from vaultcore.idempotency.encryption import AnswerCipher  # imports cryptography

        pepper = (await self._secrets.current()).pepper
        if pepper is None:
            raise StoreUnavailable(
                "idempotency keys need a pepper, and this gateway has none: see docs/idempotency.md"
            )
        cipher = AnswerCipher.of(caller, pepper)
        document = document_types.claim_key(caller, cipher.digest("key", key.encode()))
        fingerprint = cipher.digest("request", request)
        return Claim(document, fingerprint, secrets.token_hex(12), ABSENT, 0.0, cipher)

    def _running(self, claim: Claim) -> Json:
        now = self._clock.now()
        body = {"state": RUNNING, "asked": claim.fingerprint, "owner": claim.owner}
        return {**body, "at": now, "until": now + self._lease}

    def _replay(self, existing: Document, claim: Claim) -> Replay | None:
        """Return the stored response of a document; None if the key may be claimed over it."""
        body, now = existing.body, self._clock.now()
        state = body.get("state")
        if state == FREE:
            return None
        if not hmac.compare_digest(str(body.get("asked")), claim.fingerprint):
            raise IdempotencyKeyReused("this idempotency key was used with another request; use a new key")
        if state == RUNNING:
            if body["until"] <= now:
                return None
            wait = min(max(1.0, now - body["at"]), MAX_RETRY_AFTER, body["until"] - now)
            raise IdempotencyConflict("a request with this idempotency key is in progress", retry_after=wait)
        if state == LARGE:
            text = f"the response to this request was too large to store (over {MAX_RESPONSE:,} bytes)"
            raise IdempotencyKeyReused(text, code="idempotency_answer_too_large")
        content = claim.cipher.open(str(body.get("box")), *_context(claim))
        if content is None:
            self._log.error("a stored response was not written by this gateway")
            raise StoreUnavailable("the stored response of this idempotency key cannot be decrypted")
        head, _, response = content.partition(b"\n")
        status, headers = json.loads(head)
        return Replay(status, headers, response)

    def _seal(self, claim: Claim, status: int, headers: Mapping[str, str], body: bytes) -> str | None:
        """Return the encrypted response; None if it is too large."""
        if len(body) > MAX_RESPONSE:
            return None
        head = json.dumps([status, dict(headers)]).encode()
        sealed = claim.cipher.seal(head + b"\n" + body, *_context(claim))
        return sealed if len(sealed) <= MAX_SEALED else None

    async def _withdraw(self, claim: Claim) -> None:
        """Release a claim whose write may or may not have succeeded."""
        try:
            (existing,) = await self._store.get(claim.key)
        except StoreUnavailable:
            return
        if existing is not None and existing.body.get("owner") == claim.owner:
            await self._write(replace(claim, version=existing.version), {"state": FREE})

    async def _end(self, claim: Claim, state: Json) -> None:
        """Write the end of a claim; the write completes even if the request is cancelled."""
        await asyncio.shield(self._start(self._write(claim, state)))

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _write(self, claim: Claim, state: Json) -> None:
        now = self._clock.now()
        if now >= claim.expires:
            return  # the document has expired; one of the same version may belong to another claim
        body = {"asked": claim.fingerprint, "owner": claim.owner, **state}
        try:
            await self._store.write(Put(claim.key, body, now + RETENTION, claim.version))
        except Conflict:
            self._log.error("a response came after its claim was taken over", state=state["state"])
        except StoreUnavailable:
            self._log.error("a claim could not be ended", state=state["state"])


def _context(claim: Claim) -> tuple[str, str, str]:
    return claim.key.collection, claim.key.id, claim.fingerprint
