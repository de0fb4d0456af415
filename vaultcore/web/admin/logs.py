"""`/admin/logs`: the records of requests, newest first: who, when, what came of it; never what was asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from vaultcore.ledger.queries import iterate_records, list_records
from vaultcore.usage.record import Record
from vaultcore.web.admin.validation import ServicesDep, RequestId
from vaultcore.web.admin.export import Format, Download, requested_format
from vaultcore.web.admin.fields import format_time
from vaultcore.web.admin.key_owners import KeyOwner, load_key_owners
from vaultcore.web.admin.period import Period
from vaultcore.web.admin.cursors import LogCursor, encode_cursor
from vaultcore.web.limit_json import dollars
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
)

SEARCHED = ("id", "key", "owner", "path", "model", "provider", "served", "code")

api = APIRouter(tags=["logs"])


class LoggedAttempt(BaseModel):
    """One provider that was asked."""

    provider: str
    model: str
    key_id: str = Field(description="of the provider's key, as /admin/providers has it")
    status: int | None = Field(description="what the provider answered; null where no answer came")
    ms: float
    fault: str | None
    began_ms: int | None = Field(
        None, description="after the request was taken; null in rows of before this was kept"
    )


class LogEntry(BaseModel):
    """One request that was let in."""

    id: str = Field(description="x-request-id of the answer")
    key: str = Field(description="the id of a virtual key, or `system`")
    owner: str | None
    started_at: str
    ended_at: str
    path: str
    model: str = Field(description="as asked for")
    status: int = Field(description="as the client saw it; 499: it went away")
    code: str | None = Field(description="of the error")
    stream: bool
    provider: str | None
    served: str | None = Field(description="the provider's name of the model that answered")
    attempts: list[LoggedAttempt]
    tries: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    total_tokens: int
    cost_usd: float | None = Field(description="null where nobody knows the price")
    price_version: str
    price: dict[str, Any]
    ms: float
    first_ms: float | None
    changes: int = Field(description="fields that the translation dropped or changed")
    flags: list[str]
    replayed: bool


class LogPage(BaseModel):
    """A page of requests. It may hold less than asked for, or nothing, and yet not be the last one."""

    data: list[LogEntry]
    next_cursor: str | None = Field(description="send it as `cursor` for the next page; null: there is none")


class LogQuery(Period):
    """Which requests."""

    id: str | None = Field(None, max_length=128)
    key: str | None = Field(None, max_length=128)
    owner: str | None = Field(None, max_length=128)
    model: str | None = Field(
        None, max_length=256, description="as asked for, or as served; * stands for any text"
    )
    provider: str | None = Field(None, max_length=64)
    path: str | None = Field(None, max_length=128, description="the kind of request: /v1/chat/completions")
    search: str | None = Field(
        None, max_length=128, description="text in a name, also a key's, an id or an error's code"
    )
    status: str | None = Field(None, pattern=r"^[1-5](\d\d|xx)$", description="429, or 4xx for all of them")
    limit: Annotated[int, Field(ge=1, le=1_000)] | None = Field(
        None, description="100 rows; of a download: all"
    )
    cursor: LogCursor | None = None
    format: Format | None = Field(None, description="a download; `Accept: text/csv` does the same")

    def picks(self, record: Mapping[str, Any], known: Mapping[str, KeyOwner]) -> bool:
        return (
            all(
                wanted is None or wanted == record.get(name)
                for name, wanted in (
                    ("id", self.id),
                    ("key", self.key),
                    ("owner", self.owner),
                    ("provider", self.provider),
                    ("path", self.path),
                )
            )
            and (
                self.model is None or any(matches_pattern(self.model, record.get(each)) for each in ("model", "served"))
            )
            and (self.status is None or _of(self.status, record.get("status")))
            and (self.search is None or _says(self.search.casefold(), record, known))
        )


@api.get("/logs", response_model=LogPage)
async def index(which: Annotated[LogQuery, Query()], here: ServicesDep, request: Request) -> Any:
    """Requests, newest first. One call looks at a few thousand records and 40 days, and goes on by cursor."""
    span, chosen = which.span(here.clock.now()), requested_format(request, which.format)
    known = await load_key_owners(here.keys) if which.search or chosen == "csv" else {}

    def keep(record: Mapping[str, Any]) -> bool:
        return which.picks(record, known)

    if chosen:
        found = iterate_records(here.store, span, keep, limit=which.limit, before=which.cursor)
        rows = _rows(found, known if chosen == "csv" else None)
        return Download(f"logs-{span.days[0]}-{span.days[-1]}", COLUMNS, rows).response(chosen)
    page = await list_records(here.store, span, keep, limit=which.limit or 100, before=which.cursor)
    following = None if page.next is None else encode_cursor(page.next)
    return {"data": [_told(found.body) for found in page.documents], "next_cursor": following}


class LoggedContent(BaseModel):
    """What a request asked and what it was answered, as chat completions."""

    request: dict[str, Any] | None = None
    answer: Any = Field(None, description="of a stream, its text")
    too_large: int | None = Field(None, description="it was not kept: that many characters")


@api.get("/logs/{id}/content", response_model=LoggedContent, response_model_exclude_none=True)
async def content(id: Annotated[str, Path(max_length=128)], here: ServicesDep, asking: RequestId) -> Any:
    """What a request said, where VAULTEDGE_KEEP_CONTENT keeps that for a while. Reading it is audit_entry."""
    return await here.content.read(id, asking)


def matches_pattern(pattern: str, name: str | None) -> bool:
    """Whether a name is what a pattern says, in which * stands for any text, capital or not."""
    first, *others = pattern.casefold().split("*")
    if name is None or not others:
        return pattern == name
    *middle, last = others
    text, at = name.casefold(), len(first)
    if not text.startswith(first):
        return False
    for part in middle:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(text) - len(last) >= at and text.endswith(last)


async def _rows(
    found: AsyncGenerator[Mapping[str, Any], None], known: Mapping[str, KeyOwner] | None
) -> AsyncGenerator[Json, None]:
    async with aclosing(found) as bodies:
        async for body in bodies:
            row = _told(body)
            yield row if known is None else _plain(row, known)


def _plain(row: Json, known: Mapping[str, KeyOwner]) -> Json:
    """A row for a table of cells: names beside ids, and words for a list."""
    return {**row, "key_name": _name(known, row["key"]), "flags": "; ".join(row["flags"])}


def _name(known: Mapping[str, KeyOwner], key: object) -> str:
    holder = known.get(str(key))
    return "" if holder is None else holder.name


def _of(wanted: str, status: object) -> bool:
    told = str(status)
    return told == wanted or (wanted.endswith("xx") and told[:1] == wanted[:1])


def _says(text: str, record: Mapping[str, Any], known: Mapping[str, KeyOwner]) -> bool:
    said = (_name(known, record.get("key")), *(record.get(name) for name in SEARCHED))
    return any(text in str(each or "").casefold() for each in said)


def _told(body: Mapping[str, Any]) -> Json:
    record = Record.unpack(body)
    packed = {name: value for name, value in record.pack().items() if name not in {"at", "ended", "cost"}}
    return {
        **packed,
        "started_at": format_time(record.at),
        "ended_at": format_time(record.ended),
        "tries": len(record.attempts),
        "total_tokens": record.prompt_tokens + record.completion_tokens,
        "cost_usd": None if record.cost is None else dollars(record.cost),
    }
