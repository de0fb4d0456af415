"""Idempotency keys: a request that is sent again is answered again, and neither run nor charged twice.

Whoever comes first with a key of its own claims it, by a document that must not be there yet. Whoever comes
with the same key meanwhile is told to wait; afterwards it is given the first one's answer, for a day. A claim
whose holder has died is anybody's after its lease. What failed is not kept: the key is free again.

A document is never dropped, only written over, so that versions go up: a holder that comes back late finds
another version and changes nothing.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from vaultcore.clock import Clock
from vaultcore.errors import AlreadyRunning, KeyReused, StoreUnavailable
from vaultcore.secrets import SecretSource
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Conflict, Document, Name, Put, Store
from vaultcore.telemetry import Log
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.idempotency.encryption import AnswerCipher

KEPT = 86_400.0  # seconds
LARGEST = 350_000  # bytes of an answer that is kept
LARGEST_BOX = 390_000  # characters: a DynamoDB item holds 400 kB
PATIENCE = 30.0  # seconds: nobody is told to wait longer before asking again
ROUNDS = 5  # tries at a document that others change

RUNNING, FREE, DONE, LARGE = "running", "free", "done", "large"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to answer for a key: it has to be finished or released."""

    name: Name
    asked: str  # digest of the request
    owner: str
    version: int  # of its document, as this holder wrote it
    expires: float
    locker: AnswerCipher = field(repr=False)


@dataclass(frozen=True, slots=True)
class Replay:
    """An answer that was given before."""

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
        self._ending: set[asyncio.Task[None]] = set()  # so that none is collected before its end

    async def begin(self, caller: str, key: str, request: bytes) -> Claim | Replay:
        """Claim a caller's key for a request, or have the answer that was given to it.

        `request` is all that the answer depends on. Raises AlreadyRunning, KeyReused or StoreUnavailable.
        """
        claim = await self._wanted(caller, key, request)
        held = ABSENT
        for _ in range(ROUNDS):
            claim = replace(claim, version=held + 1, expires=self._clock.now() + KEPT)
            try:
                await self._store.write(Put(claim.name, self._running(claim), claim.expires, held))
            except Conflict:
                (found,) = await self._store.get(claim.name)
            except BaseException:  # it may have been written all the same
                self._aside(self._withdraw(claim))
                raise
            else:
                return claim
            if found is not None and found.body.get("owner") == claim.owner:
                return replace(claim, version=found.version)  # a write that was repeated on its way
            if found is not None and (replay := self._found(found, claim)) is not None:
                return replay
            held = found.version if found is not None else ABSENT
        raise AlreadyRunning("other requests with this idempotency key are on their way", retry_after=1.0)

    async def finish(self, claim: Claim, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Keep the answer, for whoever sends the request again. Never fails: the answer is on its way out."""
        state = {"state": DONE, "box": self._boxed(claim, status, headers, body)}
        await self._end(claim, state if state["box"] is not None else {"state": LARGE})

    async def release(self, claim: Claim) -> None:
        """Leave the key to whoever comes next. Never fails: where nothing can be written, the lease ends."""
        await self._end(claim, {"state": FREE})

    async def _wanted(self, caller: str, key: str, request: bytes) -> Claim:
        """A claim that nobody has granted yet."""
        from vaultcore.idempotency.encryption import AnswerCipher  # a start pays for no cipher

        pepper = (await self._secrets.current()).pepper
        if pepper is None:
            raise StoreUnavailable(
                "this gateway has no pepper, and keeps no answers: see docs/idempotency.md"
            )
        locker = AnswerCipher.of(caller, pepper)
        name = document_types.claim(caller, locker.digest("key", key.encode()))
        asked = locker.digest("request", request)
        return Claim(name, asked, secrets.token_hex(12), ABSENT, 0.0, locker)

    def _running(self, claim: Claim) -> Json:
        now = self._clock.now()
        told = {"state": RUNNING, "asked": claim.asked, "owner": claim.owner}
        return {**told, "at": now, "until": now + self._lease}

    def _found(self, found: Document, claim: Claim) -> Replay | None:
        """The answer that a document holds; None where the key may be claimed over it."""
        body, now = found.body, self._clock.now()
        state = body.get("state")
        if state == FREE:
            return None
        if not hmac.compare_digest(str(body.get("asked")), claim.asked):
            raise KeyReused("this idempotency key was sent before with another request")
        if state == RUNNING:
            if body["until"] <= now:
                return None
            wait = min(max(1.0, now - body["at"]), PATIENCE, body["until"] - now)
            raise AlreadyRunning("a request with this idempotency key is on its way", retry_after=wait)
        if state == LARGE:
            said = f"the answer to this request was too large to be kept (more than {LARGEST:,} bytes)"
            raise KeyReused(said, code="idempotency_answer_too_large")
        content = claim.locker.open(str(body.get("box")), *_bound(claim))
        if content is None:
            self._log.trouble("a kept answer was not written by this gateway")
            raise StoreUnavailable("the answer kept for this idempotency key cannot be read")
        head, _, answer = content.partition(b"\n")
        status, headers = json.loads(head)
        return Replay(status, headers, answer)

    def _boxed(self, claim: Claim, status: int, headers: Mapping[str, str], body: bytes) -> str | None:
        """An answer as it is kept; None where it is too large."""
        if len(body) > LARGEST:
            return None
        head = json.dumps([status, dict(headers)]).encode()
        box = claim.locker.seal(head + b"\n" + body, *_bound(claim))
        return box if len(box) <= LARGEST_BOX else None

    async def _withdraw(self, claim: Claim) -> None:
        """Release a claim of which nobody knows whether it was made."""
        try:
            (found,) = await self._store.get(claim.name)
        except StoreUnavailable:
            return
        if found is not None and found.body.get("owner") == claim.owner:
            await self._write(replace(claim, version=found.version), {"state": FREE})

    async def _end(self, claim: Claim, state: Json) -> None:
        """Written to its end, also where the request is cancelled meanwhile."""
        await asyncio.shield(self._aside(self._write(claim, state)))

    def _aside(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task

    async def _write(self, claim: Claim, state: Json) -> None:
        now = self._clock.now()
        if now >= claim.expires:
            return  # its document is gone, and one of the same version may be somebody else's
        body = {"asked": claim.asked, "owner": claim.owner, **state}
        try:
            await self._store.write(Put(claim.name, body, now + KEPT, claim.version))
        except Conflict:
            self._log.trouble("an answer came after its claim had been taken over", state=state["state"])
        except StoreUnavailable:
            self._log.trouble("a claim could not be ended", state=state["state"])


def _bound(claim: Claim) -> tuple[str, str, str]:
    return claim.name.shelf, claim.name.entry, claim.asked
