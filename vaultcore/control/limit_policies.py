"""The limits beyond single keys, and the marks that there are alerts at, kept as one signed document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from vaultcore.clock import Clock
from vaultcore.control.audit import AuditChange, audited
from vaultcore.errors import InvalidRequest, NotFound, StoreUnavailable
from vaultcore.limits.limits import Limits
from vaultcore.limits.policy import LimitPolicy
from vaultcore.limits.signed_record import signed, verified
from vaultcore.secrets import SecretSource, pepper_of
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Conflict, Document, Put, Store

MOST_OWNERS = 1_000  # in one document, which every process reads every few seconds
TRIES = 5  # two who set different limits at once share a document, and need not know of it

Edit = Callable[[LimitPolicy], LimitPolicy]


class LimitPolicies:
    """Raises NotFound for an owner without limits, Conflict where too many others write at the same time."""

    def __init__(
        self, store: Store, secret_source: SecretSource, clock: Clock, changed: Callable[[], None]
    ) -> None:
        self._store, self._secrets, self._clock, self._changed = store, secret_source, clock, changed

    async def current(self) -> LimitPolicy:
        return (await self._read())[0]

    async def set_gateway(self, limits: Limits, request_id: str) -> LimitPolicy:
        """The gateway's limits, in place of those it had."""
        return await self._change(
            lambda policy: replace(policy, gateway=limits),
            lambda before, after: _told("gateway", before.gateway, after.gateway),
            request_id,
        )

    async def set_owner(self, owner: str, limits: Limits, request_id: str) -> LimitPolicy:
        """The limits of all of an owner's keys together, in place of those they had."""

        def edit(policy: LimitPolicy) -> LimitPolicy:
            owners = {**policy.owners, owner: limits}
            if len(owners) > MOST_OWNERS:
                raise InvalidRequest(f"at most {MOST_OWNERS:,} owners can have limits", param="owner")
            return replace(policy, owners=owners)

        return await self._change(edit, _of_owner(owner), request_id)

    async def drop_owner(self, owner: str, request_id: str) -> LimitPolicy:
        """An owner's keys without limits beyond their own. What they used is not forgotten."""

        def edit(policy: LimitPolicy) -> LimitPolicy:
            if owner not in policy.owners:
                raise NotFound("this owner has no limits", param="owner")
            return replace(
                policy, owners={name: each for name, each in policy.owners.items() if name != owner}
            )

        return await self._change(edit, _of_owner(owner), request_id)

    async def set_marks(
        self, marks: tuple[int, ...], instead_of: tuple[int, ...] | None, request_id: str
    ) -> LimitPolicy:
        """Other marks to be alerted at; with `instead_of` only in place of those. Raises Conflict."""

        def edit(policy: LimitPolicy) -> LimitPolicy:
            if instead_of not in {None, policy.marks}:
                raise Conflict(document_types.POLICY)
            return replace(policy, marks=marks)

        return await self._change(edit, _of_marks, request_id)

    async def _change(
        self, edit: Edit, told: Callable[[LimitPolicy, LimitPolicy], AuditChange], request_id: str
    ) -> LimitPolicy:
        for tries in range(TRIES, 0, -1):
            before, version = await self._read()
            after = edit(before)
            now, body = self._clock.now(), signed(after.pack(), await pepper_of(self._secrets))
            try:
                await self._store.write(
                    Put(document_types.POLICY, body, version=version),
                    audited(told(before, after), now, request_id),
                )
            except Conflict:
                if tries == 1:
                    raise
                continue
            self._changed()
            return after
        raise AssertionError("the last try returns or raises")

    async def _read(self) -> tuple[LimitPolicy, int]:
        (document,) = await self._store.get(document_types.POLICY)
        if document is None:
            return LimitPolicy(), ABSENT
        return _policy(document, await pepper_of(self._secrets)), document.version


def _policy(document: Document, pepper: bytes) -> LimitPolicy:
    packed = verified(document.body, pepper)
    if packed is None:
        raise StoreUnavailable("the limits in force were not written by this gateway")
    return LimitPolicy.unpack(packed)


def _of_owner(owner: str) -> Callable[[LimitPolicy, LimitPolicy], AuditChange]:
    return lambda before, after: _told(f"owner:{owner}", before.owners.get(owner), after.owners.get(owner))


def _of_marks(before: LimitPolicy, after: LimitPolicy) -> AuditChange:
    return AuditChange("alerts.set", "alerts", {"marks": list(before.marks)}, {"marks": list(after.marks)})


def _told(subject: str, before: Limits | None, after: Limits | None) -> AuditChange:
    return AuditChange("limits.set" if after else "limits.drop", subject, _shown(before), _shown(after))


def _shown(limits: Limits | None) -> Mapping[str, object] | None:
    return None if limits is None else dict(limits.pack())
