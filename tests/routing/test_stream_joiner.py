"""The chunks that a client receives, whichever provider sends them."""

from __future__ import annotations

from vaultcore.routing.stream_joiner import StreamJoiner
from vaultcore.wire import ChatChunk, Delta, FinishReason


def chunk(delta: Delta, finish: FinishReason | None = None, index: int = 0) -> ChatChunk:
    choices = [{"index": index, "delta": delta, "finish_reason": finish}]
    return {"id": "provider-id", "model": "provider-model", "created": 1, "choices": choices}  # type: ignore[typeddict-item]


def test_q38_every_chunk_has_the_same_id_model_and_time() -> None:
    """Every chunk has the gateway's id, the requested model name and the call's creation time."""
    joiner = StreamJoiner("gateway-id", "requested-model", 42)
    chunks = [joiner.join(chunk({"content": "a"})), joiner.join({"id": "other", "choices": []})]

    assert {(each["id"], each["model"], each["created"]) for each in chunks} == {
        ("gateway-id", "requested-model", 42)
    }


def test_the_first_delta_of_each_choice_has_a_role() -> None:
    """The first delta of each choice has a role even if the provider sent none; later deltas have none."""
    joiner = StreamJoiner("gateway-id", "m", 1)
    chunks = [
        joiner.join(chunk({"content": text}, index=index)) for index, text in [(0, "a"), (1, "b"), (0, "c")]
    ]

    assert ["role" in each["choices"][0]["delta"] for each in chunks] == [True, True, False]


def test_the_providers_chunk_is_not_mutated() -> None:
    """`join` returns a new chunk."""
    original = chunk({"content": "a"})
    StreamJoiner("gateway-id", "m", 1).join(original)

    assert original == chunk({"content": "a"})


def test_the_last_usage_counts() -> None:
    """Usage in a stream is cumulative: a later value replaces an earlier one, and null does not."""
    joiner = StreamJoiner("gateway-id", "m", 1)
    for tokens in (1, 5):
        joiner.join({**chunk({}), "usage": {"completion_tokens": tokens}})
    joiner.join({**chunk({}, "stop"), "usage": None})

    assert joiner.usage == {"completion_tokens": 5}
    assert joiner.is_finished
