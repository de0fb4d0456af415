"""Recognises who sends a key, with as few looks at the store as a promise of five seconds allows.

What cannot be a key of ours is refused without any. A key that was found is known for FRESH seconds, one that
was not for LOST; where the store is down, one that no money hangs on is known for STALE. All refusals read
alike.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vaultcore.admission.caller import GATEWAY, Caller, account
from vaultcore.clock import Clock
from vaultcore.errors import Forbidden, StoreUnavailable, Unauthorized
from vaultcore.limits import virtual_key
from vaultcore.limits.allowlist import allows_address
from vaultcore.limits.policy import LimitPolicy
from vaultcore.limits.signed_record import verified
from vaultcore.limits.virtual_key import PREFIX, VirtualKey
from vaultcore.secrets import Secrets, SecretSource
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Document, Store
from vaultcore.telemetry import Log

FRESH = 4.0  # seconds; a revoked key is dead everywhere after five
LOST = 30.0
STALE = 60.0
MOST = 4_096  # keys known at a time


@dataclass(frozen=True, slots=True)
class _Known:
    key: VirtualKey | None
    policy: LimitPolicy
    at: float
    gone: bool = field(default=False)


Hear = Callable[[Mapping[str, Any] | None, int], None]


def _unheard(_routes: Mapping[str, Any] | None, _version: int) -> None:
    return


class Authenticator:
    """One per process. Whoever changes a key here tells it to forget."""

    def __init__(
        self, store: Store, secrets: SecretSource, clock: Clock, log: Log, hear: Hear = _unheard
    ) -> None:
        """`hear` is told the routes in force whenever a look at the store has brought them along."""
        self._store, self._secrets, self._clock, self._log = store, secrets, clock, log
        self._hear = hear
        self._known: OrderedDict[str, _Known] = OrderedDict()  # by digest; "" is the system key
        self._policy_known = LimitPolicy()  # as it was last read
        self._looking: dict[str, asyncio.Task[_Known]] = {}

    async def recognise(self, token: str, address: str | None) -> Caller:
        """Who may come in with a key, from an address. Raises Unauthorized, Forbidden or StoreUnavailable."""
        if token.startswith(PREFIX) and not virtual_key.well_formed(token):
            raise Unauthorized
        secrets = await self._secrets.current()
        if not token.startswith(PREFIX):
            if not secrets.opens_data(token):
                raise Unauthorized
            return Caller(policy=(await self._look("", secrets)).policy)
        if secrets.pepper is None:
            raise Unauthorized
        digest = virtual_key.digest(token, secrets.pepper)
        known = await self._look(digest, secrets)
        if known.key is None or not known.key.opens(digest, self._clock.now()):
            raise Unauthorized
        if not allows_address(known.key, address):
            raise Forbidden("this key may not be used from this address", code="address_not_allowed")
        return Caller(known.key, digest, known.policy)

    async def again(self, caller: Caller) -> Caller | None:
        """The caller as the store has it now, where that may differ from what was known; else None.

        For a refusal by a limit: credits may have been added since. Looks at most once a second.
        """
        secrets, digest = await self._secrets.current(), caller.digest
        held = self._known.get(digest)
        if held is None or self._clock.now() - held.at < 1.0:
            return None
        self._known.pop(digest, None)
        known = await self._look(digest, secrets)
        if digest and (known.key is None or not known.key.opens(digest, self._clock.now())):
            raise Unauthorized
        found = Caller(known.key, digest, known.policy)
        return None if found == caller else found

    def forget(self) -> None:
        """Something has been changed: look again at the next request."""
        self._known.clear()

    async def _look(self, digest: str, secrets: Secrets) -> _Known:
        """What is known of a digest; several who ask at once look once."""
        now = self._clock.now()
        held = self._known.get(digest)
        if held is not None and now - held.at < (LOST if held.gone else FRESH):
            return held
        looking = self._looking.get(digest)
        if looking is None:
            looking = asyncio.ensure_future(self._read(digest, secrets.pepper, held))
            self._looking[digest] = looking
            looking.add_done_callback(lambda _: self._looking.pop(digest, None))
        return await asyncio.shield(looking)

    async def _read(self, digest: str, pepper: bytes | None, held: _Known | None) -> _Known:
        now = self._clock.now()
        names = (
            document_types.POLICY,
            document_types.ROUTES,
            *([document_types.token(digest)] if digest else []),
        )
        try:
            policy, routes, *found = await self._store.get(*names, ahead=self._ahead(digest))
        except StoreUnavailable:
            if held is not None and now - held.at < STALE and _harmless(held):
                return held
            raise
        key = self._key(found[0], pepper) if found else None
        set_here = self._signed(routes, pepper)
        if routes is None or set_here is not None:
            self._hear(set_here, routes.version if routes else ABSENT)
        self._policy_known = self._policy(policy, pepper)
        known = _Known(key, self._policy_known, now, gone=bool(digest) and key is None)
        self._known[digest] = known
        self._known.move_to_end(digest)
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        return known

    def _ahead(self, digest: str) -> list[str]:
        """The accounts that the request will count in, as far as they can be told before its key is known."""
        ahead = [account(virtual_key.identity(digest))] if digest else []
        if self._policy_known.gateway.any:
            ahead.append(GATEWAY)
        return ahead

    def _key(self, document: Document | None, pepper: bytes | None) -> VirtualKey | None:
        packed = self._signed(document, pepper)
        return None if packed is None else VirtualKey.unpack(packed)

    def _policy(self, document: Document | None, pepper: bytes | None) -> LimitPolicy:
        if document is None:
            return LimitPolicy()
        packed = self._signed(document, pepper)
        if packed is None:
            raise StoreUnavailable("the limits in force cannot be read")  # somebody else wrote them
        return LimitPolicy.unpack(packed)

    def _signed(self, document: Document | None, pepper: bytes | None) -> Mapping[str, Any] | None:
        if document is None or pepper is None:
            return None
        packed = verified(document.body, pepper)
        if packed is None:
            self._log.trouble("a record was not written by this gateway", shelf=document.name.shelf[:6])
        return packed


def _harmless(known: _Known) -> bool:
    """Whether nothing lasting can be lost by trusting what was known a while ago."""
    levels = Caller(known.key, policy=known.policy).levels
    return not any(level.limits.lasting for level in levels)
