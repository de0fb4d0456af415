"""A candidate: one target and one provider key to call it with."""

from __future__ import annotations

from dataclasses import dataclass

from vaultcore.catalog.schema import Target
from vaultcore.vault.keyring import Credential


@dataclass(frozen=True, slots=True)
class Candidate:
    """A target, and the provider key that an attempt uses for it."""

    target: Target
    credential: Credential

    @property
    def key_at_target(self) -> str:
        """Return a name for this key at this target: rate limits apply to the pair."""
        return f"{self.target.name} {self.credential.id}"
