"""Accounts of versions before 0.3: read once when the new item is created, and again while both versions run.

A version before 0.3 does not see the new item. During a canary deployment each version therefore counts its
own requests; a sweep adds what the older version has settled in the meantime.
"""

from __future__ import annotations

import json
from math import inf

from vaultcore.aws.dynamodb import ConditionsFailed, DynamoDBBusy, DynamoDBTable, WriteAction
from vaultcore.limits.account import Account
from vaultcore.store.dynamodb.account_item import AccountItem, previous_key
from vaultcore.store.dynamodb.account_updates import AccountUpdate
from vaultcore.store.dynamodb.items import parse_int, text
from vaultcore.store.dynamodb.update_expression import UpdateExpression
from vaultcore.store.previous_account import parse_previous
from vaultcore.wire import Json

TOTALS = ("tokens", "nanos", "settled", "prompt", "completion")  # settled use, which only grows
IMPORTED = "i"  # attribute of the previous item: the totals that the new item contains


def parse_previous_item(item: Json, now: float = inf) -> Account:
    """Return the account of a previous item at `now`; a new one if the item is empty."""
    packed: Json = {name: each["S"] for name, each in item.items() if "S" in each}
    packed |= {name: parse_int(each["N"]) for name, each in item.items() if "N" in each}
    packed["leases"] = {
        key: [float(part) if n < 2 else int(part) for n, part in enumerate(each["S"].split())]
        for key, each in item.get("leases", {"M": {}})["M"].items()
    }
    return parse_previous(packed, now)


def mark_imported(name: str, account: Account, item: Json) -> WriteAction:
    """Return the update of a previous item that states which totals the new item contains."""
    update = UpdateExpression(previous_key(name))
    if IMPORTED in item:
        update.require_that(f"{IMPORTED} = {update.value(item[IMPORTED])}")
    else:
        update.require_that(f"attribute_not_exists({IMPORTED})")
    update.set(IMPORTED, text(json.dumps([getattr(account, each) for each in TOTALS])))
    return update.action()


async def import_later_use(table: DynamoDBTable, name: str, current: AccountItem, item: Json) -> bool:
    """Add what an older version has settled since the import. Return False if there is nothing to add."""
    if IMPORTED not in item:
        return False
    previous, imported = parse_previous_item(item), json.loads(item[IMPORTED]["S"])
    amounts = {each: getattr(previous, each) - before for each, before in zip(TOTALS, imported, strict=True)}
    if not any(amounts.values()):
        return False
    amounts |= {"tokens_held": amounts["tokens"], "nanos_held": amounts["nanos"]}
    if previous.day == current.account.day:
        amounts |= {"day_nanos": amounts["nanos"], "day_held": amounts["nanos"]}
    if previous.month == current.account.month:
        amounts |= {"month_nanos": amounts["nanos"], "month_held": amounts["nanos"]}
    try:
        await table.write(
            AccountUpdate(name, current, "").add_usage(**amounts), mark_imported(name, previous, item)
        )
    except (ConditionsFailed, DynamoDBBusy):
        return False  # another process has added it, or the next sweep does
    return True
