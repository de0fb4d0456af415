"""Native Responses bodies: the state in them, and events without sequence numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.dialects import responses
from vaultcore.errors import InvalidRequest
from vaultcore.opaque_state.envelope import Envelope, Issuer, StateSeal
from vaultcore.streams.sse import Event

TARGET = Target(Provider("acme", "https://api.acme.test/v1", dialect="responses"), Model("o9"))
ENVELOPE = Envelope(b"k" * 32)


def rewriter(*, account: str = "key-1", path: str = "/responses") -> Any:
    return responses.create_rewriter(TARGET, StateSeal(ENVELOPE, Issuer("acme", account, "o9")), path)


def event(**fields: object) -> Event:
    return Event(json.dumps(fields), str(fields.get("type")))


def test_p6_events_without_a_number_get_the_next_one() -> None:
    """Events are numbered where the provider leaves the number out; numbered events stay as they are."""
    events = [
        event(type="response.created"),
        event(type="a", sequence_number=7),
        event(type="b"),
        event(type="c", item={"type": "reasoning", "encrypted_content": "E"}, sequence_number=9),
        event(type="d"),
        Event("[DONE]"),
    ]

    native = rewriter()
    rewritten = [native.rewrite_event(each) for each in events]

    assert [json.loads(each.data)["sequence_number"] for each in rewritten[:-1]] == [0, 7, 8, 9, 10]
    assert rewritten[1] is events[1]
    assert rewritten[-1] is events[-1]


@pytest.mark.parametrize("kind", ["reasoning", "compaction"])
def test_p3_native_state_is_sealed_and_opened(kind: str) -> None:
    """Encrypted content reaches the client sealed, and the account that issued it in its original form."""
    item = {"type": kind, "id": "x", "encrypted_content": "SECRET"}
    (sealed,) = rewriter().rewrite_response({"output": [item]})["output"]

    body = {"input": [{"role": "user", "content": "Hi"}, sealed], "store": False}
    own = rewriter().rewrite_request(body)["input"]

    assert "SECRET" not in json.dumps(sealed)
    assert {**own[1], **item} == own[1]


def test_p3_reasoning_of_another_account_is_left_out() -> None:
    """Another account of the same provider does not get sealed reasoning."""
    item = {"type": "reasoning", "id": "x", "encrypted_content": "SECRET"}
    (sealed,) = rewriter().rewrite_response({"output": [item]})["output"]

    body = {"input": [{"role": "user", "content": "Hi"}, sealed], "store": False}

    assert rewriter(account="key-2").rewrite_request(body)["input"] == body["input"][:1]


def test_p14_a_compaction_of_another_issuer_is_refused() -> None:
    """A compacted conversation that the provider cannot read is an error, not a shorter conversation."""
    item = {"type": "compaction", "id": "x", "encrypted_content": "SECRET"}
    (sealed,) = rewriter().rewrite_response({"output": [item]})["output"]

    with pytest.raises(InvalidRequest) as caught:
        rewriter(account="key-2").rewrite_request({"input": [sealed]})

    assert caught.value.param == "input[0]"


def test_p9_other_paths_get_no_storage_field() -> None:
    """`store` is a field of /responses only."""
    body = {"input": "Hi", "reasoning": {"effort": "low"}}

    assert rewriter(path="/responses/compact").rewrite_request(body) == body
    assert rewriter().rewrite_request(body)["store"] is False
