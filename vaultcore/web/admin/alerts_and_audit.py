"""`/admin/alerts` and `/admin/audit`: threshold alerts and the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from vaultcore.ledger.queries import DocumentPage, list_entries
from vaultcore.store import document_types
from vaultcore.web.admin.cursors import LogCursor, encode_cursor
from vaultcore.web.admin.fields import format_time
from vaultcore.web.admin.period import Period
from vaultcore.web.admin.validation import ServicesDep
from vaultcore.wire import Json

api = APIRouter(tags=["alerts and audit"])


class AlertEntry(BaseModel):
    """A threshold of a quota, credits or a budget that was crossed, or a request rejected at such a limit."""

    model_config = ConfigDict(extra="allow")

    id: str
    at: str
    level: str = Field(description="key, owner or gateway")
    name: str = Field(description="key id, or owner name")
    limit: str = Field(description="tokens, credits, day or month")
    percent: int = Field(description="the threshold; of a rejection, the percentage in use")
    refused: bool = Field(False, description="true if a request was rejected because the limit was reached")
    period: str
    used: str | int
    most: str | int
    unit: str = Field(description="tokens or usd")
    delivered: str | None = Field(description="null while delivery is pending, or if no destination is set")


class AlertPage(BaseModel):
    """A page of alerts, newest first."""

    data: list[AlertEntry]
    next_cursor: str | None


class AuditEntry(BaseModel):
    """One change. `before` and `after` are in the stored form: money in nano-dollars, no secrets."""

    id: str = Field(description="id of the request that made the change")
    at: str
    actor: str
    action: str = Field(description="keys.create, keys.update, limits.set, routes.set, ...")
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str | None


class AuditPage(BaseModel):
    """A page of the audit log, newest first."""

    data: list[AuditEntry]
    next_cursor: str | None


class EntryQuery(Period):
    """The query parameters of both lists."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: LogCursor | None = None


class AlertQuery(EntryQuery):
    """The query parameters of `/admin/alerts`."""

    name: str | None = Field(None, max_length=128, description="key id, or owner name")
    refused: bool | None = Field(None, description="true: only rejected requests; false: only thresholds")

    def matches(self, body: Mapping[str, Any]) -> bool:
        """Return True if a stored alert fits the filters."""
        return self.name in {None, body.get("name")} and self.refused in {None, body.get("refused", False)}


class AuditQuery(EntryQuery):
    """The query parameters of `/admin/audit`."""

    subject: str | None = Field(None, max_length=256, description="id of the changed resource")
    action: str | None = Field(None, max_length=64)

    def matches(self, body: Mapping[str, Any]) -> bool:
        """Return True if a stored audit entry fits the filters."""
        return self.subject in {None, body.get("subject")} and self.action in {None, body.get("action")}


@api.get("/alerts", response_model=AlertPage)
async def alerts(query: Annotated[AlertQuery, Query()], services: ServicesDep) -> Any:
    """List the alerts, newest first, each with the time of its delivery."""
    span = query.span(services.clock.now())
    page = await list_entries(
        services.store, document_types.ALERTS, span, query.matches, limit=query.limit, before=query.cursor
    )
    return _page_json(page)


@api.get("/audit", response_model=AuditPage)
async def audit(query: Annotated[AuditQuery, Query()], services: ServicesDep) -> Any:
    """List the changes to keys, limits and routes, newest first."""
    span = query.span(services.clock.now())
    page = await list_entries(
        services.store, document_types.AUDITS, span, query.matches, limit=query.limit, before=query.cursor
    )
    return _page_json(page)


def _page_json(page: DocumentPage) -> Json:
    rows = [{**document.body, **_formatted_times(document.body)} for document in page.documents]
    return {"data": rows, "next_cursor": None if page.next is None else encode_cursor(page.next)}


def _formatted_times(body: Json) -> Json:
    return {
        name: format_time(body[name])
        for name in ("at", "delivered")
        if isinstance(body.get(name), float | int)
    }
