"""The secrets of a deployment: vault and password, system key, admin key and pepper, read in one call."""

from __future__ import annotations

import hashlib
from dataclasses import field

from vaultcore.aws.batch import SecretBatch, UnusableSecret, parse_batch
from vaultcore.aws.clients import SecretsManager
from vaultcore.lazy_dataclass import dataclass
from vaultcore.secrets import digest_key

PLACEHOLDER = "empty"  # the value that template.yaml gives to the secrets that the operator fills
PEPPER_CURE = "restore the pepper's value: with another one, every virtual key is invalid"
MIN_KEY = 32  # characters; a shorter system key, admin key or pepper could be guessed


@dataclass(frozen=True, slots=True)
class SecretIds:
    """Names or ARNs in Secrets Manager. None: this function does not use that secret."""

    vault: str | None = None
    password: str | None = None
    system: str | None = None
    admin: str | None = None
    pepper: str | None = None

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.vault, self.password, self.system, self.admin, self.pepper)))


@dataclass(frozen=True, slots=True)
class SecretValues:
    """Values of one read. The system key and the admin key are digests already."""

    vault: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    system: bytes | None = field(default=None, repr=False)
    admin: bytes | None = field(default=None, repr=False)
    pepper: bytes | None = field(default=None, repr=False)

    @property
    def vault_digest(self) -> bytes:
        """Return a digest of vault and password, which differs if one of them changes."""
        return hashlib.sha256(f"{self.vault}\0{self.password}".encode("utf-8", "surrogatepass")).digest()


class VaultEmpty(UnusableSecret):
    """The operator has not filled the vault yet."""


def read_secrets(manager: SecretsManager, ids: SecretIds) -> SecretValues:
    """Read all secrets in one call. Raise AwsError, UnusableSecret or VaultEmpty. Blocks."""
    batch = parse_batch(manager.get_secret_values(ids.all), ids.all)
    return SecretValues(
        vault=_vault_field(batch, ids.vault, "vault"),
        password=_vault_field(batch, ids.password, "password"),
        system=_key_digest(batch, ids.system),
        admin=_key_digest(batch, ids.admin),
        pepper=_pepper(batch, ids.pepper),
    )


def _vault_field(batch: SecretBatch, id: str | None, name: str) -> str | None:
    if id is None:
        return None
    if (text := batch.field(id, name)) == PLACEHOLDER:
        raise VaultEmpty(f"secret {id} still has the template's placeholder")
    return text


def _key_digest(batch: SecretBatch, id: str | None) -> bytes | None:
    return None if id is None else digest_key(_long_field(batch, id, "key"))


def _pepper(batch: SecretBatch, id: str | None) -> bytes | None:
    if id is None:
        return None
    try:
        return _long_field(batch, id, "pepper").encode()
    except UnusableSecret as error:
        raise UnusableSecret(f"{error}; {PEPPER_CURE}") from None


def _long_field(batch: SecretBatch, id: str, name: str) -> str:
    if len(text := batch.field(id, name)) < MIN_KEY:
        raise UnusableSecret(f"secret {id} has fewer than {MIN_KEY} characters")
    return text
