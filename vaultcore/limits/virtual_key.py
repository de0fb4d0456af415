"""Virtual keys: the gateway issues them to applications and people, and stores only a digest.

A token is `vg_` and 40 characters of URL-safe base64: 26 random bytes (208 bits) and the first 4 bytes of
the SHA-256 of prefix and random bytes. The checksum rejects mistyped tokens without a look-up. The digest
is an HMAC-SHA256 under the pepper, which the store does not hold. Reading the store reveals no token, and
writing to it creates none.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, Literal

from vaultcore.lazy_dataclass import dataclass
from vaultcore.limits.limits import Limits

PREFIX = "vg_"
# What happens to inputs whose tokens are unknown before the call, such as files by id and web searches.
UnboundedInputs = Literal["deny", "reserve_max", "allow"]
RESERVE_MAX: UnboundedInputs = "reserve_max"  # reserve the most that the model can take
_RANDOM, _CHECKSUM = 26, 4  # bytes
_URL_SAFE = str.maketrans("-_", "+/")
_GRAMMAR = re.compile(r"vg_[A-Za-z0-9_-]{40}", re.ASCII)


def issue(random_bytes: Callable[[int], bytes]) -> str:
    """Return a new token. `random_bytes(n)` must return n random bytes, as `secrets.token_bytes` does."""
    random = random_bytes(_RANDOM)
    return PREFIX + base64.urlsafe_b64encode(random + _checksum(random)).decode()


def is_well_formed(token: str) -> bool:
    """Return True if the token has the format and the checksum of a virtual key."""
    if not _GRAMMAR.fullmatch(token):
        return False
    try:
        raw = binascii.a2b_base64(token.removeprefix(PREFIX).translate(_URL_SAFE))
    except binascii.Error:  # pragma: no cover - the grammar admits only valid base64
        return False
    return hmac.compare_digest(_checksum(raw[:_RANDOM]), raw[_RANDOM:])


def digest(token: str, pepper: bytes) -> str:
    """Return the HMAC-SHA256 of a token in hex, under which the store knows it."""
    return hmac.digest(pepper, token.encode(), "sha256").hex()


def key_id(digest: str) -> str:
    """Return the id of a key from the digest of its first token; the id also names its account."""
    return f"key_{digest[:16]}"


def mask(token: str) -> str:
    """Return the prefix and the last four characters, for display: `vg_…a1B2`."""
    return f"{PREFIX}…{token[-4:]}"


def _checksum(random: bytes) -> bytes:
    return hashlib.sha256(PREFIX.encode() + random).digest()[:_CHECKSUM]


@dataclass(frozen=True, slots=True)
class KeyToken:
    """One token of a key. After a rotation the old token stays valid until `until`."""

    digest: str = field(repr=False)
    masked: str  # see `mask`
    until: float | None = None  # seconds since the epoch; None: does not end


@dataclass(frozen=True, slots=True)
class VirtualKey:
    """A virtual key as it is stored. Times are seconds since the epoch."""

    id: str
    name: str
    created: float
    tokens: Sequence[KeyToken]
    limits: Limits = field(default_factory=Limits)
    models: Sequence[str] | None = None  # exact names and `provider/*`; None: every model
    ips: Sequence[str] = ()  # networks it may be used from; empty: any
    owner: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    expires: float | None = None
    revoked: float | None = None
    thresholds: tuple[int, ...] | None = None  # per cent; None: those of the gateway's policy
    unbounded_inputs: UnboundedInputs = RESERVE_MAX

    def state(self, now: float) -> str:
        """Return `active`, `revoked` or `expired`."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "active"

    def accepts(self, digest: str, now: float) -> bool:
        """Return True if the key is active and the token with this digest is valid at `now`."""
        if self.state(now) != "active":
            return False
        for token in self.tokens:
            if hmac.compare_digest(token.digest, digest) and (token.until is None or now < token.until):
                return True
        return False

    def pack(self) -> dict[str, Any]:
        """Return the key as it is stored."""
        return {
            "id": self.id,
            "name": self.name,
            "created": self.created,
            "tokens": [[token.digest, token.masked, token.until] for token in self.tokens],
            "limits": self.limits.pack(),
            "models": None if self.models is None else list(self.models),
            "ips": list(self.ips),
            "owner": self.owner,
            "metadata": dict(self.metadata),
            "expires": self.expires,
            "revoked": self.revoked,
            # Older versions reject an unknown field, so an unset one is not written.
            **({} if self.thresholds is None else {"marks": list(self.thresholds)}),
            **({} if self.unbounded_inputs == RESERVE_MAX else {"unbounded_inputs": self.unbounded_inputs}),
        }

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> VirtualKey:
        body = dict(packed)
        thresholds = body.pop("marks", None)
        return cls(
            **{
                **body,
                "tokens": tuple(KeyToken(*token) for token in packed["tokens"]),
                "limits": Limits.unpack(packed["limits"]),
                "models": None if packed["models"] is None else tuple(packed["models"]),
                "ips": tuple(packed["ips"]),
                "thresholds": None if thresholds is None else tuple(thresholds),
            }
        )
