"""Forges a ledger with the pepper: edited, but chained and signed correctly."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.ledger.sample_ledger import SIGNER
from vaultcore.ledger.chain import canonical_json, chain_hash

Rows = list[dict[str, Any]]
Edit = Callable[[dict[str, Any]], None]


def _unchanged(_value: dict[str, Any]) -> None:
    return


def forge(
    lines: Sequence[bytes],
    rows: Callable[[int, Rows], Rows] = lambda _, rows: rows,
    seal: Callable[[int, dict[str, Any]], None] = lambda _, value: None,
    header: Edit = _unchanged,
) -> list[bytes]:
    """Return the ledger with each seal's rows, the seals and the header edited before they are signed."""
    first, *rest = map(json.loads, lines)
    head, lines_out, pending, number = first["previous"], list[dict[str, Any]](), Rows(), 0
    for value in rest:
        if "hash" in value:
            pending.append({name: value for name, value in value.items() if name != "hash"})
            continue
        value["previous"] = head
        for row in rows(number, pending):
            head = chain_hash(head, row)
            lines_out.append({**row, "hash": head})
        value["head"] = head
        seal(number, value)
        lines_out.append(_signed(value))
        pending, number = Rows(), number + 1
    first |= {"head": head, "rows": sum("hash" in value for value in lines_out)}
    header(first)
    return [f"{canonical_json(value)}\n".encode() for value in (_signed(first), *lines_out)]


def _signed(value: dict[str, Any]) -> dict[str, Any]:
    bare = {name: value for name, value in value.items() if name != "signature"}
    return {**bare, "signature": SIGNER.sign(bare)}
