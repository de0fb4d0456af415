"""`/admin/keys`: virtual keys, from making to revocation. A key is shown once, when it is made."""

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
from vaultcore.limits.virtual_key import VirtualKey
from vaultcore.money import Nanos
from vaultcore.services import Services
from vaultcore.store.base import Conflict
from vaultcore.web.admin.validation import EditConflict, ServicesDep, QueryParameters, RequestId, RequestBody, body, parse_body
from vaultcore.web.admin.fields import Marks, Metadata, Models, Money, Networks, Text, Time, format_time, thresholds_of
from vaultcore.web.admin.limit_fields import LimitValues, LimitFields, AccountStatus, account_status
from vaultcore.web.admin.cursors import Cursor, encode_cursor
from vaultcore.web.limit_json import limits_json

GRACE = 604_800  # seconds: a week
SEEN = 1_000  # keys that one page looks at
TRIES = 5

_ID = re.compile(r"key_[0-9a-f]{1,64}", re.ASCII)

api = APIRouter(prefix="/keys", tags=["keys"])


class KeyFields(LimitFields):
    """What a key may be told to be."""

    name: Text = ""
    allowed_models: Models | None = Field(
        None, description="names, provider/model, provider/*; null: every one"
    )
    allowed_ips: Networks | None = Field(None, description="networks it may be used from; null: everywhere")
    expires_at: Time | None = None
    owner: Text | None = Field(None, description="whose keys can have limits together")
    metadata: Metadata | None = Field(None, description="up to 16 pairs of short texts")
    alert_marks: Marks | None = Field(
        None, description="per cent of its lasting limits that there are alerts at; null: the gateway's"
    )

    def edited(self, key: VirtualKey, now: float) -> VirtualKey:
        """The key with what was sent in its place. Raises InvalidRequest for an end that is past."""
        sent = self.model_fields_set
        if "expires_at" in sent and self.expires_at is not None and self.expires_at <= now:
            raise InvalidRequest("expires_at: must be in the future", param="expires_at")
        return replace(
            key,
            limits=self.over(key.limits),
            name=self.name if "name" in sent else key.name,
            models=self.allowed_models if "allowed_models" in sent else key.models,
            ips=tuple(self.allowed_ips or ()) if "allowed_ips" in sent else key.ips,
            expires=self.expires_at if "expires_at" in sent else key.expires,
            owner=self.owner if "owner" in sent else key.owner,
            metadata=self.metadata or {} if "metadata" in sent else key.metadata,
            thresholds=thresholds_of(self.alert_marks) if "alert_marks" in sent else key.thresholds,
        )


class NewKey(KeyFields):
    """A key to make."""

    name: Text
    rate_limit_rpm: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = Field(
        DEFAULT_RPM, description="requests per minute; null: as many as there are"
    )


class RotateBody(RequestBody):
    """What becomes of the old key."""

    grace_seconds: Annotated[int, Field(ge=0, le=GRACE)] = Field(0, description="how long it stays good")


class CreditBody(RequestBody):
    """Money to add to what a key may use in all."""

    amount_usd: Money
    reason: Text | None = Field(None, description="for the audit")


class ReplacedToken(BaseModel):
    """A text of a key from before a rotation, while it is still good."""

    masked: str
    until: str


class KeyDescription(BaseModel):
    """What a key is."""

    id: str
    name: str
    masked: str = Field(description="as much of the key as tells it apart")
    state: Literal["active", "revoked", "expired"]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    owner: str | None
    metadata: dict[str, str]
    allowed_models: list[str] | None
    allowed_ips: list[str] | None
    alert_marks: list[int] | None
    superseded: list[ReplacedToken] = Field(description="what a rotation has replaced, and is still good")


class KeyInfo(AccountStatus, LimitValues, KeyDescription):
    """A key: never what its holder sends."""


class IssuedKey(KeyInfo):
    """A key with the text that its holder sends, which is shown this once."""

    key: str


class KeyPage(BaseModel):
    """A page of keys, by their ids."""

    data: list[KeyInfo]
    next_cursor: str | None = Field(description="send it as `cursor` for the next page")


class KeyQuery(QueryParameters):
    """Which keys to list."""

    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Cursor | None = None
    owner: str | None = Field(None, max_length=128)
    state: Literal["active", "revoked", "expired"] | None = None

    def picks(self, key: VirtualKey, now: float) -> bool:
        return self.owner in {None, key.owner} and self.state in {None, key.state(now)}


async def known(id: Annotated[str, Path(description="as it was answered: key_…")]) -> str:
    """An id as ours are: another text is told to nobody, as it may be a key."""
    if not _ID.fullmatch(id):
        raise NotFound("no key has this id", param="id")
    return id


Id = Annotated[str, Depends(known)]


@api.post("", status_code=201, response_model=IssuedKey, openapi_extra=body(NewKey))
async def create(draft: Annotated[NewKey, Depends(parse_body(NewKey))], here: ServicesDep, request: RequestId) -> Any:
    """Make a key. The answer holds it under `key`, this once."""
    blank = VirtualKey("", "", 0.0, (), Limits(rpm=DEFAULT_RPM))
    issued = await here.keys.create(draft.edited(blank, here.clock.now()), request)
    return {"key": issued.token, **await _one(issued.key, here)}


@api.get("", response_model=KeyPage)
async def index(which: Annotated[KeyQuery, Query()], here: ServicesDep) -> Any:
    """List the keys, revoked ones too, with what they have used."""
    now, found, after = here.clock.now(), list[VirtualKey](), which.cursor or ""
    more, looked = True, 0
    while more and len(found) <= which.limit and looked < SEEN:
        page = await here.keys.page(after, 100)
        for key in page:
            if which.picks(key, now):
                found.append(key)
            if len(found) > which.limit:
                break
            after = key.id
        looked, more = looked + len(page), len(page) == 100
    following = encode_cursor(after) if more or len(found) > which.limit else None
    return {"data": await _shown(found[: which.limit], here), "next_cursor": following}


@api.get("/{id}", response_model=KeyInfo)
async def show(id: Id, here: ServicesDep) -> Any:
    """One key, its limits, and what it has used."""
    return await _one(await here.keys.get(id), here)


@api.patch("/{id}", response_model=KeyInfo, openapi_extra=body(KeyFields))
async def update(
    id: Id, patch: Annotated[KeyFields, Depends(parse_body(KeyFields))], here: ServicesDep, request: RequestId
) -> Any:
    """Change what is sent and nothing else; null takes a limit away. In force everywhere in five seconds."""
    if not patch.model_fields_set:
        return await _one(await here.keys.get(id), here)
    now = here.clock.now()
    return await _one(
        await _insist(lambda: here.keys.change(id, lambda key: patch.edited(key, now), request)), here
    )


@api.delete("/{id}", response_model=KeyInfo)
async def revoke(id: Id, here: ServicesDep, request: RequestId) -> Any:
    """Revoke a key for good: here at once, everywhere within five seconds. A second time changes nothing."""
    key = await here.keys.get(id)
    if key.revoked is None:
        key = await _insist(lambda: here.keys.revoke(id, request))
    return await _one(key, here)


@api.post("/{id}/rotate", response_model=IssuedKey, openapi_extra=body(RotateBody))
async def rotate(
    id: Id, rotation: Annotated[RotateBody, Depends(parse_body(RotateBody))], here: ServicesDep, request: RequestId
) -> Any:
    """Give a key's holder another one with the same limits and use; the old one stays good for a while."""
    await _live(id, here)
    issued = await here.keys.rotate(id, rotation.grace_seconds, request)
    return {"key": issued.token, **await _one(issued.key, here)}


@api.post("/{id}/credits", response_model=KeyInfo, openapi_extra=body(CreditBody))
async def credit(
    id: Id, added: Annotated[CreditBody, Depends(parse_body(CreditBody))], here: ServicesDep, request: RequestId
) -> Any:
    """Add prepaid money. A key without credits has had no such limit, and has one from then on."""
    await _live(id, here)
    amount = Nanos(added.amount_usd)
    return await _one(await _insist(lambda: here.keys.credit(id, amount, added.reason, request)), here)


async def _insist(change: Callable[[], Awaitable[VirtualKey]]) -> VirtualKey:
    """A change that does not mind what others change meanwhile, begun anew where they were first."""
    for _ in range(TRIES - 1):
        try:
            return await change()
        except Conflict:
            continue
    return await change()


async def _live(id: str, here: Services) -> None:
    if (await here.keys.get(id)).revoked is not None:
        raise EditConflict("this key has been revoked: make another one")


async def _one(key: VirtualKey, here: Services) -> dict[str, Any]:
    return (await _shown([key], here))[0]


async def _shown(keys: Sequence[VirtualKey], here: Services) -> list[dict[str, Any]]:
    """Keys as they may be seen, each with its account."""
    now = here.clock.now()
    accounts = await here.store.accounts(*(account(key.id) for key in keys)) if keys else ()
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
            "superseded": _superseded(key, now),
            **limits_json(key.limits),
            **account_status(used, key.limits, now),
        }
        for key, used in zip(keys, accounts, strict=True)
    ]


def _superseded(key: VirtualKey, now: float) -> list[dict[str, Any]]:
    """The newest first. Of a key that is good no longer there is none."""
    if key.state(now) != "active":
        return []
    return [
        {"masked": encode_cursor.masked, "until": format_time(encode_cursor.until)}
        for encode_cursor in key.tokens
        if encode_cursor.until is not None and encode_cursor.until > now
    ]
