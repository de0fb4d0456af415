"""A deployment's secrets once they are read, and the protocol of their source.

The sources are a file or the environment (`LazySecrets`) and Secrets Manager (`vaultcore.aws.secrets`).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import field
from typing import Protocol

from vaultcore.errors import StoreUnavailable, VaultError, VaultUnavailable
from vaultcore.lazy_dataclass import dataclass
from vaultcore.vault.keyring import Keyring


def digest_key(key: str) -> bytes:
    """Return the SHA-256 of a system or admin key. It has 160 bits or more: a slow hash would add nothing."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class Secrets:
    """The provider keys, the digests of the system key and the admin key, and the pepper."""

    keyring: Keyring
    system: bytes | None = field(default=None, repr=False)
    admin: bytes | None = field(default=None, repr=False)
    pepper: bytes | None = field(default=None, repr=False)  # HMAC key of the digests of virtual keys

    @property
    def state_key(self) -> bytes:
        """Return the key of the envelopes of opaque state: of the pepper or, without one, of the vault."""
        keys = sorted(f"{each.provider.lower()}\0{each.key}" for each in self.keyring)
        material = self.pepper or "\0".join(keys).encode("utf-8", "surrogatepass")
        return hmac.digest(material or b"\0", b"vaultedge opaque state v1", hashlib.sha256)

    def is_system_key(self, token: str) -> bool:
        return self.system is not None and hmac.compare_digest(digest_key(token), self.system)

    def is_admin_key(self, token: str) -> bool:
        return self.admin is not None and hmac.compare_digest(digest_key(token), self.admin)


class SecretSource(Protocol):
    """A source of secrets. The first read may be slow; later ones are not."""

    async def current(self) -> Secrets:
        """Return the current secrets. Raise VaultUnavailable if they could not be read yet."""
        ...

    def refresh_soon(self) -> None:
        """Read again before the next use, because a provider has rejected a key."""
        ...


@dataclass(frozen=True, slots=True)
class FixedSecrets:
    """Secrets that never change."""

    secrets: Secrets

    async def current(self) -> Secrets:
        return self.secrets

    def refresh_soon(self) -> None:
        return


@dataclass(slots=True)
class LazySecrets:
    """Secrets that are opened when first used and never change after that."""

    open: Callable[[], Secrets]
    _secrets: Secrets | None = None

    async def current(self) -> Secrets:
        if self._secrets is None:
            try:
                self._secrets = await asyncio.to_thread(self.open)
            except VaultError as error:
                raise VaultUnavailable(f"the vault cannot be opened: {error}", retry_after=30) from None
        return self._secrets

    def refresh_soon(self) -> None:
        return


async def require_pepper(source: SecretSource) -> bytes:
    """Return the pepper. Raise StoreUnavailable if there is none."""
    pepper = (await source.current()).pepper
    if pepper is None:
        raise StoreUnavailable("this gateway has no pepper: see VAULTEDGE_PEPPER in docs/keys.md")
    return pepper
