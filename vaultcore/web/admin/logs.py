"""`/admin/logs`: the records of requests, newest first, refused ones included. A record has no content."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from vaultcore.control.key_owners import NO_KEYS, KeyDirectory
from vaultcore.ledger.queries import iterate_records, list_records
from vaultcore.web.admin.cursors import LogCursor, encode_cursor
from vaultcore.web.admin.export import Download, Format, requested_format
from vaultcore.web.admin.log_filter import RecordFilter
from vaultcore.web.admin.log_rows import page_response, record_json
from vaultcore.web.admin.period import Period
from vaultcore.web.admin.validation import RequestId, ServicesDep
from vaultcore.wire import Json

COLUMNS = (
    "ended_at",
    "id",
    "key",
    "key_name",
    "owner",
    "path",
    "model",
    "provider",
    "served",
    "status",
    "code",
    "stream",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "total_tokens",
    "cost_usd",
    "price_version",
    "ms",
    "first_ms",
    "tries",
    "flags",
    "started_at",
    "refused",
)

PAGE_SIZE = 100  # rows of a page by default

api = APIRouter(tags=["logs"])


class LoggedAttempt(BaseModel):
    """One attempt at a provider."""

    provider: str
    model: str
    key_id: str = Field(description="provider key id, as in /admin/providers")
    status: int | None = Field(description="the provider's HTTP status; null if there was no response")
    ms: float
    fault: str | None
    began_ms: int | None = Field(
        None, description="start, in ms after the request was received; null in records of older versions"
    )


class RefusalReason(BaseModel):
    """The limit that refused a request. Money is in US dollars."""

    level: str | None = Field(None, description="key, owner or gateway; null if no limit refused it")
    limit: str | None = Field(None, description="field of the limits, like `rate_limit_rpm`")
    most: float | None = Field(None, description="the limit")
    remaining: float | None = None
    needed: float | None = Field(None, description="null if the request was refused before it was read")
    retry_after: int | None = Field(None, description="seconds")


class LogEntry(BaseModel):
    """One request that the gateway admitted, or that it refused itself (`refused`)."""

    id: str = Field(description="the response's x-request-id")
    key: str = Field(description="id of the virtual key, or `system`")
    owner: str | None
    started_at: str
    ended_at: str
    path: str
    model: str = Field(description="the model that the client requested")
    status: int = Field(description="status of the client's response; 499: client disconnected")
    code: str | None = Field(description="the error's code")
    stream: bool
    provider: str | None
    served: str | None = Field(description="the provider's name of the model that responded")
    attempts: list[LoggedAttempt]
    tries: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    total_tokens: int
    cost_usd: float | None = Field(description="null if the model has no price")
    price_version: str
    price: dict[str, Any]
    ms: float
    first_ms: float | None
    changes: int = Field(description="number of fields that the translation dropped or changed")
    flags: list[str]
    replayed: bool
    plan: dict[str, Any] = Field(
        description="how it was routed: candidates in order, skipped ones with the reason, draws, versions"
    )
    refused: bool = Field(description="true if the gateway itself refused the request: it has no usage")
    refusal: RefusalReason | None = None
    reported_usage: dict[str, int | str] | None = Field(
        None, description="the provider's counts, if the flag `implausible` says that they were not charged"
    )


class LogPage(BaseModel):
    """A page of requests. It may have fewer rows than `limit`, or none, although there is a next page."""

    data: list[LogEntry]
    next_cursor: str | None = Field(
        description="send it as `cursor` to get the next page; null on the last page"
    )


class LogQuery(Period):
    """The query parameters of `/admin/logs`."""

    id: str | None = Field(None, max_length=128)
    key: str | None = Field(None, max_length=128)
    owner: str | None = Field(None, max_length=128)
    model: str | None = Field(
        None, max_length=256, description="requested or served model; * matches any text"
    )
    provider: str | None = Field(None, max_length=64)
    path: str | None = Field(None, max_length=128, description="endpoint, like /v1/chat/completions")
    search: str | None = Field(
        None, max_length=128, description="text in an id, a name, a model, the path or an error code"
    )
    status: str | None = Field(
        None, pattern=r"^[1-5](\d\d|xx)$", description="429, or 4xx for every status of 4"
    )
    code: str | None = Field(None, max_length=64, description="error code, like rate_limit_exceeded")
    refused: bool | None = Field(
        None, description="true: only requests that the gateway itself refused; false: only others"
    )
    limit: Annotated[int, Field(ge=1, le=1_000)] | None = Field(
        None, description="rows of a page, by default 100; rows of a download, by default all"
    )
    cursor: LogCursor | None = None
    format: Format | None = Field(None, description="download a file; `Accept: text/csv` has the same effect")


@api.get("/logs", response_model=LogPage)
async def index(query: Annotated[LogQuery, Query()], services: ServicesDep, request: Request) -> Any:
    """List requests, newest first. One call reads a few thousand records of at most 40 days.

    Send `next_cursor` to continue.
    """
    span, file_format = query.span(services.clock.now()), requested_format(request, query.format)
    keys = await services.key_owners.load() if query.search or file_format == "csv" else NO_KEYS
    accepts = RecordFilter(query, keys)
    if file_format:
        records = iterate_records(
            services.store, span, accepts.matches, limit=query.limit, before=query.cursor
        )
        rows = _download_rows(records, keys if file_format == "csv" else None)
        return Download(f"logs-{span.days[0]}-{span.days[-1]}", COLUMNS, rows).to_response(file_format)
    page = await list_records(
        services.store,
        span,
        accepts.matches,
        limit=query.limit or PAGE_SIZE,
        before=query.cursor,
        may_match=accepts.may_match,
    )
    cursor = None if page.next is None else encode_cursor(page.next)
    return page_response([record_json(document.body) for document in page.documents], cursor)


class LoggedContent(BaseModel):
    """The stored request and response, in the format of chat completions."""

    request: dict[str, Any] | None = None
    answer: Any = Field(None, description="the response; of a stream, its text")
    too_large: int | None = Field(None, description="size in characters, if it was too large to store")


@api.get("/logs/{id}/content", response_model=LoggedContent, response_model_exclude_none=True)
async def content(
    id: Annotated[str, Path(max_length=128)], services: ServicesDep, request_id: RequestId
) -> Any:
    """Show a request's content if VAULTEDGE_KEEP_CONTENT is set. The audit log records every read."""
    return await services.admission.content.read(id, request_id)


async def _download_rows(
    records: AsyncGenerator[Mapping[str, Any], None], keys: KeyDirectory | None
) -> AsyncGenerator[Json, None]:
    """Yield records as JSON, or as flat rows for CSV if `keys` are given."""
    async with aclosing(records) as bodies:
        async for body in bodies:
            row = record_json(body)
            yield row if keys is None else _flat_row(row, keys)


def _flat_row(row: Json, keys: KeyDirectory) -> Json:
    """Return a row for CSV: with the key's name, and the list of flags as text."""
    return {**row, "key_name": keys.names.get(str(row["key"]), ""), "flags": "; ".join(row["flags"])}
