"""`/admin/usage`: what was used and what it cost, by day, key, model, provider or owner."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from vaultcore.ledger.queries import By, DailyUsage, UsageTotals, add_totals, group_usage, read_usage
from vaultcore.web.admin.validation import ServicesDep
from vaultcore.web.admin.export import Format, Download, requested_format
from vaultcore.web.admin.key_owners import KeyOwner, load_key_owners, with_owners
from vaultcore.web.admin.period import Period
from vaultcore.web.limit_json import dollars
from vaultcore.wire import Json

COLUMNS = (
    "requests",
    "failed",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "total_tokens",
    "cost_usd",
    "unpriced",
    "average_ms",
)

api = APIRouter(tags=["usage"])


class UsageSums(BaseModel):
    """What requests came to. Those that failed cost nothing."""

    requests: int
    failed: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = Field(description="of the prompts'")
    total_tokens: int
    cost_usd: float
    unpriced: int = Field(description="requests of which nobody knows the price; not in cost_usd")
    average_ms: float


class UsageGroup(BaseModel):
    """What a row is of: one of these."""

    day: str | None = None
    key: str | None = None
    model: str | None = None
    provider: str | None = None
    owner: str | None = Field(None, description="of the keys as they are now; empty: of nobody")


class UsageRow(UsageSums, UsageGroup):
    """One day, key, model, provider or owner."""


class UsageReport(BaseModel):
    """Sums of whole days in UTC."""

    first_day: str
    last_day: str
    group_by: By
    data: list[UsageRow]
    daily: list[UsageRow] | None = Field(None, description="of the first rows, a row for each day that has any")
    total: UsageSums


class UsageQuery(Period):
    """Which usage, and how it is to be told."""

    group_by: By = "day"
    key: str | None = Field(None, max_length=128)
    model: str | None = Field(None, max_length=256, description="as `data` names it")
    provider: str | None = Field(None, max_length=64)
    owner: str | None = Field(None, max_length=128, description="whose keys, as they are now")
    daily: Annotated[int, Field(ge=1, le=20)] | None = Field(
        None, description="of that many of the first rows, each day's sums too"
    )
    format: Format | None = Field(None, description="a download; `Accept: text/csv` does the same")

    def picks(self, one: DailyUsage) -> bool:
        return (
            self.key in {None, one.key}
            and self.model in {None, one.model}
            and self.provider in {None, one.provider}
            and self.owner in {None, one.owner}
        )


@api.get("/usage", response_model=UsageReport, response_model_exclude_none=True)
async def report(which: Annotated[UsageQuery, Query()], here: ServicesDep, request: Request) -> Any:
    """Usage by day, key, model, provider or owner. Times are of whole days in UTC: of all that they touch."""
    span, by, chosen = which.span(here.clock.now()), which.group_by, requested_format(request, which.format)
    found = await read_usage(here.store, span, which.key)
    known = dict[str, KeyOwner]()
    if by == "owner" or which.owner is not None or (by == "key" and chosen == "csv"):
        known = await load_key_owners(here.keys)
        found = with_owners(found, known)
    found = [each for each in found if which.picks(each)]
    rows = [{by: name, **_told(sums)} for name, sums in group_usage(found, by).items()]
    days = span.days
    if chosen == "csv" and by == "key":
        rows = [{**row, **_called(known.get(row["key"]))} for row in rows]
    if chosen:
        return _download(rows, by, f"usage-{days[0]}-{days[-1]}", chosen)
    return {
        "first_day": days[0],
        "last_day": days[-1],
        "group_by": by,
        "data": rows,
        "daily": which.daily and _daily(found, by, [row[by] for row in rows[: which.daily]]),
        "total": _told(add_totals(each.totals for each in found)),
    }


def _daily(found: Iterable[DailyUsage], by: By, names: Iterable[str]) -> list[Json]:
    own: dict[str, list[DailyUsage]] = {name: [] for name in names}
    for each in found:
        own.get(getattr(each, by), []).append(each)
    return [
        {by: name, "day": day, **_told(sums)}
        for name, several in own.items()
        for day, sums in group_usage(several, "day").items()
    ]


def _told(sums: UsageTotals) -> Json:
    return {
        "requests": sums.requests,
        "failed": sums.failed,
        "prompt_tokens": sums.prompt_tokens,
        "completion_tokens": sums.completion_tokens,
        "cached_tokens": sums.cached_tokens,
        "total_tokens": sums.prompt_tokens + sums.completion_tokens,
        "cost_usd": dollars(sums.cost_nanos),
        "unpriced": sums.unpriced,
        "average_ms": round(sums.ms / sums.requests, 1) if sums.requests else 0.0,
    }


def _called(holder: KeyOwner | None) -> Json:
    return {} if holder is None else {"key_name": holder.name, "owner": holder.owner}


def _download(rows: Iterable[Json], by: By, name: str, format: Format) -> Response:
    async def each() -> AsyncGenerator[Json, None]:
        for row in rows:
            yield row

    named = ("key_name", "owner") if by == "key" else ()
    return Download(name, (by, *named, *COLUMNS), each()).response(format)
