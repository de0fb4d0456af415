"""Usage has one meaning in all dialects: prompt and completion include cached and reasoning tokens, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vaultcore.dialects import load_dialect
from vaultcore.streams.sse import Event

GOLDEN = Path(__file__).parent / "golden"
MESSAGE = {"role": "assistant", "content": "Hi"}
# Input: 100 tokens read from a cache, 30 written to it, 10 neither. Output: 40 tokens, 25 of them reasoning.
RESPONSES: dict[str, dict[str, Any]] = {
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
        "choices": [{"message": MESSAGE, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 140,
            "completion_tokens": 40,
            "total_tokens": 180,
            "prompt_tokens_details": {"cached_tokens": 100},
            "completion_tokens_details": {"reasoning_tokens": 25},
        },
    },
    "openai, hits and misses": {
        "choices": [{"message": MESSAGE, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 140,
            "prompt_cache_hit_tokens": 100,
            "prompt_cache_miss_tokens": 40,
            "completion_tokens": 40,
            "total_tokens": 180,
        },
    },
    "openai, reasoning outside": {
        "choices": [{"message": MESSAGE, "finish_reason": "stop"}],
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


@pytest.mark.parametrize("name", RESPONSES)
def test_u1_u2_u3_usage_has_one_meaning(name: str) -> None:
    """Prompt tokens include cached ones and completion tokens include reasoning in every dialect."""
    usage: Any = load_dialect(name.partition(",")[0]).parse_response(RESPONSES[name])["usage"]

    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (140, 40, 180)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 100
    thought = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens", 25)
    cache_writes = usage["prompt_tokens_details"].get("cache_write_tokens", 30)
    assert (thought, cache_writes) == (25, 30)


HOUR_WRITES: dict[str, dict[str, Any]] = {  # 30 tokens written, 20 of them for an hour
    "anthropic": {"cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}},
    "bedrock": {"cacheDetails": [{"ttl": "5m", "inputTokens": 10}, {"ttl": "1h", "inputTokens": 20}]},
}


@pytest.mark.parametrize("name", HOUR_WRITES)
@pytest.mark.parametrize("junk", [None, [], "x", {"ephemeral_1h_input_tokens": -1}])
def test_ar7_hour_writes_are_separate(name: str, junk: object) -> None:
    """Tokens written for an hour, which cost more, are a part of all writes, if the provider counts them."""
    response = RESPONSES[name]
    key = next(iter(HOUR_WRITES[name]))

    def details(more: dict[str, Any]) -> Any:
        body = {**response, "usage": {**response["usage"], **more}}
        return load_dialect(name).parse_response(body)["usage"]["prompt_tokens_details"]

    assert details(HOUR_WRITES[name]) == {
        "cached_tokens": 100,
        "cache_write_tokens": 30,
        "cache_write_1h_tokens": 20,
    }
    assert details({key: junk}) == {"cached_tokens": 100, "cache_write_tokens": 30}


CHAT = {"choices": [{"message": MESSAGE, "finish_reason": "stop"}]}
BESIDE: dict[str, dict[str, Any]] = {  # the same tokens; cached ones, and reasoning, beside the other counts
    "larger than the prompt": {
        "prompt_tokens": 10,
        "completion_tokens": 40,
        "total_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 30},
    },
    "larger than the prompt, no total": {
        "prompt_tokens": 10,
        "completion_tokens": 40,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 30,
    },
    "in the total": {
        "prompt_tokens": 10,
        "completion_tokens": 40,
        "total_tokens": 180,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 30,
    },
    "in the total, with reasoning": {
        "prompt_tokens": 10,
        "completion_tokens": 15,
        "total_tokens": 180,
        "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 30},
        "completion_tokens_details": {"reasoning_tokens": 25},
    },
    "Anthropic's names": {
        "input_tokens": 10,
        "output_tokens": 40,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 30,
    },
    "inside": {
        "prompt_tokens": 140,
        "completion_tokens": 40,
        "total_tokens": 180,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 30,
    },
    "inside, no total": {
        "prompt_tokens": 140,
        "completion_tokens": 40,
        "prompt_tokens_details": {"cached_tokens": 100, "cache_creation_tokens": 30},
    },
}


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize("dialect", ["openai", "mistral"])
def test_cached_tokens_beside_the_prompt_are_added_to_it(dialect: str, name: str) -> None:
    """If a provider leaves cached tokens out of the prompt, their size or the total shows it."""
    usage: Any = load_dialect(dialect).parse_response({**CHAT, "usage": BESIDE[name]})["usage"]
    chunk = {"choices": [], "usage": BESIDE[name]}
    streamed: Any = next(iter(load_dialect(dialect).create_decoder().feed(Event(json.dumps(chunk)))))["usage"]

    assert streamed == usage
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (140, 40, 180)
    details = usage["prompt_tokens_details"]
    assert (details["cached_tokens"], details["cache_write_tokens"]) == (100, 30)


@pytest.mark.parametrize(
    ("completion", "reasoning", "total", "expected"),
    [(16, 19, 26, 16), (16, 19, 45, 35), (16, 19, None, 35), (16, 12, 26, 16), (16, 12, None, 16)],
)
def test_reasoning_beside_the_completion_is_added_to_it(
    completion: int, reasoning: int, total: int | None, expected: int
) -> None:
    """The total shows whether the completion includes the reasoning; without a total, the sizes show it."""
    counts = {"prompt_tokens": 10, "completion_tokens": completion, "total_tokens": total}
    reported = {**counts, "completion_tokens_details": {"reasoning_tokens": reasoning}}

    usage: Any = load_dialect("openai").parse_response({**CHAT, "usage": reported})["usage"]

    assert (usage["completion_tokens"], usage["total_tokens"]) == (expected, 10 + expected)
    assert usage["completion_tokens_details"] == {"reasoning_tokens": reasoning}


@pytest.mark.parametrize("total", [50, 150])
def test_a_response_with_cached_tokens_beside_the_input(total: int) -> None:
    """The Responses API of some providers counts cached tokens beside the input."""
    details = {"cached_tokens": 100}
    counts = {"input_tokens": 10, "output_tokens": 40, "total_tokens": total, "input_tokens_details": details}

    usage: Any = load_dialect("responses").parse_response({**RESPONSES["responses"], "usage": counts})[
        "usage"
    ]

    assert (usage["prompt_tokens"], usage["total_tokens"]) == (110, 150)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 100


COUNTS: dict[str, str] = {  # dialect -> path of a count in its response
    "anthropic": "usage.cache_read_input_tokens",
    "bedrock": "usage.outputTokens",
    "gemini": "usageMetadata.promptTokenCount",
    "openai": "usage.completion_tokens",
    "mistral": "usage.prompt_tokens",
    "responses": "usage.input_tokens",
    "cohere": "usage.tokens.output_tokens",
}


@pytest.mark.parametrize("dialect", COUNTS)
@pytest.mark.parametrize("value", [-1, 10**15, 1e300, float("inf"), float("nan"), "12", True])
def test_an_invalid_count_marks_the_usage(dialect: str, value: object) -> None:
    """A negative or huge count is no 0: the usage has the provider's own counts as `unusable`."""
    body = json.loads(json.dumps(RESPONSES["openai" if dialect == "mistral" else dialect]))
    holder, (*parents, name) = body, COUNTS[dialect].split(".")
    for parent in parents:
        holder = holder[parent]
    fine: Any = load_dialect(dialect).parse_response(body)["usage"]
    holder[name] = value

    usage: Any = load_dialect(dialect).parse_response(body)["usage"]

    assert "unusable" not in fine
    assert usage["unusable"] == holder
    assert all(count >= 0 for count in (usage["prompt_tokens"], usage["completion_tokens"]))


@pytest.mark.parametrize(
    ("dialect", "fields", "tier"),
    [
        ("anthropic", {"service_tier": "priority"}, "priority"),
        ("anthropic", {"service_tier": "batch"}, "batch"),
        ("anthropic", {"service_tier": "standard"}, None),
        ("gemini", {"serviceTier": "FLEX"}, "flex"),
        ("gemini", {"serviceTier": "standard"}, None),
        ("gemini", {"trafficType": "ON_DEMAND_PRIORITY"}, "priority"),
        ("gemini", {"trafficType": "ON_DEMAND"}, None),
        ("mistral", {"service_tier": "priority"}, "priority"),
    ],
)
def test_a_service_tier_in_usage_selects_the_price(
    dialect: str, fields: dict[str, Any], tier: str | None
) -> None:
    """A tier that the provider reports with its counts is the tier of the usage."""
    body = dict(RESPONSES["openai" if dialect == "mistral" else dialect])
    counts = "usageMetadata" if dialect == "gemini" else "usage"

    usage: Any = load_dialect(dialect).parse_response({**body, counts: {**body[counts], **fields}})["usage"]

    assert usage.get("service_tier") == tier


def test_a_stream_of_responses_has_its_service_tier() -> None:
    """The last event of a Responses stream names the tier that served it, which has its own price."""
    last = {"type": "response.completed", "response": {**RESPONSES["responses"], "service_tier": "flex"}}
    chunks = list(load_dialect("responses").create_decoder().feed(Event(json.dumps(last))))

    assert chunks[-1]["service_tier"] == "flex"
    assert chunks[-1]["usage"] is not None


@pytest.mark.parametrize("region", ["us", "global", None, 3])
def test_the_region_that_ran_the_model(region: object) -> None:
    """Anthropic reports where it ran the model; some regions cost more."""
    counts = {**RESPONSES["anthropic"]["usage"], "inference_geo": region}

    usage = load_dialect("anthropic").parse_response({**RESPONSES["anthropic"], "usage": counts})["usage"]

    assert usage.get("inference_geo") == (region if isinstance(region, str) else None)


@pytest.mark.parametrize(("speed", "tier"), [("fast", "fast"), ("standard", None), (None, None)])
def test_a45_fast_mode_is_a_service_tier(speed: object, tier: str | None) -> None:
    """Anthropic's fast mode, which costs more, is the service tier of responses and streams."""
    usage = {**RESPONSES["anthropic"]["usage"], "speed": speed}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "m", "model": "c", "usage": usage}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 40}},
        {"type": "message_stop"},
    ]
    decoder = load_dialect("anthropic").create_decoder()
    chunks = [chunk for each in events for chunk in decoder.feed(Event(json.dumps(each), each["type"]))]

    answer = load_dialect("anthropic").parse_response({**RESPONSES["anthropic"], "usage": usage})

    assert answer.get("service_tier") == tier
    assert chunks[-1].get("service_tier") == tier
    assert chunks[-1]["usage"] is not None


def test_gr4_tokens_of_every_modality() -> None:
    """Audio, image, document and video tokens are counted apart: in prompts, caches, tools and responses."""
    answer = dict(RESPONSES["gemini"])
    answer["usageMetadata"] = {
        "promptTokenCount": 100,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 10},
            {"modality": "AUDIO", "tokenCount": 30},
            {"modality": "IMAGE", "tokenCount": 20},
            {"modality": "DOCUMENT", "tokenCount": 5},
            {"modality": "VIDEO", "tokenCount": 35},
        ],
        "toolUsePromptTokenCount": 8,
        "toolUsePromptTokensDetails": [{"modality": "IMAGE", "tokenCount": 8}],
        "cachedContentTokenCount": 40,
        "cacheTokensDetails": [
            {"modality": "TEXT", "tokenCount": 10},
            {"modality": "AUDIO", "tokenCount": 30},
        ],
        "candidatesTokenCount": 50,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 45}, {"modality": "NEW"}, None],
        "thoughtsTokenCount": 7,
    }

    usage: Any = load_dialect("gemini").parse_response(answer)["usage"]

    assert usage["prompt_tokens_details"] == {
        "cached_tokens": 40,
        "audio_tokens": 30,
        "image_tokens": 33,
        "video_tokens": 35,
        "cached_tokens_details": {"audio_tokens": 30},
    }
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 7, "image_tokens": 45}


def read_usages(path: Path) -> Iterator[dict[str, Any]]:
    """Return the usages in a golden file."""
    outcome = json.loads(path.read_text("utf-8"))
    for part in outcome if isinstance(outcome, list) else [outcome]:
        if part.get("usage"):
            yield part["usage"]


def test_u7_the_total_is_the_sum() -> None:
    """In every golden response and stream, the total is the sum of prompt and completion."""
    outcomes = [*GOLDEN.glob("*/*/completion.json"), *GOLDEN.glob("*/*/chunks.json")]
    usages = [usage for path in outcomes for usage in read_usages(path)]

    assert len(usages) > 50
    assert all(
        usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
        for usage in usages
        if usage.keys() != {"tool_uses"}  # those of a stream until then
    )
