"""All capabilities, in the order of the table: each with the shortest request that uses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from vaultcore.capability_matrix.capability import Capability, ResponseCheck
from vaultcore.capability_matrix.observed_response import ObservedResponse
from vaultcore.wire import Json

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="
PDF = "data:application/pdf;base64,JVBERi0xLjQKJSVFT0YK"
CITY_SCHEMA: Json = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
STRICT_SCHEMA = {**CITY_SCHEMA, "additionalProperties": False}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": CITY_SCHEMA}}
TIDE = {"type": "function", "function": {"name": "tide", "parameters": CITY_SCHEMA}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Ulm"}'}}
QUESTION = "why is the sky blue"
TWO_TOOLS = "call weather and tide"


def user_message(content: Any) -> Json:
    return {"role": "user", "content": content}


def chat_body(*messages: Json, **fields: Any) -> Json:
    return {"model": "m", "max_tokens": 5_000, "messages": [*messages] or [user_message(QUESTION)], **fields}


def request_field(title: str, name: str, value: Any) -> Capability:
    """Return the capability of a request field that no response shows."""
    return Capability(title, name, chat_body(**{name: value}), baseline=chat_body())


def content_part(title: str, part: Json) -> Capability:
    """Return the capability of a content part in a user message."""
    text = {"type": "text", "text": QUESTION}
    return Capability(
        title,
        "messages[0].content[1]",
        chat_body(user_message([text, part])),
        baseline=chat_body(user_message([text])),
        check=echoes_question,
    )


def echoes_question(response: ObservedResponse) -> bool:
    return QUESTION in response.text and response.finish == "stop"


def calls_tools(*names: str) -> ResponseCheck:
    """Return a check that a response calls these tools, each with valid arguments and an id of its own."""

    def check(response: ObservedResponse) -> bool:
        called_names = [call.name for call in response.calls]
        has_arguments = all(json.loads(call.arguments) == {"city": "a city"} for call in response.calls)
        has_unique_ids = len({call.id for call in response.calls if call.id}) == len(called_names)
        is_finished = response.finish == "tool_calls"
        return called_names == [*names] and has_arguments and has_unique_ids and is_finished

    return check


def matches_schema(response: ObservedResponse) -> bool:
    """Return True if the text is an object of CITY_SCHEMA."""
    return set(json.loads(response.text)) == {"city"}


def is_json(response: ObservedResponse) -> bool:
    return isinstance(json.loads(response.text), dict)


def has_usage(response: ObservedResponse) -> bool:
    usage = response.usage or {}
    counts = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
    return all(counts) and usage.get("total_tokens") == sum(counts)


def _tool_result_body(content: Any) -> Json:
    result = {"role": "tool", "tool_call_id": "call_1", "content": content}
    call = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    return chat_body(user_message("call weather"), call, result, tools=[WEATHER])


def _conversation() -> Iterator[Capability]:
    cached = {"type": "text", "text": QUESTION, "cache_control": {"type": "ephemeral"}}
    system = {"role": "system", "content": "Be brief."}
    assistant = {"role": "assistant", "content": "Because."}
    greeting, question = user_message("Hi"), user_message(QUESTION)
    several = chat_body(greeting, assistant, question)
    yield Capability("text", "messages", chat_body(), check=echoes_question)
    yield Capability("streaming", "stream", chat_body(), check=lambda response: response.text_fragments > 0)
    yield Capability("usage, also in streams", "stream_options", chat_body(), check=has_usage)
    yield Capability(
        "system message", "messages[0]", chat_body(system, question), chat_body(question), echoes_question
    )
    yield Capability(
        "later system message", "messages[2]", chat_body(greeting, assistant, system, question), several
    )
    yield Capability("several messages", "messages[0]", several, check=echoes_question)
    yield Capability("assistant prefill", "messages[1]", chat_body(question, assistant), chat_body(question))
    yield Capability(
        "cache control",
        "messages[0].content[0].cache_control",
        chat_body(user_message([cached])),
        baseline=chat_body(user_message([{"type": "text", "text": QUESTION}])),
    )


def _tools() -> Iterator[Capability]:
    tools = [WEATHER, TIDE]
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    forced = {"type": "function", "function": {"name": "tide"}}
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [forced]}}
    function = {"name": "weather", "parameters": STRICT_SCHEMA}
    one_tool = chat_body(user_message("call weather"), tools=[WEATHER])
    two_tools = chat_body(user_message(TWO_TOOLS), tools=tools)
    yield Capability("tools", "tools", one_tool, check=calls_tools("weather"))
    yield Capability("parallel tool calls", "tools", two_tools, check=calls_tools("weather", "tide"))
    yield Capability(
        "single tool calls",
        "parallel_tool_calls",
        {**two_tools, "parallel_tool_calls": False},
        check=calls_tools("weather"),
    )
    for title, choice, text, check in (
        ("forced tool", forced, QUESTION, calls_tools("tide")),
        ("required tool", "required", QUESTION, calls_tools("weather")),
        ("no tool", "none", TWO_TOOLS, lambda response: not response.calls and TWO_TOOLS in response.text),
        ("allowed tools", allowed, TWO_TOOLS, calls_tools("tide")),
    ):
        body = chat_body(user_message(text), tools=tools, tool_choice=choice)
        yield Capability(title, "tool_choice", body, check=check)
    yield Capability(
        "strict tools",
        "tools[0].function.strict",
        {**one_tool, "tools": [{"type": "function", "function": {**function, "strict": True}}]},
        {**one_tool, "tools": [{"type": "function", "function": function}]},
        check=calls_tools("weather"),
    )
    yield Capability(
        "tool results",
        "messages[2]",
        _tool_result_body("sunny"),
        check=lambda response: "sunny" in response.text,
    )
    yield Capability(
        "images in tool results", "messages[2].content", _tool_result_body([image]), _tool_result_body("")
    )


def _media() -> Iterator[Capability]:
    yield content_part("image", {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}})
    yield content_part(
        "image by URL", {"type": "image_url", "image_url": {"url": "https://images.test/a.png"}}
    )
    yield content_part("PDF", {"type": "file", "file": {"file_data": PDF}})
    yield content_part("audio input", {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}})


def _output() -> Iterator[Capability]:
    json_schema = {"name": "city", "schema": STRICT_SCHEMA, "strict": True}
    structured = chat_body(response_format={"type": "json_schema", "json_schema": json_schema})
    json_object = chat_body(response_format={"type": "json_object"})
    yield Capability("JSON", "response_format", json_object, check=is_json)
    yield Capability("structured output", "response_format", structured, check=matches_schema)
    yield Capability(
        "output limit",
        "max_tokens",
        {**chat_body(), "max_tokens": 16},
        check=lambda response: response.finish == "length",
    )
    yield request_field("stop sequences", "stop", ["END"])
    yield request_field("reasoning effort", "reasoning_effort", "low")
    yield Capability(
        "reasoning text",
        "reasoning_effort",
        chat_body(reasoning_effort="low"),
        check=lambda response: bool(response.reasoning),
        alternative=chat_body(reasoning={"effort": "low", "summary": "auto"}),
    )


def _settings() -> Iterator[Capability]:
    yield request_field("temperature", "temperature", 0.4)
    yield request_field("top_p", "top_p", 0.4)
    yield request_field("penalties", "frequency_penalty", 0.4)
    yield request_field("seed", "seed", 7)
    yield request_field("logit bias", "logit_bias", {"42": 5})
    yield request_field("log probabilities", "logprobs", True)
    yield request_field("several choices", "n", 2)
    yield request_field("predicted output", "prediction", {"type": "content", "content": "x"})
    yield request_field("verbosity", "verbosity", "low")
    yield request_field("web search", "web_search_options", {})
    yield request_field("service tier", "service_tier", "priority")
    yield request_field("user id", "user", "user-1")
    yield request_field("metadata", "metadata", {"team": "red"})
    yield request_field("prompt cache key", "prompt_cache_key", "key-1")


CAPABILITIES = (*_conversation(), *_tools(), *_media(), *_output(), *_settings())
