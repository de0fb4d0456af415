"""`/admin/alerts` and `/admin/audit`: the limits that were reached, and who changed what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from vaultcore.ledger.reading import Page, entries
from vaultcore.store import document_types
from vaultcore.web.admin.asking import House
from vaultcore.web.admin.fields import iso
from vaultcore.web.admin.period import Period
from vaultcore.web.admin.positions import Place, token
from vaultcore.wire import Json

api = APIRouter(tags=["alerts and audit"])


class Alert(BaseModel):
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


class Alerts(BaseModel):
    """A page, newest first."""

    data: list[Alert]
    next_cursor: str | None


class Change(BaseModel):
    """One change. `before` and `after` are as the gateway keeps them: money in nano-dollars, no secrets."""

    id: str = Field(description="of the request that made it")
    at: str
    actor: str
    action: str = Field(description="keys.create, keys.update, limits.set, routes.set, ...")
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str | None


class Audit(BaseModel):
    """A page, newest first."""

    data: list[Change]
    next_cursor: str | None


class Asked(Period):
    """Which entries."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Place | None = None


class AskedAlerts(Asked):
    name: str | None = Field(None, max_length=128, description="the key's id, or the owner")
    refused: bool | None = Field(None, description="refusals because too little is left, or none of them")

    def picks(self, body: Mapping[str, Any]) -> bool:
        return self.name in {None, body.get("name")} and self.refused in {None, body.get("refused", False)}


class AskedAudit(Asked):
    subject: str | None = Field(None, max_length=256, description="the id of what changed")
    action: str | None = Field(None, max_length=64)

    def picks(self, body: Mapping[str, Any]) -> bool:
        return self.subject in {None, body.get("subject")} and self.action in {None, body.get("action")}


@api.get("/alerts", response_model=Alerts)
async def alerts(which: Annotated[AskedAlerts, Query()], here: House) -> Any:
    """The alerts there were, newest first, and what became of their delivery."""
    span = which.span(here.clock.now())
    found = entries(
        here.store, document_types.ALERTS, span, which.picks, limit=which.limit, before=which.cursor
    )
    return _page(await found)


@api.get("/audit", response_model=Audit)
async def audit(which: Annotated[AskedAudit, Query()], here: House) -> Any:
    """The changes that were made, newest first."""
    span = which.span(here.clock.now())
    found = entries(
        here.store, document_types.AUDITS, span, which.picks, limit=which.limit, before=which.cursor
    )
    return _page(await found)


def _page(page: Page) -> Json:
    rows = [{**found.body, **_times(found.body)} for found in page.found]
    return {"data": rows, "next_cursor": None if page.next is None else token(page.next)}


def _times(body: Json) -> Json:
    return {name: iso(body[name]) for name in ("at", "delivered") if isinstance(body.get(name), float | int)}
