"""The audit log: one entry per change by an administrator, written together with the change."""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.lazy_dataclass import dataclass
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Put

RETENTION = 800 * 86_400.0  # seconds that entries are stored


@dataclass(frozen=True, slots=True)
class AuditChange:
    """A change, without secrets: `before` and `after` contain only what may be shown."""

    action: str  # "keys.create"
    subject: str  # id of what changed
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None
    reason: str | None = None


def audit_entry(change: AuditChange, at: float, id: str, actor: str = "admin") -> Put:
    """Return the write of a change's entry. `id` is the admin request's, `at` is seconds since the epoch."""
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
    key = document_types.timed_key(document_types.AUDITS, at, id)
    return Put(key, body, expires=at + RETENTION, version=ABSENT)
