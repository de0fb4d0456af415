"""The content log: requests and responses, stored for a while if the operator switches it on. Off by default.

Entries are encrypted like the stored answers of repeated requests, with a key that the store does not hold,
and expire by themselves. A call never fails because its content could not be stored.
"""

from __future__ import annotations

import json
from typing import Any

from vaultcore.call import Call
from vaultcore.clock import Clock
from vaultcore.control.audit import AuditChange, audit_entry
from vaultcore.errors import NotFound, StoreUnavailable
from vaultcore.idempotency.encryption import AnswerCipher
from vaultcore.secrets import SecretSource
from vaultcore.store.base import DocumentKey, Put, Store
from vaultcore.telemetry import Log

MAX_SEALED = 380_000  # characters; a DynamoDB item has at most 400 kB
CIPHER_OWNER = "\0content"  # never the id of a caller


class ContentLog:
    """One per process. `seconds` is how long an entry is stored; 0 switches the log off."""

    def __init__(
        self, store: Store, secrets: SecretSource, clock: Clock, log: Log, *, seconds: float
    ) -> None:
        self._store, self._secrets, self._clock, self._log = store, secrets, clock, log
        self._seconds = seconds

    @property
    def is_on(self) -> bool:
        return self._seconds > 0

    async def store(self, call: Call) -> None:
        """Store a call's request and response in chat form; only the size if they are too large."""
        pepper = (await self._secrets.current()).pepper if self._seconds else None
        if pepper is None:
            return
        content = call.outcome.content
        entry: dict[str, Any] = {"request": call.request, "answer": content and content()}
        sealed = _seal(entry, call.id, pepper)
        if len(sealed) > MAX_SEALED:
            sealed = _seal({"too_large": len(sealed)}, call.id, pepper)
        try:
            expires = self._clock.now() + self._seconds
            await self._store.write(Put(_document_key(call.id), {"box": sealed}, expires=expires))
        except StoreUnavailable:
            self._log.error("content not stored", request_id=call.id)

    async def read(self, id: str, request_id: str) -> dict[str, Any]:
        """Return the entry of a call and write an audit entry about it. Raises NotFound."""
        pepper = (await self._secrets.current()).pepper
        (document,) = await self._store.get(_document_key(id))
        decrypted = None
        if document is not None and pepper is not None:
            decrypted = AnswerCipher.of(CIPHER_OWNER, pepper).open(str(document.body["box"]), id)
        if decrypted is None:
            raise NotFound("the content log has no entry for this request", param="id")
        await self._store.write(
            audit_entry(AuditChange("content.read", id, None, None), self._clock.now(), request_id)
        )
        entry: dict[str, Any] = json.loads(decrypted)
        return entry


def _document_key(id: str) -> DocumentKey:
    return DocumentKey(f"content/{id}")


def _seal(entry: dict[str, Any], id: str, pepper: bytes) -> str:
    text = json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace")
    return AnswerCipher.of(CIPHER_OWNER, pepper).seal(text, id)
