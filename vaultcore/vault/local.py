"""The local vault: files that the original VaultEdge (TypeScript) reads and writes as well.

`.secret` contains the machine secret, 64 hex characters. `local.vault.json` contains one entry per provider
key, sealed with a key derived from that secret. docs/vault.md specifies the format. Unknown fields are kept
when the file is rewritten.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vaultcore.casts import cast
from vaultcore.errors import VaultError
from vaultcore.lazy_dataclass import dataclass
from vaultcore.vault import plaintext, private_files, refusal
from vaultcore.vault.kdf import PBKDF2, V1_PARAMS, KdfCache
from vaultcore.vault.keyring import Credential
from vaultcore.vault.secret_text import SecretText
from vaultcore.wire import Json

_SECRET_LENGTH = 64  # hex characters of a machine secret
_LOSS_CURE = (
    "restore it from a backup; without one, move local.vault.json away and add the provider keys again"
)
_SALT, _NONCE, _TAG = 32, 12, 16  # bytes
_EMPTY: Json = {"version": 1, "entries": []}


@dataclass(frozen=True, slots=True)
class VaultEntry:
    """One sealed provider key of the file, with the fields that may be shown."""

    raw: Json = field(repr=False)

    @property
    def id(self) -> str:
        return str(self.raw["id"])

    @property
    def provider(self) -> str:
        return str(self.raw["provider"])

    @property
    def masked(self) -> str:
        return str(self.raw.get("maskedKey", "****"))

    @property
    def added_at(self) -> float | None:
        """Return when the key was added, in seconds since the epoch."""
        added = self.raw.get("addedAt")
        return added if isinstance(added, int | float) else None

    @property
    def valid(self) -> bool | None:
        """Return the result of the last check with the provider; None if it was never checked."""
        verdict = self.raw.get("isValid")
        return verdict if isinstance(verdict, bool) else None

    @property
    def sealed(self) -> bytes:
        return base64.b64decode(self.raw["encryptedKey"])


@dataclass(frozen=True, slots=True)
class LocalVault:
    """The vault in one directory. Opening costs one key derivation per distinct salt (about 45 ms each)."""

    home: Path
    now: Callable[[], float] = time.time
    derivations: KdfCache = field(default_factory=KdfCache, repr=False)

    @property
    def file(self) -> Path:
        return self.home / "local.vault.json"

    @property
    def secret_file(self) -> Path:
        return self.home / ".secret"

    def exists(self) -> bool:
        return self.file.exists()

    def init(self) -> None:
        """Create an empty vault; raise VaultError if one exists. An existing machine secret is kept."""
        private_files.make_directory(self.home)
        with private_files.sole_writer(self.home):
            if self.exists():
                raise VaultError(
                    f"there is already a vault in {self.home}; it was not changed",
                    hint="vaultedge vault list shows its keys",
                )
            self._create_secret()
            private_files.write_new(self.file, _render(_EMPTY))

    def entries(self) -> list[VaultEntry]:
        """Return the sealed entries; decrypts nothing."""
        return _entries(self._read(), self.file)

    def credentials(self) -> list[Credential]:
        """Return the decrypted provider keys, in the order they were added; raise VaultError."""
        return self._decrypt(self.entries())

    def add(self, credentials: Iterable[Credential]) -> list[VaultEntry]:
        """Add the keys that the vault lacks and return their entries. Create the vault if there is none."""
        private_files.make_directory(self.home)
        with private_files.sole_writer(self.home):
            document = self._read() if self.exists() else _EMPTY
            self._create_secret()
            existing = _entries(document, self.file)
            ids = {credential.id for credential in self._decrypt(existing)}
            fresh = {each.id: each for each in credentials if each.id not in ids}
            outcome = self._seal(fresh.values(), salt=existing[-1].sealed[:_SALT] if existing else None)
            added = refusal.unwrap_outcome(outcome)
            if added:
                raw = [entry.raw for entry in (*existing, *added)]
                private_files.write(self.file, _render({**document, "entries": raw}))
        return added

    def remove(self, entry_id: str) -> VaultEntry:
        """Remove the key with this id, or with the only id that begins with it, and return its entry."""
        with private_files.sole_writer(self._directory()):
            document = self._read()
            existing = _entries(document, self.file)
            removed = _find_entry(existing, entry_id)
            rest = [entry.raw for entry in existing if entry is not removed]
            private_files.write(self.file, _render({**document, "entries": rest}))
        return removed

    def _directory(self) -> Path:
        if not self.exists():
            raise VaultError(f"there is no vault in {self.home}", hint="create one with vaultedge vault init")
        return self.home

    def _read(self) -> Json:
        text = (self._directory() / self.file.name).read_text(encoding="utf-8", errors="replace")
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            document = None
        if not (isinstance(document, dict) and document.get("version") == 1):
            raise VaultError(
                f"{self.file} is not a version 1 vault",
                hint="restore the file from a backup, or move it away",
            )
        return cast(Json, document)

    def _create_secret(self) -> None:
        """Create the machine secret. Replace an empty file, which a crash may leave, if no entry needs it."""
        if self.secret_file.exists() and private_files.read(self.secret_file).strip():
            return
        if self.exists() and self.entries():
            self._secret()  # raises
        if self.secret_file.exists():
            private_files.write(self.secret_file, secrets.token_hex(_SECRET_LENGTH // 2))
        else:
            private_files.write_new(self.secret_file, secrets.token_hex(_SECRET_LENGTH // 2))

    def _secret(self) -> bytes:
        if not self.secret_file.exists():
            text = f"{self.secret_file} is missing; the vault cannot be opened without it"
            raise VaultError(text, hint=_LOSS_CURE)
        secret = SecretText(private_files.read(self.secret_file).strip())
        if not secret:
            text = f"{self.secret_file} is empty; the vault cannot be opened without the machine secret"
            raise VaultError(text, hint=_LOSS_CURE)
        return secret.encode("utf-8")

    def _decrypt(self, entries: Sequence[VaultEntry]) -> list[Credential]:
        """Return the decrypted keys; raise VaultError that names the first entry that does not open."""
        results = [(entry, self._credential(entry)) for entry in entries]
        for entry, credential in results:
            if credential is None:
                text = f"entry {entry.id} ({entry.provider}) in {self.file} does not open"
                raise VaultError(text, hint=self._unopened_hint())
        return [credential for _, credential in results if credential is not None]

    def _unopened_hint(self) -> str:
        if (length := len(self._secret())) < _SECRET_LENGTH:
            return f"{self.secret_file} has {length} of {_SECRET_LENGTH} characters: {_LOSS_CURE}"
        return f"it was sealed with another secret than {self.secret_file}, or is damaged"

    def _credential(self, entry: VaultEntry) -> Credential | None:
        sealed = entry.sealed
        if len(sealed) < _SALT + _NONCE + _TAG:
            return None
        key = self._key(sealed[:_SALT])
        try:
            text = AESGCM(key).decrypt(sealed[_SALT : _SALT + _NONCE], sealed[_SALT + _NONCE :], None)
            return Credential(entry.provider, text.decode("utf-8"))
        except (InvalidTag, UnicodeDecodeError):
            return None

    def _seal(
        self, credentials: Iterable[Credential], *, salt: bytes | None
    ) -> list[VaultEntry] | VaultError:
        """Return entries for these keys, all with one salt, so that opening them costs one derivation."""
        salt = os.urandom(_SALT) if salt is None else salt
        try:
            texts = [(credential, credential.key.encode("utf-8")) for credential in credentials]
        except UnicodeEncodeError:
            return refusal.not_sealable()
        return [self._entry(credential, text, salt) for credential, text in texts]

    def _entry(self, credential: Credential, text: bytes, salt: bytes) -> VaultEntry:
        nonce = os.urandom(_NONCE)
        sealed = salt + nonce + AESGCM(self._key(salt)).encrypt(nonce, text, None)
        return VaultEntry(
            {
                "id": str(uuid.uuid4()),
                "provider": credential.provider,
                "encryptedKey": base64.b64encode(sealed).decode("ascii"),
                "maskedKey": credential.masked,
                "addedAt": int(self.now()),
                "isValid": None,
            }
        )

    def _key(self, salt: bytes) -> bytes:
        return self.derivations(PBKDF2, V1_PARAMS, self._secret(), salt)


def _entries(document: Json, file: Path) -> list[VaultEntry]:
    raw = document.get("entries")
    if not isinstance(raw, list):
        raise VaultError(f"{file}: entries must be a list")
    for index, entry in enumerate(raw):
        if (problem := _find_problem(entry)) is not None:
            raise VaultError(f"{file}: entries[{index}]{problem}")
    return [VaultEntry(entry) for entry in raw]


def _find_problem(entry: object) -> str | None:
    match entry:
        case {"id": str(), "provider": str(name), "encryptedKey": str(sealed)} if plaintext.is_text(name):
            try:
                base64.b64decode(sealed, validate=True)
            except (binascii.Error, ValueError):
                return ".encryptedKey is not base64"
            return None
        case _:
            return " must be an object with id, provider and encryptedKey"


def _find_entry(entries: Sequence[VaultEntry], entry_id: str) -> VaultEntry:
    exact = [entry for entry in entries if entry.id == entry_id]
    match exact or [entry for entry in entries if entry_id and entry.id.startswith(entry_id)]:
        case [entry]:
            return entry
        case []:
            problem = f"the vault has no key with the id {entry_id}"
        case several:
            problem = f"{len(several)} keys have an id that begins with {entry_id}"
    raise VaultError(problem, hint="vaultedge vault list shows the ids")


def _render(document: Json) -> str:
    return json.dumps(document, indent=2)
