"""The virtual keys of a gateway: made, changed, rotated and revoked, each change with its audit entry."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from vaultcore.clock import Clock
from vaultcore.control.audit import AuditChange, audited
from vaultcore.errors import NotFound, StoreUnavailable
from vaultcore.limits import virtual_key
from vaultcore.limits.signed_record import signed, verified
from vaultcore.limits.virtual_key import Token, VirtualKey
from vaultcore.money import Nanos
from vaultcore.secrets import SecretSource, pepper_of
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Document, Drop, Name, Put, Store

PAGE = 1_000
MOST = 10  # tokens of one key that are good at a time

Edit = Callable[[VirtualKey], VirtualKey]


@dataclass(frozen=True, slots=True)
class Issued:
    """A key and the token that is shown this once."""

    key: VirtualKey
    token: str

    def __repr__(self) -> str:
        return f"Issued({self.key.id})"


class VirtualKeys:
    """Raises NotFound for an id that nobody has, Conflict where somebody else changed a key meanwhile."""

    def __init__(
        self, store: Store, secret_source: SecretSource, clock: Clock, changed: Callable[[], None]
    ) -> None:
        self._store, self._secrets, self._clock, self._changed = store, secret_source, clock, changed

    async def create(self, draft: VirtualKey, request_id: str) -> Issued:
        """A new key as drafted; id, time and token are made here."""
        pepper, token = await pepper_of(self._secrets), virtual_key.issue(secrets.token_bytes)
        first = _token(token, pepper)
        name = virtual_key.identity(first.digest)
        key = replace(draft, id=name, created=self._clock.now(), tokens=(first,))
        await self._write(None, key, ABSENT, AuditChange("keys.create", name, None, shown(key)), request_id)
        return Issued(key, token)

    async def get(self, id: str) -> VirtualKey:
        return (await self._found(id))[0]

    async def all(self) -> list[VirtualKey]:
        """Every key ever made, revoked ones too, by id."""
        keys: list[VirtualKey] = []
        while True:
            page = await self.page(keys[-1].id if keys else "", PAGE)
            keys += page
            if len(page) < PAGE:
                return keys

    async def page(self, after: str, limit: int) -> list[VirtualKey]:
        """The keys whose ids come after one, in their order."""
        pepper = await pepper_of(self._secrets)
        page = await self._store.entries(document_types.KEYS, after=after, limit=limit)
        return [_key(document, pepper) for document in page]

    async def change(
        self, id: str, edit: Edit, request_id: str, *, action: str = "keys.update", reason: str | None = None
    ) -> VirtualKey:
        """A key after an edit that leaves its id and tokens alone."""
        key, version = await self._found(id)
        edited = edit(key)
        change = AuditChange(action, id, shown(key), shown(edited), reason)
        await self._write(key, edited, version, change, request_id)
        return edited

    async def rotate(self, id: str, grace: float, request_id: str) -> Issued:
        """The same key with a new token; the old ones are good for `grace` seconds more."""
        pepper, token = await pepper_of(self._secrets), virtual_key.issue(secrets.token_bytes)
        key, version = await self._found(id)
        end = self._clock.now() + grace
        old = [replace(each, until=min(end, each.until or end)) for each in key.tokens] if grace > 0 else []
        rotated = replace(key, tokens=(_token(token, pepper), *old[: MOST - 1]))
        change = AuditChange("keys.rotate", id, shown(key), shown(rotated))
        await self._write(key, rotated, version, change, request_id)
        return Issued(rotated, token)

    async def revoke(self, id: str, request_id: str) -> VirtualKey:
        """The key, dead from now on: here at once, everywhere within five seconds."""
        now = self._clock.now()
        return await self.change(
            id,
            lambda key: key if key.revoked else replace(key, revoked=now),
            request_id,
            action="keys.revoke",
        )

    async def credit(self, id: str, amount: Nanos, reason: str | None, request_id: str) -> VirtualKey:
        """The key with more prepaid money; a negative amount takes some back."""

        def edit(key: VirtualKey) -> VirtualKey:
            total = Nanos(max(0, (key.limits.credits or 0) + amount))
            return replace(key, limits=replace(key.limits, credits=total))

        return await self.change(id, edit, request_id, action="keys.credit", reason=reason)

    async def _found(self, id: str) -> tuple[VirtualKey, int]:
        pepper = await pepper_of(self._secrets)
        (document,) = await self._store.get(Name(document_types.KEYS, id))
        if document is None:
            raise NotFound(f"no key has the id {id[:60]}", param="id")
        return _key(document, pepper), document.version

    async def _write(
        self, before: VirtualKey | None, key: VirtualKey, version: int, change: AuditChange, request_id: str
    ) -> None:
        """The record, a copy under each token that is still good, and the audit entry: all or none."""
        pepper, now = await pepper_of(self._secrets), self._clock.now()
        good = [each for each in key.tokens if each.until is None or each.until > now]
        key = replace(key, tokens=tuple(good))
        body = signed(key.pack(), pepper)
        live = {each.digest: each for each in good} if key.revoked is None else {}
        gone = {each.digest for each in before.tokens} - set(live) if before else set()
        await self._store.write(
            Put(Name(document_types.KEYS, key.id), body, version=version),
            *(Put(document_types.token(digest), body, expires=live[digest].until) for digest in live),
            *(Drop(document_types.token(digest)) for digest in gone),
            audited(change, now, request_id),
        )
        self._changed()


def shown(key: VirtualKey) -> dict[str, Any]:
    """A key as an audit entry shows it: without digests."""
    packed = key.pack()
    return {**packed, "tokens": [{"masked": each.masked, "until": each.until} for each in key.tokens]}


def _token(token: str, pepper: bytes) -> Token:
    return Token(virtual_key.digest(token, pepper), virtual_key.masked(token))


def _key(document: Document, pepper: bytes) -> VirtualKey:
    packed = verified(document.body, pepper)
    if packed is None:
        raise StoreUnavailable("a key's record was not written by this gateway")
    return VirtualKey.unpack(packed)
