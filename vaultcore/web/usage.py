"""GET /v1/usage: what the key that asks has used, day by day."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from vaultcore.errors import InvalidRequest
from vaultcore.ledger.reading import DAY, Span, Sums, grouped, usage
from vaultcore.money import usd
from vaultcore.services import Services
from vaultcore.telemetry import redact
from vaultcore.web.credentials import recognised
from vaultcore.web.reply import json_reply
from vaultcore.wire import Json

USUAL, MOST = 30, 90  # days: each is a question to the store


def endpoint(services: Services) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        caller = await recognised(request, services)
        span = _last(_days(request.query_params), services.clock.now())
        by_day = grouped(await usage(services.store, span, caller.id), "day")
        return json_reply(
            {"object": "list", "data": [_told(day, by_day.get(day, Sums())) for day in span.days]}
        )

    return answer


def _days(asked: QueryParams) -> int:
    """How many days are asked for. Raises InvalidRequest."""
    for name in asked:
        if name != "days":
            raise InvalidRequest("days is all that can be said here", param=redact(name, limit=100))
    found = asked.getlist("days") or [str(USUAL)]
    (text,) = found if len(found) == 1 else ("",)
    if text.isascii() and text.isdecimal() and len(text) <= len(str(MOST)) and 1 <= int(text) <= MOST:
        return int(text)
    raise InvalidRequest(f"days must be a whole number from 1 to {MOST}", param="days")


def _last(days: int, now: float) -> Span:
    """Today (UTC) and the days before it."""
    today = now // DAY
    return Span((today - days + 1) * DAY, (today + 1) * DAY)


def _told(day: str, sums: Sums) -> Json:
    return {
        "day": day,
        "requests": sums.requests,
        "failed": sums.failed,
        "prompt_tokens": sums.prompt_tokens,
        "completion_tokens": sums.completion_tokens,
        "total_tokens": sums.prompt_tokens + sums.completion_tokens,
        "cost_usd": usd(sums.cost_nanos),
    }
