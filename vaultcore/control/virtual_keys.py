"""Virtual keys: created, changed, rotated and revoked. Each change writes its audit entry too."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from vaultcore.clock import Clock
from vaultcore.control.audit import AuditChange, audit_entry
from vaultcore.errors import NotFound, StoreUnavailable
from vaultcore.lazy_dataclass import dataclass
from vaultcore.limits import virtual_key
from vaultcore.limits.signed_record import sign_record, verify_record
from vaultcore.limits.virtual_key import KeyToken, VirtualKey
from vaultcore.money import Nanos
from vaultcore.secrets import SecretSource, require_pepper
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Delete, Document, DocumentKey, Put, Store

PAGE_SIZE = 1_000  # keys per query
MAX_TOKENS = 10  # valid tokens of one key at a time

Edit = Callable[[VirtualKey], VirtualKey]


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A key and its token. The token is shown once and not stored."""

    key: VirtualKey
    token: str

    def __repr__(self) -> str:
        return f"IssuedToken({self.key.id})"


class VirtualKeys:
    """The keys of this gateway. Methods raise NotFound for an unknown id, Conflict after a concurrent change.

    `on_change` is called after each change, so that caches in this process can be emptied.
    """

    def __init__(
        self, store: Store, secret_source: SecretSource, clock: Clock, on_change: Callable[[], None]
    ) -> None:
        self._store, self._secrets, self._clock = store, secret_source, clock
        self._on_change = on_change
        self.changes = 0  # by this process

    async def create(self, draft: VirtualKey, request_id: str) -> IssuedToken:
        """Create a key from a draft; its id, creation time and token are generated here."""
        pepper, token = await require_pepper(self._secrets), virtual_key.issue(secrets.token_bytes)
        first = _key_token(token, pepper)
        key_id = virtual_key.key_id(first.digest)
        key = replace(draft, id=key_id, created=self._clock.now(), tokens=(first,))
        await self._write(
            None, key, ABSENT, AuditChange("keys.create", key_id, None, audit_view(key)), request_id
        )
        return IssuedToken(key, token)

    async def get(self, id: str) -> VirtualKey:
        """Return the key with an id."""
        return (await self._read(id))[0]

    async def all(self) -> list[VirtualKey]:
        """Return all keys by id, revoked ones included."""
        keys: list[VirtualKey] = []
        while True:
            page = await self.page(keys[-1].id if keys else "", PAGE_SIZE)
            keys += page
            if len(page) < PAGE_SIZE:
                return keys

    async def page(self, after: str, limit: int) -> list[VirtualKey]:
        """Return up to `limit` keys whose ids sort after `after`."""
        pepper = await require_pepper(self._secrets)
        page = await self._store.query(document_types.KEYS, after=after, limit=limit)
        return [_key(document, pepper) for document in page]

    async def change(
        self, id: str, edit: Edit, request_id: str, *, action: str = "keys.update", reason: str | None = None
    ) -> VirtualKey:
        """Apply an edit that does not change id and tokens; return the key."""
        key, version = await self._read(id)
        edited = edit(key)
        change = AuditChange(action, id, audit_view(key), audit_view(edited), reason)
        await self._write(key, edited, version, change, request_id)
        return edited

    async def rotate(self, id: str, grace: float, request_id: str) -> IssuedToken:
        """Give a key a new token; its old tokens stay valid for `grace` seconds."""
        pepper, token = await require_pepper(self._secrets), virtual_key.issue(secrets.token_bytes)
        key, version = await self._read(id)
        end = self._clock.now() + grace
        old = [replace(each, until=min(end, each.until or end)) for each in key.tokens] if grace > 0 else []
        rotated = replace(key, tokens=(_key_token(token, pepper), *old[: MAX_TOKENS - 1]))
        change = AuditChange("keys.rotate", id, audit_view(key), audit_view(rotated))
        await self._write(key, rotated, version, change, request_id)
        return IssuedToken(rotated, token)

    async def revoke(self, id: str, request_id: str) -> VirtualKey:
        """Revoke a key: in this process at once, everywhere within five seconds."""
        now = self._clock.now()
        return await self.change(
            id,
            lambda key: key if key.revoked else replace(key, revoked=now),
            request_id,
            action="keys.revoke",
        )

    async def credit(self, id: str, amount: Nanos, reason: str | None, request_id: str) -> VirtualKey:
        """Add prepaid credits, in nano-dollars; a negative amount removes some."""

        def edit(key: VirtualKey) -> VirtualKey:
            total = Nanos(max(0, (key.limits.credits or 0) + amount))
            return replace(key, limits=replace(key.limits, credits=total))

        return await self.change(id, edit, request_id, action="keys.credit", reason=reason)

    async def _read(self, id: str) -> tuple[VirtualKey, int]:
        pepper = await require_pepper(self._secrets)
        (document,) = await self._store.get(DocumentKey(document_types.KEYS, id))
        if document is None:
            raise NotFound(f"no key with id {id[:60]}", param="id")
        return _key(document, pepper), document.version

    async def _write(
        self, before: VirtualKey | None, key: VirtualKey, version: int, change: AuditChange, request_id: str
    ) -> None:
        """Write the key, a copy under the digest of each valid token, and the audit entry: all or none."""
        pepper, now = await require_pepper(self._secrets), self._clock.now()
        valid = [each for each in key.tokens if each.until is None or each.until > now]
        key = replace(key, tokens=tuple(valid))
        body = sign_record(key.pack(), pepper)
        live = {each.digest: each for each in valid} if key.revoked is None else {}
        invalid = {each.digest for each in before.tokens} - set(live) if before else set()
        await self._store.write(
            Put(DocumentKey(document_types.KEYS, key.id), body, version=version),
            *(Put(document_types.token_key(digest), body, expires=live[digest].until) for digest in live),
            *(Delete(document_types.token_key(digest)) for digest in invalid),
            audit_entry(change, now, request_id),
        )
        self.changes += 1
        self._on_change()


def audit_view(key: VirtualKey) -> dict[str, Any]:
    """Return a key as audit entries show it: without token digests."""
    packed = key.pack()
    return {**packed, "tokens": [{"masked": each.masked, "until": each.until} for each in key.tokens]}


def _key_token(token: str, pepper: bytes) -> KeyToken:
    return KeyToken(virtual_key.digest(token, pepper), virtual_key.mask(token))


def _key(document: Document, pepper: bytes) -> VirtualKey:
    packed = verify_record(document.body, pepper)
    if packed is None:
        raise StoreUnavailable("the key's record in the store has no valid signature of this gateway")
    return VirtualKey.unpack(packed)
