"""The rules of a simulated OpenAI-style provider: https://platform.openai.com/docs/api-reference/chat."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vaultcore.simulators.faults import SimulatedError
from vaultcore.simulators.reply import Json
from vaultcore.simulators.strict_schema import open_objects, optional_properties

ALLOWED_FIELDS = frozenset(  # other top-level fields are rejected
    [
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "modalities",
        "model",
        "moderation",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    ]
)
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
MAX_NAME = 64  # characters
RESPONSES_ONLY = re.compile(r"gpt-(5\.[4-9]|6)")  # models that call tools while reasoning with Responses only
OUTPUT_LIMITS = {"gpt-4o": 16_384, "gpt-4o-mini": 16_384, "gpt-4.1": 32_768, "gpt-4.1-mini": 32_768}  # tokens


def validate_request(headers: Mapping[str, str], body: Json) -> None:
    _require("application/json" in headers.get("content-type", ""), "content-type must be application/json")
    for name in body:
        _require(name in ALLOWED_FIELDS, f"Unrecognized request argument supplied: {name}", name)
    _require(
        isinstance(body.get("model"), str) and body["model"], "you must provide a model parameter", "model"
    )
    _require(
        not ("max_tokens" in body and "max_completion_tokens" in body),
        "max_tokens and max_completion_tokens cannot both be set",
        "max_tokens",
    )
    _require(
        body.get("stream") is True or "stream_options" not in body,
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        "stream_options",
    )
    temperature = body.get("temperature", 1)
    _require(isinstance(temperature, int | float) and 0 <= temperature <= 2, "must be 0 to 2", "temperature")
    check_length(body, "max_tokens", "max_completion_tokens")
    _check_reasoning(body)
    _check_tools(body)
    _check_format(body.get("response_format"))
    _check_messages(body.get("messages"))


def forced_tool(choice: object) -> str | None:
    """Return the name of the tool that must be called, "" for any tool, None if no call is forced."""
    match choice:
        case {"function": {"name": str(name)}}:
            return name
        case "required" | {"allowed_tools": {"mode": "required"}}:
            return ""
        case _:
            return None


def check_name(name: object, param: str) -> None:
    """Raise SimulatedError for an invalid name of a tool."""
    _require(isinstance(name, str), "Missing required parameter", param)
    limit = f"Invalid '{param}': string too long. Expected a string with maximum length {MAX_NAME}"
    _require(len(str(name)) <= MAX_NAME, limit, param)
    _require(
        NAME.fullmatch(str(name)), f"Invalid '{param}': does not match pattern '^[a-zA-Z0-9_-]+$'", param
    )


def check_length(body: Json, *fields: str) -> None:
    """Raise SimulatedError if one of the fields is more than the model writes."""
    limit = OUTPUT_LIMITS.get(str(body.get("model")))
    for name in fields:
        length = body.get(name)
        text = f"max_tokens is too large: {length}. This model supports at most {limit} completion tokens."
        _require(limit is None or length is None or length <= limit, text, name)


def _require(condition: object, message: str, param: str | None = None) -> None:
    if not condition:
        raise SimulatedError(400, "invalid_request_error", message, param=param, code="invalid_value")


def _check_tools(body: Json) -> None:
    tools = body.get("tools")
    is_list = tools is None or (isinstance(tools, list) and tools)
    _require(is_list, "[] is too short - 'tools'", "tools")
    names = {_check_tool(tool, f"tools[{at}]") for at, tool in enumerate(tools or [])}
    for name in ("tool_choice", "parallel_tool_calls"):
        _require(tools or name not in body, f"'{name}' is only allowed when 'tools' are specified", name)
    forced = forced_tool(body.get("tool_choice"))
    _require(not forced or forced in names, "tool_choice names an unknown tool", "tool_choice")


def _check_tool(tool: Json, param: str) -> str:
    kind = str(tool.get("type"))
    _require(kind in ("function", "custom"), "must be function or custom", f"{param}.type")
    name = (tool.get(kind) or {}).get("name")
    check_name(name, f"{param}.{kind}.name")
    if kind == "function":
        _check_strict(tool["function"], "parameters", f"{param}.function.parameters")
    return str(name)


def _check_reasoning(body: Json) -> None:
    """Check that a newer model does not reason and call tools: it does both with Responses only."""
    has_both = body.get("tools") and body.get("reasoning_effort", "none") != "none"
    _require(
        not (has_both and RESPONSES_ONLY.match(str(body.get("model")))),
        f"Function tools with reasoning_effort are not supported for {body.get('model')} in "
        "/v1/chat/completions. Please use /v1/responses instead.",
        "reasoning_effort",
    )


def _check_format(value: object) -> None:
    match value:
        case None | {"type": "text" | "json_object"}:
            return
        case {"type": "json_schema", "json_schema": {"name": str(name)} as json_schema} if NAME.fullmatch(
            name
        ):
            _check_strict(json_schema, "schema", "response_format")
        case _:
            _require(False, "must be text, json_object, or json_schema with a name", "response_format")


def _check_strict(holder: Json, key: str, param: str) -> None:
    schema = holder.get(key)
    is_object = key != "parameters" or not isinstance(schema, dict) or schema.get("type") == "object"
    _require(is_object, "schema must be a JSON Schema of 'type: \"object\"'", param)
    if not holder.get("strict"):
        return
    _require(isinstance(schema, dict), "must contain a schema to be strict", param)
    path = next(open_objects(schema), None)
    _require(path is None, f"'additionalProperties' is required to be false: {path}", param)
    path = next(optional_properties(schema), None)
    _require(path is None, f"'required' must name every property: {path}", param)


def _check_messages(messages: object) -> None:
    _require(isinstance(messages, list) and messages, "must be a list that is not empty", "messages")
    open_calls: list[Any] = []
    for at, message in enumerate(messages if isinstance(messages, list) else []):
        role = message.get("role") if isinstance(message, dict) else None
        _require(role in ROLES, f"must be one of {', '.join(ROLES)}", f"messages[{at}].role")
        if role == "tool":
            _require(
                message.get("tool_call_id") in open_calls,
                "must answer a tool call of the message before",
                f"messages[{at}].tool_call_id",
            )
            parts = message.get("content")
            is_text = isinstance(parts, str) or all(part.get("type") == "text" for part in parts or ())
            _require(is_text, "Invalid value: only 'text' is supported", f"messages[{at}].content")
            open_calls.remove(message["tool_call_id"])
            continue
        _require(not open_calls, f"tool calls without an answer: {open_calls}", f"messages[{at}]")
        calls = message.get("tool_calls") or []
        _require(
            calls or message.get("function_call") or isinstance(message.get("content"), str | list),
            "must be text or parts",
            f"messages[{at}].content",
        )
        open_calls = [_check_tool_call(call, f"messages[{at}].tool_calls") for call in calls]
    _require(not open_calls, f"tool calls without an answer: {open_calls}", "messages")


def _check_tool_call(call: Json, param: str) -> str:
    _require(isinstance(call.get("id"), str) and call["id"], "must have an id", param)
    kind = call.get("type", "function")
    called = call.get(kind) or {}
    text = called.get("input" if kind == "custom" else "arguments")
    _require(isinstance(text, str), "must have arguments as JSON text", param)
    check_name(called.get("name"), f"{param}.{kind}.name")
    return str(call["id"])
