"""Records that nobody can write who only has the store: each carries an HMAC under the pepper."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any


def signed(packed: Mapping[str, Any], pepper: bytes) -> dict[str, Any]:
    """The body to keep of a record."""
    return {"signed": packed, "mac": _mac(packed, pepper)}


def verified(body: Mapping[str, Any], pepper: bytes) -> dict[str, Any] | None:
    """The record of a body; None where nobody who knows the pepper wrote it."""
    packed = body.get("signed")
    if isinstance(packed, dict) and hmac.compare_digest(_mac(packed, pepper), str(body.get("mac"))):
        return packed
    return None


def _mac(packed: Mapping[str, Any], pepper: bytes) -> str:
    told = json.dumps(packed, sort_keys=True, separators=(",", ":")).encode()
    return hmac.new(pepper, b"record\0" + told, hashlib.sha256).hexdigest()
