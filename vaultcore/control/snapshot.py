"""Snapshots of what an operator has set: a virtual key, the limit policy and the routes, in one read.

Every key look-up reads all three in one call of the store. So a change by an administrator reaches a process
with the first key look-up after it, without a read of its own:

    authenticator → SnapshotReader.read(digest) → store.get(policy, routes, key)
                                                → RouteStore.accept(routes)  the catalog in force
                                                → Snapshot(key, policy)      cached by the authenticator
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vaultcore.control.routes import RouteStore
from vaultcore.errors import StoreUnavailable
from vaultcore.lazy_dataclass import dataclass
from vaultcore.limits.policy import LimitPolicy
from vaultcore.limits.signed_record import verify_record
from vaultcore.limits.virtual_key import VirtualKey
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Document, Store
from vaultcore.telemetry import Log


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The settings for one key: `key` is None for the system key and for an unknown digest."""

    key: VirtualKey | None
    policy: LimitPolicy


class SnapshotReader:
    """Reads snapshots and hands the routes in them to `routes`. One per process."""

    def __init__(self, store: Store, routes: RouteStore, log: Log) -> None:
        self._store, self._routes, self._log = store, routes, log

    async def read(self, digest: str, pepper: bytes | None, *, prefetch: list[str]) -> Snapshot:
        """Read the snapshot for a key's digest; "" is the system key. Raises StoreUnavailable.

        `prefetch` names accounts that the request will probably need: a store may read them along.
        """
        names = (
            document_types.POLICY,
            document_types.ROUTES,
            *([document_types.token_key(digest)] if digest else []),
        )
        policy, routes, *keys = await self._store.get(*names, prefetch=prefetch)
        key = self._verify(keys[0], pepper) if keys else None
        self._pass_on_routes(routes, pepper)
        return Snapshot(None if key is None else VirtualKey.unpack(key), self._policy(policy, pepper))

    def _pass_on_routes(self, document: Document | None, pepper: bytes | None) -> None:
        routes = self._verify(document, pepper)
        if document is None:
            self._routes.accept(None, ABSENT)
        elif routes is not None:
            self._routes.accept(routes, document.version)

    def _policy(self, document: Document | None, pepper: bytes | None) -> LimitPolicy:
        if document is None:
            return LimitPolicy()
        packed = self._verify(document, pepper)
        if packed is None:
            raise StoreUnavailable("the limit policy in the store has no valid signature of this gateway")
        return replace(LimitPolicy.unpack(packed), version=document.version)

    def _verify(self, document: Document | None, pepper: bytes | None) -> Mapping[str, Any] | None:
        """Return a signed document's content; None if there is none or its signature is not valid."""
        if document is None or pepper is None:
            return None
        packed = verify_record(document.body, pepper)
        if packed is None:
            self._log.error("a record was not written by this gateway", shelf=document.key.collection[:6])
        return packed
