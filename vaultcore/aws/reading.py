"""One reading of a deployment's secrets: vault and password as a pair, the planes' keys, and the pepper."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from vaultcore.aws.batch import Batch, SecretMissing, parse_batch
from vaultcore.aws.clients import SecretsManager
from vaultcore.secrets import digest

PLACEHOLDER = "empty"  # what template.yaml puts into the secrets that only the operator can fill
MIN_KEY = 32  # characters; a shorter system or admin key could be guessed


@dataclass(frozen=True, slots=True)
class SecretIds:
    """Names or ARNs in Secrets Manager. What a function need not know has no id there."""

    vault: str | None = None
    password: str | None = None
    system: str | None = None
    admin: str | None = None
    pepper: str | None = None

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.vault, self.password, self.system, self.admin, self.pepper)))


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read, as far as it has to be kept: the keys of the planes are digests already."""

    vault: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    system: bytes | None = field(default=None, repr=False)
    admin: bytes | None = field(default=None, repr=False)
    pepper: bytes | None = field(default=None, repr=False)

    @property
    def pair(self) -> bytes:
        """Tells one vault and password from another, and neither to anyone."""
        return hashlib.sha256(f"{self.vault}\0{self.password}".encode("utf-8", "surrogatepass")).digest()


class VaultEmpty(SecretMissing):
    """The operator has not filled the vault yet."""


def read(manager: SecretsManager, ids: SecretIds) -> Reading:
    """Read all of them in one call. Raises AwsError, SecretMissing or VaultEmpty. Blocks."""
    batch = parse_batch(manager.batch(ids.all), ids.all)
    return Reading(
        vault=_filled(batch, ids.vault, "vault"),
        password=_filled(batch, ids.password, "password"),
        system=_key(batch, ids.system),
        admin=_key(batch, ids.admin),
        pepper=_pepper(batch, ids.pepper),
    )


def _filled(batch: Batch, id: str | None, name: str) -> str | None:
    if id is None:
        return None
    if (text := batch.field(id, name)) == PLACEHOLDER:
        raise VaultEmpty(f"secret {id} has not been filled")
    return text


def _key(batch: Batch, id: str | None) -> bytes | None:
    return None if id is None else digest(_long(batch, id, "key"))


def _pepper(batch: Batch, id: str | None) -> bytes | None:
    return None if id is None else _long(batch, id, "pepper").encode()


def _long(batch: Batch, id: str, name: str) -> str:
    if len(text := batch.field(id, name)) < MIN_KEY:
        raise SecretMissing(f"secret {id} holds fewer than {MIN_KEY} characters")
    return text
