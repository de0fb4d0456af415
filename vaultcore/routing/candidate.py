"""A candidate: one target and one provider key to call it with."""

from __future__ import annotations

from typing import Protocol

from vaultcore.catalog.schema import Target
from vaultcore.lazy_dataclass import dataclass
from vaultcore.vault.keyring import Credential


class AnyCandidate(Protocol):
    """A candidate of a call, or one that is replayed from a record, of which only the key's ID is known."""

    @property
    def target(self) -> Target: ...

    @property
    def key_id(self) -> str: ...

    @property
    def key_at_target(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A target, and the provider key that an attempt uses for it."""

    target: Target
    credential: Credential

    @property
    def key_id(self) -> str:
        """Return the ID of the provider key."""
        return self.credential.id

    @property
    def key_at_target(self) -> str:
        """Return a name for this key at this target: rate limits apply to the pair."""
        return f"{self.target.name} {self.key_id}"
