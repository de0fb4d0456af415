"""A deployment's secrets out of Secrets Manager: read when needed, again in time, kept when it is down.

Nothing happens when this is imported or made. Under SnapStart the first reading follows the restore.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from vaultcore.aws.batch import SecretMissing
from vaultcore.aws.clients import Aws, AwsError, SecretsManager
from vaultcore.aws.reading import Reading, SecretIds, VaultEmpty, read
from vaultcore.clock import Clock
from vaultcore.errors import ConfigError, VaultError, VaultUnavailable
from vaultcore.secrets import Secrets, digest
from vaultcore.settings import Settings
from vaultcore.telemetry import Log
from vaultcore.vault.keyring import Keyring
from vaultcore.vault.sealed import unseal

REREAD = 300.0  # seconds after which a reading is repeated
DOUBTED = 5.0  # ... when a provider refused a key: one reading answers a storm of refusals
KEPT = 86_400.0  # for so long a reading is good while it cannot be repeated
PAUSES = (1.0, 60.0)  # after a failed reading: doubling from the first to the second


def managed_secrets(settings: Settings, clock: Clock, aws: Aws | None = None) -> ManagedSecrets:
    """The secrets whose ids the settings name. A function without a vault calls no provider.

    The planes' keys and the pepper come from their own secrets where those are named, else from the settings
    themselves. The pepper cannot be rotated: under another one no virtual key is known any more.
    """
    if settings.vault_secret and not settings.password_secret:
        raise ConfigError("is needed beside VAULTEDGE_VAULT_SECRET", key="VAULTEDGE_PASSWORD_SECRET")
    ids = SecretIds(
        vault=settings.vault_secret,
        password=settings.password_secret,
        system=settings.system_key_secret,
        admin=settings.admin_key_secret,
        pepper=settings.pepper_secret,
    )
    pepper = settings.pepper.encode() if settings.pepper else None
    system, admin = (digest(key) if key else None for key in (settings.system_key, settings.admin_key))
    return ManagedSecrets(aws or Aws(), ids, clock, system=system, admin=admin, pepper=pepper)


@dataclass(frozen=True, slots=True)
class _Held:
    secrets: Secrets
    pair: bytes  # of the vault and password that the keyring came from


class ManagedSecrets:
    """A `SecretSource` over Secrets Manager. One reading at a time; meanwhile others use what is held."""

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
        self._held: _Held | None = None
        self._refused: tuple[bytes, str] | None = None  # a pair that does not open, and why
        self._reason = ""  # what clients are told while nothing is held
        self._told = ""  # what the log has been told last, so that it is told once
        self._failures = 0
        self._looked = self._confirmed = self._due = float("-inf")

    async def current(self) -> Secrets:
        """The secrets as last read, after another reading when that is due. Raises VaultUnavailable."""
        waiting = self._lock.locked() and self._held is not None
        if self._clock.now() >= self._due and not waiting:
            async with self._lock:
                if self._clock.now() >= self._due:
                    await self._look()
        return self._known()

    async def warm(self) -> None:
        """What may be done before a snapshot is taken: nothing of it touches a secret or the network."""
        await asyncio.to_thread(self._manager.warm)

    def doubt(self) -> None:
        """Read again before the next answer, unless that has just been done or is being waited for."""
        if not self._failures:
            self._due = min(self._due, self._looked + DOUBTED)

    def _known(self) -> Secrets:
        now = self._clock.now()
        if self._held is not None and now - self._confirmed <= KEPT:
            return self._held.secrets
        raise VaultUnavailable(self._reason, retry_after=max(1.0, self._due - now))

    async def _look(self) -> None:
        self._looked = self._clock.now()
        try:
            reading = await asyncio.to_thread(read, self._manager, self._ids)
            await self._take(reading)
        except (AwsError, SecretMissing, VaultError) as error:
            self._failed(error)
        else:
            self._failures, self._told = 0, ""
            self._confirmed = self._clock.now()
            self._due = self._confirmed + REREAD

    async def _take(self, reading: Reading) -> None:
        """Hold what was read. Of a pair that does not open only the planes' keys are taken."""
        system, admin = reading.system or self._system, reading.admin or self._admin
        pepper = reading.pepper or self._pepper
        if self._held is not None:
            keyring = self._held.secrets.keyring
            self._held = replace(self._held, secrets=Secrets(keyring, system, admin, pepper))
        if self._held is None or self._held.pair != reading.pair:
            keyring = await self._open(reading)
            self._held = _Held(Secrets(keyring, system, admin, pepper), reading.pair)

    async def _open(self, reading: Reading) -> Keyring:
        if reading.vault is None or reading.password is None:
            return Keyring(())
        if self._refused is not None and self._refused[0] == reading.pair:
            raise VaultError(self._refused[1])  # it will not open now either: spare the key derivation
        try:
            credentials = await asyncio.to_thread(unseal, reading.vault, reading.password)
        except VaultError as error:
            self._refused = (reading.pair, str(error))
            raise
        return Keyring(credentials)

    def _failed(self, error: AwsError | SecretMissing | VaultError) -> None:
        first, last = PAUSES
        pause = min(last, first * 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        self._due = self._clock.now() + pause * (0.5 + self._clock.jitter() / 2)
        self._reason = _reason(error)
        if (told := str(error)) != self._told:
            self._told = told
            self._log.trouble(self._reason, reason=told, held=self._held is not None)


def _reason(error: AwsError | SecretMissing | VaultError) -> str:
    """What a client may know; ids and AWS's words are the operator's, and go to the log."""
    match error:
        case VaultEmpty():
            return "the vault is empty: run `vaultedge vault push`, see docs/deployment.md"
        case SecretMissing():
            return "the vault cannot be read: one of its secrets is missing or not usable"
        case VaultError():
            return "the vault cannot be opened with the password beside it"
        case _:
            return "the vault cannot be reached now"
