"""Admitting and settling over DynamoDB: what is tried first, and what is made of what it then shows.

There is no read before a write. What an account looked like last is remembered, a write asserts what it
depends on, and where that was wrong DynamoDB shows the item as it is. A refusal is only told of what was
read for this very request, or remembered for a second (see `dynamo_sight`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from secrets import token_hex

from vaultcore.aws.dynamo import Action, Busy, ConditionsFailed, Table
from vaultcore.clock import Clock
from vaultcore.governance.account import Account, Lease, reserve, settle
from vaultcore.governance.reservation import Level, Refused, Reservation
from vaultcore.store.arithmetic import reserved, settled
from vaultcore.store.base import ABSENT, Settled, Settlement
from vaultcore.store.dynamo_admission import RETURNED, admitted, created, overdue, returned
from vaultcore.store.dynamo_documents import Writing
from vaultcore.store.dynamo_items import account_key, account_of
from vaultcore.store.dynamo_settlement import charged, guessed
from vaultcore.store.dynamo_sight import Seen, Sight
from vaultcore.store.dynamo_turns import Turns
from vaultcore.wire import Json

NOBODY = Seen(Account(), exists=False)


class Accounts:
    """The accounts of a table. An item has 400 KB: about 4,000 requests in flight."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table, self._clock = table, clock
        self._sight = Sight()

    async def look(self, names: Sequence[str]) -> list[Seen]:
        """Accounts as they are now."""
        if not names:
            return []
        asked = list(dict.fromkeys(names))
        items = await self._table.get([account_key(name) for name in asked])
        shown = {name: self._shown(name, item) for name, item in zip(asked, items, strict=True)}
        return [shown[name] for name in names]

    async def admit(self, reservation: Reservation) -> list[Account]:
        """See `Store`."""
        names = [level.account for level in reservation.levels]
        if not names:
            return []
        await self._sight.others([name for name in names if self._sight.known(name) is None])
        unknown = [name for name in names if self._sight.known(name) is None]
        with self._sight.look(unknown):
            return await self._admit(reservation, names, unknown)

    async def settle(self, settlement: Settlement) -> Settled:
        """See `Store`."""
        names = [level.account for level in settlement.levels]
        guess = Seen(guessed(settlement))
        seen = [self._sight.known(name) or guess for name in names]
        writing, turns = Writing((), self._clock.now(), token_hex(6)), Turns(self._clock)
        record = replace(settlement.record, version=ABSENT)
        while True:
            after, crossed = settled(settlement, [each.account for each in seen])
            alerts = [settlement.alert(each) for each in crossed] if settlement.alert else []
            writing.writes = (record, *settlement.adds, *alerts)
            actions = [
                charged(level, each.account, settlement) if each.exists else created(level.account, account)
                for level, each, account in zip(settlement.levels, seen, after, strict=True)
            ]
            try:
                await self._table.write(*actions, *writing.actions())
            except ConditionsFailed as refused:
                first = len(names)
                shown = {index - first: item for index, item in refused.failed.items() if index >= first}
                if 0 in shown and not writing.left(shown[0]):
                    return Settled(fresh=False)
                if 0 in shown:
                    break
                if not self._correct(seen, names, refused.failed):
                    writing.made(shown)  # which of marks may be wrong where accounts were
                await turns.another()
            except Busy:
                await turns.another(busy=True)
            else:
                break
        self._charge(settlement, names)
        return Settled(fresh=True, crossings=crossed)

    async def sweep(self, names: Sequence[str]) -> int:
        """See `Store`."""
        swept = 0
        for name, shown in zip(names, await self.look(names), strict=True):
            seen, turns = shown, Turns(self._clock)
            while ended := overdue(seen.account, self._clock.now()):
                seen, given = await self._give_back(name, seen, ended, turns)
                swept += given
        return swept

    async def _admit(
        self, reservation: Reservation, names: Sequence[str], unknown: list[str]
    ) -> list[Account]:
        seen = [self._sight.known(name) or NOBODY for name in names]
        turns = Turns(self._clock)
        while True:
            try:
                after = reserved(reservation, [each.account for each in seen])
            except Refused as refused:
                if self._refuses(refused, seen[names.index(refused.level.account)]):
                    raise
                seen = await self._doubt(names, refused.level.account, unknown)
                continue
            if any(reservation.id in each.account.leases for each in seen):
                if all(each.fresh for each in seen):
                    return after
                seen = await self.look(names)
                continue
            if await self._cleared(reservation, seen, turns):
                continue
            try:
                item = await self._table.write(*_actions(reservation, seen, after))
            except ConditionsFailed as wrong:
                self._correct(seen, names, wrong.failed)
                await turns.another()
            except Busy:
                await turns.another(busy=True)
            else:
                return self._reserved(reservation, seen, after, item)

    async def _cleared(self, reservation: Reservation, seen: list[Seen], turns: Turns) -> bool:
        """Give back what an admission cannot take with it, where there is so much of it."""
        for index, level in enumerate(reservation.levels):
            ended = overdue(seen[index].account, reservation.lease.at)
            if len(ended) == RETURNED:
                seen[index], _ = await self._give_back(level.account, seen[index], ended, turns)
                return True
        return False

    async def _give_back(
        self, name: str, seen: Seen, ended: Mapping[str, Lease], turns: Turns
    ) -> tuple[Seen, int]:
        """The account without these leases, and how many of them this gave back."""
        try:
            item = await self._table.write(returned(name, seen.account, ended))
        except ConditionsFailed as wrong:
            await turns.another()
            return self._shown(name, wrong.failed[0]), 0
        except Busy:
            await turns.another(busy=True)
            return seen, 0
        self._sight.changed(name)
        return self._shown(name, item), len(ended)

    async def _doubt(self, names: Sequence[str], account: str, unknown: list[str]) -> list[Seen]:
        """Look at accounts, one of which seems to be at a limit, or see what another request sees there."""
        if account not in unknown and await self._sight.others([account]):
            unknown.append(account)  # wait for others once
            return [self._sight.known(name) or NOBODY for name in names]
        with self._sight.look([account]):
            return await self.look(names)

    def _refuses(self, refused: Refused, seen: Seen) -> bool:
        """Whether a refusal may be told: of what was just read, or by what is remembered."""
        now = self._clock.now()
        if seen.fresh:
            self._sight.refuse(refused, now)
        return seen.fresh or self._sight.refuses(refused, now)

    def _reserved(
        self, reservation: Reservation, seen: Sequence[Seen], after: Sequence[Account], item: Json
    ) -> list[Account]:
        """The accounts with a reservation that was made; `item` is that of an update that was alone."""
        told: list[Account] = []
        for level, each, made in zip(reservation.levels, seen, after, strict=True):
            known = self._sight.known(level.account) or each  # which others may have moved on meanwhile
            account = _with(known.account, level, reservation) if each.exists else made
            told.append(account_of(item) if item else account)
            self._sight.keep(level.account, told[-1])
        return told

    def _charge(self, settlement: Settlement, names: Sequence[str]) -> None:
        """See what a settlement must have made of the accounts."""
        for name in names:
            known = self._sight.known(name)
            if known is not None and settlement.id in known.account.leases:
                account = settle(known.account, settlement.id, settlement.lease, settlement.spent)
                self._sight.keep(name, account)
            self._sight.changed(name)

    def _shown(self, name: str, item: Json) -> Seen:
        return self._sight.show(name, account_of(item), exists=bool(item))

    def _correct(self, seen: list[Seen], names: Sequence[str], items: Mapping[int, Json]) -> bool:
        """Have what DynamoDB has shown of accounts in place of what was thought of them, if it has."""
        wrong = [index for index in range(len(names)) if index in items]
        for index in wrong:
            seen[index] = self._shown(names[index], items[index])
        return bool(wrong)


def _actions(reservation: Reservation, seen: Sequence[Seen], after: Sequence[Account]) -> list[Action]:
    return [
        admitted(level, each.account, account, reservation.id, reservation.lease)
        if each.exists
        else created(level.account, account)
        for level, each, account in zip(reservation.levels, seen, after, strict=True)
    ]


def _with(account: Account, level: Level, reservation: Reservation) -> Account:
    """An account with a reservation that it is known to hold."""
    if reservation.id in account.leases:
        return account
    made = reserve(account, level.limits, reservation.id, reservation.lease, enforced=False)
    return made if isinstance(made, Account) else account
