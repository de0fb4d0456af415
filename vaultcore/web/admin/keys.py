"""`/admin/keys`: create, list, change, rotate and revoke virtual keys.

A key's token is shown once: in the response that creates it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from vaultcore.admission.caller import account
from vaultcore.errors import InvalidRequest, NotFound
from vaultcore.limits.limits import DEFAULT_RPM, Limits
from vaultcore.limits.virtual_key import RESERVE_MAX, UnboundedInputs, VirtualKey
from vaultcore.money import Nanos
from vaultcore.services import Services
from vaultcore.store.base import Conflict
from vaultcore.web.admin.cursors import Cursor, encode_cursor
from vaultcore.web.admin.fields import (
    Metadata,
    Models,
    Money,
    Networks,
    Rate,
    Text,
    Thresholds,
    Time,
    format_time,
    to_thresholds,
)
from vaultcore.web.admin.limit_fields import AccountStatus, LimitFields, LimitValues, account_status
from vaultcore.web.admin.validation import (
    EditConflict,
    QueryParameters,
    RequestBody,
    RequestId,
    ServicesDep,
    body_schema,
    parse_body,
)
from vaultcore.web.limit_json import limits_json

MAX_GRACE = 604_800  # seconds: a week
MAX_SCAN = 1_000  # keys that one request reads
READ_SIZE = 100  # keys per read
MAX_TRIES = 5  # of a change that other changes collide with

_ID = re.compile(r"key_[0-9a-f]{1,64}", re.ASCII)

api = APIRouter(prefix="/keys", tags=["keys"])


class KeyFields(LimitFields):
    """The fields of a key that can be changed."""

    name: Text = ""
    allowed_models: Models | None = Field(
        None, description="model names, provider/model or provider/*; null: all models"
    )
    allowed_ips: Networks | None = Field(None, description="networks of allowed clients; null: all")
    expires_at: Time | None = None
    owner: Text | None = Field(None, description="name of the owner; an owner's keys can share limits")
    metadata: Metadata | None = Field(None, description="up to 16 pairs of strings")
    alert_marks: Thresholds | None = Field(
        None,
        description="thresholds of alerts, in percent of quota, credits and budgets; null: the gateway's",
    )
    unbounded_inputs: UnboundedInputs | None = Field(
        None,
        description="inputs whose tokens are unknown before the call (files by id, URLs, documents, tools of "
        "the provider): reject them, reserve the most that the model can take (null), or reserve an estimate",
    )

    def apply_to_key(self, key: VirtualKey, now: float) -> VirtualKey:
        """Return the key with the fields that the request contains.

        Raises InvalidRequest if `expires_at` is in the past.
        """
        names = self.model_fields_set
        if "expires_at" in names and self.expires_at is not None and self.expires_at <= now:
            raise InvalidRequest("expires_at: must be in the future", param="expires_at")
        return replace(
            key,
            limits=self.apply_to_limits(key.limits),
            name=self.name if "name" in names else key.name,
            models=self.allowed_models if "allowed_models" in names else key.models,
            ips=tuple(self.allowed_ips or ()) if "allowed_ips" in names else key.ips,
            expires=self.expires_at if "expires_at" in names else key.expires,
            owner=self.owner if "owner" in names else key.owner,
            metadata=self.metadata or {} if "metadata" in names else key.metadata,
            thresholds=to_thresholds(self.alert_marks) if "alert_marks" in names else key.thresholds,
            unbounded_inputs=(self.unbounded_inputs or RESERVE_MAX)
            if "unbounded_inputs" in names
            else key.unbounded_inputs,
        )


class NewKey(KeyFields):
    """A key to create."""

    name: Text
    rate_limit_rpm: Rate | None = Field(DEFAULT_RPM, description="requests per minute; null: no limit")


class RotateBody(RequestBody):
    """How to rotate a key."""

    grace_seconds: Annotated[int, Field(ge=0, le=MAX_GRACE)] = Field(
        0, description="seconds that the old key remains valid"
    )


class CreditBody(RequestBody):
    """Money to add to a key's credits."""

    amount_usd: Money
    reason: Text | None = Field(None, description="for the audit log")


class ReplacedToken(BaseModel):
    """An old token that a rotation replaced and that is still valid."""

    masked: str
    until: str


class KeyDescription(BaseModel):
    """A key's own fields."""

    id: str
    name: str
    masked: str = Field(description="start and end of the token, to recognize it")
    state: Literal["active", "revoked", "expired"]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    owner: str | None
    metadata: dict[str, str]
    allowed_models: list[str] | None
    allowed_ips: list[str] | None
    alert_marks: list[int] | None
    unbounded_inputs: UnboundedInputs
    superseded: list[ReplacedToken] = Field(description="tokens replaced by a rotation and still valid")


class KeyInfo(AccountStatus, LimitValues, KeyDescription):
    """A key with its limits and usage, without its token."""


class IssuedKey(KeyInfo):
    """A new key with its token. No other response contains the token."""

    key: str


class KeyPage(BaseModel):
    """A page of keys, ordered by id."""

    data: list[KeyInfo]
    next_cursor: str | None = Field(description="send it as `cursor` to get the next page")


class KeyQuery(QueryParameters):
    """The query parameters of the list of keys."""

    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Cursor | None = None
    owner: str | None = Field(None, max_length=128)
    state: Literal["active", "revoked", "expired"] | None = None

    def matches(self, key: VirtualKey, now: float) -> bool:
        """Return True if a key fits the filters."""
        return self.owner in {None, key.owner} and self.state in {None, key.state(now)}


async def parse_id(id: Annotated[str, Path(description="a key's `id`: key_…")]) -> str:
    """Return the key's id from the path. Other text may be a key, and must not reach the store or the log."""
    if not _ID.fullmatch(id):
        raise NotFound("no key has this id", param="id")
    return id


Id = Annotated[str, Depends(parse_id)]


@api.post("", status_code=201, response_model=IssuedKey, openapi_extra=body_schema(NewKey))
async def create(
    new: Annotated[NewKey, Depends(parse_body(NewKey))], services: ServicesDep, request_id: RequestId
) -> Any:
    """Create a key. Its token is in `key` of this response only."""
    blank = VirtualKey("", "", 0.0, (), Limits(rpm=DEFAULT_RPM))
    issued = await services.keys.create(new.apply_to_key(blank, services.clock.now()), request_id)
    return {"key": issued.token, **await _key_json(issued.key, services)}


@api.get("", response_model=KeyPage)
async def index(query: Annotated[KeyQuery, Query()], services: ServicesDep) -> Any:
    """List the keys with their usage, including revoked keys."""
    keys, cursor = await _find_keys(query, services)
    return {"data": await _keys_json(keys, services), "next_cursor": cursor}


@api.get("/{id}", response_model=KeyInfo)
async def show(id: Id, services: ServicesDep) -> Any:
    """Show a key, its limits and its usage."""
    return await _key_json(await services.keys.get(id), services)


@api.patch("/{id}", response_model=KeyInfo, openapi_extra=body_schema(KeyFields))
async def update(
    id: Id,
    patch: Annotated[KeyFields, Depends(parse_body(KeyFields))],
    services: ServicesDep,
    request_id: RequestId,
) -> Any:
    """Change the fields that the body contains; null removes a limit.

    The change takes effect on every server within five seconds.
    """
    if not patch.model_fields_set:
        return await _key_json(await services.keys.get(id), services)
    now = services.clock.now()

    def apply(key: VirtualKey) -> VirtualKey:
        return patch.apply_to_key(key, now)

    key = await _retry_conflicts(lambda: services.keys.change(id, apply, request_id))
    return await _key_json(key, services)


@api.delete("/{id}", response_model=KeyInfo)
async def revoke(id: Id, services: ServicesDep, request_id: RequestId) -> Any:
    """Revoke a key permanently: on this server at once, on every other within five seconds.

    Revoking a revoked key changes nothing.
    """
    key = await services.keys.get(id)
    if key.revoked is None:
        key = await _retry_conflicts(lambda: services.keys.revoke(id, request_id))
    return await _key_json(key, services)


@api.post("/{id}/rotate", response_model=IssuedKey, openapi_extra=body_schema(RotateBody))
async def rotate(
    id: Id,
    rotation: Annotated[RotateBody, Depends(parse_body(RotateBody))],
    services: ServicesDep,
    request_id: RequestId,
) -> Any:
    """Create a new token with the same limits and usage. The old token remains valid for `grace_seconds`."""
    await _require_not_revoked(id, services)
    issued = await services.keys.rotate(id, rotation.grace_seconds, request_id)
    return {"key": issued.token, **await _key_json(issued.key, services)}


@api.post("/{id}/credits", response_model=KeyInfo, openapi_extra=body_schema(CreditBody))
async def credit(
    id: Id,
    addition: Annotated[CreditBody, Depends(parse_body(CreditBody))],
    services: ServicesDep,
    request_id: RequestId,
) -> Any:
    """Add credits. A key without credits has no such limit; after this request it has one."""
    await _require_not_revoked(id, services)
    amount, reason = Nanos(addition.amount_usd), addition.reason
    key = await _retry_conflicts(lambda: services.keys.credit(id, amount, reason, request_id))
    return await _key_json(key, services)


async def _find_keys(query: KeyQuery, services: Services) -> tuple[list[VirtualKey], str | None]:
    """Return a page of matching keys and the next page's cursor, None at the end."""
    now, keys, after = services.clock.now(), list[VirtualKey](), query.cursor or ""
    has_more, scanned = True, 0
    while has_more and len(keys) <= query.limit and scanned < MAX_SCAN:
        page = await services.keys.page(after, READ_SIZE)
        for key in page:
            if query.matches(key, now):
                keys.append(key)
            if len(keys) > query.limit:
                break
            after = key.id
        scanned, has_more = scanned + len(page), len(page) == READ_SIZE
    cursor = encode_cursor(after) if has_more or len(keys) > query.limit else None
    return keys[: query.limit], cursor


async def _retry_conflicts(change: Callable[[], Awaitable[VirtualKey]]) -> VirtualKey:
    """Run a change that reads the key afresh; repeat it if another change was written in between."""
    for _ in range(MAX_TRIES - 1):
        try:
            return await change()
        except Conflict:
            continue
    return await change()


async def _require_not_revoked(id: str, services: Services) -> None:
    if (await services.keys.get(id)).revoked is not None:
        raise EditConflict("this key has been revoked: create a new key")


async def _key_json(key: VirtualKey, services: Services) -> dict[str, Any]:
    return (await _keys_json([key], services))[0]


async def _keys_json(keys: Sequence[VirtualKey], services: Services) -> list[dict[str, Any]]:
    """Return the JSON of KeyInfo for each key."""
    now = services.clock.now()
    accounts = await services.store.accounts(*(account(key.id) for key in keys)) if keys else ()
    return [
        {
            "id": key.id,
            "name": key.name,
            "masked": key.tokens[0].masked,
            "state": key.state(now),
            "created_at": format_time(key.created),
            "expires_at": format_time(key.expires),
            "revoked_at": format_time(key.revoked),
            "owner": key.owner,
            "metadata": dict(key.metadata),
            "allowed_models": None if key.models is None else list(key.models),
            "allowed_ips": list(key.ips) or None,
            "alert_marks": None if key.thresholds is None else list(key.thresholds),
            "unbounded_inputs": key.unbounded_inputs,
            "superseded": _replaced_tokens(key, now),
            **limits_json(key.limits),
            **account_status(each, key.limits, now),
        }
        for key, each in zip(keys, accounts, strict=True)
    ]


def _replaced_tokens(key: VirtualKey, now: float) -> list[dict[str, Any]]:
    """Return the replaced tokens that are still valid, newest first; none of an inactive key."""
    if key.state(now) != "active":
        return []
    return [
        {"masked": token.masked, "until": format_time(token.until)}
        for token in key.tokens
        if token.until is not None and token.until > now
    ]
