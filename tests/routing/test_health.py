"""Circuit breakers: what opens and closes a circuit, and which attempts may probe."""

from __future__ import annotations

import pytest

from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.errors import Fault, UpstreamError
from vaultcore.routing.candidate import Candidate
from vaultcore.routing.health import Cooldowns, Health
from vaultcore.routing.plan import plan
from vaultcore.vault.keyring import Credential, Keyring

A1, A2 = Credential("a", "key-one"), Credential("a", "key-two")
TARGET = Target(Provider("a", "https://a.example/v1"), Model("m"))
FIRST, SECOND = Candidate(TARGET, A1), Candidate(TARGET, A2)


def error(fault: Fault, wait: float | None = None) -> UpstreamError:
    return UpstreamError("no", fault=fault, retry_after=wait)


def fail(
    health: Health, candidate: Candidate, times: int, fault: Fault = Fault.HOST, now: float = 0.0
) -> None:
    for _ in range(times):
        attempt = object()
        health.begin(candidate, attempt, now)
        health.record_failure(candidate, attempt, error(fault), now)


def test_a_circuit_opens_after_consecutive_failures() -> None:
    """A success in between resets the count."""
    health = Health(Cooldowns(threshold=3))
    fail(health, FIRST, 2)
    health.record_success(FIRST, object())
    fail(health, FIRST, 2)

    assert health.cooldown(FIRST, 0.0)[0] == 0.0
    fail(health, FIRST, 1)
    assert health.cooldown(FIRST, 0.0)[0] == 10.0


def test_a_host_cooldown_covers_all_keys() -> None:
    """Host faults count against the provider, whichever key was used."""
    health = Health(Cooldowns(threshold=2))
    fail(health, FIRST, 1)
    fail(health, SECOND, 1)

    assert health.cooldown(FIRST, 0.0)[0] == health.cooldown(SECOND, 0.0)[0] == 10.0


@pytest.mark.parametrize(("fault", "seconds"), [(Fault.KEY, 300.0), (Fault.RATE, 1.0)])
def test_a_key_cooldown_covers_one_key(fault: Fault, seconds: float) -> None:
    """A rejected or rate-limited key does not affect the provider's other keys."""
    health = Health()
    fail(health, FIRST, 1, fault)

    assert health.cooldown(FIRST, 0.0) == (seconds, fault)
    assert health.cooldown(SECOND, 0.0)[0] == 0.0


@pytest.mark.parametrize("fault", [Fault.REQUEST, Fault.MODEL])
def test_request_faults_open_no_circuit(fault: Fault) -> None:
    """Invalid requests of one client cause no cooldown for other clients."""
    health = Health(Cooldowns(threshold=1))
    fail(health, FIRST, 50, fault)

    assert health.cooldown(FIRST, 0.0)[0] == 0.0


def test_half_open_allows_one_probe() -> None:
    """After the cooldown one attempt may start; others wait until it has ended."""
    health = Health(Cooldowns(threshold=1))
    fail(health, FIRST, 1)
    probe = object()

    started = [health.begin(FIRST, each, 11.0) for each in (probe, object(), object())]
    assert started == [True, False, False]
    health.record_success(FIRST, probe)
    assert [health.begin(FIRST, object(), 11.0) for _ in range(3)] == [True, True, True]


def test_on_open_is_called_once_per_opening() -> None:
    """`on_open` is called when a circuit opens, also when it opens again after its cooldown.

    It is not called for failures of an open circuit, nor for rate limits.
    """
    opened_hosts: list[str] = []
    health = Health(Cooldowns(threshold=2), opened_hosts.append)

    fail(health, FIRST, 2)
    assert opened_hosts == [FIRST.target.provider.name]
    fail(health, FIRST, 3)
    assert len(opened_hosts) == 1
    fail(health, FIRST, 1, now=11.0)
    assert len(opened_hosts) == 2
    fail(health, FIRST, 3, Fault.RATE)
    assert len(opened_hosts) == 2
    fail(health, SECOND, 1, Fault.KEY)
    assert len(opened_hosts) == 3


def test_an_open_circuit_may_be_probed_before_its_cooldown_ends() -> None:
    """One attempt at a time may use an open circuit: the last candidate of a route."""
    health = Health(Cooldowns(threshold=1))
    fail(health, FIRST, 1)

    assert [health.begin(FIRST, object(), 1.0) for _ in range(2)] == [True, False]


def test_no_probe_before_retry_after_has_passed() -> None:
    """A cooldown from a Retry-After allows no probe until it has passed."""
    health = Health()
    health.record_failure(FIRST, object(), error(Fault.RATE, wait=20.0), 0.0)

    assert not health.begin(FIRST, object(), 19.0)
    assert health.begin(FIRST, object(), 20.0)


def test_a_long_retry_after_is_capped() -> None:
    """A Retry-After causes a cooldown of at most one hour."""
    health = Health()
    health.record_failure(FIRST, object(), error(Fault.RATE, wait=1e9), 0.0)

    assert health.cooldown(FIRST, 0.0)[0] == 3_600.0


def test_breakers_can_be_switched_off() -> None:
    """With a threshold of 0 no failure causes a cooldown."""
    health = Health(Cooldowns(threshold=0))
    for fault in Fault:
        fail(health, FIRST, 20, fault)

    assert health.cooldown(FIRST, 0.0)[0] == 0.0


def test_candidates_in_cooldown_come_last() -> None:
    """A key in cooldown comes after all others; the route's order stands otherwise."""
    health = Health()
    other = Target(Provider("b", "https://b.example/v1"), Model("m"))
    keyring = Keyring([A1, A2, Credential("b", "key-three")])
    fail(health, FIRST, 1, Fault.KEY)

    keys = [candidate.credential.key for candidate in plan([TARGET, other], keyring, health, 0.0)]
    assert keys == ["key-two", "key-three", "key-one"]


def test_the_report_shows_ids_and_no_keys() -> None:
    """The health report names keys by id and never contains the key."""
    health = Health()
    fail(health, FIRST, 1, Fault.KEY)

    report = health.report(0.0)
    assert report["keys"][A1.id]["state"] == "open"
    assert "key-one" not in repr(report) + repr(health)
