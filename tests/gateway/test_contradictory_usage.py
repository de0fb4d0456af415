"""Counts that leave out charged tokens, by the provider's own total: clients get them as reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.provider import FakeResponse
from tests.gateway.test_tool_charges import PATHS, run

CACHED: dict[str, Any] = {  # 161 tokens of the cache are neither in the prompt nor in the total
    "prompt_tokens": 24,
    "completion_tokens": 2,
    "total_tokens": 26,
    "prompt_tokens_details": {"cached_tokens": 161},
}
REASONED: dict[str, Any] = {  # costs 28 x 1 + (5 + 49) x 10, in millionths of a dollar
    "prompt_tokens": 28,
    "completion_tokens": 5,
    "total_tokens": 33,
    "completion_tokens_details": {"reasoning_tokens": 49},
    "cost": 0.000568,
}
CLIENT_COUNTS = {
    "chat": {
        "cached": {"prompt_tokens": 24, "completion_tokens": 2, "total_tokens": 26},
        "reasoned": {"prompt_tokens": 28, "completion_tokens": 5, "total_tokens": 33},
    },
    "messages": {
        "cached": {"input_tokens": 24, "cache_read_input_tokens": 161, "output_tokens": 2},
        "reasoned": {"input_tokens": 28, "cache_read_input_tokens": 0, "output_tokens": 5},
    },
    "responses": {
        "cached": {"input_tokens": 24, "output_tokens": 2, "total_tokens": 26},
        "reasoned": {"input_tokens": 28, "output_tokens": 5, "total_tokens": 33},
    },
}


def scripted(usage: dict[str, Any], *, streamed: bool) -> FakeResponse:
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
    answer = {"role": "assistant", "content": "Four"}
    if not streamed:
        body = {"id": "r1", "model": "m", "choices": [{**choice, "message": answer}], "usage": usage}
        return FakeResponse(body=json.dumps(body).encode())
    chunks = [{"choices": [{**choice, "delta": answer}]}, {"choices": [], "usage": usage}]
    lines = [f"data: {json.dumps({'id': 'r1', 'model': 'm', **chunk})}\n\n" for chunk in chunks]
    return FakeResponse(body="".join([*lines, "data: [DONE]\n\n"]).encode(), content_type="text/event-stream")


def last_usage(text: str, *, streamed: bool) -> dict[str, Any]:
    """Return the last usage that a response or stream of any client API has."""
    bodies = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    bodies = bodies if streamed else [json.loads(text)]
    usages = [each.get("response", each).get("usage") for each in bodies]
    return [usage for usage in usages if usage][-1]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("api", PATHS)
@pytest.mark.parametrize(
    ("name", "usage", "prompt", "completion"),
    [("cached", CACHED, 185, 2), ("reasoned", REASONED, 28, 54)],
)
def test_the_client_gets_reported_counts_and_the_record_has_charged_ones(
    tmp_path: Path,
    name: str,
    usage: dict[str, Any],
    prompt: int,
    completion: int,
    api: str,
    *,
    streamed: bool,
) -> None:
    """Cached tokens beside the prompt, and reasoning that the reported cost includes, are charged."""
    text, record, spent = run(tmp_path, scripted(usage, streamed=streamed), api, "openai", streamed=streamed)

    assert (record.prompt_tokens, record.completion_tokens) == (prompt, completion)
    assert record.cost == spent == 1_000 * (prompt + 10 * completion)  # nano-dollars
    counts = last_usage(text, streamed=streamed)
    assert counts.items() >= CLIENT_COUNTS[api][name].items()
    assert '"reported"' not in text
