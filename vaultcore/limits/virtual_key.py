"""Virtual keys: what we issue to applications and people, of which only a digest is kept.

A key is `vg_` and 40 characters of URL-safe base64: 26 random bytes (208 bits) and 4 of their SHA-256, so
that what is mistyped or made up is told apart without looking anywhere. The digest is an HMAC under a pepper
that the store does not hold: whoever reads the store, or writes to it, has no key by that.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vaultcore.limits.limits import Limits

PREFIX = "vg_"
_RANDOM, _CHECK = 26, 4  # bytes
_GRAMMAR = re.compile(r"vg_[A-Za-z0-9_-]{40}", re.ASCII)


def issue(chance: Callable[[int], bytes]) -> str:
    """A new key, of as many random bytes as `chance` is asked for."""
    random = chance(_RANDOM)
    return PREFIX + base64.urlsafe_b64encode(random + _check(random)).decode()


def well_formed(token: str) -> bool:
    """Whether it can be a key of ours at all."""
    if not _GRAMMAR.fullmatch(token):
        return False
    try:
        raw = base64.urlsafe_b64decode(token.removeprefix(PREFIX))
    except binascii.Error:  # pragma: no cover - the grammar leaves none
        return False
    return hmac.compare_digest(_check(raw[:_RANDOM]), raw[_RANDOM:])


def digest(token: str, pepper: bytes) -> str:
    """What the store knows a key by: HMAC-SHA256 in hex."""
    return hmac.new(pepper, token.encode(), hashlib.sha256).hexdigest()


def identity(digest: str) -> str:
    """The id of a key whose first token has that digest: that token alone tells the account."""
    return f"key_{digest[:16]}"


def masked(token: str) -> str:
    """As much of a key as may be shown: who has it can tell it apart."""
    return f"{PREFIX}…{token[-4:]}"


def _check(random: bytes) -> bytes:
    return hashlib.sha256(PREFIX.encode() + random).digest()[:_CHECK]


@dataclass(frozen=True, slots=True)
class Token:
    """One of a key's tokens: after a rotation the old one is good for a while."""

    digest: str = field(repr=False)
    masked: str
    until: float | None = None  # seconds since 1970


@dataclass(frozen=True, slots=True)
class VirtualKey:
    """A key as the store has it. Times are seconds since 1970."""

    id: str
    name: str
    created: float
    tokens: Sequence[Token]
    limits: Limits = field(default_factory=Limits)
    models: Sequence[str] | None = None  # exact names and `provider/*`; None: every model
    ips: Sequence[str] = ()  # networks it may be used from; none: everywhere
    owner: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    expires: float | None = None
    revoked: float | None = None
    marks: tuple[int, ...] | None = None  # per cent that there are alerts at; None: the gateway's

    def state(self, now: float) -> str:
        """`active`, `revoked` or `expired`."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "active"

    def opens(self, digest: str, now: float) -> bool:
        """Whether the token of that digest is good now."""
        if self.state(now) != "active":
            return False
        return any(
            hmac.compare_digest(token.digest, digest) and (token.until is None or now < token.until)
            for token in self.tokens
        )

    def pack(self) -> dict[str, Any]:
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
            **({} if self.marks is None else {"marks": list(self.marks)}),  # versions before know no marks
        }

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> VirtualKey:
        return cls(
            **{
                **packed,
                "tokens": tuple(Token(*token) for token in packed["tokens"]),
                "limits": Limits.unpack(packed["limits"]),
                "models": None if packed["models"] is None else tuple(packed["models"]),
                "ips": tuple(packed["ips"]),
                "marks": None if packed.get("marks") is None else tuple(packed["marks"]),
            }
        )
