"""A deployment's secrets from Secrets Manager: read when first used, read again regularly, cached in outages.

Importing this and creating a `ManagedSecrets` reads nothing. Under SnapStart the first read follows the
restore.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

from vaultcore.aws.batch import UnusableSecret
from vaultcore.aws.clients import AwsClients, AwsError, SecretsManager
from vaultcore.aws.secret_values import SecretIds, SecretValues, VaultEmpty, read_secrets
from vaultcore.clock import Clock
from vaultcore.errors import ConfigError, VaultError, VaultUnavailable
from vaultcore.lazy_dataclass import dataclass
from vaultcore.secrets import Secrets, digest_key
from vaultcore.settings import Settings
from vaultcore.telemetry import Log
from vaultcore.vault.keyring import Keyring
from vaultcore.vault.sealed import unseal

REFRESH_SECONDS = 300.0  # between two reads
MIN_REFRESH_SECONDS = 5.0  # between two reads after a provider rejected a key: many rejections cause one read
MAX_AGE_SECONDS = 86_400.0  # for which secrets are used while they cannot be read again
MAX_WAIT = 0.15  # seconds that a request waits for AWS while there are usable secrets
PAUSES = (1.0, 60.0)  # seconds after a failed read: the first pause and the longest; each doubles


def managed_secrets(settings: Settings, clock: Clock, aws: AwsClients | None = None) -> ManagedSecrets:
    """Return the secrets that the settings name. A function without a vault calls no provider.

    The system key, the admin key and the pepper come from their own secrets if those are named, otherwise
    from the settings. The pepper cannot be rotated: a new one invalidates every virtual key.
    """
    if settings.vault_secret and not settings.password_secret:
        raise ConfigError("must be set with VAULTEDGE_VAULT_SECRET", key="VAULTEDGE_PASSWORD_SECRET")
    ids = SecretIds(
        vault=settings.vault_secret,
        password=settings.password_secret,
        system=settings.system_key_secret,
        admin=settings.admin_key_secret,
        pepper=settings.pepper_secret,
    )
    pepper = settings.pepper.encode() if settings.pepper else None
    system, admin = (digest_key(key) if key else None for key in (settings.system_key, settings.admin_key))
    return ManagedSecrets(aws or AwsClients(), ids, clock, system=system, admin=admin, pepper=pepper)


@dataclass(frozen=True, slots=True)
class _CachedSecrets:
    secrets: Secrets
    vault_digest: bytes  # of the vault and password that the keyring came from


class ManagedSecrets:
    """A `SecretSource` on Secrets Manager. One task reads; meanwhile requests use the cached secrets.

    Only the request that starts the read waits for it, MAX_WAIT seconds at most.
    """

    def __init__(
        self,
        manager: SecretsManager,
        ids: SecretIds,
        clock: Clock,
        *,
        system: bytes | None = None,
        admin: bytes | None = None,
        pepper: bytes | None = None,
        log: Log | None = None,
    ) -> None:
        self._manager, self._ids, self._clock = manager, ids, clock
        self._system, self._admin, self._pepper = system, admin, pepper
        self._log = log or Log()
        self._lock = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None  # the read that a request did not wait for
        self._has_answer = asyncio.Event()  # AWS has answered that read, or it has failed
        self._cached: _CachedSecrets | None = None
        self._unopened: tuple[bytes, str] | None = None  # digest of a vault that did not open, and the reason
        self._reason = ""  # shown to clients while there are no secrets
        self._logged = ""  # the last failure in the log, so that each is logged once
        self._failures = 0  # in a row
        self._last_read = self._confirmed = self._next_read = float("-inf")  # seconds since the epoch

    async def current(self) -> Secrets:
        """Return the secrets, read again if that is due. Raise VaultUnavailable."""
        if self._clock.now() < self._next_read:
            return self._usable()
        if not self._has_usable():
            await self._read_if_due()
        elif self._reading is None or self._reading.done():
            self._has_answer = asyncio.Event()
            self._reading = asyncio.create_task(self._read_if_due())
            with suppress(TimeoutError):
                await asyncio.wait_for(self._has_answer.wait(), MAX_WAIT)
                await asyncio.shield(self._reading)
        return self._usable()

    async def warm(self) -> None:
        """Do the work that may precede a snapshot: it uses neither a secret nor the network."""
        await asyncio.to_thread(self._manager.warm)

    def refresh_soon(self) -> None:
        """Read again before the next use, unless the last read is recent or a failed one will be repeated."""
        if not self._failures:
            self._next_read = min(self._next_read, self._last_read + MIN_REFRESH_SECONDS)

    def _usable(self) -> Secrets:
        if self._cached is not None and self._has_usable():
            return self._cached.secrets
        wait = max(1.0, self._next_read - self._clock.now())
        raise VaultUnavailable(self._reason, retry_after=wait)

    def _has_usable(self) -> bool:
        return self._cached is not None and self._clock.now() - self._confirmed <= MAX_AGE_SECONDS

    async def _read_if_due(self) -> None:
        try:
            async with self._lock:
                if self._clock.now() >= self._next_read:
                    await self._read()
        finally:
            self._has_answer.set()

    async def _read(self) -> None:
        self._last_read = self._clock.now()
        try:
            values = await asyncio.to_thread(read_secrets, self._manager, self._ids)
            self._has_answer.set()
            await self._cache(values)
        except (AwsError, UnusableSecret, VaultError) as error:
            self._fail(error)
        else:
            self._failures, self._logged = 0, ""
            self._confirmed = self._clock.now()
            self._next_read = self._confirmed + REFRESH_SECONDS

    async def _cache(self, values: SecretValues) -> None:
        """Cache what was read. If the vault does not open, cache the other secrets and raise VaultError."""
        system, admin = values.system or self._system, values.admin or self._admin
        pepper = values.pepper or self._pepper
        if self._cached is not None:
            keyring = self._cached.secrets.keyring
            self._cached = replace(self._cached, secrets=Secrets(keyring, system, admin, pepper))
        if self._cached is None or self._cached.vault_digest != values.vault_digest:
            keyring = await self._open(values)
            self._cached = _CachedSecrets(Secrets(keyring, system, admin, pepper), values.vault_digest)

    async def _open(self, values: SecretValues) -> Keyring:
        """Return the vault's provider keys. Raise VaultError."""
        if values.vault is None or values.password is None:
            return Keyring(())
        if self._unopened is not None and self._unopened[0] == values.vault_digest:
            raise VaultError(self._unopened[1])  # it has not changed: do not derive the key again
        try:
            credentials = await asyncio.to_thread(unseal, values.vault, values.password)
        except VaultError as error:
            self._unopened = (values.vault_digest, str(error))
            raise
        return Keyring(credentials)

    def _fail(self, error: AwsError | UnusableSecret | VaultError) -> None:
        first, longest = PAUSES
        pause = min(longest, first * 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        self._next_read = self._clock.now() + pause * (0.5 + self._clock.jitter() / 2)
        self._reason = _client_reason(error)
        if (detail := str(error)) != self._logged:
            self._logged = detail
            self._log.error(self._reason, reason=detail, held=self._cached is not None)


def _client_reason(error: AwsError | UnusableSecret | VaultError) -> str:
    """Return what a client may know. Secret IDs and AWS's codes are for the operator and go to the log."""
    match error:
        case VaultEmpty():
            return "the vault is empty: run `vaultedge vault push`, see docs/deployment.md"
        case UnusableSecret():
            return "the vault cannot be read: one of its secrets is missing or not usable"
        case VaultError():
            return "the vault cannot be opened: its password secret does not match"
        case _:
            return "the vault cannot be reached now"
