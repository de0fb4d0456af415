"""Usage means the same whoever tells it: cached tokens and thoughts are counted, once, where they belong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vaultcore.dialects import dialect

GOLDEN = Path(__file__).parent / "golden"
SAID = {"role": "assistant", "content": "Hi"}
# 100 tokens were read from a cache, 30 written to one, 10 were neither; 40 came back, 25 of them thoughts.
ANSWERS: dict[str, dict[str, Any]] = {
    "anthropic": {
        "type": "message",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "usage": {
            "input_tokens": 10,
            "cache_read_input_tokens": 100,
            "cache_creation_input_tokens": 30,
            "output_tokens": 40,
        },
    },
    "bedrock": {
        "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
        "stopReason": "end_turn",
        "usage": {
            "inputTokens": 10,
            "cacheReadInputTokens": 100,
            "cacheWriteInputTokens": 30,
            "outputTokens": 40,
            "totalTokens": 50,
        },
    },
    "gemini": {
        "candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}],
        "usageMetadata": {
            "promptTokenCount": 140,
            "cachedContentTokenCount": 100,
            "candidatesTokenCount": 15,
            "thoughtsTokenCount": 25,
            "totalTokenCount": 180,
        },
    },
    "openai": {
        "choices": [{"message": SAID, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 140,
            "completion_tokens": 40,
            "total_tokens": 180,
            "prompt_tokens_details": {"cached_tokens": 100},
            "completion_tokens_details": {"reasoning_tokens": 25},
        },
    },
    "openai, hits and misses": {
        "choices": [{"message": SAID, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 140,
            "prompt_cache_hit_tokens": 100,
            "prompt_cache_miss_tokens": 40,
            "completion_tokens": 40,
            "total_tokens": 180,
        },
    },
    "openai, thoughts beside": {
        "choices": [{"message": SAID, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 140,
            "completion_tokens": 15,
            "total_tokens": 180,
            "prompt_tokens_details": {"cached_tokens": 100},
            "completion_tokens_details": {"reasoning_tokens": 25},
        },
    },
    "responses": {
        "status": "completed",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}],
        "usage": {
            "input_tokens": 140,
            "input_tokens_details": {"cached_tokens": 100},
            "output_tokens": 40,
            "output_tokens_details": {"reasoning_tokens": 25},
            "total_tokens": 180,
        },
    },
    "cohere": {
        "message": {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]},
        "finish_reason": "COMPLETE",
        "usage": {"tokens": {"input_tokens": 140.0, "output_tokens": 40.0}, "cached_tokens": 100},
    },
}


@pytest.mark.parametrize("name", ANSWERS)
def test_u1_u2_u3_usage_has_one_meaning(name: str) -> None:
    """Whether a provider counts cached tokens and thoughts inside or beside, here they are inside."""
    usage: Any = dialect(name.partition(",")[0]).parse_completion(ANSWERS[name])["usage"]

    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (140, 40, 180)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 100
    thought = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens", 25)
    written = usage["prompt_tokens_details"].get("cache_write_tokens", 30)
    assert (thought, written) == (25, 30)


def told(path: Path) -> Iterator[dict[str, Any]]:
    """The usages in a golden case's outcome."""
    outcome = json.loads(path.read_text("utf-8"))
    for part in outcome if isinstance(outcome, list) else [outcome]:
        if part.get("usage"):
            yield part["usage"]


def test_u7_the_total_is_the_sum() -> None:
    """In every golden answer, streamed or not, the total is the prompt and the completion."""
    outcomes = [*GOLDEN.glob("*/*/completion.json"), *GOLDEN.glob("*/*/chunks.json")]
    usages = [usage for path in outcomes for usage in told(path)]

    assert len(usages) > 50
    assert all(
        usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] for usage in usages
    )
