"""Limits are exact however many ask at once, from several processes: not one more passes, not one less."""

from __future__ import annotations

import os
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from tests.store.conftest import Place
from tests.store.workers import Crew
from tests.store.traffic import NOON
from vaultcore.store.base import DocumentKey, Store

pytestmark = pytest.mark.anyio
CLIENTS, CROWDS = 200, 3
SEEDS = {"memory": 50, "sqlite": 50, "dynamo": 2}  # SEEDS=n in the environment: as many for each

Asked = tuple[str, int, int, int]  # id, tokens, tokens a minute, nano-dollars


def order(
    do: str, account: str, limits: dict[str, int], asked: Sequence[Asked], **more: Any
) -> dict[str, Any]:
    return {
        "do": do,
        "at": NOON,
        "levels": [[account, limits]],
        "shelf": f"log/{account}",
        "asked": asked,
        **more,
    }


async def together(crew: Crew, do: str, asked: Sequence[Asked], *told: Any, **more: Any) -> set[str]:
    """An order about many requests, each of which one member sees to, or with `by_all` every member."""
    shares = [asked if more.get("by_all") else asked[n :: crew.size] for n in range(crew.size)]
    answers = await crew.obey([order(do, *told, share, **more) for share in shares])
    named = [name for answer in answers for name in answer]
    assert len(named) == len(set(named)) or do == "reserve"
    return set(named)


@pytest.mark.parametrize("limits", [{"rpm": 60}, {"tpm": 60_999}, {"parallel": 60}, {"day": 60_999}])
async def test_sixty_of_two_hundred(crew: Crew, store: Store, limits: dict[str, int]) -> None:
    """Of 200 clients that come at once exactly as many pass as there is room for, and no later one does."""
    asked = [(f"{n}", 1_000, 1_000, 1_000) for n in range(CLIENTS)]

    passed = await together(crew, "reserve", asked, "key:one", limits)
    again = await together(
        crew, "reserve", [(f"again {n}", 1, 1_000, 1_000) for n in range(40)], "key:one", limits
    )

    assert (len(passed), len(again)) == (60, 0)
    (one,) = await store.accounts("key:one")
    assert set(one.leases) == passed
    assert (one.requests, one.minute, one.nanos_held) == (60, 60_000, 60_000)


async def test_the_same_requests_from_everywhere(crew: Crew, store: Store) -> None:
    """Requests that every process admits and settles are counted, charged and recorded once."""
    asked = [(f"{n}", 10, 10, 10) for n in range(20)]
    used = {name: [3, 4, 5] for name, *_ in asked}

    assert len(await together(crew, "reserve", asked, "key:one", {"rpm": 20}, by_all=True)) == 20
    fresh = await together(crew, "settle", asked, "key:one", {"rpm": 20}, used=used, by_all=True)

    assert len(fresh) == 20
    (one,) = await store.accounts("key:one")
    assert (one.requests, one.settled, one.tokens_held, one.nanos_held) == (20, 20, 140, 100)
    assert len(await store.query("log/key:one")) == 20


class Trial:
    """Two hundred requests with random needs, to an account that has not enough for all of them."""

    def __init__(self, seed: int) -> None:
        chance = Random(seed)
        self.account = f"key:{seed}"
        even = seed % 2 == 0  # all alike, so that it is known how many fit
        tokens, nanos = chance.randint(1, 100), chance.randint(1, 1_000)
        self.asked: list[Asked] = [
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
        self.produced = {name: self._answer(chance, asked) for name, *asked in self.asked}
        self.used = [0, 0]  # tokens and nano-dollars of those that are over

    @staticmethod
    def _answer(chance: Random, asked: Sequence[int]) -> list[int]:
        """What a provider makes of a request: never more than was asked."""
        tokens, _, nanos = asked
        prompt = chance.randint(0, tokens)
        return [prompt, chance.randint(0, tokens - prompt), chance.randint(0, nanos)]

    def check(self, asked: Sequence[Asked], passed: set[str]) -> None:
        """That those who passed fit beside what is used, and none of the others beside them."""
        most = self.limits["tokens"], self.limits["credits"]
        held = list(self.used)
        for name, tokens, _, nanos in asked:
            if name in passed:
                held = [held[0] + tokens, held[1] + nanos]
        assert held[0] <= most[0]
        assert held[1] <= most[1]
        for name, tokens, _, nanos in asked:
            assert name in passed or held[0] + tokens > most[0] or held[1] + nanos > most[1]
        if self.fits is not None and not any(self.used):
            assert len(passed) == min(self.fits, CLIENTS)

    async def run(self, crew: Crew) -> set[str]:
        """Crowd after crowd, each into the room that the one before it gave back; those who passed."""
        left, over = self.asked, set[str]()
        told = (self.account, self.limits)
        for crowd in range(CROWDS):
            at = NOON + 2 * crowd
            passed = await together(crew, "reserve", left, *told, at=at)
            self.check(left, passed)
            let_in = [each for each in left if each[0] in passed]
            assert await together(crew, "settle", let_in, *told, used=self.produced, at=at) == passed
            for name in passed:
                prompt, completion, nanos = self.produced[name]
                self.used = [self.used[0] + prompt + completion, self.used[1] + nanos]
            left, over = [each for each in left if each[0] not in passed], over | passed
        return over


async def recorded(store: Store, shelf: str) -> dict[str, list[int]]:
    found = await store.query(shelf, limit=CLIENTS + 1)
    return {
        each.key.id: [each.body["prompt"], each.body["completion"], each.body["nanos"]] for each in found
    }


async def test_what_is_left_is_used_to_the_last_token(place: Place, crew: Crew) -> None:
    """No quota and no credits are exceeded, nobody who fits is refused, every sum is what was produced."""
    for seed in range(int(os.environ.get("SEEDS", SEEDS[place.kind]))):
        trial = Trial(seed)

        over = await trial.run(crew)

        produced = {name: trial.produced[name] for name in over}
        assert await recorded(place.store, f"log/{trial.account}") == produced
        prompt, completion, nanos = (sum(each[n] for each in produced.values()) for n in range(3))
        (sums,) = await place.store.get(DocumentKey("sums", f"log/{trial.account}"))
        counted = {"requests": len(over), "prompt": prompt, "completion": completion, "nanos": nanos}
        assert sums is not None
        assert sums.body == counted
        (account,) = await place.store.accounts(trial.account)
        assert (account.settled, account.prompt, account.completion) == (len(over), prompt, completion)
        assert account.tokens == account.tokens_held == prompt + completion <= trial.limits["tokens"]
        assert account.nanos == account.nanos_held == nanos <= trial.limits["credits"]
        assert dict(account.leases) == {}
