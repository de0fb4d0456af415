"""`/admin/refusals`: sums of the requests that the gateway itself refused, by day, key and error code."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from vaultcore.admission.refusals.queries import KeySums, read_day_sums, read_key_sums
from vaultcore.ledger.queries import CONCURRENT_DAYS
from vaultcore.services import Services
from vaultcore.store.refusal_documents import UNAUTHORIZED
from vaultcore.web.admin.period import Period
from vaultcore.web.admin.validation import ServicesDep
from vaultcore.web.refusal_json import sums_json

api = APIRouter(tags=["logs"])


class RefusalSums(BaseModel):
    """The refused requests of one day, key and error code."""

    day: str
    key: str = Field(description="id of the virtual key, `system`, or `other keys` if there were too many")
    owner: str | None
    status: int
    code: str
    count: int
    models: dict[str, int] = Field(description="by requested model; at most 32 names and `unknown`")
    first_at: str
    last_at: str
    last_request_ids: list[str] = Field(description="at most 20, the last one last")


class Unauthorized401(BaseModel):
    """The 401 responses of one day. Nothing about the keys that were sent is stored."""

    day: str
    count: int
    first_at: str
    last_at: str


class RefusalReport(BaseModel):
    """Refused requests of whole days in UTC, newest day first."""

    data: list[RefusalSums]
    unauthorized: list[Unauthorized401]


class RefusalQuery(Period):
    """The query parameters of `/admin/refusals`."""

    id: str | None = Field(None, max_length=128, description="one of the last request ids")
    key: str | None = Field(None, max_length=128)
    owner: str | None = Field(None, max_length=128)
    code: str | None = Field(None, max_length=64)
    model: str | None = Field(None, max_length=256)

    def matches(self, row: Mapping[str, Any]) -> bool:
        """Return True if a row fits the filters."""
        return (
            self.key in {None, row["key"]}
            and self.owner in {None, row["owner"]}
            and self.code in {None, row["code"]}
            and (self.model is None or self.model in row["models"])
            and (self.id is None or self.id in row["last_request_ids"])
        )


@api.get("/refusals", response_model=RefusalReport)
async def report(query: Annotated[RefusalQuery, Query()], services: ServicesDep) -> Any:
    """Count the requests that the gateway itself refused (402, 403, 404, 429), and its 401 responses.

    `/admin/logs` has a row for the first 20 of each key and day. A process writes its counts after at most
    some ten seconds.
    """
    days = query.span(services.clock.now()).days[::-1]
    rows = sums_json(await _read(services, days, query.key))
    return {
        "data": [row for row in rows if row["key"] != UNAUTHORIZED and query.matches(row)],
        "unauthorized": [row for row in rows if row["key"] == UNAUTHORIZED],
    }


async def _read(services: Services, days: list[str], key: str | None) -> list[KeySums]:
    if key is not None:
        names = dict.fromkeys((key, UNAUTHORIZED))
        return [each for name in names for each in await read_key_sums(services.store, days, name)]
    sums = list[KeySums]()
    for start in range(0, len(days), CONCURRENT_DAYS):
        batch = days[start : start + CONCURRENT_DAYS]
        for result in await asyncio.gather(*(read_day_sums(services.store, day) for day in batch)):
            sums += result
    return sums
