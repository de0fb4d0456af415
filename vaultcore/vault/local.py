"""The vault on this machine: the files of VaultEdge's own command line, which reads and writes them too.

`.secret` holds the machine secret, 64 hex characters; `local.vault.json` holds one entry per provider key,
each sealed with a key derived from that secret; docs/vault.md has the format. Fields that are not known here
survive a rewrite.
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
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vaultcore.errors import VaultError
from vaultcore.vault import plaintext, private, refusal
from vaultcore.vault.hidden import Hidden
from vaultcore.vault.kdf import PBKDF2, V1_PARAMS, Derivations
from vaultcore.vault.keyring import Credential
from vaultcore.wire import Json

_SALT, _NONCE, _TAG = 32, 12, 16
_EMPTY: Json = {"version": 1, "entries": []}


@dataclass(frozen=True, slots=True)
class Entry:
    """One key as the file has it: sealed, with what may be shown of it."""

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
        """Seconds since 1970."""
        added = self.raw.get("addedAt")
        return added if isinstance(added, int | float) else None

    @property
    def valid(self) -> bool | None:
        """What a provider said of the key when it was last asked."""
        verdict = self.raw.get("isValid")
        return verdict if isinstance(verdict, bool) else None

    @property
    def sealed(self) -> bytes:
        return base64.b64decode(self.raw["encryptedKey"])


@dataclass(frozen=True, slots=True)
class LocalVault:
    """The vault in one directory. Opening it costs one derivation per distinct salt (about 45 ms each)."""

    home: Path
    now: Callable[[], float] = time.time
    derivations: Derivations = field(default_factory=Derivations, repr=False)

    @property
    def file(self) -> Path:
        return self.home / "local.vault.json"

    @property
    def secret_file(self) -> Path:
        return self.home / ".secret"

    def exists(self) -> bool:
        return self.file.exists()

    def init(self) -> None:
        """Make an empty vault; VaultError where there is one. A machine secret that is there is kept."""
        private.make_directory(self.home)
        with private.sole_writer(self.home):
            if self.exists():
                raise VaultError(
                    f"there is a vault in {self.home} already; it stays as it is",
                    hint="vaultedge vault list shows what is in it",
                )
            self._make_secret()
            private.write_new(self.file, _render(_EMPTY))

    def entries(self) -> list[Entry]:
        """What may be shown of the vault; decrypts nothing."""
        return _entries(self._read(), self.file)

    def credentials(self) -> list[Credential]:
        """The opened keys, in the order they were added."""
        return self._opened(self.entries())

    def add(self, credentials: Iterable[Credential]) -> list[Entry]:
        """Add the keys that are not there yet and return their entries; makes the vault if need be."""
        private.make_directory(self.home)
        with private.sole_writer(self.home):
            document = self._read() if self.exists() else _EMPTY
            self._make_secret()
            held = _entries(document, self.file)
            known = {credential.id for credential in self._opened(held)}
            fresh = {each.id: each for each in credentials if each.id not in known}
            outcome = self._sealed(fresh.values(), salt=held[-1].sealed[:_SALT] if held else None)
            added = refusal.granted(outcome)
            if added:
                raw = [entry.raw for entry in (*held, *added)]
                private.write(self.file, _render({**document, "entries": raw}))
        return added

    def remove(self, entry_id: str) -> Entry:
        """Remove the key with that id, or with the one id that begins so."""
        with private.sole_writer(self._directory()):
            document = self._read()
            held = _entries(document, self.file)
            gone = _chosen(held, entry_id)
            rest = [entry.raw for entry in held if entry is not gone]
            private.write(self.file, _render({**document, "entries": rest}))
        return gone

    def _directory(self) -> Path:
        if not self.exists():
            raise VaultError(f"there is no vault in {self.home}", hint="vaultedge vault init makes one")
        return self.home

    def _read(self) -> Json:
        text = (self._directory() / self.file.name).read_text(encoding="utf-8", errors="replace")
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            document = None
        if not (isinstance(document, dict) and document.get("version") == 1):
            raise VaultError(
                f"{self.file} is not a vault of version 1", hint="restore it from a backup, or move it away"
            )
        return cast(Json, document)

    def _make_secret(self) -> None:
        if self.secret_file.exists():
            return
        if self.exists() and self.entries():
            raise VaultError(f"{self.secret_file} is missing: nothing here opens without it")
        private.write_new(self.secret_file, secrets.token_hex(32))

    def _secret(self) -> bytes:
        if not self.secret_file.exists():
            raise VaultError(f"{self.secret_file} is missing: nothing here opens without it")
        secret = Hidden(private.read(self.secret_file).strip())
        if not secret:
            raise VaultError(f"{self.secret_file} is empty: nothing here opens without what it held")
        return secret.encode("utf-8")

    def _opened(self, entries: Sequence[Entry]) -> list[Credential]:
        """The credentials of these entries; VaultError naming the first that does not open."""
        opened = [(entry, self._credential(entry)) for entry in entries]
        for entry, credential in opened:
            if credential is None:
                raise VaultError(
                    f"entry {entry.id} ({entry.provider}) in {self.file} does not open",
                    hint=f"it was sealed with another machine secret than {self.secret_file}, or is damaged",
                )
        return [credential for _, credential in opened if credential is not None]

    def _credential(self, entry: Entry) -> Credential | None:
        sealed = entry.sealed
        if len(sealed) < _SALT + _NONCE + _TAG:
            return None
        key = self._key(sealed[:_SALT])
        try:
            text = AESGCM(key).decrypt(sealed[_SALT : _SALT + _NONCE], sealed[_SALT + _NONCE :], None)
            return Credential(entry.provider, text.decode("utf-8"))
        except (InvalidTag, UnicodeDecodeError):
            return None

    def _sealed(self, credentials: Iterable[Credential], *, salt: bytes | None) -> list[Entry] | VaultError:
        """Entries for these keys. One salt serves them all, so that opening them costs one derivation."""
        salt = os.urandom(_SALT) if salt is None else salt
        try:
            texts = [(credential, credential.key.encode("utf-8")) for credential in credentials]
        except UnicodeEncodeError:
            return refusal.not_sealable()
        return [self._entry(credential, text, salt) for credential, text in texts]

    def _entry(self, credential: Credential, text: bytes, salt: bytes) -> Entry:
        nonce = os.urandom(_NONCE)
        sealed = salt + nonce + AESGCM(self._key(salt)).encrypt(nonce, text, None)
        return Entry(
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


def _entries(document: Json, file: Path) -> list[Entry]:
    raw = document.get("entries")
    if not isinstance(raw, list):
        raise VaultError(f"{file}: entries must be a list")
    for index, entry in enumerate(raw):
        if (fault := _fault(entry)) is not None:
            raise VaultError(f"{file}: entries[{index}]{fault}")
    return [Entry(entry) for entry in raw]


def _fault(entry: object) -> str | None:
    match entry:
        case {"id": str(), "provider": str(name), "encryptedKey": str(sealed)} if plaintext.is_text(name):
            try:
                base64.b64decode(sealed, validate=True)
            except (binascii.Error, ValueError):
                return ".encryptedKey is not base64"
            return None
        case _:
            return " must be an object with id, provider and encryptedKey"


def _chosen(entries: Sequence[Entry], entry_id: str) -> Entry:
    exact = [entry for entry in entries if entry.id == entry_id]
    match exact or [entry for entry in entries if entry_id and entry.id.startswith(entry_id)]:
        case [entry]:
            return entry
        case []:
            fault = f"no key here has the id {entry_id}"
        case several:
            fault = f"{len(several)} keys have an id that begins with {entry_id}"
    raise VaultError(fault, hint="vaultedge vault list shows the ids")


def _render(document: Json) -> str:
    return json.dumps(document, indent=2)
