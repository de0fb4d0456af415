"""One request on its way in: what is tried, and what is made of what DynamoDB then shows.

A refusal is only told of what was read for this very request, or remembered for a second: see `Sight`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

from vaultcore.aws.dynamo import Action, Busy, ConditionsFailed
from vaultcore.limits.account import Account, reserve
from vaultcore.limits.reservation import Level, Refused, Reservation
from vaultcore.store.arithmetic import reserved
from vaultcore.store.dynamo_turns import Turns
from vaultcore.store.dynamodb.account_cache import Seen
from vaultcore.store.dynamodb.accounts import NOBODY, Accounts
from vaultcore.store.dynamodb.items import account_of
from vaultcore.store.dynamodb.reserve_expressions import RETURNED, admitted, created, overdue
from vaultcore.wire import Json


async def admit(accounts: Accounts, reservation: Reservation) -> list[Account]:
    """See `Store`."""
    names = [level.account for level in reservation.levels]
    if not names:
        return []
    await accounts.sight.others([name for name in names if accounts.sight.known(name) is None])
    unknown = [name for name in names if accounts.sight.known(name) is None]
    async with AsyncExitStack() as lane:
        lane.enter_context(accounts.sight.look(unknown))
        return await _Admitting(accounts, reservation, names, unknown, lane).run()


class _Admitting:
    def __init__(
        self,
        accounts: Accounts,
        reservation: Reservation,
        names: Sequence[str],
        awaited: Sequence[str],
        lane: AsyncExitStack,
    ) -> None:
        self._accounts, self._reservation, self._names = accounts, reservation, names
        self._awaited = set(awaited)  # for whom others are not waited for, be it because they wait for us
        self._lane = lane
        self._alone = False
        self._seen = self._known()
        self._turns = Turns(accounts.clock)

    async def run(self) -> list[Account]:
        """The accounts with the reservation. Raises Refused."""
        crowded = len(self._names) > 1  # an update that is alone gets in nobody's way; transactions do
        while True:
            try:
                after = reserved(self._reservation, [each.account for each in self._seen])
            except Refused as refused:
                await self._doubt(refused)
                continue
            if any(self._reservation.id in each.account.leases for each in self._seen):
                if all(each.fresh for each in self._seen):
                    return after
                self._seen = await self._accounts.look(self._names)
                continue
            if await self._cleared() or (crowded and await self._entered()):
                continue
            try:
                item = await self._accounts.table.write(*self._actions(after))
            except ConditionsFailed as wrong:
                self._accounts.correct(self._seen, self._names, wrong.failed)
                await self._turns.another()
            except Busy:
                crowded = True
                await self._turns.another(busy=True)
            else:
                return self._told(after, item)

    async def _doubt(self, refused: Refused) -> None:
        """Tell a refusal, or look whether it is one; or see what another request sees there meanwhile."""
        account, sight, now = refused.level.account, self._accounts.sight, self._accounts.clock.now()
        if self._seen[self._names.index(account)].fresh:
            sight.refuse(refused, now)
            raise refused
        if sight.refuses(refused, now):
            raise refused
        if not (self._alone or account in self._awaited) and await sight.others([account]):
            self._awaited.add(account)
            self._seen = self._known()
            return
        with sight.look([account]):
            self._seen = await self._accounts.look(self._names)

    async def _entered(self) -> bool:
        """Have the accounts for this request alone; False where it has them already."""
        if self._alone:
            return False
        self._alone = True
        await self._lane.enter_async_context(self._accounts.lanes.alone(self._names))
        self._seen = self._known()
        return True

    async def _cleared(self) -> bool:
        """Give back what an admission cannot take with it, where there is so much of it."""
        for index, (name, seen) in enumerate(zip(self._names, self._seen, strict=True)):
            ended = overdue(seen.account, self._reservation.lease.at)
            if len(ended) == RETURNED:
                self._seen[index], _ = await self._accounts.give_back(name, seen, ended, self._turns)
                return True
        return False

    def _actions(self, after: Sequence[Account]) -> list[Action]:
        asked = self._reservation
        return [
            admitted(level, seen.account, account, asked.id, asked.lease)
            if seen.exists
            else created(level.account, account)
            for level, seen, account in zip(asked.levels, self._seen, after, strict=True)
        ]

    def _told(self, after: Sequence[Account], item: Json) -> list[Account]:
        """The accounts with a reservation that was made; `item` is that of an update that was alone."""
        told: list[Account] = []
        for level, seen, made in zip(self._reservation.levels, self._seen, after, strict=True):
            known = self._accounts.known(level.account, seen)  # which others may have moved on meanwhile
            account = _with(known.account, level, self._reservation) if seen.exists else made
            told.append(account_of(item) if item else account)
            self._accounts.sight.keep(level.account, told[-1])
        return told

    def _known(self) -> list[Seen]:
        return [self._accounts.known(name, NOBODY) for name in self._names]


def _with(account: Account, level: Level, reservation: Reservation) -> Account:
    """An account with a reservation that it is known to hold."""
    if reservation.id in account.leases:
        return account
    made = reserve(account, level.limits, reservation.id, reservation.lease, enforced=False)
    return made if isinstance(made, Account) else account
