"""Health that workers share: each test has two workers over one memory."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.errors import Fault, UpstreamError
from vaultcore.routing.candidate import Candidate
from vaultcore.routing.health import QUOTA_INTERVAL, Cooldowns, Health
from vaultcore.routing.health_table import HealthTable, Names
from vaultcore.routing.quota import Quota, RemainingQuota, ReportedQuota
from vaultcore.vault.keyring import Credential

A1, A2 = Credential("a", "key-one"), Credential("a", "key-two")
TARGET = Target(Provider("a", "https://a.example/v1"), Model("m"))
FIRST, SECOND = Candidate(TARGET, A1), Candidate(TARGET, A2)
NAMES = Names((A1.id, A2.id), ("a",))


def workers(memory: memoryview, threshold: int = 3) -> tuple[Health, Health]:
    pair = Health(Cooldowns(threshold=threshold)), Health(Cooldowns(threshold=threshold))
    for number, health in enumerate(pair, 1):
        health.share(HealthTable(NAMES, memory, nullcontext(), worker=number))
    return pair


@pytest.fixture
def memory() -> memoryview:
    return memoryview(bytearray(NAMES.size))


@pytest.fixture
def pair(memory: memoryview) -> tuple[Health, Health]:
    return workers(memory)


def fail(health: Health, fault: Fault, *, wait: float | None = None, now: float = 0.0) -> None:
    attempt = object()
    health.begin(FIRST, attempt, now)
    health.record_failure(FIRST, attempt, UpstreamError("no", fault=fault, retry_after=wait), now)


def test_failures_of_all_workers_count_together(pair: tuple[Health, Health]) -> None:
    """A circuit opens at the threshold, whichever workers met the failures, and `on_open` is called once."""
    opened_hosts: list[str] = []
    for number in range(3):
        pair[number % 2].on_open = opened_hosts.append
        fail(pair[number % 2], Fault.HOST)

    assert [health.cooldown(SECOND, 0.0)[0] for health in pair] == [10.0, 10.0]
    assert opened_hosts == ["a"]


def test_a_success_of_one_worker_resets_the_failures_of_all(pair: tuple[Health, Health]) -> None:
    """Only failures in a row open a circuit."""
    one, two = pair
    fail(one, Fault.HOST)
    fail(one, Fault.HOST)
    two.record_success(FIRST, object())
    fail(two, Fault.HOST)

    assert [health.cooldown(FIRST, 0.0)[0] for health in pair] == [0.0, 0.0]


def test_a_pause_that_a_provider_requests_binds_all_workers(pair: tuple[Health, Health]) -> None:
    """After a Retry-After no worker calls the key until it has passed; other keys stay in use."""
    one, two = pair
    fail(one, Fault.RATE, wait=20.0)

    assert two.cooldown(FIRST, 1.0) == (19.0, Fault.RATE)
    assert not two.begin(FIRST, object(), 19.0)
    assert two.begin(SECOND, object(), 19.0)
    assert two.begin(FIRST, object(), 20.0)


def test_one_worker_at_a_time_probes(pair: tuple[Health, Health]) -> None:
    """While an attempt of one worker probes, no other worker does; its success closes the circuit for all."""
    one, two = pair
    fail(one, Fault.KEY)
    probe, later = object(), object()

    assert [two.begin(FIRST, probe, 301.0), one.begin(FIRST, object(), 301.0)] == [True, False]
    two.release(FIRST, probe)
    assert [one.begin(FIRST, later, 301.0), two.begin(FIRST, object(), 301.0)] == [True, False]
    one.record_success(FIRST, later)
    assert all(health.begin(FIRST, object(), 301.0) for health in pair)


def test_a_probe_ends_with_its_worker(memory: memoryview, pair: tuple[Health, Health]) -> None:
    """If a worker dies while it probes, another worker may; probes of other workers go on."""
    one, two = pair
    fail(one, Fault.KEY)
    one.begin(FIRST, object(), 301.0)
    parent = HealthTable(NAMES, memory, nullcontext(), worker=0)

    parent.end_worker(2)
    assert not two.begin(FIRST, object(), 301.0)
    parent.end_worker(1)
    assert two.begin(FIRST, object(), 301.0)


def test_a_restarted_worker_knows_the_pauses(memory: memoryview, pair: tuple[Health, Health]) -> None:
    """A process that starts later reads what the others have learnt."""
    fail(pair[0], Fault.RATE, wait=20.0)
    successor, _ = workers(memory)

    assert not successor.begin(FIRST, object(), 1.0)


def test_workers_share_reported_quotas(pair: tuple[Health, Health]) -> None:
    """A key's quota reaches other workers within QUOTA_INTERVAL; an older report replaces no newer one."""
    one, two = pair
    headers = {"x-ratelimit-remaining-requests": "1", "x-ratelimit-limit-requests": "10"}
    one.record_quota(A1, ReportedQuota(headers, 100.0))
    two.record_quota(A2, Quota(RemainingQuota(50, 100), at=100.0))
    assert list(two.by_quota([A1, A2], 100.0)) == [A2, A1]
    assert two.report(100.0)["quotas"] == {A2.id: {"left": 0.5}, A1.id: {"left": 0.1}}

    later = 100.0 + QUOTA_INTERVAL
    two.record_quota(A1, Quota(RemainingQuota(9, 10), at=later))
    assert list(one.by_quota([A2, A1], later)) == [A1, A2]


def test_keys_without_a_row_stay_with_each_worker(pair: tuple[Health, Health]) -> None:
    """A key that was added after the start has a circuit in each process."""
    one, two = pair
    added = Candidate(TARGET, Credential("a", "key-three"))
    one.record_failure(added, object(), UpstreamError("no", fault=Fault.RATE, retry_after=9.0), 0.0)

    assert [health.begin(added, object(), 1.0) for health in (one, two)] == [False, True]


def test_the_report_shows_what_other_workers_know(pair: tuple[Health, Health]) -> None:
    """The health report of each worker has the circuits of all."""
    fail(pair[0], Fault.RATE, wait=20.0)

    assert pair[1].report(5.0) == pair[0].report(5.0)
    assert pair[1].report(5.0)["keys"][A1.id]["rests"] == 15.0
