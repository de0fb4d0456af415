"""Limits of owners and of the gateway, and alert thresholds, stored as one signed document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from vaultcore.clock import Clock
from vaultcore.control.audit import AuditChange, audit_entry
from vaultcore.errors import InvalidRequest, NotFound, StoreUnavailable
from vaultcore.limits.limits import Limits
from vaultcore.limits.policy import LimitPolicy
from vaultcore.limits.signed_record import sign_record, verify_record
from vaultcore.secrets import SecretSource, require_pepper
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Conflict, Document, Put, Store

MAX_OWNERS = 1_000  # they are in one document that every process reads every few seconds
WRITE_ATTEMPTS = 5  # after conflicts: changes of different limits share one document

Edit = Callable[[LimitPolicy], LimitPolicy]


class LimitPolicies:
    """The limit policy now set. Methods raise NotFound for an owner without limits, Conflict after races.

    `on_change` is called after each change, so that caches in this process can be emptied.
    """

    def __init__(
        self, store: Store, secret_source: SecretSource, clock: Clock, on_change: Callable[[], None]
    ) -> None:
        self._store, self._secrets, self._clock = store, secret_source, clock
        self._on_change = on_change

    async def current(self) -> LimitPolicy:
        """Return the policy from the store."""
        return (await self._read())[0]

    async def set_gateway(self, limits: Limits, request_id: str) -> LimitPolicy:
        """Replace the gateway's limits."""
        return await self._change(
            lambda policy: replace(policy, gateway=limits),
            lambda before, after: _limits_change("gateway", before.gateway, after.gateway),
            request_id,
        )

    async def set_owner(self, owner: str, limits: Limits, request_id: str) -> LimitPolicy:
        """Replace the limits that all keys of an owner share."""

        def edit(policy: LimitPolicy) -> LimitPolicy:
            owners = {**policy.owners, owner: limits}
            if len(owners) > MAX_OWNERS:
                raise InvalidRequest(f"at most {MAX_OWNERS:,} owners can have limits", param="owner")
            return replace(policy, owners=owners)

        return await self._change(edit, _owner_change(owner), request_id)

    async def drop_owner(self, owner: str, request_id: str) -> LimitPolicy:
        """Remove an owner's limits. The owner's usage stays stored."""

        def edit(policy: LimitPolicy) -> LimitPolicy:
            if owner not in policy.owners:
                raise NotFound("this owner has no limits", param="owner")
            return replace(
                policy, owners={name: each for name, each in policy.owners.items() if name != owner}
            )

        return await self._change(edit, _owner_change(owner), request_id)

    async def set_thresholds(
        self, thresholds: tuple[int, ...], expected: tuple[int, ...] | None, request_id: str
    ) -> LimitPolicy:
        """Replace the alert thresholds (per cent); with `expected` only if those are set. Raises Conflict."""

        def edit(policy: LimitPolicy) -> LimitPolicy:
            if expected not in {None, policy.thresholds}:
                raise Conflict(document_types.POLICY)
            return replace(policy, thresholds=thresholds)

        return await self._change(edit, _thresholds_change, request_id)

    async def _change(
        self, edit: Edit, describe: Callable[[LimitPolicy, LimitPolicy], AuditChange], request_id: str
    ) -> LimitPolicy:
        for attempts_left in range(WRITE_ATTEMPTS, 0, -1):
            before, version = await self._read()
            after = edit(before)
            now, body = self._clock.now(), sign_record(after.pack(), await require_pepper(self._secrets))
            try:
                await self._store.write(
                    Put(document_types.POLICY, body, version=version),
                    audit_entry(describe(before, after), now, request_id),
                )
            except Conflict:
                if attempts_left == 1:
                    raise
                continue
            self._on_change()
            return after
        raise AssertionError("the last try returns or raises")

    async def _read(self) -> tuple[LimitPolicy, int]:
        (document,) = await self._store.get(document_types.POLICY)
        if document is None:
            return LimitPolicy(), ABSENT
        return _policy(document, await require_pepper(self._secrets)), document.version


def _policy(document: Document, pepper: bytes) -> LimitPolicy:
    packed = verify_record(document.body, pepper)
    if packed is None:
        raise StoreUnavailable("the limit policy in the store has no valid signature of this gateway")
    return LimitPolicy.unpack(packed)


def _owner_change(owner: str) -> Callable[[LimitPolicy, LimitPolicy], AuditChange]:
    return lambda before, after: _limits_change(
        f"owner:{owner}", before.owners.get(owner), after.owners.get(owner)
    )


def _thresholds_change(before: LimitPolicy, after: LimitPolicy) -> AuditChange:
    return AuditChange(
        "alerts.set", "alerts", {"marks": list(before.thresholds)}, {"marks": list(after.thresholds)}
    )


def _limits_change(subject: str, before: Limits | None, after: Limits | None) -> AuditChange:
    return AuditChange(
        "limits.set" if after else "limits.drop", subject, _pack_limits(before), _pack_limits(after)
    )


def _pack_limits(limits: Limits | None) -> Mapping[str, object] | None:
    return None if limits is None else dict(limits.pack())
