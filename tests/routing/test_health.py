"""Circuits: what opens them, what closes them, and who may probe."""

from __future__ import annotations

import pytest

from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.errors import Fault, UpstreamError
from vaultcore.routing.health import Cooldowns, Health
from vaultcore.routing.plan import Candidate, plan
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
        health.failed(candidate, attempt, error(fault), now)


def test_a_circuit_opens_after_failures_in_a_row_only() -> None:
    """One success in between starts the count anew."""
    health = Health(Cooldowns(threshold=3))
    fail(health, FIRST, 2)
    health.succeeded(FIRST, object())
    fail(health, FIRST, 2)

    assert health.rest(FIRST, 0.0)[0] == 0.0
    fail(health, FIRST, 1)
    assert health.rest(FIRST, 0.0)[0] == 10.0


def test_a_failing_host_rests_with_all_its_keys() -> None:
    """Host faults count against the provider, whichever key was used."""
    health = Health(Cooldowns(threshold=2))
    fail(health, FIRST, 1)
    fail(health, SECOND, 1)

    assert health.rest(FIRST, 0.0)[0] == health.rest(SECOND, 0.0)[0] == 10.0


@pytest.mark.parametrize(("fault", "seconds"), [(Fault.KEY, 300.0), (Fault.RATE, 1.0)])
def test_a_key_at_fault_rests_alone(fault: Fault, seconds: float) -> None:
    """A refused or limited key says nothing of the provider's other keys."""
    health = Health()
    fail(health, FIRST, 1, fault)

    assert health.rest(FIRST, 0.0) == (seconds, fault)
    assert health.rest(SECOND, 0.0)[0] == 0.0


@pytest.mark.parametrize("fault", [Fault.REQUEST, Fault.MODEL])
def test_what_is_the_clients_doing_opens_nothing(fault: Fault) -> None:
    """One client's bad requests never rest a key or a provider for the others."""
    health = Health(Cooldowns(threshold=1))
    fail(health, FIRST, 50, fault)

    assert health.rest(FIRST, 0.0)[0] == 0.0


def test_half_open_lets_one_probe_through() -> None:
    """After the rest exactly one attempt is let through until it has ended."""
    health = Health(Cooldowns(threshold=1))
    fail(health, FIRST, 1)
    probe = object()

    taken = [health.begin(FIRST, each, 11.0) for each in (probe, object(), object())]
    assert taken == [True, False, False]
    health.succeeded(FIRST, probe)
    assert [health.begin(FIRST, object(), 11.0) for _ in range(3)] == [True, True, True]


def test_each_opening_is_told_once() -> None:
    """Whoever watches hears of a circuit that opens, and again when it does so after its rest; not of
    failures while it is open, and not of rates, whose rests are no trouble.
    """
    heard: list[str] = []
    health = Health(Cooldowns(threshold=2), heard.append)

    fail(health, FIRST, 2)
    assert heard == [FIRST.target.provider.name]
    fail(health, FIRST, 3)
    assert len(heard) == 1
    fail(health, FIRST, 1, now=11.0)
    assert len(heard) == 2
    fail(health, FIRST, 3, Fault.RATE)
    assert len(heard) == 2
    fail(health, SECOND, 1, Fault.KEY)
    assert len(heard) == 3


def test_an_open_circuit_may_be_probed_when_nothing_else_is_left() -> None:
    """Before its rest is over, too, one attempt at a time may try: the last resort of a route."""
    health = Health(Cooldowns(threshold=1))
    fail(health, FIRST, 1)

    assert [health.begin(FIRST, object(), 1.0) for _ in range(2)] == [True, False]


def test_a_rest_the_provider_asked_for_is_firm() -> None:
    """Nobody probes before a Retry-After is over, and anybody may afterwards."""
    health = Health()
    health.failed(FIRST, object(), error(Fault.RATE, wait=20.0), 0.0)

    assert not health.begin(FIRST, object(), 19.0)
    assert health.begin(FIRST, object(), 20.0)


def test_an_absurd_retry_after_is_capped() -> None:
    """A provider cannot take a key away for longer than an hour."""
    health = Health()
    health.failed(FIRST, object(), error(Fault.RATE, wait=1e9), 0.0)

    assert health.rest(FIRST, 0.0)[0] == 3_600.0


def test_breakers_can_be_switched_off() -> None:
    """With a threshold of 0 nothing ever rests."""
    health = Health(Cooldowns(threshold=0))
    for fault in Fault:
        fail(health, FIRST, 20, fault)

    assert health.rest(FIRST, 0.0)[0] == 0.0


def test_resting_candidates_are_planned_last() -> None:
    """A key at rest comes after everything that is not, in the order of the route otherwise."""
    health = Health()
    other = Target(Provider("b", "https://b.example/v1"), Model("m"))
    keyring = Keyring([A1, A2, Credential("b", "key-three")])
    fail(health, FIRST, 1, Fault.KEY)

    keys = [candidate.credential.key for candidate in plan([TARGET, other], keyring, health, 0.0)]
    assert keys == ["key-two", "key-three", "key-one"]


def test_the_report_shows_ids_and_no_keys() -> None:
    """Health is told by key id; the key itself never appears."""
    health = Health()
    fail(health, FIRST, 1, Fault.KEY)

    told = health.report(0.0)
    assert told["keys"][A1.id]["state"] == "open"
    assert "key-one" not in repr(told) + repr(health)
