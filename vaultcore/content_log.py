"""What was asked and answered, kept for a while where the operator wants that, and never by default.

It is encrypted like the answers of repeated requests, with a key that the store does not hold, and goes by
itself. Keeping it never costs an answer: where the store is away, it is not kept.
"""

from __future__ import annotations

import json
from typing import Any

from vaultcore.call import Call
from vaultcore.clock import Clock
from vaultcore.control.audit import AuditChange, audited
from vaultcore.errors import NotFound, StoreUnavailable
from vaultcore.idempotency.encryption import AnswerCipher
from vaultcore.secrets import SecretSource
from vaultcore.store.base import Name, Put, Store
from vaultcore.telemetry import Log

LARGEST = 380_000  # characters of a box: DynamoDB's documents have 400 kB
WHOSE = "\0content"  # no caller's name


class ContentLog:
    """One per process; `seconds` is how long anything is kept, 0 is not at all."""

    def __init__(
        self, store: Store, secrets: SecretSource, clock: Clock, log: Log, *, seconds: float
    ) -> None:
        self._store, self._secrets, self._clock, self._log = store, secrets, clock, log
        self._seconds = seconds

    async def keep(self, call: Call) -> None:
        """Keep a call's request and its answer, as chat completions; of what is too large, the size."""
        pepper = (await self._secrets.current()).pepper if self._seconds else None
        if pepper is None:
            return
        told: dict[str, Any] = {"request": call.request, "answer": call.answer and call.answer()}
        box = _box(told, call.id, pepper)
        if len(box) > LARGEST:
            box = _box({"too_large": len(box)}, call.id, pepper)
        try:
            expires = self._clock.now() + self._seconds
            await self._store.write(Put(_name(call.id), {"box": box}, expires=expires))
        except StoreUnavailable:
            self._log.trouble("content not kept", request_id=call.id)

    async def read(self, id: str, request_id: str) -> dict[str, Any]:
        """What was kept of a call, by its id. Raises NotFound. That it was read is audited."""
        pepper = (await self._secrets.current()).pepper
        (document,) = await self._store.get(_name(id))
        opened = None
        if document is not None and pepper is not None:
            opened = AnswerCipher.of(WHOSE, pepper).open(str(document.body["box"]), id)
        if opened is None:
            raise NotFound("nothing is kept of what this request said", param="id")
        await self._store.write(
            audited(AuditChange("content.read", id, None, None), self._clock.now(), request_id)
        )
        told: dict[str, Any] = json.loads(opened)
        return told


def _name(id: str) -> Name:
    return Name(f"content/{id}")


def _box(told: dict[str, Any], id: str, pepper: bytes) -> str:
    return AnswerCipher.of(WHOSE, pepper).seal(
        json.dumps(told, ensure_ascii=False).encode("utf-8", "replace"), id
    )
