"""With many keys, the order of candidates is the same as if all of them were sorted for each request."""

from __future__ import annotations

from random import Random

import pytest

from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.errors import Fault, UpstreamError
from vaultcore.routing.candidate import Candidate
from vaultcore.routing.candidate_list import EAGER
from vaultcore.routing.decision import Decision
from vaultcore.routing.health import Health
from vaultcore.routing.key_order import KeyOrder
from vaultcore.routing.plan import plan
from vaultcore.routing.quota import Quota, RemainingQuota
from vaultcore.vault.keyring import Credential, Keyring

TARGETS = [Target(Provider(name, f"https://{name}.example/v1"), Model("m")) for name in ("one", "two")]
KEYS = [Credential(name, f"sk-{name}-{n}") for name, count in (("one", 40), ("two", 3)) for n in range(count)]
KEYRING = Keyring(KEYS)


def sorted_candidates(health: Health, quotas: dict[str, Quota], now: float) -> list[Candidate]:
    """Return the candidates by a sort of all of them."""

    def share(key: Credential) -> float:
        quota = quotas.get(key.id)
        return 1.0 if quota is None else quota.share(now)

    candidates = [
        Candidate(target, key)
        for target in TARGETS
        for key in sorted(KEYRING.of(target.provider.name), key=lambda each: -share(each))
    ]
    return sorted(candidates, key=lambda each: health.cooldown(each, now)[0] > 0)


@pytest.mark.parametrize("seed", range(8))
def test_the_order_follows_quotas_resets_and_cooldowns(seed: int) -> None:
    """After any reports, failures and successes, at any time, also after the clock was set back."""
    random, health, quotas = Random(seed), Health(), dict[str, Quota]()
    now = 1_000.0
    for _ in range(60):
        now += random.choice((0.0, 0.5, 2.0, 9.0, -3.0))
        key = random.choice(KEYS)
        target = next(each for each in TARGETS if each.provider.name == key.provider)
        if random.random() < 0.7:
            reset = random.choice((None, now + 1.0, now + 8.0, now - 1.0))
            tokens = random.choice((None, RemainingQuota(random.randrange(4), 4.0, now + 4.0)))
            quotas[key.id] = Quota(RemainingQuota(float(random.randrange(6)), 5.0, reset), tokens)
            health.record_quota(key, quotas[key.id])
        else:
            error = UpstreamError("", fault=random.choice((Fault.RATE, Fault.KEY)), retry_after=2.0)
            health.record_failure(Candidate(target, key), object(), error, now)
        planned, expected = plan(TARGETS, KEYRING, health, now), sorted_candidates(health, quotas, now)
        assert len(planned) == len(expected)
        assert list(planned) == expected
        assert plan(TARGETS, KEYRING, health, now)[:20] == expected[:20]


def test_a_record_lists_the_first_candidates() -> None:
    """The record of a call with one attempt creates no more candidates than it lists."""
    health, decision = Health(), Decision()
    rejected = Candidate(TARGETS[0], KEYS[0])
    health.record_failure(rejected, object(), UpstreamError("", fault=Fault.KEY), 0.0)
    planned = plan(TARGETS, KEYRING, health, 0.0)
    decision.begin_round(planned, health, 0.0)
    decision.tried.append(next(iter(planned)))
    packed = decision.pack()

    assert len(packed["candidates"]) == EAGER
    assert packed["candidates"][0] == ["one/m", KEYS[1].id]
    assert packed["more"] == len(KEYS) - EAGER


def test_a_record_of_two_rounds_lists_what_was_tried() -> None:
    """If the last candidate is tried in a second round, the record has it, in cooldown as it was."""
    health, decision = Health(), Decision()
    rejected = Candidate(TARGETS[0], KEYS[0])
    health.record_failure(rejected, object(), UpstreamError("", fault=Fault.KEY), 0.0)
    for _ in range(2):
        planned = plan(TARGETS, KEYRING, health, 0.0)
        decision.begin_round(planned, health, 0.0)
    decision.tried.append(planned[-1])
    packed = decision.pack()

    assert packed["candidates"][-1] == ["one/m", KEYS[0].id, "cooldown"]
    assert (len(packed["candidates"]), packed["more"]) == (EAGER, len(KEYS) - EAGER)
    assert packed["rounds"] == [list(range(EAGER))] * 2


def test_reports_of_quotas_do_not_pile_up() -> None:
    """A key order remembers one reset of each key, however many requests report one."""
    keys = KEYS[:3]
    order = KeyOrder(keys)
    for number in range(5_000):
        order.note(keys[0].id)
        quota = Quota(RemainingQuota(2.0, 4.0, 90_000.0 + number), None)
        list(order.sorted(lambda _, quota=quota: quota, 1_000.0))  # type: ignore[misc]

    assert sum(len(part) for part in vars(order).values() if hasattr(part, "__len__")) < 10 * len(keys)
