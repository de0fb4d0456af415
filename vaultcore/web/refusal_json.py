"""Refused requests in the JSON of the gateway's own APIs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from vaultcore.admission.refusals.queries import KeySums
from vaultcore.web.limit_json import FIELDS, amount_json
from vaultcore.wire import Json

AMOUNTS = ("most", "remaining", "needed")


def sums_json(sums: Iterable[KeySums]) -> list[Json]:
    """Return one row for each day, key and code."""
    return [
        {
            "day": each.day,
            "key": each.key,
            "owner": each.owner,
            "status": one.status,
            "code": code,
            "count": one.count,
            "models": one.models,
            "first_at": _time(one.first),
            "last_at": _time(one.last),
            "last_request_ids": one.ids,
        }
        for each in sums
        for code, one in each.codes.items()
    ]


def reason_json(refusal: Mapping[str, Any]) -> Json:
    """Return the reason of a refusal, from the field `refusal` of its row. Money is in US dollars."""
    limit = refusal.get("limit")
    if limit is None:
        return {"retry_after": refusal.get("retry_after")}
    amounts = {name: amount_json(limit, refusal.get(name)) for name in AMOUNTS}
    return {
        "level": refusal["level"],
        "limit": FIELDS[limit],
        **amounts,
        "retry_after": refusal.get("retry_after"),
    }


def own_row_json(body: Mapping[str, Any]) -> Json:
    """Return the row of a refused request for its key, without the numbers of its owner and the gateway."""
    reason = reason_json(body["refusal"])
    if reason.get("level") not in {None, "key"}:
        reason |= {"most": None, "remaining": None}
    return {
        "request_id": body["id"],
        "at": _time(body["at"]),
        "path": body["path"],
        "model": body["model"],
        "status": body["status"],
        "code": body["code"],
        **reason,
    }


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%FT%TZ}"
