"""Encrypts and authenticates opaque state together with its issuer.

The text is `ve2.` and URL-safe base64 of a nonce and AES-256-GCM's output. The nonce is derived from the
content, so that equal content gives equal text and nothing random is needed. The keys are derived from the
deployment's secrets (HMAC-SHA256): every process of a deployment opens the texts of the others.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import field
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

PREFIX = "ve2."
_NONCE = 12  # bytes
_VERSION = re.compile(r"[-@](?:20\d{6}|20\d\d-\d\d-\d\d|latest)(?=$|-v\d)|-v\d+(?::\w+)*$")
_REGION = re.compile(r"^(?:us-gov|us|eu|apac|jp|au|ca|global)\.")


class Envelope:
    """Seals JSON objects. One per deployment; its key is 32 bytes or more."""

    def __init__(self, key: bytes) -> None:
        self._nonce_key = hmac.digest(key, b"opaque state: nonce", hashlib.sha256)
        self._cipher = AESGCM(hmac.digest(key, b"opaque state: encryption", hashlib.sha256))

    def seal(self, content: Json, context: str = "") -> str:
        """Return the content as text. It opens with the same context only."""
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
        bound = context.encode()
        nonce = hmac.digest(self._nonce_key, bound + b"\0" + text, hashlib.sha256)[:_NONCE]
        return PREFIX + urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, text, bound)).decode()

    def open(self, text: object, context: str = "") -> Json | None:
        """Return the content; None if the text was changed, or sealed with other secrets or context."""
        if not is_sealed(text):
            return None
        try:
            raw = urlsafe_b64decode(str(text).removeprefix(PREFIX))
            content = json.loads(self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], context.encode()))
        except (InvalidTag, ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) else None


@dataclass(frozen=True, slots=True)
class Issuer:
    """The only one who can read its state."""

    provider: str
    account: str  # id of the provider key
    family: str  # name of the model, without version and region

    @classmethod
    def of(cls, provider: str, account: str, model: str) -> Issuer:
        """Return the issuer for a model's name.

        >>> Issuer.of("bedrock", "k", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0").family
        'anthropic.claude-sonnet-4-5'
        """
        return cls(provider, account, _VERSION.sub("", _VERSION.sub("", _REGION.sub("", model))))


@dataclass(frozen=True)
class StateSeal:
    """Seals the state of one issuer, and opens it again."""

    envelope: Envelope = field(repr=False)
    issuer: Issuer
    caller: str = ""  # id of the client's key, for summaries

    def seal(self, state: Json) -> str:
        issuer = self.issuer
        return self.envelope.seal({"issuer": [issuer.provider, issuer.account, issuer.family], **state})

    def open(self, text: object) -> Json | None:
        """Return the state; None if another issuer made it, or if the text was changed."""
        state = self.envelope.open(text)
        issuer = self.issuer
        is_own = state is not None and state.get("issuer") == [issuer.provider, issuer.account, issuer.family]
        return state if is_own else None

    def seal_summary(self, text: str) -> str:
        """Return the summary of a conversation for the client's key: any model can go on with it."""
        return self.envelope.seal({"summary": text}, f"summary {self.caller}")

    def open_summary(self, text: object) -> str | None:
        """Return the summary; None if it was made for another key, or if it is none."""
        match self.envelope.open(text, f"summary {self.caller}"):
            case {"summary": str(summary)}:
                return summary
            case _:
                return None

    @cached_property
    def label(self) -> str:
        """Return a text that names the issuer and contains no state."""
        return self.seal({})


def is_sealed(text: object) -> bool:
    """Return True if the gateway sealed the text; it may have been changed since."""
    return isinstance(text, str) and text.startswith(PREFIX)


def account_of(envelope: Envelope, text: object) -> str | None:
    """Return the account that issued sealed state or a label, or None."""
    match envelope.open(text):
        case {"issuer": [_, str(account), _]}:
            return account
        case _:
            return None
