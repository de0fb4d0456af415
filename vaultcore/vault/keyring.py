"""Opened provider keys, by provider. Nothing here shows a key but the attribute that holds it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credential:
    """One provider API key. Its secret never shows in a repr."""

    provider: str  # as the vault spells it; compared without case
    key: str = field(repr=False)

    id: str = field(init=False, repr=False, compare=False)  # stable, and safe to show: no way leads back

    def __post_init__(self) -> None:
        named = f"{self.provider.lower()}\0{self.key}".encode("utf-8", "surrogatepass")
        object.__setattr__(self, "id", hashlib.sha256(named).hexdigest()[:12])

    @property
    def masked(self) -> str:
        """As VaultEdge masks: the first and last four characters of a key longer than eight."""
        return f"{self.key[:4]}...{self.key[-4:]}" if len(self.key) > 8 else "****"


class Keyring:
    """All credentials of a vault, grouped by provider, in the vault's order."""

    def __init__(self, credentials: Iterable[Credential]) -> None:
        self._by_provider: dict[str, tuple[Credential, ...]] = {}
        for credential in credentials:
            name = credential.provider.lower()
            held = self._by_provider.get(name, ())
            if credential not in held:
                self._by_provider[name] = (*held, credential)

    def of(self, provider: str) -> tuple[Credential, ...]:
        return self._by_provider.get(provider.lower(), ())

    @property
    def providers(self) -> frozenset[str]:
        """Names in lower case."""
        return frozenset(self._by_provider)

    def __iter__(self) -> Iterator[Credential]:
        return (credential for held in self._by_provider.values() for credential in held)

    def __len__(self) -> int:
        return sum(map(len, self._by_provider.values()))

    def __repr__(self) -> str:
        return f"Keyring({', '.join(f'{name}: {len(held)}' for name, held in self._by_provider.items())})"
