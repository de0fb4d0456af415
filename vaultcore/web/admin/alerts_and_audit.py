"""`/admin/alerts` and `/admin/audit`: the limits that were reached, and who changed what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from vaultcore.ledger.queries import DocumentPage, list_entries
from vaultcore.store import document_types
from vaultcore.web.admin.validation import ServicesDep
from vaultcore.web.admin.fields import format_time
from vaultcore.web.admin.period import Period
from vaultcore.web.admin.cursors import LogCursor, encode_cursor
from vaultcore.wire import Json

api = APIRouter(tags=["alerts and audit"])


class AlertEntry(BaseModel):
    """A mark on a quota, on credits or on a budget that was passed, or a refusal because it is used up."""

    model_config = ConfigDict(extra="allow")

    id: str
    at: str
    level: str = Field(description="key, owner or gateway")
    name: str = Field(description="the key's id, or the owner")
    limit: str = Field(description="tokens, credits, day or month")
    percent: int = Field(description="the mark; where somebody was refused: what has been used")
    refused: bool = Field(False, description="whether a request was refused because too little is left")
    period: str
    used: str | int
    most: str | int
    unit: str = Field(description="tokens or usd")
    delivered: str | None = Field(description="null where it is still on its way, or nobody is told")


class AlertPage(BaseModel):
    """A page, newest first."""

    data: list[AlertEntry]
    next_cursor: str | None


class AuditEntry(BaseModel):
    """One change. `before` and `after` are as the gateway keeps them: money in nano-dollars, no secrets."""

    id: str = Field(description="of the request that made it")
    at: str
    actor: str
    action: str = Field(description="keys.create, keys.update, limits.set, routes.set, ...")
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str | None


class AuditPage(BaseModel):
    """A page, newest first."""

    data: list[AuditEntry]
    next_cursor: str | None


class EntryQuery(Period):
    """Which entries."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: LogCursor | None = None


class AlertQuery(EntryQuery):
    name: str | None = Field(None, max_length=128, description="the key's id, or the owner")
    refused: bool | None = Field(None, description="refusals because too little is left, or none of them")

    def picks(self, body: Mapping[str, Any]) -> bool:
        return self.name in {None, body.get("name")} and self.refused in {None, body.get("refused", False)}


class AuditQuery(EntryQuery):
    subject: str | None = Field(None, max_length=256, description="the id of what changed")
    action: str | None = Field(None, max_length=64)

    def picks(self, body: Mapping[str, Any]) -> bool:
        return self.subject in {None, body.get("subject")} and self.action in {None, body.get("action")}


@api.get("/alerts", response_model=AlertPage)
async def alerts(which: Annotated[AlertQuery, Query()], here: ServicesDep) -> Any:
    """The alerts there were, newest first, and what became of their delivery."""
    span = which.span(here.clock.now())
    found = list_entries(
        here.store, document_types.ALERTS, span, which.picks, limit=which.limit, before=which.cursor
    )
    return _page(await found)


@api.get("/audit", response_model=AuditPage)
async def audit(which: Annotated[AuditQuery, Query()], here: ServicesDep) -> Any:
    """The changes that were made, newest first."""
    span = which.span(here.clock.now())
    found = list_entries(
        here.store, document_types.AUDITS, span, which.picks, limit=which.limit, before=which.cursor
    )
    return _page(await found)


def _page(page: DocumentPage) -> Json:
    rows = [{**found.body, **_times(found.body)} for found in page.documents]
    return {"data": rows, "next_cursor": None if page.next is None else encode_cursor(page.next)}


def _times(body: Json) -> Json:
    return {name: format_time(body[name]) for name in ("at", "delivered") if isinstance(body.get(name), float | int)}
