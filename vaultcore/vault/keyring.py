"""Decrypted provider keys by provider. Only the attribute `key` reveals a key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import field

from vaultcore.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Credential:
    """One provider key. Its repr does not contain the key."""

    provider: str  # as spelled in the vault; compared without case
    key: str = field(repr=False)

    id: str = field(
        init=False, repr=False, compare=False
    )  # 12 hex digits of a hash: stable, and safe to show

    def __post_init__(self) -> None:
        identity = f"{self.provider.lower()}\0{self.key}".encode("utf-8", "surrogatepass")
        object.__setattr__(self, "id", hashlib.sha256(identity).hexdigest()[:12])

    @property
    def masked(self) -> str:
        """Return the first and last four characters of a key longer than eight, for display."""
        return f"{self.key[:4]}...{self.key[-4:]}" if len(self.key) > 8 else "****"


class Keyring:
    """All provider keys of a vault, grouped by provider, in the order of the vault."""

    def __init__(self, credentials: Iterable[Credential]) -> None:
        self._by_provider: dict[str, tuple[Credential, ...]] = {}
        for credential in credentials:
            name = credential.provider.lower()
            group = self._by_provider.get(name, ())
            if credential not in group:
                self._by_provider[name] = (*group, credential)

    def of(self, provider: str) -> tuple[Credential, ...]:
        """Return the keys of a provider, compared without case; none if it is unknown."""
        return self._by_provider.get(provider.lower(), ())

    @property
    def providers(self) -> frozenset[str]:
        """Return the names of the providers, in lower case."""
        return frozenset(self._by_provider)

    def __iter__(self) -> Iterator[Credential]:
        return (credential for group in self._by_provider.values() for credential in group)

    def __len__(self) -> int:
        return sum(map(len, self._by_provider.values()))

    def __repr__(self) -> str:
        return f"Keyring({', '.join(f'{name}: {len(group)}' for name, group in self._by_provider.items())})"
