"""Who changed what: one entry per change, written together with it, without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Put

KEPT = 800 * 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class AuditChange:
    """A change as the audit tells it. `before` and `after` are the parts that may be shown."""

    action: str  # "keys.create"
    subject: str  # the id of what changed
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None
    reason: str | None = None


def audited(change: AuditChange, at: float, id: str, actor: str = "admin") -> Put:
    """The entry of a change, under the id of the request that asked for it."""
    body = {
        "id": id,
        "at": at,
        "actor": actor,
        "action": change.action,
        "subject": change.subject,
        "before": None if change.before is None else dict(change.before),
        "after": None if change.after is None else dict(change.after),
        "reason": change.reason,
    }
    return Put(document_types.timed(document_types.AUDITS, at, id), body, expires=at + KEPT, version=ABSENT)
