"""A shelf's entries, page by page."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from vaultcore.aws.dynamo import Table
from vaultcore.store.base import Name
from vaultcore.store.dynamodb.items import document_key, text
from vaultcore.store.dynamodb.update_expression import UpdateExpression
from vaultcore.wire import Json

LATER = 100  # entries looked at for each further page


@dataclass(frozen=True, slots=True)
class Between:
    """Part of a shelf. The ends are exclusive; an `after` of "" is none."""

    shelf: str
    after: str
    before: str | None
    newest_first: bool

    @property
    def empty(self) -> bool:
        return self.before is not None and bool(self.after) and self.before <= self.after

    def asked(self, now: float) -> Json:
        """What a query has to say, but for how much."""
        first, last = (document_key(Name(self.shelf, end or "")) for end in (self.after, self.before))
        change = UpdateExpression({})
        condition = f"pk = {change.value(first['pk'])}"
        if self.after and self.before is not None:  # a key has one condition, and BETWEEN includes its ends
            condition += f" AND sk BETWEEN {change.value(first['sk'])} AND {change.value(last['sk'])}"
        elif self.after:
            condition += f" AND sk > {change.value(first['sk'])}"
        elif self.before is not None:
            condition += f" AND sk < {change.value(last['sk'])}"
        change.want_that(f"attribute_not_exists(ends) OR ends > {change.value(now)}")
        asked = change.condition()
        asked["FilterExpression"] = asked.pop("ConditionExpression")
        return {**asked, "KeyConditionExpression": condition, "ScanIndexForward": not self.newest_first}

    def has(self, item: Json) -> bool:
        """Whether an item of the answer is no end."""
        return item["sk"] not in [text(f"-{end}") for end in (self.after, self.before) if end]


async def pages(table: Table, between: Between, limit: int, now: float) -> AsyncGenerator[list[Json], None]:
    """Items until there are no more; `limit` is how many are expected to be wanted."""
    asked = {**between.asked(now), "Limit": limit + 2}  # the two ends may be among them
    while not between.empty:
        items, last = await table.query(asked)
        yield [item for item in items if between.has(item)]
        if last is None:
            return
        asked |= {"ExclusiveStartKey": last, "Limit": max(limit + 2, LATER)}
