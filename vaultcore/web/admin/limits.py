"""`/admin/limits`: what an owner's keys may use together, and the gateway as a whole; who is told when."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from vaultcore.admission.caller import GATEWAY, owners_account
from vaultcore.control.limit_policies import LimitPolicies
from vaultcore.errors import InvalidRequest
from vaultcore.limits.limits import Limits
from vaultcore.limits.policy import LimitPolicy
from vaultcore.services import Services
from vaultcore.web.admin.validation import ServicesDep, RequestId, RequestBody, body, parse_body
from vaultcore.web.admin.fields import Marks, thresholds_of
from vaultcore.web.admin.limit_fields import LimitValues, LimitFields, AccountStatus, account_status
from vaultcore.web.limit_json import limits_json

LONGEST = 128  # characters of an owner's name
AT_ONCE = 100  # accounts read in one call

api = APIRouter(prefix="/limits", tags=["limits"])


class LimitLevel(AccountStatus, LimitValues):
    """Limits, and what has been used of them since they were set first."""


class LimitLevels(BaseModel):
    """The limits beyond single keys."""

    gateway: LimitLevel
    owners: dict[str, LimitLevel]
    alert_marks: list[int] = Field(description="per cent of lasting limits that there are alerts at")


class ThresholdFields(RequestBody):
    """The marks that there are alerts at."""

    alert_marks: Marks = Field(description="per cent, from 1 to 100, rising; none: no alerts")
    instead_of: Marks | None = Field(None, description="only in place of these; else it is a 409")


async def whose(owner: Annotated[str, Path(description="as keys name it")]) -> str:
    if not 0 < len(owner) <= LONGEST or not owner.isprintable() or owner != owner.strip():
        raise InvalidRequest(f"owner: must be 1 to {LONGEST} printable characters", param="owner")
    return owner


async def policies(here: ServicesDep) -> LimitPolicies:
    return LimitPolicies(here.store, here.secrets, here.clock, here.authenticator.forget)


Owner = Annotated[str, Depends(whose)]
PoliciesDep = Annotated[LimitPolicies, Depends(policies)]
NewThresholds = Annotated[ThresholdFields, Depends(parse_body(ThresholdFields))]
Fields = Annotated[LimitFields, Depends(parse_body(LimitFields))]


@api.get("", response_model=LimitLevels)
async def index(here: ServicesDep, ruling: PoliciesDep) -> Any:
    """All limits beyond single keys. What is used counts from when an owner or the gateway is limited."""
    return await _shown(await ruling.current(), here)


@api.put("/gateway", response_model=LimitLevels, openapi_extra=body(LimitFields))
async def set_gateway(fields: Fields, here: ServicesDep, ruling: PoliciesDep, request: RequestId) -> Any:
    """Limit everything that passes, the system key's requests too. What is not sent is not limited."""
    return await _shown(await ruling.set_gateway(fields.over(Limits()), request), here)


@api.put("/owners/{owner:path}", response_model=LimitLevels, openapi_extra=body(LimitFields))
async def set_owner(owner: Owner, fields: Fields, here: ServicesDep, ruling: PoliciesDep, request: RequestId) -> Any:
    """Limit what all keys of an owner use together. What is not sent is not limited."""
    return await _shown(await ruling.set_owner(owner, fields.over(Limits()), request), here)


@api.delete("/owners/{owner:path}", response_model=LimitLevels)
async def drop_owner(owner: Owner, here: ServicesDep, ruling: PoliciesDep, request: RequestId) -> Any:
    """Limit an owner's keys by nothing but their own limits."""
    return await _shown(await ruling.drop_owner(owner, request), here)


@api.put("/alerts", response_model=LimitLevels, openapi_extra=body(ThresholdFields))
async def set_thresholds(fields: NewThresholds, here: ServicesDep, ruling: PoliciesDep, request: RequestId) -> Any:
    """Set the marks that there are alerts at, of keys, owners and the gateway. In force from the next use."""
    marks, before = tuple(fields.alert_marks), thresholds_of(fields.instead_of)
    return await _shown(await ruling.set_thresholds(marks, before, request), here)


async def _shown(policy: LimitPolicy, here: Services) -> dict[str, Any]:
    names = [GATEWAY, *(owners_account(owner) for owner in policy.owners)]
    accounts = [
        account
        for start in range(0, len(names), AT_ONCE)
        for account in await here.store.accounts(*names[start : start + AT_ONCE])
    ]
    now, limits = here.clock.now(), [policy.gateway, *policy.owners.values()]
    gateway, *owners = (
        {**limits_json(each), **account_status(used, each, now)}
        for each, used in zip(limits, accounts, strict=True)
    )
    return {
        "gateway": gateway,
        "owners": dict(zip(policy.owners, owners, strict=True)),
        "alert_marks": list(policy.thresholds),
    }
