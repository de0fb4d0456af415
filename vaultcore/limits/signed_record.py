"""Stored records with an HMAC-SHA256 under the pepper.

The store does not hold the pepper, so that write access to the store alone cannot forge a record.
A body is `{"signed": record, "mac": hex}`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any


def sign_record(packed: Mapping[str, Any], pepper: bytes) -> dict[str, Any]:
    """Return the body to store for a record."""
    return {"signed": packed, "mac": _mac(packed, pepper)}


def verify_record(body: Mapping[str, Any], pepper: bytes) -> dict[str, Any] | None:
    """Return the record of a stored body, or None if its HMAC does not match."""
    packed = body.get("signed")
    if isinstance(packed, dict) and hmac.compare_digest(_mac(packed, pepper), str(body.get("mac"))):
        return packed
    return None


def _mac(packed: Mapping[str, Any], pepper: bytes) -> str:
    """Return the HMAC in hex; the prefix separates its input from the digests of virtual keys."""
    canonical = json.dumps(packed, sort_keys=True, separators=(",", ":")).encode()
    return hmac.new(pepper, b"record\0" + canonical, hashlib.sha256).hexdigest()
