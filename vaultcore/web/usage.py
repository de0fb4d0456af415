"""`GET /v1/usage`: the calling key's usage by day, and its refused requests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from starlette.datastructures import QueryParams

from vaultcore.admission.refusals.queries import read_key_sums, read_last_rows
from vaultcore.errors import InvalidRequest
from vaultcore.ledger.queries import DAY, TimeRange, group_usage, read_usage
from vaultcore.ledger.totals import UsageTotals
from vaultcore.money import format_usd
from vaultcore.services import Services
from vaultcore.telemetry import redact
from vaultcore.web.client_request import ClientRequest
from vaultcore.web.credentials import authenticate
from vaultcore.web.data_endpoint import Handler
from vaultcore.web.refusal_json import own_row_json, sums_json
from vaultcore.web.reply import ClientResponse, json_response
from vaultcore.wire import Json

DEFAULT_DAYS, MAX_DAYS = 30, 90  # each day is one query of the store


def usage_endpoint(services: Services) -> Handler:
    """Return the handler."""

    async def handle(request: ClientRequest) -> ClientResponse:
        caller = await authenticate(request, services)
        span = _last_days(_parse_days(request.query), services.clock.now())
        usage = await read_usage(services.store, span, caller.id, services.tails)
        by_day = group_usage(usage, "day")
        days = [_day_json(day, by_day.get(day, UsageTotals())) for day in span.days]
        until = usage.complete_until
        complete = {} if until is None else {"complete_until": f"{datetime.fromtimestamp(until, UTC):%FT%TZ}"}
        refusals = await _refusals_json(services, span.days, caller.id)
        return json_response({"object": "list", "data": days, **complete, **refusals})

    return handle


async def _refusals_json(services: Services, days: Sequence[str], key: str) -> Json:
    """Return the sums of the key's refused requests, newest day first, and the last rows of single ones."""
    sums = await read_key_sums(services.store, days[::-1], key)
    rows = await read_last_rows(services.store, sums)
    totals = [_without_key(each) for each in sums_json(sums)]
    return {"refusals": totals, "refused_requests": [own_row_json(row) for row in rows]}


def _without_key(row: Json) -> Json:
    return {name: value for name, value in row.items() if name not in {"key", "owner"}}


def _parse_days(query: QueryParams) -> int:
    """Return the requested number of days. Raises InvalidRequest."""
    for name in query:
        if name != "days":
            text = "unknown query parameter; only `days` is allowed"
            raise InvalidRequest(text, param=redact(name, limit=100))
    values = query.getlist("days") or [str(DEFAULT_DAYS)]
    (text,) = values if len(values) == 1 else ("",)
    if text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_DAYS)) and 1 <= int(text) <= MAX_DAYS:
        return int(text)
    raise InvalidRequest(f"days must be a whole number from 1 to {MAX_DAYS}", param="days")


def _last_days(days: int, now: float) -> TimeRange:
    """Return the span of the last days, today (UTC) included."""
    today = now // DAY
    return TimeRange((today - days + 1) * DAY, (today + 1) * DAY)


def _day_json(day: str, sums: UsageTotals) -> Json:
    return {
        "day": day,
        "requests": sums.requests,
        "failed": sums.failed,
        "prompt_tokens": sums.prompt_tokens,
        "completion_tokens": sums.completion_tokens,
        "total_tokens": sums.prompt_tokens + sums.completion_tokens,
        "cost_usd": format_usd(sums.cost_nanos),
    }
