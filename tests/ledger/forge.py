"""A ledger as only who has the pepper could make it: chained and signed in good order, whatever it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.ledger.book import SIGNER
from vaultcore.ledger.chain import canonical, follow

Rows = list[dict[str, Any]]
Edit = Callable[[dict[str, Any]], None]


def _nothing(_told: dict[str, Any]) -> None:
    return


def forged(
    lines: Sequence[bytes],
    rows: Callable[[int, Rows], Rows] = lambda _, rows: rows,
    seal: Callable[[int, dict[str, Any]], None] = lambda _, told: None,
    header: Edit = _nothing,
) -> list[bytes]:
    """The same ledger with each seal's rows, the seals and the header edited before they are signed."""
    first, *rest = map(json.loads, lines)
    head, made, pending, number = first["previous"], list[dict[str, Any]](), Rows(), 0
    for told in rest:
        if "hash" in told:
            pending.append({name: value for name, value in told.items() if name != "hash"})
            continue
        told["previous"] = head
        for row in rows(number, pending):
            head = follow(head, row)
            made.append({**row, "hash": head})
        told["head"] = head
        seal(number, told)
        made.append(_signed(told))
        pending, number = Rows(), number + 1
    first |= {"head": head, "rows": sum("hash" in told for told in made)}
    header(first)
    return [f"{canonical(told)}\n".encode() for told in (_signed(first), *made)]


def _signed(told: dict[str, Any]) -> dict[str, Any]:
    bare = {name: value for name, value in told.items() if name != "signature"}
    return {**bare, "signature": SIGNER.sign(bare)}
