"""The texts of refusals by a limit: limit, need and remainder, and no number of another level."""

from __future__ import annotations

import pytest

from tests.admission.limiter_setup import key
from tests.fakes.clock import NOON
from vaultcore.admission.caller import Caller
from vaultcore.admission.limit_errors import limit_error
from vaultcore.client_apis import chat, messages, responses
from vaultcore.endpoints import ENDPOINTS
from vaultcore.errors import GatewayError
from vaultcore.limits.account import Account, Denial, Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.policy import LimitPolicy
from vaultcore.limits.reservation import LimitRefused

LIMITS = Limits(
    rpm=3,
    tpm=10_000,
    parallel=2,
    tokens=100_000,
    credits=4_000_000_000,
    day=5_000_000_000,
    month=60_000_000_000,
)
ACCOUNT = Account(
    requests=3,
    in_flight=2,
    minute=8_800,
    request_counts={int((NOON + 50) * 100): 3},
    token_counts={int((NOON + 50) * 100): 8_800},
    tokens=90_000,
    tokens_held=98_800,
    nanos=3_000_000_000,
    nanos_held=3_996_000_000,
    day="2026-11-22",
    day_held=4_999_000_000,
    month_held=60_000_000_001,
)
NEED = Lease(NOON, NOON + 960.0, tokens=5_000, minute=2_000, nanos=12_300_000)
POLICY = LimitPolicy(gateway=LIMITS, owners={"me": LIMITS})
CALLER = Caller(key(LIMITS, owner="me"), policy=POLICY)
DAY = 43_200.0
LEVELS = {"key": 0, "owner": 1, "gateway": 2}
NAMES = {"owner": "this key's owner", "gateway": "the gateway"}
OWN = {  # (limit, seconds to wait): text
    ("rpm", 11.2): "Rate limit reached: 3 requests per minute of this key; 0 left. Retry after 12 s.",
    (
        "tpm",
        5.0,
    ): "Rate limit reached: 10,000 tokens per minute of this key; 1,200 tokens left and this request "
    "needs up to 2,000 tokens. Retry after 5 s.",
    (
        "tpm",
        None,
    ): "Rate limit reached: 10,000 tokens per minute of this key; 1,200 tokens left and this request "
    "needs up to 2,000 tokens.",
    ("parallel", 1.0): "Rate limit reached: 2 parallel requests of this key; 0 left. Retry after 1 s.",
    (
        "tokens",
        None,
    ): "Quota reached: this request needs up to 5,000 tokens and this key has 1,200 tokens of its "
    "100,000 tokens left.",
    ("credits", None): "Credits used up: this request needs up to $0.0123 and this key has $0.004 left.",
    (
        "day",
        DAY,
    ): "Budget reached: this request needs up to $0.0123 and this key has $0.001 of its daily budget "
    "of $5 left. Retry after 43200 s.",
    (
        "month",
        DAY,
    ): "Budget reached: this request needs up to $0.0123 and this key has $0 of its monthly budget "
    "of $60 left. Retry after 43200 s.",
}
TITLES = {"tokens": "Quota reached", "credits": "Credits used up", "day": "Budget reached"}
TITLES |= {"month": "Budget reached"}
SHARED = {
    "rpm": "{} has no requests per minute remaining",
    "tpm": "this request needs up to 2,000 tokens, more than the remaining tokens per minute of {}",
    "parallel": "{} has no parallel requests remaining",
    "tokens": "this request needs up to 5,000 tokens, more than the remaining token quota of {}",
    "credits": "this request needs up to $0.0123, more than the remaining credits of {}",
    "day": "this request needs up to $0.0123, more than the remaining daily budget of {}",
    "month": "this request needs up to $0.0123, more than the remaining monthly budget of {}",
}
UNREAD = {
    "rpm": "Rate limit reached: 3 requests per minute of this key; 0 left.",
    "tpm": "Rate limit reached: 10,000 tokens per minute of this key; 1,200 tokens left.",
    "tokens": "Quota reached: this key has 1,200 tokens of its 100,000 tokens left.",
    "credits": "Credits used up: this key has $0.004 left.",
    "day": "Budget reached: this key has $0.001 of its daily budget of $5 left.",
}


def error(limit: str, wait: float | None, level: str = "key", need: Lease | None = NEED) -> GatewayError:
    refused = LimitRefused(CALLER.levels[LEVELS[level]], Denial(limit, wait), ACCOUNT)
    return limit_error(refused, CALLER, NOON, need)


@pytest.mark.parametrize(("limit", "wait"), OWN)
def test_a_key_sees_its_limit_its_need_and_the_remainder(limit: str, wait: float | None) -> None:
    """The text has the numbers of the key's own limit, as the store knows them with open reservations."""
    refusal = error(limit, wait)

    assert str(refusal) == OWN[limit, wait]
    assert refusal.shortage is not None
    assert (refusal.shortage.level, refusal.shortage.limit) == ("key", limit)


@pytest.mark.parametrize("level", NAMES)
@pytest.mark.parametrize("limit", SHARED)
def test_a_key_sees_no_number_of_its_owner_or_the_gateway(limit: str, level: str) -> None:
    """The text names the limit and the need of the request. The operator's record has the numbers too."""
    refusal = error(limit, 11.5, level)

    title, text = TITLES.get(limit, "Rate limit reached"), SHARED[limit].format(NAMES[level])
    assert str(refusal) == f"{title}: {text}. Retry after 12 s."
    assert not any(name.startswith("x-ratelimit") for name in refusal.headers)
    assert refusal.shortage is not None
    assert refusal.shortage.most == getattr(LIMITS, limit)


@pytest.mark.parametrize("limit", UNREAD)
def test_a_request_that_was_not_read_has_no_need(limit: str) -> None:
    """A refusal from memory names the limit and the remainder only."""
    assert str(error(limit, None, need=None)) == UNREAD[limit]


@pytest.mark.parametrize(
    "api", dict.fromkeys([chat, messages, responses, *(row.errors for row in ENDPOINTS)])
)
def test_every_client_format_has_the_text(api: object) -> None:
    """The error body of every client API has the whole text."""
    body = api.render_error(error("rpm", 11.2))  # type: ignore[attr-defined]

    assert body["error"]["message"] == OWN["rpm", 11.2]
