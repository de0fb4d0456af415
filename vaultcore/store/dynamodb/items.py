"""How documents and accounts are items of a DynamoDB table, and how they are read from it.

A document is at (`D#shelf`, `-entry`): `body` is JSON; what was added is in attributes of its own (`n_…`),
for DynamoDB adds to numbers itself, and `added` tells that there are such. `v` counts writings, `w` names the
last of them. `ends` is when it is over, `exp` the same in whole seconds: the table's TTL attribute.
An account is at (`A#name`, `-`), a number or text for each field, its leases in a map.
"""

from __future__ import annotations

import json
from dataclasses import fields
from decimal import Decimal
from math import ceil

from vaultcore.limits.account import Account, Lease
from vaultcore.store.base import Document, Name
from vaultcore.wire import Json

SUM = "n_"
_ACCOUNT = tuple((each.name, each.type) for each in fields(Account) if each.name != "leases")
NUMBERS = tuple(name for name, kind in _ACCOUNT if kind == "int")
_TEXTS = tuple(name for name, kind in _ACCOUNT if kind == "str")


def text(value: str) -> Json:
    return {"S": value}


def number(value: float) -> Json:
    return {"N": repr(value)}


def document_key(name: Name) -> Json:
    return {"pk": {"S": f"D#{name.shelf}"}, "sk": {"S": f"-{name.entry}"}}


def account_key(name: str) -> Json:
    return {"pk": {"S": f"A#{name}"}, "sk": {"S": "-"}}


def entry_of(item: Json) -> str:
    return str(item["sk"]["S"])[1:]


def over(item: Json, now: float) -> bool:
    """Whether an item's time is over: it counts as absent then, until DynamoDB removes it."""
    return "ends" in item and float(item["ends"]["N"]) <= now


def put_item(name: Name, body: Json, version: int, expires: float | None, mark: str) -> Json:
    """A document that was put, whole."""
    item = {**document_key(name), "body": text(packed(body)), "v": number(version), "w": text(mark)}
    return item | ending(expires) if expires is not None else item


def ending(expires: float) -> Json:
    """The attributes that say when a document is over."""
    return {"ends": number(expires), "exp": number(ceil(expires))}


def packed(body: Json) -> str:
    return json.dumps(body, separators=(",", ":"))


def document_of(name: Name, item: Json, now: float) -> Document | None:
    if not item or over(item, now):
        return None
    body: Json = json.loads(item["body"]["S"]) if "body" in item else {}
    if "added" in item:
        for attribute, value in item.items():
            if attribute.startswith(SUM):
                field = attribute[len(SUM) :]
                body[field] = body.get(field, 0) + _whole(value["N"])
    expires = float(item["ends"]["N"]) if "ends" in item else None
    return Document(name, body, _whole(item["v"]["N"]), expires)


def account_item(name: str, account: Account) -> Json:
    item = account_key(name)
    for field in NUMBERS:
        item[field] = {"N": str(getattr(account, field))}
    for field in _TEXTS:
        item[field] = {"S": getattr(account, field)}
    item["leases"] = {"M": {name: {"S": lease_text(lease)} for name, lease in account.leases.items()}}
    return item


def account_of(item: Json) -> Account:
    """The account of an item; a new one of none."""
    if not item:
        return Account()
    numbers: Json = {field: _whole(item[field]["N"]) for field in NUMBERS if field in item}
    texts = {field: item[field]["S"] for field in _TEXTS if field in item}
    leases = {name: _lease_of(told["S"]) for name, told in item["leases"]["M"].items()}
    return Account(**{**numbers, **texts, "leases": leases})


def lease_text(lease: Lease) -> str:
    """As short as it gets: every request in flight makes its accounts' items longer."""
    return f"{float(lease.at)!r} {float(lease.until)!r} {lease.tokens} {lease.minute} {lease.nanos}"


def _lease_of(told: str) -> Lease:
    at, until, tokens, minute, nanos = told.split()
    return Lease(float(at), float(until), int(tokens), int(minute), int(nanos))


def _whole(told: str) -> int:
    try:
        return int(told)
    except ValueError:
        return int(Decimal(told))  # DynamoDB may write a long number with an exponent
