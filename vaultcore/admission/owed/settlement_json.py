"""A settlement as one line of JSON, for journals: IDs, limits, counts and the record, never content or keys.

    {"version": 1, "id": "req_...", "levels": [["key:ID", {"rpm": 60}, [80, 100]]],
     "lease": {"at": 1795348800.0, "until": 1795349760.0, "tokens": 100, ...}, "charge": [7, 5, 0],
     "record": {"collection": "log/2026-11-22/3", "id": "...", "body": {...}, "expires": 1829908800.0}}

`lease` has the fields of `Lease`. `charge` is prompt tokens, completion tokens and nano-dollars.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from vaultcore.admission.settlement import alert
from vaultcore.limits.account import Charge, Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level
from vaultcore.store.base import ABSENT, DocumentKey, Put, Settlement

VERSION = 1

_LEASE = tuple(each.name for each in fields(Lease))

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def render_settlement(due: Settlement) -> str:
    """Return a settlement as one line of ASCII, without its alert callback."""
    charge, record = due.charge, due.record
    return _encode(
        {
            "version": VERSION,
            "id": due.id,
            "levels": [[each.account, each.limits.pack(), list(each.thresholds)] for each in due.levels],
            "lease": {name: getattr(due.lease, name) for name in _LEASE},
            "charge": [charge.prompt, charge.completion, charge.nanos],
            "record": {
                "collection": record.key.collection,
                "id": record.key.id,
                "body": record.body,
                "expires": record.expires,
            },
        }
    )


def parse_settlement(text: str) -> Settlement:
    """Return the settlement of a line, with its alerts. Raises ValueError for any other text."""
    try:
        return _unpack(json.loads(text))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError("not a settlement of this version") from error


def _unpack(packed: Mapping[str, Any]) -> Settlement:
    if packed["version"] != VERSION:
        raise ValueError(packed["version"])
    request_id, record, ended = packed["id"], packed["record"], packed["record"]["body"]["ended"]
    if not (isinstance(request_id, str) and isinstance(ended, float | int)):
        raise TypeError("id and ended")
    key = DocumentKey(str(record["collection"]), str(record["id"]))
    return Settlement(
        id=request_id,
        levels=tuple(
            Level(str(account), Limits.unpack(limits), tuple(map(int, thresholds)))
            for account, limits, thresholds in packed["levels"]
        ),
        lease=_lease(packed["lease"]),
        charge=_charge(packed["charge"]),
        record=Put(key, record["body"], expires=record["expires"], version=ABSENT),
        alert=lambda crossing: alert(crossing, ended, request_id),
    )


def _lease(packed: Mapping[str, Any]) -> Lease:
    shards = tuple(packed["shards"])
    at, until, *amounts = (packed[name] for name in ("at", "until", "tokens", "minute", "nanos"))
    tokens, minute, nanos = amounts
    _require_numbers(at, until, *amounts, *shards)
    return Lease(at, until, tokens, minute, nanos, date=str(packed["date"]), shards=shards)


def _charge(packed: list[int]) -> Charge:
    _require_numbers(*packed)
    prompt, completion, nanos = packed
    return Charge(prompt, completion, nanos)


def _require_numbers(*values: object) -> None:
    if any(type(each) not in {int, float} for each in values):
        raise TypeError("not a number")
