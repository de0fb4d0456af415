"""Who is asking: the system key, or a virtual key, and the levels at which what it uses counts."""

from __future__ import annotations

from dataclasses import dataclass, field

from vaultcore.limits.limits import Limits
from vaultcore.limits.policy import LimitPolicy
from vaultcore.limits.reservation import Level
from vaultcore.limits.virtual_key import VirtualKey

SYSTEM = "system"
GATEWAY = "gateway"  # the account


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may come in. The system key has no limits of its own; the gateway's hold for it too."""

    key: VirtualKey | None = None
    digest: str = field(default="", repr=False)  # of what it sent, for a virtual key
    policy: LimitPolicy = field(default_factory=LimitPolicy)

    @property
    def id(self) -> str:
        return self.key.id if self.key else SYSTEM

    @property
    def owner(self) -> str | None:
        return self.key.owner if self.key else None

    @property
    def limits(self) -> Limits:
        """The key's own."""
        return self.key.limits if self.key else Limits()

    @property
    def levels(self) -> tuple[Level, ...]:
        """Its own account first, then its owner's and the gateway's where they are limited."""
        marks = self.policy.marks
        own = self.key.marks if self.key and self.key.marks is not None else marks
        levels = [Level(account(self.id), self.limits, own)]
        if self.owner and (limits := self.policy.owners.get(self.owner)):
            levels.append(Level(owners_account(self.owner), limits, marks))
        if self.policy.gateway.any:
            levels.append(Level(GATEWAY, self.policy.gateway, marks))
        return tuple(levels)


def account(key: str) -> str:
    """The name of a key's account."""
    return f"key:{key}"


def owners_account(owner: str) -> str:
    return f"owner:{owner}"
