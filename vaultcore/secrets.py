"""What a deployment's secrets open to, and where they come from: a file, the environment, Secrets Manager."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from vaultcore.errors import StoreUnavailable, VaultError, VaultUnavailable
from vaultcore.vault.keyring import Keyring


def digest(key: str) -> bytes:
    """SHA-256 of a key: keys have 160 bits or more, so a slow hash would buy nothing."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class Secrets:
    """Opened secrets: the provider keys, digests of the keys that open the two planes, and the pepper."""

    keyring: Keyring
    system: bytes | None = field(default=None, repr=False)
    admin: bytes | None = field(default=None, repr=False)
    pepper: bytes | None = field(default=None, repr=False)  # virtual keys are digested with it

    def opens_data(self, token: str) -> bool:
        return self.system is not None and hmac.compare_digest(digest(token), self.system)

    def opens_admin(self, token: str) -> bool:
        return self.admin is not None and hmac.compare_digest(digest(token), self.admin)


class SecretSource(Protocol):
    """Where secrets come from. Opening may be slow; asking again is not."""

    async def current(self) -> Secrets:
        """The secrets as now known. Raises VaultUnavailable where they have never been readable."""
        ...

    def doubt(self) -> None:
        """A provider refused a key: look again before the next answer, rather than when the time is up."""
        ...


@dataclass(frozen=True, slots=True)
class FixedSecrets:
    """Secrets that do not change while the process lives."""

    secrets: Secrets

    async def current(self) -> Secrets:
        return self.secrets

    def doubt(self) -> None:
        return


@dataclass(slots=True)
class OpenedOnce:
    """Secrets opened when first asked for, and kept while the process lives."""

    open: Callable[[], Secrets]
    _opened: Secrets | None = None

    async def current(self) -> Secrets:
        if self._opened is None:
            try:
                self._opened = await asyncio.to_thread(self.open)
            except VaultError as error:
                raise VaultUnavailable(f"the vault cannot be opened: {error}", retry_after=30) from None
        return self._opened

    def doubt(self) -> None:
        return


async def pepper_of(source: SecretSource) -> bytes:
    """The pepper, for what cannot be without. Raises StoreUnavailable where there is none."""
    pepper = (await source.current()).pepper
    if pepper is None:
        raise StoreUnavailable("this gateway has no pepper: see VAULTEDGE_PEPPER in docs/keys.md")
    return pepper
