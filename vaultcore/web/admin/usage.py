"""`/admin/usage`: usage and cost, grouped by day, key, model, provider or owner."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from vaultcore.control.key_owners import NO_KEYS, KeyDirectory
from vaultcore.ledger.queries import By
from vaultcore.ledger.usage_groups import UsageSource, read_usage_source
from vaultcore.store.usage_selection import UsageRow
from vaultcore.web.admin.export import Download, Format, requested_format
from vaultcore.web.admin.fields import format_time
from vaultcore.web.admin.period import Period
from vaultcore.web.admin.usage_rows import daily_rows, read_groups, row_json, sorted_rows, usage_response
from vaultcore.web.admin.validation import ServicesDep
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


class UsageEntry(UsageSums, UsageGroup):
    """The totals of one day, key, model, provider or owner."""


class UsageReport(BaseModel):
    """Totals of whole days in UTC."""

    first_day: str
    last_day: str
    group_by: By
    data: list[UsageEntry]
    daily: list[UsageEntry] | None = Field(
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


@api.get("/usage", response_model=UsageReport, response_model_exclude_none=True)
async def report(query: Annotated[UsageQuery, Query()], services: ServicesDep, request: Request) -> Any:
    """Show usage by day, key, model, provider or owner.

    `from` and `to` are extended to whole days in UTC.
    """
    span, by = query.span(services.clock.now()), query.group_by
    file_format = requested_format(request, query.format)
    keys = NO_KEYS
    if by == "owner" or query.owner is not None or (by == "key" and file_format == "csv"):
        keys = await services.key_owners.load()

    async def read(source: UsageSource) -> tuple[list[UsageRow], list[UsageRow] | None]:
        groups = await read_groups(source, query, (by,), keys.owners)
        rows = sorted_rows(groups, by)
        if not query.daily or file_format:
            return rows, None
        names = [str(row[0]) for row in rows[: query.daily]]
        return rows, daily_rows(await read_groups(source, query, (by, "day"), keys.owners, names), names)

    (rows, daily), complete_until = await read_usage_source(services.store, span, services.tails, read)
    days = span.days
    if file_format:
        return _download(rows, by, keys, f"usage-{days[0]}-{days[-1]}", file_format)
    report = {"first_day": days[0], "last_day": days[-1], "group_by": by}
    return usage_response(report, rows, daily, format_time(complete_until))


def _download(rows: Iterable[UsageRow], by: By, keys: KeyDirectory, name: str, format: Format) -> Response:
    has_names = by == "key" and format == "csv"

    async def iterate() -> AsyncGenerator[Json, None]:
        for row in rows:
            names = _names_json(str(row[0]), keys) if has_names else {}
            yield {**row_json((by,), row), **names}

    owner_columns = ("key_name", "owner") if by == "key" else ()
    return Download(name, (by, *owner_columns, *COLUMNS), iterate()).to_response(format)


def _names_json(key: str, keys: KeyDirectory) -> Json:
    return {"key_name": keys.names[key], "owner": keys.owners[key]} if key in keys.names else {}
