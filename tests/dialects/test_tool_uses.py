"""Uses of the provider's own tools are counted in every dialect, in whole responses and in streams."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vaultcore.dialects import load_dialect
from vaultcore.routing.stream_joiner import StreamJoiner
from vaultcore.streams.sse import Event

CITATION = {"type": "url_citation", "url_citation": {"url": "https://a.test", "title": "A"}}
CHAT_USAGE = {"prompt_tokens": 140, "completion_tokens": 40, "total_tokens": 180}
RESPONSES_USAGE = {"input_tokens": 140, "output_tokens": 40, "total_tokens": 180}
CONTAINER = {"type": "code_interpreter_call", "container_id": "c1"}
IMAGE = {"type": "image_generation_call", "status": "completed", "result": "aGk="}
IMAGE_TOKENS = {
    "input_tokens": 90,
    "input_tokens_details": {"image_tokens": 60, "text_tokens": 30},
    "cached_tokens": 25,
    "cached_tokens_details": {"cached_image_tokens": 20, "cached_text_tokens": 5},
    "output_tokens": 272,
    "total_tokens": 362,
}


def anthropic(usage: dict[str, Any], *calls: str, **fields: Any) -> dict[str, Any]:
    blocks = [{"type": "server_tool_use", "id": f"s{i}", "name": name} for i, name in enumerate(calls)]
    content = [*blocks, {"type": "text", "text": "Hi"}]
    counts = {"input_tokens": 140, "output_tokens": 40, **usage}
    return {"type": "message", "content": content, "stop_reason": "end_turn", "usage": counts, **fields}


def chat(usage: dict[str, Any], message: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    answer = {"role": "assistant", "content": "Hi", **(message or {})}
    choice = {"index": 0, "message": answer, "finish_reason": "stop"}
    return {"choices": [choice], "usage": {**CHAT_USAGE, **usage}, **fields}


def responses(*items: dict[str, Any], usage: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    text = {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}
    counts = {**RESPONSES_USAGE, **(usage or {})}
    return {"status": "completed", "output": [*items, text], "usage": counts, **fields}


def gemini(grounding: dict[str, Any]) -> dict[str, Any]:
    candidate = {
        "content": {"parts": [{"text": "Hi"}]},
        "finishReason": "STOP",
        "groundingMetadata": grounding,
    }
    counts = {"promptTokenCount": 140, "candidatesTokenCount": 40, "totalTokenCount": 180}
    return {"candidates": [candidate], "usageMetadata": counts}


def bedrock(*names: str) -> dict[str, Any]:
    calls = [{"toolUse": {"toolUseId": "t", "name": name, "type": "server_tool_use"}} for name in names]
    message = {"role": "assistant", "content": [*calls, {"text": "Hi"}]}
    usage = {"inputTokens": 140, "outputTokens": 40, "totalTokens": 180}
    return {"output": {"message": message}, "stopReason": "end_turn", "usage": usage}


SEARCHED = {"server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1}}
ADVICE = {
    "type": "advisor_message",
    "model": "claude-opus-5-5",
    "input_tokens": 900,
    "output_tokens": 80,
    "cache_read_input_tokens": 50,
    "cache_creation_input_tokens": 30,
    "cache_creation": {"ephemeral_1h_input_tokens": 10},
}
# Name -> dialect, response, and its uses by unit. Zeros do not count.
CASES: dict[str, tuple[str, dict[str, Any], dict[str, int]]] = {
    "anthropic": ("anthropic", anthropic(SEARCHED, "web_search"), {"web_search": 2, "web_fetch": 1}),
    "anthropic, unreported": ("anthropic", anthropic({}, "web_search", "web_search"), {"web_search": 2}),
    "anthropic, a search failed": (
        "anthropic",
        anthropic({"server_tool_use": {"web_search_requests": 0}}, "web_search"),
        {},
    ),
    "anthropic, code": (
        "anthropic",
        anthropic({}, "bash_code_execution", "code_execution"),
        {"code_execution": 1},
    ),
    "anthropic, code for a search": (
        "anthropic",
        anthropic(SEARCHED, "code_execution"),
        {"web_search": 2, "web_fetch": 1},
    ),
    "anthropic, advisor": (
        "anthropic",
        anthropic({"iterations": [{"type": "message", "input_tokens": 1}, ADVICE]}),
        {
            "advisor_input:claude-opus-5-5": 900,
            "advisor_cache_read:claude-opus-5-5": 50,
            "advisor_cache_write:claude-opus-5-5": 20,
            "advisor_cache_write_1h:claude-opus-5-5": 10,
            "advisor_output:claude-opus-5-5": 80,
        },
    ),
    "openai, citations": ("openai", chat({}, {"annotations": [CITATION, CITATION]}), {"web_search": 1}),
    "openai, other annotations": ("openai", chat({}, {"annotations": [{"type": "file_citation"}]}), {}),
    "openrouter": ("openai", chat({"server_tool_use": {"web_search_requests": 3}}), {"web_search": 3}),
    "openrouter, none": (
        "openai",
        chat({"server_tool_use": {"web_search_requests": 0}}, {"annotations": [CITATION]}),
        {},
    ),
    "perplexity": ("openai", chat({"num_search_queries": 7}), {"web_search": 7}),
    "xai, live search": ("openai", chat({"num_sources_used": 12}), {"search_source": 12}),
    "xai": (
        "openai",
        chat(
            {
                "server_side_tool_usage_details": {
                    "web_search_calls": 2,
                    "x_search_calls": 1,
                    "code_interpreter_calls": 3,
                    "file_search_calls": 4,
                    "document_search_calls": 5,
                    "mcp_calls": 6,
                }
            }
        ),
        {"web_search": 2, "x_search": 1, "code_call": 3, "file_search": 4, "attachment_search": 5},
    ),
    "groq": (
        "openai",
        chat(
            {}, {"executed_tools": [{"type": "search"}, {"type": "visit"}, {"type": "search"}, {"type": []}]}
        ),
        {"web_search": 2, "visit_website": 1},
    ),
    "moonshot": (
        "openai",
        chat({}, {"tool_calls": [{"id": "1", "function": {"name": "$web_search", "arguments": "{}"}}]}),
        {"web_search": 1},
    ),
    "zai": ("openai", chat({}, web_search=[{"title": "A"}]), {"web_search": 1}),
    "dashscope": ("openai", chat({"plugins": {"search": {"count": 1}}}), {"web_search": 1}),
    "mistral": ("mistral", chat({"connectors": {"web_search": 2}}), {"web_search": 2}),
    "responses, searches": (
        "responses",
        responses(
            {"type": "web_search_call", "action": {"type": "search", "query": "a"}},
            {"type": "web_search_call", "action": {"type": "open_page", "url": "https://a.test"}},
            {"type": "web_search_call", "action": {"type": "find_in_page", "pattern": "b"}},
            {"type": "web_search_call"},
            {"type": "file_search_call", "queries": ["a", "b"]},
            {"type": "mcp_call"},
        ),
        {"web_search": 2, "file_search": 1},
    ),
    "responses, billable searches": (
        "responses",
        responses({"type": "web_search_call"}, tool_usage={"web_search": {"num_requests": 3}}),
        {"web_search": 3},
    ),
    "responses, containers": (
        "responses",
        responses(CONTAINER, CONTAINER, {**CONTAINER, "container_id": "c2"}),
        {"code_execution": 2, "code_call": 3},
    ),
    "responses, a large container": (
        "responses",
        responses(CONTAINER, tools=[{"type": "code_interpreter", "container": {"memory_limit": "4g"}}]),
        {"code_execution:4g": 1, "code_call": 1},
    ),
    "responses, shells": (
        "responses",
        responses(
            {"type": "shell_call", "environment": {"type": "container_reference", "container_id": "c1"}},
            {"type": "shell_call", "environment": {"type": "local"}},
        ),
        {"code_execution": 1, "code_call": 1},
    ),
    "responses, images": ("responses", responses(IMAGE, IMAGE), {"image_generation": 2}),
    "responses, image tokens": (
        "responses",
        responses(
            IMAGE,
            tools=[{"type": "image_generation", "model": "gpt-image-1-mini"}],
            tool_usage={"image_gen": IMAGE_TOKENS, "web_search": {"num_requests": 0}},
        ),
        {
            "image_tool_input:gpt-image-1-mini": 25,
            "image_tool_cache_read:gpt-image-1-mini": 5,
            "image_tool_image_input:gpt-image-1-mini": 40,
            "image_tool_image_cache_read:gpt-image-1-mini": 20,
            "image_tool_output:gpt-image-1-mini": 272,
        },
    ),
    "responses, xai": (
        "responses",
        responses({"type": "x_search_call"}, usage={"server_side_tool_usage_details": {"x_search_calls": 4}}),
        {"x_search": 4},
    ),
    "responses, perplexity": (
        "responses",
        responses(usage={"tool_calls_details": {"search_web": {"invocation": 2}}}),
        {"web_search": 2},
    ),
    "gemini": (
        "gemini",
        gemini({"webSearchQueries": ["a", "b", ""], "imageSearchQueries": ["c"]}),
        {"web_search": 3, "grounded_prompt": 1},
    ),
    "gemini, maps": (
        "gemini",
        gemini({"groundingChunks": [{"maps": {"uri": "https://a.test"}}]}),
        {"maps_grounding": 1},
    ),
    "gemini, own files": ("gemini", gemini({"groundingChunks": [{"retrievedContext": {}}]}), {}),
    "bedrock": ("bedrock", bedrock("nova_grounding", "nova_grounding", "other"), {"web_search": 2}),
}


def events_of(dialect: str, body: dict[str, Any]) -> list[Event]:
    """Return a stream of the same response."""
    match dialect:
        case "anthropic":
            started = {**body, "content": [], "usage": {"input_tokens": 140, "output_tokens": 1}}
            events = [{"type": "message_start", "message": started}]
            for index, block in enumerate(body["content"]):
                events.append({"type": "content_block_start", "index": index, "content_block": block})
                events.append({"type": "content_block_stop", "index": index})
            last = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": body["usage"]}
            return [Event(json.dumps(each)) for each in [*events, last, {"type": "message_stop"}]]
        case "responses":
            events = [{"type": "response.created", "response": {**body, "output": [], "usage": None}}]
            for index, item in enumerate(body["output"]):
                if item["type"] == "message":
                    events.append(
                        {"type": "response.output_text.delta", "output_index": index, "delta": "Hi"}
                    )
                events.append({"type": "response.output_item.done", "output_index": index, "item": item})
            return [
                Event(json.dumps(each))
                for each in [*events, {"type": "response.completed", "response": body}]
            ]
        case "gemini":
            return [Event(json.dumps(body))]
        case "bedrock":
            events = [
                ("contentBlockStart", {"contentBlockIndex": index, "start": block})
                for index, block in enumerate(body["output"]["message"]["content"])
            ]
            events += [("messageStop", {"stopReason": "end_turn"}), ("metadata", {"usage": body["usage"]})]
            return [Event(json.dumps(data), name) for name, data in events]
        case _:
            rest = {name: value for name, value in body.items() if name not in {"choices", "usage"}}
            delta = {"index": 0, "delta": body["choices"][0]["message"], "finish_reason": None}
            stop = {"index": 0, "delta": {}, "finish_reason": "stop"}
            parts = [
                {**rest, "choices": [delta]},
                {"choices": [stop]},
                {"choices": [], "usage": body["usage"]},
            ]
            return [Event(json.dumps(each)) for each in parts]


def streamed_uses(dialect: str, events: list[Event]) -> dict[str, int]:
    """Return the uses that the gateway knows after these events."""
    decoder, joiner = load_dialect(dialect).create_decoder(), StreamJoiner("c", "m", 0)
    for event in events:
        for chunk in decoder.feed(event):
            joiner.join(chunk)
    for chunk in decoder.close():
        joiner.join(chunk)
    return not_zero((joiner.usage or {}).get("tool_uses", {}))


def not_zero(uses: dict[str, int]) -> dict[str, int]:
    return {unit: count for unit, count in uses.items() if count}


@pytest.mark.parametrize("name", CASES)
def test_a_response_counts_the_uses_of_tools(name: str) -> None:
    """Each use that the provider charges for is counted once, in its unit."""
    dialect, body, expected = CASES[name]

    usage: Any = load_dialect(dialect).parse_response(body)["usage"]

    assert not_zero(usage.get("tool_uses", {})) == expected
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (140, 40)


@pytest.mark.parametrize("name", CASES)
def test_a_stream_counts_the_same(name: str) -> None:
    """A stream of a response has its uses."""
    dialect, body, expected = CASES[name]

    assert streamed_uses(dialect, events_of(dialect, body)) == expected


CUT = ("anthropic", "anthropic, unreported", "openai, citations", "groq", "zai", "responses, searches")
CUT += ("responses, containers", "responses, images", "bedrock", "gemini")


@pytest.mark.parametrize("name", CUT)
def test_a_stream_that_breaks_off_has_the_uses_until_then(name: str) -> None:
    """Uses count when they happen: a stream without its last event has those of the events that came."""
    dialect, body, expected = CASES[name]
    events = events_of(dialect, body)
    if dialect != "gemini":
        events = events[: -2 if dialect != "responses" else -1]
    if name == "anthropic":
        expected = {"web_search": 1}  # the block that came; the last event reports two

    assert streamed_uses(dialect, events) == expected


@pytest.mark.parametrize("name", CASES)
def test_clients_do_not_see_the_uses(name: str) -> None:
    """The counts are internal: no chunk for a client has them, and none has an empty usage."""
    dialect, body, _ = CASES[name]
    decoder, joiner = load_dialect(dialect).create_decoder(), StreamJoiner("c", "m", 0)
    chunks = [joiner.join(chunk) for event in events_of(dialect, body) for chunk in decoder.feed(event)]

    assert all("tool_uses" not in (chunk.get("usage") or {}) for chunk in chunks)
    assert all(chunk.get("usage") != {} for chunk in chunks)


@pytest.mark.parametrize("dialect", ["openai", "mistral"])
def test_a_provider_cannot_set_internal_fields(dialect: str) -> None:
    """Fields of usage by which the gateway computes costs are dropped if a provider sends them."""
    forged = {"tool_uses": {"web_search": 10**9}, "billed": {"prompt_tokens": 0}, "pictures": {"count": 9}}

    usage: Any = load_dialect(dialect).parse_response(chat({**forged, "unusable": {}}))["usage"]

    assert usage == CHAT_USAGE
