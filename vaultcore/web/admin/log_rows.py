"""Rows of `/admin/logs` from stored records, without pydantic: validation would take most of the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from starlette.responses import Response

from vaultcore.json_codec import dumps_finite
from vaultcore.usage.record import AttemptRecord, Record
from vaultcore.web.admin.fields import format_time
from vaultcore.web.limit_json import dollars
from vaultcore.web.refusal_json import reason_json
from vaultcore.web.reply import SAFE_HEADERS
from vaultcore.wire import Json

HIDDEN_FIELDS = {"at", "ended", "cost", "sums", "attempts", "flags"}  # in another form, or of no interest
_NO_REASON = dict.fromkeys(("level", "limit", "most", "remaining", "needed", "retry_after"))
_ATTEMPT_FIELDS = tuple(each.name for each in fields(AttemptRecord))
_REQUIRED = tuple(each.name for each in fields(Record) if each.default is each.default_factory is MISSING)
_DEFAULTS: Mapping[str, Any] = {
    each.name: each.default if each.default_factory is MISSING else each.default_factory()
    for each in fields(Record)
    if each.name not in {*_REQUIRED, *HIDDEN_FIELDS}
}
_SHOWN = (*(name for name in _REQUIRED if name not in HIDDEN_FIELDS), *_DEFAULTS)


def record_json(body: Mapping[str, Any]) -> Json:
    """Return the JSON of LogEntry for a stored record. Fields of a newer version are left out."""
    # Not by Record.unpack: 12 µs less for each of 1,000 rows.
    attempts, cost, refusal = body["attempts"], body.get("cost"), body.get("refusal")
    row = {name: body[name] if name in body else _DEFAULTS[name] for name in _SHOWN}
    row |= {
        "attempts": [{name: each.get(name) for name in _ATTEMPT_FIELDS} for each in attempts],
        "flags": list(body["flags"]),
        "refused": "refusal" in body,
        "refusal": None if refusal is None else {**_NO_REASON, **reason_json(refusal)},
        "started_at": format_time(body["at"]),
        "ended_at": format_time(body["ended"]),
        "tries": len(attempts),
        "total_tokens": row["prompt_tokens"] + row["completion_tokens"],
        "cost_usd": None if cost is None else dollars(cost),
    }
    return row


def page_response(rows: Sequence[Json], next_cursor: str | None) -> Response:
    """Return the response of a LogPage."""
    content = dumps_finite({"data": rows, "next_cursor": next_cursor})
    return Response(content, headers=SAFE_HEADERS, media_type="application/json")
