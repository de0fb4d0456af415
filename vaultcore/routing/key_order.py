"""The keys of a provider by remaining quota, kept in order while quotas change.

A request changes the quota of one key. Sorting 500 keys for it would take 0.4 ms, moving one takes 0.01 ms.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter

from vaultcore.routing.quota import Quota
from vaultcore.vault.keyring import Credential

NEVER = float("inf")
FindQuota = Callable[[str], Quota | None]  # the reported quota of a key by its ID; None: full


class KeyOrder:
    """The keys of one provider, most remaining quota first; ties keep the vault's order.

    The share of a key changes when its quota is reported, and at the resets of the quota.
    """

    def __init__(self, credentials: Sequence[Credential]) -> None:
        self.credentials = credentials
        self._places = {credential.id: place for place, credential in enumerate(credentials)}
        self._entries = [(-1.0, place) for place in range(len(credentials))]
        self._shares = [1.0] * len(credentials)
        self._changed = set(self._places)
        self._resets: dict[str, float] = {}  # by key: when its share changes by itself, first
        self._updated = 0.0  # seconds since the epoch

    def note(self, key: str) -> None:
        """Note that the quota of a key was reported."""
        if key in self._places:
            self._changed.add(key)

    def sorted(self, find_quota: FindQuota, now: float) -> Iterable[Credential]:
        """Return the keys in their order at `now`."""
        if now < self._updated:  # the clock was set back: any reset may lie ahead again
            self._changed.update(self._places)
        self._updated = now
        if min(self._resets.values(), default=now + 1) <= now:
            self._changed.update(key for key, at in self._resets.items() if at <= now)
        for key in self._changed:
            self._move(key, find_quota(key), now)
        self._changed.clear()
        # A copy, since the order may change while it is read; no Python call for each key.
        return map(self.credentials.__getitem__, map(itemgetter(1), self._entries.copy()))

    def _move(self, key: str, quota: Quota | None, now: float) -> None:
        if quota is None:
            return
        place, share = self._places[key], quota.share(now)
        resets = [part.reset for part in (quota.requests, quota.tokens) if part is not None]
        self._resets[key] = min((at for at in resets if at is not None and at > now), default=NEVER)
        if share != self._shares[place]:
            del self._entries[bisect_left(self._entries, (-self._shares[place], place))]
            insort(self._entries, (-share, place))
            self._shares[place] = share
