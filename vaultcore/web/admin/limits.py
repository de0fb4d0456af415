"""`/admin/limits`: the limits of owners and of the whole gateway, and the thresholds of alerts."""

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
from vaultcore.web.admin.fields import Thresholds, to_thresholds
from vaultcore.web.admin.limit_fields import AccountStatus, LimitFields, LimitValues, account_status
from vaultcore.web.admin.validation import RequestBody, RequestId, ServicesDep, body_schema, parse_body
from vaultcore.web.limit_json import limits_json

MAX_OWNER = 128  # characters of an owner's name
BATCH_SIZE = 100  # accounts per read

api = APIRouter(prefix="/limits", tags=["limits"])


class LimitLevel(AccountStatus, LimitValues):
    """The limits of one level, and their usage since limits were first set for it."""


class LimitLevels(BaseModel):
    """The limits of the gateway and of owners."""

    gateway: LimitLevel
    owners: dict[str, LimitLevel]
    alert_marks: list[int] = Field(
        description="thresholds of alerts, in percent of quota, credits and budgets"
    )


class ThresholdFields(RequestBody):
    """The thresholds of alerts."""

    alert_marks: Thresholds = Field(
        description="up to five ascending integers, 1-100, in percent; an empty list disables alerts"
    )
    instead_of: Thresholds | None = Field(
        None, description="replace only these thresholds; status 409 if others are set"
    )


async def parse_owner(owner: Annotated[str, Path(description="the `owner` of keys")]) -> str:
    """Return the owner's name from the path. Raises InvalidRequest if no key can have this owner."""
    if not 0 < len(owner) <= MAX_OWNER or not owner.isprintable() or owner != owner.strip():
        raise InvalidRequest(f"owner: must be 1 to {MAX_OWNER} printable characters", param="owner")
    return owner


async def get_policies(services: ServicesDep) -> LimitPolicies:
    """Return the object that changes limits."""
    return LimitPolicies(services.store, services.secrets, services.clock, services.authenticator.forget)


Owner = Annotated[str, Depends(parse_owner)]
PoliciesDep = Annotated[LimitPolicies, Depends(get_policies)]
NewThresholds = Annotated[ThresholdFields, Depends(parse_body(ThresholdFields))]
NewLimits = Annotated[LimitFields, Depends(parse_body(LimitFields))]


@api.get("", response_model=LimitLevels)
async def index(services: ServicesDep, policies: PoliciesDep) -> Any:
    """List the limits of the gateway and of owners. Usage counts from the time a limit was first set."""
    return await _levels_json(await policies.current(), services)


@api.put("/gateway", response_model=LimitLevels, openapi_extra=body_schema(LimitFields))
async def set_gateway(
    new: NewLimits, services: ServicesDep, policies: PoliciesDep, request_id: RequestId
) -> Any:
    """Set the limits of all requests together, including those with the system key.

    An absent field means no limit.
    """
    policy = await policies.set_gateway(new.apply_to_limits(Limits()), request_id)
    return await _levels_json(policy, services)


@api.put("/owners/{owner:path}", response_model=LimitLevels, openapi_extra=body_schema(LimitFields))
async def set_owner(
    owner: Owner, new: NewLimits, services: ServicesDep, policies: PoliciesDep, request_id: RequestId
) -> Any:
    """Set the limits of all keys of an owner together. An absent field means no limit."""
    policy = await policies.set_owner(owner, new.apply_to_limits(Limits()), request_id)
    return await _levels_json(policy, services)


@api.delete("/owners/{owner:path}", response_model=LimitLevels)
async def drop_owner(
    owner: Owner, services: ServicesDep, policies: PoliciesDep, request_id: RequestId
) -> Any:
    """Remove the limits of an owner. The limits of the owner's keys remain."""
    return await _levels_json(await policies.drop_owner(owner, request_id), services)


@api.put("/alerts", response_model=LimitLevels, openapi_extra=body_schema(ThresholdFields))
async def set_thresholds(
    new: NewThresholds, services: ServicesDep, policies: PoliciesDep, request_id: RequestId
) -> Any:
    """Set the thresholds of alerts for keys, owners and the gateway. They apply from the next request."""
    thresholds, before = tuple(new.alert_marks), to_thresholds(new.instead_of)
    return await _levels_json(await policies.set_thresholds(thresholds, before, request_id), services)


async def _levels_json(policy: LimitPolicy, services: Services) -> dict[str, Any]:
    """Return the JSON of LimitLevels."""
    names = [GATEWAY, *(owners_account(owner) for owner in policy.owners)]
    accounts = [
        account
        for start in range(0, len(names), BATCH_SIZE)
        for account in await services.store.accounts(*names[start : start + BATCH_SIZE])
    ]
    now, limits = services.clock.now(), [policy.gateway, *policy.owners.values()]
    gateway, *owners = (
        {**limits_json(each), **account_status(account, each, now)}
        for each, account in zip(limits, accounts, strict=True)
    )
    return {
        "gateway": gateway,
        "owners": dict(zip(policy.owners, owners, strict=True)),
        "alert_marks": list(policy.thresholds),
    }
