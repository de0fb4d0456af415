"""`/admin/usage`: usage and cost, grouped by day, key, model, provider or owner."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from vaultcore.control.key_owners import KeyOwner
from vaultcore.ledger.queries import By, DailyUsage, group_usage, read_usage
from vaultcore.ledger.totals import UsageTotals, add_totals
from vaultcore.web.admin.export import Download, Format, requested_format
from vaultcore.web.admin.fields import format_time
from vaultcore.web.admin.period import Period
from vaultcore.web.admin.validation import ServicesDep
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
    """Totals of several requests. Failed requests have no cost."""

    requests: int
    failed: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = Field(description="part of prompt_tokens")
    total_tokens: int
    cost_usd: float
    unpriced: int = Field(description="requests to models without a price; cost_usd does not include them")
    average_ms: float


class UsageGroup(BaseModel):
    """The value that a row is grouped by: exactly one of these fields."""

    day: str | None = None
    key: str | None = None
    model: str | None = None
    provider: str | None = None
    owner: str | None = Field(None, description="current owner of the keys; empty for keys without one")


class UsageRow(UsageSums, UsageGroup):
    """The totals of one day, key, model, provider or owner."""


class UsageReport(BaseModel):
    """Totals of whole days in UTC."""

    first_day: str
    last_day: str
    group_by: By
    data: list[UsageRow]
    daily: list[UsageRow] | None = Field(
        None, description="totals of the first rows for each day with usage; see the `daily` parameter"
    )
    total: UsageSums
    complete_until: str | None = Field(
        None, description="only if there were too many recent requests to add: later ones are not included"
    )


class UsageQuery(Period):
    """The query parameters of `/admin/usage`."""

    group_by: By = "day"
    key: str | None = Field(None, max_length=128)
    model: str | None = Field(None, max_length=256, description="a `model` of `data`")
    provider: str | None = Field(None, max_length=64)
    owner: str | None = Field(None, max_length=128, description="current owner of the keys")
    daily: Annotated[int, Field(ge=1, le=20)] | None = Field(
        None, description="number of first rows to return daily totals for"
    )
    format: Format | None = Field(None, description="download a file; `Accept: text/csv` has the same effect")

    @property
    def has_filter(self) -> bool:
        return any(each is not None for each in (self.key, self.model, self.provider, self.owner))

    def matches(self, usage: DailyUsage) -> bool:
        """Return True if usage fits the filters."""
        return (
            self.key in {None, usage.key}
            and self.model in {None, usage.model}
            and self.provider in {None, usage.provider}
            and self.owner in {None, usage.owner}
        )


@api.get("/usage", response_model=UsageReport, response_model_exclude_none=True)
async def report(query: Annotated[UsageQuery, Query()], services: ServicesDep, request: Request) -> Any:
    """Show usage by day, key, model, provider or owner.

    `from` and `to` are extended to whole days in UTC.
    """
    span, by = query.span(services.clock.now()), query.group_by
    file_format = requested_format(request, query.format)
    stored = await read_usage(services.store, span, query.key, services.tails)
    usage = list(stored)
    owners: Mapping[str, KeyOwner] = {}
    if by == "owner" or query.owner is not None or (by == "key" and file_format == "csv"):
        owners = await services.key_owners.load()
        usage = _with_owners(usage, owners)
    if query.has_filter:
        usage = [each for each in usage if query.matches(each)]
    rows = [{by: name, **_totals_json(totals)} for name, totals in group_usage(usage, by).items()]
    days = span.days
    if file_format == "csv" and by == "key":
        rows = [{**row, **_owner_json(owners.get(row["key"]))} for row in rows]
    if file_format:
        return _download(rows, by, f"usage-{days[0]}-{days[-1]}", file_format)
    return {
        "first_day": days[0],
        "last_day": days[-1],
        "group_by": by,
        "data": rows,
        "daily": query.daily and _daily_rows(usage, by, [row[by] for row in rows[: query.daily]]),
        "total": _totals_json(add_totals(each.totals for each in usage)),
        "complete_until": format_time(stored.complete_until),
    }


def _with_owners(usage: Iterable[DailyUsage], by_key: Mapping[str, KeyOwner]) -> list[DailyUsage]:
    """Return usage with the owners of its keys; "" for a key that has no owner or no longer exists."""
    return [replace(each, owner=by_key[each.key].owner if each.key in by_key else "") for each in usage]


def _daily_rows(usage: Iterable[DailyUsage], by: By, names: Iterable[str]) -> list[Json]:
    """Return one row per name and day with usage."""
    groups: dict[str, list[DailyUsage]] = {name: [] for name in names}
    for each in usage:
        groups.get(getattr(each, by), []).append(each)
    return [
        {by: name, "day": day, **_totals_json(totals)}
        for name, group in groups.items()
        for day, totals in group_usage(group, "day").items()
    ]


def _totals_json(totals: UsageTotals) -> Json:
    return {
        "requests": totals.requests,
        "failed": totals.failed,
        "prompt_tokens": totals.prompt_tokens,
        "completion_tokens": totals.completion_tokens,
        "cached_tokens": totals.cached_tokens,
        "total_tokens": totals.prompt_tokens + totals.completion_tokens,
        "cost_usd": dollars(totals.cost_nanos),
        "unpriced": totals.unpriced,
        "average_ms": round(totals.ms / totals.requests, 1) if totals.requests else 0.0,
    }


def _owner_json(owner: KeyOwner | None) -> Json:
    return {} if owner is None else {"key_name": owner.name, "owner": owner.owner}


def _download(rows: Iterable[Json], by: By, name: str, format: Format) -> Response:
    async def iterate() -> AsyncGenerator[Json, None]:
        for row in rows:
            yield row

    owner_columns = ("key_name", "owner") if by == "key" else ()
    return Download(name, (by, *owner_columns, *COLUMNS), iterate()).to_response(format)
