"""Limits are exact for concurrent requests from several processes: not one more is admitted, not one less."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from tests.sizes import times
from tests.store.conftest import OpenStore
from tests.store.store_request import NOON
from tests.store.workers import Workers
from vaultcore.store.base import Store

pytestmark = pytest.mark.anyio
CLIENTS, CROWDS = 200, 3
SEEDS = {"memory": times(20, 200), "sqlite": times(20, 200), "dynamo": times(2, 20)}

RequestTuple = tuple[str, int, int, int]  # id, tokens, tokens a minute, nano-dollars


def command(
    do: str, account: str, limits: dict[str, int], requests: Sequence[RequestTuple], **more: Any
) -> dict[str, Any]:
    return {
        "do": do,
        "at": NOON,
        "levels": [[account, limits]],
        "collection": f"log/{account}",
        "asked": requests,
        **more,
    }


async def run_together(
    workers: Workers, do: str, requests: Sequence[RequestTuple], *common: Any, **more: Any
) -> set[str]:
    """Run a command for many requests, each by one worker, or with `by_all` by every worker."""
    shares = [requests if more.get("by_all") else requests[n :: workers.size] for n in range(workers.size)]
    answers = await workers.run_all([command(do, *common, share, **more) for share in shares])
    named = [name for answer in answers for name in answer]
    assert len(named) == len(set(named)) or do == "settle"  # two processes may each charge one level
    return set(named)


async def test_sixty_of_two_hundred(workers: Workers, store: Store) -> None:
    """Of 200 concurrent clients, exactly as many are admitted as the limit allows, and no later one."""
    requests = [(f"{n}", 1_000, 1_000, 1_000) for n in range(CLIENTS)]
    later = [(f"again {n}", 1, 1_000, 1_000) for n in range(40)]
    for name, most in (("rpm", 60), ("tpm", 60_999), ("parallel", 60), ("day", 60_999)):
        account, limits = f"key:{name}", {name: most}

        admitted = await run_together(workers, "reserve", requests, account, limits)
        again = await run_together(workers, "reserve", later, account, limits)

        assert (len(admitted), len(again)) == (60, 0), name
        (one,) = await store.accounts(account)
        assert (one.in_flight, one.nanos_held) == (60, 60_000), name
        assert one.requests == (60 if name == "rpm" else 0)
        assert one.minute == (60_000 if name == "tpm" else 0)


async def test_the_same_settlements_from_everywhere(workers: Workers, store: Store) -> None:
    """Requests that every process settles are charged and recorded once."""
    requests = [(f"{n}", 10, 10, 10) for n in range(20)]
    used = {name: [3, 4, 5] for name, *_ in requests}

    assert len(await run_together(workers, "reserve", requests, "key:one", {"rpm": 20})) == 20
    fresh = await run_together(workers, "settle", requests, "key:one", {"rpm": 20}, used=used, by_all=True)

    assert len(fresh) == 20
    (one,) = await store.accounts("key:one")
    assert (one.requests, one.settled, one.tokens_held, one.nanos_held) == (20, 20, 140, 100)
    assert len(await store.query("log/key:one")) == 20


class Trial:
    """Two hundred requests of random size, for an account that cannot admit all of them."""

    def __init__(self, seed: int) -> None:
        chance = Random(seed)
        self.account = f"key:{seed}"
        even = seed % 2 == 0  # all alike, so that it is known how many fit
        tokens, nanos = chance.randint(1, 100), chance.randint(1, 1_000)
        self.requests: list[RequestTuple] = [
            (
                f"{n}",
                tokens if even else chance.randint(0, 100),
                0,
                nanos if even else chance.randint(0, 1_000),
            )
            for n in range(CLIENTS)
        ]
        self.limits = {
            "tokens": chance.randint(CLIENTS // 4, CLIENTS) * 50,
            "credits": chance.randint(CLIENTS // 4, CLIENTS) * 500,
        }
        self.fits = min(self.limits["tokens"] // tokens, self.limits["credits"] // nanos) if even else None
        self.produced = {name: self._answer(chance, request) for name, *request in self.requests}
        self.used = [0, 0]  # tokens and nano-dollars of those that are over

    @staticmethod
    def _answer(chance: Random, requests: Sequence[int]) -> list[int]:
        """Return the usage of a request, which is at most what it reserved."""
        tokens, _, nanos = requests
        prompt = chance.randint(0, tokens)
        return [prompt, chance.randint(0, tokens - prompt), chance.randint(0, nanos)]

    def check(self, requests: Sequence[RequestTuple], admitted: set[str]) -> None:
        """Assert that the admitted requests fit into the limits, and that none of the others would."""
        most = self.limits["tokens"], self.limits["credits"]
        totals = list(self.used)
        for name, tokens, _, nanos in requests:
            if name in admitted:
                totals = [totals[0] + tokens, totals[1] + nanos]
        assert totals[0] <= most[0]
        assert totals[1] <= most[1]
        for name, tokens, _, nanos in requests:
            assert name in admitted or totals[0] + tokens > most[0] or totals[1] + nanos > most[1]
        if self.fits is not None and not any(self.used):
            assert len(admitted) == min(self.fits, CLIENTS)

    async def run(self, workers: Workers) -> set[str]:
        """Run crowd after crowd, each into the room that the one before released. Return the admitted IDs."""
        waiting, finished = self.requests, set[str]()
        common = (self.account, self.limits)
        for crowd in range(CROWDS):
            at = NOON + 2 * crowd
            admitted = await run_together(workers, "reserve", waiting, *common, at=at)
            self.check(waiting, admitted)
            settled = [each for each in waiting if each[0] in admitted]
            assert (
                await run_together(workers, "settle", settled, *common, used=self.produced, at=at) == admitted
            )
            for name in admitted:
                prompt, completion, nanos = self.produced[name]
                self.used = [self.used[0] + prompt + completion, self.used[1] + nanos]
            waiting, finished = [each for each in waiting if each[0] not in admitted], finished | admitted
        return finished


async def read_records(store: Store, collection: str) -> dict[str, list[int]]:
    documents = await store.query(collection, limit=CLIENTS + 1)
    return {
        each.body["id"]: [each.body["prompt"], each.body["completion"], each.body["nanos"]]
        for each in documents
    }


@pytest.mark.repeated
async def test_limits_are_used_to_the_last_token(backend: OpenStore, workers: Workers) -> None:
    """No quota or credit is exceeded, no request that fits is refused, and all totals are correct."""
    for seed in range(SEEDS[backend.kind]):
        trial = Trial(seed)

        finished = await trial.run(workers)

        produced = {name: trial.produced[name] for name in finished}
        assert await read_records(backend.store, f"log/{trial.account}") == produced
        prompt, completion, nanos = (sum(each[n] for each in produced.values()) for n in range(3))
        (account,) = await backend.store.accounts(trial.account)
        assert (account.settled, account.prompt, account.completion) == (len(finished), prompt, completion)
        assert account.tokens == account.tokens_held == prompt + completion <= trial.limits["tokens"]
        assert account.nanos == account.nanos_held == nanos <= trial.limits["credits"]
        assert account.in_flight == 0
