"""A provider with many keys costs a request no more than one with a few."""

from __future__ import annotations

import sys
from types import FrameType

from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.routing.decision import Decision
from vaultcore.routing.health import Health
from vaultcore.routing.plan import plan
from vaultcore.routing.quota import ReportedQuota
from vaultcore.vault.keyring import Credential, Keyring

REQUESTS, WARM_UP = 50, 10
LISTED = 16 * 6  # calls for the candidates that a record lists, beyond the first
TARGET = Target(Provider("one", "https://one.example/v1"), Model("m"))


def calls_per_request(keys: int) -> float:
    """Return the Python calls that plan a request, record its decision and the quota that its key reports."""
    keyring, health = Keyring([Credential("one", f"sk-{n}") for n in range(keys)]), Health()
    count = 0

    def profile(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    def request(number: int) -> None:
        decision, now = Decision(), 1_000.0 + number
        candidates = plan([TARGET], keyring, health, now)
        decision.begin_round(candidates, health, now)
        first = next(iter(candidates))
        decision.tried.append(first)
        decision.pack()
        headers = {
            "x-ratelimit-limit-requests": "1000",
            "x-ratelimit-remaining-requests": f"{500 + number % 7}",
            "x-ratelimit-reset-requests": "3s",
        }
        health.record_quota(first.credential, ReportedQuota(headers, now))

    for number in range(WARM_UP + keys):  # every key has reported a quota
        request(number)
    sys.setprofile(profile)
    try:
        for number in range(REQUESTS):
            request(WARM_UP + keys + number)
    finally:
        sys.setprofile(None)
    return count / REQUESTS


def test_calls_with_500_keys() -> None:
    """500 keys take as many calls as 20, and as one key but for what the record lists."""
    one, twenty, many = calls_per_request(1), calls_per_request(20), calls_per_request(500)

    assert many <= twenty * 1.1, (twenty, many)
    assert many <= one + LISTED + 40, (one, many)
