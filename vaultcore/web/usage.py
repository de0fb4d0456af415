"""`GET /v1/usage`: the calling key's usage by day."""

from __future__ import annotations

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from vaultcore.errors import InvalidRequest
from vaultcore.ledger.queries import DAY, TimeRange, UsageTotals, group_usage, read_usage
from vaultcore.money import format_usd
from vaultcore.services import Services
from vaultcore.telemetry import redact
from vaultcore.web.credentials import authenticate
from vaultcore.web.data_endpoint import Handler
from vaultcore.web.reply import json_response
from vaultcore.wire import Json

DEFAULT_DAYS, MAX_DAYS = 30, 90  # each day is one query of the store


def usage_endpoint(services: Services) -> Handler:
    """Return the handler."""

    async def handle(request: Request) -> Response:
        caller = await authenticate(request, services)
        span = _last_days(_parse_days(request.query_params), services.clock.now())
        by_day = group_usage(await read_usage(services.store, span, caller.id), "day")
        return json_response(
            {"object": "list", "data": [_day_json(day, by_day.get(day, UsageTotals())) for day in span.days]}
        )

    return handle


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
