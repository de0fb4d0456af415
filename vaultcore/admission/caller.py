"""An authenticated caller, and the accounts in which its usage counts."""

from __future__ import annotations

from dataclasses import dataclass, field

from vaultcore.limits.limits import Limits
from vaultcore.limits.policy import LimitPolicy
from vaultcore.limits.reservation import Level
from vaultcore.limits.virtual_key import VirtualKey

SYSTEM = "system"  # the system key's id
GATEWAY = "gateway"  # the gateway's account


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of a virtual key, or of the system key if `key` is None.

    The system key has no limits of its own; the gateway's limits apply to it too.
    """

    key: VirtualKey | None = None
    digest: str = field(default="", repr=False)  # of the virtual key that was sent
    policy: LimitPolicy = field(default_factory=LimitPolicy)

    @property
    def id(self) -> str:
        return self.key.id if self.key else SYSTEM

    @property
    def owner(self) -> str | None:
        return self.key.owner if self.key else None

    @property
    def limits(self) -> Limits:
        """Return the key's own limits."""
        return self.key.limits if self.key else Limits()

    @property
    def levels(self) -> tuple[Level, ...]:
        """Return the key's account, then its owner's and the gateway's if those are limited."""
        thresholds = self.policy.thresholds
        own_thresholds = self.key.thresholds if self.key and self.key.thresholds is not None else thresholds
        levels = [Level(account(self.id), self.limits, own_thresholds)]
        if self.owner and (limits := self.policy.owners.get(self.owner)):
            levels.append(Level(owners_account(self.owner), limits, thresholds))
        if self.policy.gateway.has_any:
            levels.append(Level(GATEWAY, self.policy.gateway, thresholds))
        return tuple(levels)


def account(key_id: str) -> str:
    """Return the name of a key's account: `key:ID`."""
    return f"key:{key_id}"


def owners_account(owner: str) -> str:
    """Return the name of an owner's account: `owner:NAME`."""
    return f"owner:{owner}"
