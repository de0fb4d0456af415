"""The loop of retries and fallbacks, run against a script of provider failures."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.routing.attempt_loop import HOST, KEY, MODEL, RATE, REQUEST, SIZE, AttemptLoop, failure
from vaultcore.errors import AttemptsExhausted, DeadlineExceeded, Fault, UpstreamError
from vaultcore.routing.attempts import RetryPolicy
from vaultcore.routing.candidate import Candidate
from vaultcore.routing.health import Cooldowns, Health
from vaultcore.vault.keyring import Credential, Keyring


def test_a_host_failure_goes_to_the_next_target_without_a_pause() -> None:
    """After a 503 the next target is tried at once, and no other key of the failed host."""
    loop = AttemptLoop(["a", "b"], keys=2)

    assert loop.run_script(HOST).target.provider.name == "b"
    assert loop.used_keys == ["a0", "b0"]
    assert loop.clock.slept == []


def test_a_rejected_key_goes_to_the_next_key() -> None:
    """After a 401 the same target is tried with its next key."""
    loop = AttemptLoop(["a", "b"], keys=2)

    loop.run_script(KEY)
    assert loop.used_keys == ["a0", "a1"]


def test_a_rate_limit_goes_to_the_next_key_then_the_next_target() -> None:
    """After a 429 the target's other keys are tried first, then the next target."""
    loop = AttemptLoop(["a", "b"], keys=2)

    loop.run_script(RATE, RATE)
    assert loop.used_keys == ["a0", "a1", "b0"]


def test_an_invalid_request_is_not_retried() -> None:
    """After a 400 no other attempt is made, and the client gets the 400."""
    loop = AttemptLoop(["a", "b"])

    with pytest.raises(UpstreamError) as caught:
        loop.run_script(REQUEST)
    assert caught.value.status == 400
    assert loop.used_keys == ["a0"]


def test_a_missing_model_is_not_tried_again() -> None:
    """After a 404 the target is excluded with all its keys."""
    loop = AttemptLoop(["a", "b"], keys=2)

    with pytest.raises(AttemptsExhausted) as caught:
        loop.run_script(MODEL, MODEL)
    assert loop.used_keys == ["a0", "b0"]
    assert caught.value.status == 404


def test_a_single_target_is_retried_with_exponential_backoff() -> None:
    """Without another target a 503 is retried, and each pause is twice the one before."""
    loop = AttemptLoop(["a"])

    loop.run_script(HOST, HOST, HOST)
    assert loop.clock.slept == [0.2, 0.4, 0.8]


def test_e5_retry_after_is_honoured() -> None:
    """A pause is never shorter than the provider's Retry-After."""
    loop = AttemptLoop(["a"])

    loop.run_script(failure(Fault.RATE, 429, wait=3.0))
    assert loop.clock.slept == [3.0]
    assert loop.used_keys == ["a0", "a0"]


def test_e5_q28_a_long_retry_after_is_returned_to_the_client() -> None:
    """A Retry-After longer than the longest pause is not waited for; the client receives it."""
    loop = AttemptLoop(["a"])

    with pytest.raises(AttemptsExhausted) as caught:
        loop.run_script(failure(Fault.RATE, 429, wait=60.0))
    assert (caught.value.status, caught.value.retry_after) == (429, 60.0)
    assert loop.clock.slept == []


def test_e6_o13_a_prompt_that_is_too_long_goes_to_a_larger_model() -> None:
    """The next attempt goes to the first model with a larger known context window, without a pause."""
    loop = AttemptLoop(["a/m@8000", "b/m@8000", "c/m", "d/m@32000"], keys=2)

    assert loop.run_script(SIZE).target.provider.name == "d"
    assert loop.used_keys == ["a0", "d0"]
    assert loop.clock.slept == []


@pytest.mark.parametrize("targets", [["a"], ["a/m@8000", "b/m@4000"], ["a/m@8000", "b"]])
def test_e6_a_prompt_too_long_for_all_models_returns_the_providers_error(targets: list[str]) -> None:
    """Without a model of a larger context window the client gets the provider's own 400 at once."""
    loop = AttemptLoop(targets, keys=2)

    with pytest.raises(UpstreamError) as caught:
        loop.run_script(SIZE)
    assert caught.value.status == 400
    assert loop.used_keys == ["a0"]
    assert loop.clock.slept == []


def test_e6_a_prompt_too_long_after_a_host_failure_ends_the_request() -> None:
    """A failed host without a larger context window is not tried again."""
    loop = AttemptLoop(["a", "b/m@8000"])

    with pytest.raises(UpstreamError) as caught:
        loop.run_script(HOST, SIZE)
    assert caught.value.fault is Fault.SIZE
    assert loop.used_keys == ["a0", "b0"]
    assert sum(loop.clock.slept) < 1


def test_no_request_is_sent_before_retry_after_has_passed() -> None:
    """A second request before the end of the Retry-After is rejected without an upstream call."""
    health, clock = Health(), FakeClock()
    with pytest.raises(AttemptsExhausted):
        AttemptLoop(["a"], health=health, clock=clock).run_script(failure(Fault.RATE, 429, wait=60.0))
    clock.time += 30
    second = AttemptLoop(["a"], health=health, clock=clock)

    with pytest.raises(AttemptsExhausted) as caught:
        second.run_script()
    assert second.used_keys == []
    assert caught.value.status == 429
    assert caught.value.retry_after == pytest.approx(30.0)


def test_mixed_failures_are_a_bad_gateway() -> None:
    """Failures with different statuses become a 502."""
    loop = AttemptLoop(["a", "b"])

    with pytest.raises(AttemptsExhausted) as caught:
        loop.run_script(failure(Fault.RATE, 429, wait=60.0), MODEL)
    assert caught.value.status == 502
    assert [error.upstream_status for error in caught.value.failures] == [429, 404]


@pytest.mark.parametrize("most", range(1, 7))
def test_attempts_are_bounded(most: int) -> None:
    """A request makes as many upstream calls as the policy allows, and no more."""
    loop = AttemptLoop(["a", "b", "c"], keys=3)

    with pytest.raises(AttemptsExhausted):
        loop.run_script(*[HOST] * 20, policy=RetryPolicy(attempts=most))
    assert len(loop.used_keys) == most


@pytest.mark.parametrize("more", range(3))
def test_further_keys_of_one_provider_are_bounded(more: int) -> None:
    """At most `key_retries` further keys of one provider are tried."""
    loop = AttemptLoop(["a", "b"], keys=5)

    loop.run_script(*[KEY] * (more + 1), policy=RetryPolicy(attempts=10, key_retries=more))
    assert loop.used_keys == [*(f"a{n}" for n in range(more + 1)), "b0"]


def test_no_pause_goes_past_the_deadline() -> None:
    """If the next attempt would start after the deadline, the request ends as 504 without a pause."""
    loop = AttemptLoop(["a"])

    with pytest.raises(DeadlineExceeded):
        loop.run_script(failure(Fault.HOST, 503, wait=4.0), deadline=loop.clock.now() + 3)
    assert loop.clock.slept == []


def test_keys_are_read_again_after_a_rejection() -> None:
    """A key that a rotation added is used by the request whose old key was rejected."""
    loop = AttemptLoop(["a"])

    def respond(candidate: Candidate, _: int) -> UpstreamError | None:
        if candidate.credential.key == "fresh":
            return None
        loop.keyring = Keyring([Credential("a", "fresh")])
        return KEY

    asyncio.run(loop.run(respond, RetryPolicy(), float("inf")))
    assert loop.used_keys == ["a0", "fresh"]


def test_a_rejected_key_is_not_tried_again_in_the_same_request() -> None:
    """A 401 without another key ends the request after one call."""
    loop = AttemptLoop(["a"])

    with pytest.raises(AttemptsExhausted) as caught:
        loop.run_script(*[KEY] * 9)
    assert loop.used_keys == ["a0"]
    assert caught.value.status == 502


def test_a_client_disconnect_releases_the_probe() -> None:
    """A cancelled attempt does not count as a failure, and releases the circuit's only probe."""
    health, clock = Health(Cooldowns(threshold=1)), FakeClock()
    with pytest.raises(AttemptsExhausted):
        AttemptLoop(["a"], health=health, clock=clock).run_script(*[HOST] * 4, policy=RetryPolicy(attempts=1))
    clock.time += 11

    async def disconnect() -> None:
        loop = AttemptLoop(["a"], health=health, clock=clock)

        def respond(_: Candidate, __: int) -> UpstreamError | None:
            raise asyncio.CancelledError

        await loop.run(respond, RetryPolicy(), float("inf"))

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(disconnect())
    assert AttemptLoop(["a"], health=health, clock=clock).run_script()


FAILURES = st.sampled_from(
    [HOST, RATE, KEY, MODEL, None, failure(Fault.RATE, 429, 2.0), failure(Fault.HOST, None)]
)


@given(st.lists(FAILURES, max_size=12), st.integers(1, 3), st.integers(1, 3), st.integers(1, 6))
def test_every_sequence_of_failures_ends(
    script: list[UpstreamError | None], targets: int, keys: int, most: int
) -> None:
    """Any sequence of failures ends within the attempts and pauses of the policy.

    A rejected key is not used again.
    """
    loop = AttemptLoop(["a", "b", "c"][:targets], keys=keys)
    policy = RetryPolicy(attempts=most)

    with suppress(AttemptsExhausted):
        loop.run_script(*script, *[HOST] * 20, policy=policy)
    assert 1 <= len(loop.used_keys) <= most
    assert all(pause <= policy.longest_pause for pause in loop.clock.slept)
    for position, (key, outcome) in enumerate(zip(loop.used_keys, script, strict=False)):
        assert outcome is not KEY or key not in loop.used_keys[position + 1 :]
