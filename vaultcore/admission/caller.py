"""An authenticated caller, and the accounts in which its usage counts."""

from __future__ import annotations

from dataclasses import field

from vaultcore.lazy_dataclass import dataclass
from vaultcore.limits.limits import NO_LIMITS, Limits
from vaultcore.limits.policy import LimitPolicy
from vaultcore.limits.reservation import Level
from vaultcore.limits.virtual_key import VirtualKey

SYSTEM = "system"  # the system key's id
GATEWAY = "gateway"  # the gateway's account


class _CallerFacts:
    """Facts about a caller, computed once: every request needs them several times."""

    __slots__ = ("has_lasting_limit", "has_limit", "has_money_limit", "id", "levels", "limits", "owner")

    id: str
    owner: str | None
    limits: Limits  # of the key itself
    levels: tuple[Level, ...]  # the key's account, then its owner's and the gateway's if those are limited
    has_limit: bool  # at any level, as in the next two
    has_lasting_limit: bool
    has_money_limit: bool


@dataclass(frozen=True, slots=True)
class Caller(_CallerFacts):
    """The holder of a virtual key, or of the system key if `key` is None.

    The system key has no limits of its own; the gateway's limits apply to it too.
    """

    key: VirtualKey | None = None
    digest: str = field(default="", repr=False)  # of the virtual key that was sent
    policy: LimitPolicy = field(default_factory=LimitPolicy)

    def __post_init__(self) -> None:
        key, levels = self.key, self._levels()
        facts = {
            "id": key.id if key else SYSTEM,
            "owner": key.owner if key else None,
            "limits": key.limits if key else NO_LIMITS,
            "levels": levels,
            "has_limit": any(level.limits.has_any for level in levels),
            "has_lasting_limit": any(level.limits.has_lasting_limit for level in levels),
            "has_money_limit": any(level.limits.has_money_limit for level in levels),
        }
        for name, value in facts.items():
            object.__setattr__(self, name, value)

    def _levels(self) -> tuple[Level, ...]:
        key, policy, thresholds = self.key, self.policy, self.policy.thresholds
        if key is None:
            levels = [Level(account(SYSTEM), NO_LIMITS, thresholds)]
        else:
            own_thresholds = thresholds if key.thresholds is None else key.thresholds
            levels = [Level(account(key.id), key.limits, own_thresholds)]
            if key.owner and (limits := policy.owners.get(key.owner)):
                levels.append(Level(owners_account(key.owner), limits, thresholds))
        if policy.gateway.has_any:
            levels.append(Level(GATEWAY, policy.gateway, thresholds))
        return tuple(levels)


def account(key_id: str) -> str:
    """Return the name of a key's account: `key:ID`."""
    return f"key:{key_id}"


def owners_account(owner: str) -> str:
    """Return the name of an owner's account: `owner:NAME`."""
    return f"owner:{owner}"
