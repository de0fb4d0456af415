"""The rules of a simulated Anthropic-style provider: https://docs.anthropic.com/en/api/messages.

It is stricter than the real one in one point: it rejects two messages of one role in a row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from vaultcore.simulators.faults import SimulatedError
from vaultcore.simulators.reply import REASONING, Json, stable_id
from vaultcore.simulators.strict_schema import bounded_values, open_objects

ALLOWED_FIELDS = frozenset(  # other top-level fields are rejected
    [
        *("billing_policy", "cache_control", "compaction", "container", "context_management", "diagnostics"),
        *("fallback_credit_token", "fallbacks", "inference_geo", "max_tokens", "mcp_servers", "messages"),
        *("metadata", "model", "output_config", "output_format", "service_tier", "speed", "stop_sequences"),
        *("stream", "system", "temperature", "thinking", "thread", "tool_choice", "tools", "top_k", "top_p"),
        *("user_profile_id", "workspace_id"),
    ]
)
BETA_FIELDS = ("context_management", "mcp_servers", "thread")  # need the header anthropic-beta
NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
CHOICES = ("auto", "any", "tool", "none")
ID = re.compile(r"[a-zA-Z0-9_-]+")
OWN_TOOL = re.compile(r".+_\d{8}|mcp_toolset")  # web_search_20250305: a tool without an input_schema
NEWEST = re.compile(r"claude-(?:opus-4-[7-9]|[a-z]+-[5-9])")  # models that think by effort, not by budget
ALWAYS = re.compile(r"claude-(?:fable-5|opus-5-5|sonnet-5-5)")  # models whose thinking cannot be disabled
SAMPLING = ("temperature", "top_p", "top_k")
CLIENT_TOOL = re.compile(r"(bash|text_editor|memory|computer)_\d{8}")
THINKING = ("enabled", "disabled", "adaptive", "between_tools")
EFFORTS = ("low", "medium", "high", "xhigh", "max")
EDITS = ("clear_thinking_20251015", "clear_tool_uses_20250919", "compact_20260112")
MAX_CACHE_MARKS = 4  # per request


def require(condition: object, message: str) -> None:
    """Raise SimulatedError if the condition is false."""
    if not condition:
        raise SimulatedError(400, "invalid_request_error", message)


def validate_request(headers: Mapping[str, str], body: Json) -> None:
    """Raise SimulatedError if a request for a message breaks a rule."""
    limit = body.get("max_tokens")
    require(type(limit) is int and limit > 0, "max_tokens: Field required, a number above 0")
    validate_prompt(headers, body)
    _check_thinking(body)
    _check_newest(body)


def validate_prompt(headers: Mapping[str, str], body: Json) -> None:
    """Raise SimulatedError if the part of a request that is a prompt breaks a rule."""
    require(headers.get("anthropic-version"), "anthropic-version: header is required")
    require("application/json" in headers.get("content-type", ""), "content-type: must be application/json")
    for name in body:
        require(name in ALLOWED_FIELDS, f"{name}: Extra inputs are not permitted")
    for name in BETA_FIELDS:
        is_enabled = name not in body or headers.get("anthropic-beta")
        require(is_enabled, f"{name}: Extra inputs are not permitted")
    require(isinstance(body.get("model"), str) and body["model"], "model: Field required")
    temperature = body.get("temperature", 1)
    require(isinstance(temperature, int | float) and 0 <= temperature <= 1, "temperature: must be 0 to 1")
    _check_tools(body)
    _check_output(body.get("output_config") or {})
    for edit in (body.get("context_management") or {}).get("edits") or ():
        require(edit.get("type") in EDITS, f"context_management.edits: {edit.get('type')} is not known")
    _check_system(body.get("system"))
    _check_messages(body)
    require(
        _cache_marks(body) <= MAX_CACHE_MARKS, "A maximum of 4 blocks with cache_control may be provided."
    )


def is_run_by_anthropic(tool: Json) -> bool:
    """Return True for a tool that Anthropic defines and runs: the model's reply has no call of it."""
    return is_own_tool(tool) and not CLIENT_TOOL.fullmatch(str(tool.get("type")))


def is_own_tool(tool: Json) -> bool:
    """Return True for a tool that Anthropic defines, whether it or the client runs it."""
    return bool(OWN_TOOL.fullmatch(str(tool.get("type"))))


def blocks(content: object, kind: str) -> list[Json]:
    """Return the blocks of one type in a message's content."""
    return [block for block in content if block.get("type") == kind] if isinstance(content, list) else []


def has_reasoning(body: Json) -> bool:
    """Return True if the response contains a thinking block."""
    kind = (body.get("thinking") or {}).get("type")
    return kind in ("enabled", "adaptive", "between_tools")


def thinking_block() -> Json:
    """Return the thinking block of every response that has one; no other signature is accepted later."""
    return {"type": "thinking", "thinking": REASONING, "signature": stable_id("sig_", REASONING)}


def _check_tools(body: Json) -> None:
    names = set()
    for at, tool in enumerate(body.get("tools") or []):
        if is_own_tool(tool):
            names.add(tool.get("name"))
            continue
        name = tool.get("name")
        require(isinstance(name, str) and NAME.fullmatch(name), f"tools.{at}.name: is not a valid tool name")
        require(name not in names, "tools: Tool names must be unique.")
        schema = tool.get("input_schema")
        is_object = isinstance(schema, dict) and schema.get("type") == "object"
        require(is_object, f"tools.{at}.input_schema: must be an object schema")
        names.add(name)
    choice: Json = body.get("tool_choice") or {"type": "auto"}
    require(names or "tool_choice" not in body, "tool_choice: may only be given with tools")
    require(choice.get("type") in CHOICES, f"tool_choice.type: must be one of {', '.join(CHOICES)}")
    require("name" not in choice or choice["name"] in names, "tool_choice.name: names an unknown tool")


def _check_output(config: Json) -> None:
    require(
        config.get("effort", "low") in EFFORTS, f"output_config.effort: must be one of {', '.join(EFFORTS)}"
    )
    match config.get("format"):
        case None:
            return
        case {"type": "json_schema", "schema": dict() as schema}:
            path = next(open_objects(schema), None)
            require(path is None, f"output_config.format: 'additionalProperties' must be false: {path}")
            path = next(bounded_values(schema), None)
            require(path is None, f"output_config.format: {path} is not supported")
        case _:
            require(False, "output_config.format: must be a json_schema with a schema")


def _check_system(system: object) -> None:
    require(system is None or isinstance(system, str | list), "system: must be text or blocks")
    for at, block in enumerate(system if isinstance(system, list) else []):
        require(block.get("text", "").strip(), f"system.{at}: text content blocks must be non-empty")


def _check_messages(body: Json) -> None:
    messages = body.get("messages")
    require(isinstance(messages, list) and messages, "messages: at least one message is required")
    is_continued = (body.get("thread") or {}).get("type") == "continue"
    open_calls: set[str] | None = None if is_continued else set()  # None: those of the stored messages
    previous = "assistant"
    for at, message in enumerate(messages if isinstance(messages, list) else []):
        content = message.get("content")
        previous = _check_role(message.get("role"), previous, f"messages.{at}.role")
        require(isinstance(content, str | list) and content, f"messages.{at}.content: must not be empty")
        for block in blocks(content, "text"):
            require(block.get("text", "").strip(), f"messages.{at}: text content blocks must be non-empty")
        if previous == "system":
            continue
        results = {str(block.get("tool_use_id")) for block in blocks(content, "tool_result")}
        expected = results if open_calls is None else open_calls
        require(
            results == expected,
            f"messages.{at}: tool_use ids {sorted(results ^ expected)} have no matching tool_result",
        )
        open_calls = {_check_tool_use(block, f"messages.{at}") for block in blocks(content, "tool_use")}
    require(not open_calls, f"messages: tool_use ids without a tool_result: {sorted(open_calls or ())}")


def _check_role(role: object, previous: str, place: str) -> str:
    """Return the role. A system message follows a user message and precedes an assistant message."""
    allowed = {"assistant": ("user",), "user": ("assistant", "system"), "system": ("assistant", "system")}
    require(role in allowed[previous], f"{place}: user and assistant must alternate")
    return str(role)


def _check_thinking(body: Json) -> None:
    thinking = body.get("thinking") or {"type": "disabled"}
    require(thinking.get("type") in THINKING, f"thinking.type: must be one of {', '.join(THINKING)}")
    if thinking["type"] == "enabled":
        budget = thinking.get("budget_tokens")
        is_valid = type(budget) is int and 1_024 <= budget < body["max_tokens"]
        require(is_valid, "thinking.budget_tokens: must be 1024 or more and less than max_tokens")
    if has_reasoning(body):
        is_free = (body.get("tool_choice") or {}).get("type") not in ("any", "tool")
        require(is_free, "Thinking may not be enabled when tool_choice forces tool use.")
        require(body.get("temperature", 1) == 1, "temperature: may only be 1 when thinking is enabled")
    for at, message in enumerate(body["messages"]):
        for block in blocks(message["content"], "thinking"):
            is_valid = block.get("signature") == stable_id("sig_", block.get("thinking"))
            require(is_valid, f"messages.{at}: Invalid `signature` in `thinking` block")


def _check_newest(body: Json) -> None:
    """Check what models of the newest generation no longer accept."""
    if not NEWEST.match(body["model"]):
        return
    budget = (body.get("thinking") or {}).get("type") == "enabled"
    require(
        not budget, '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive".'
    )
    for name in SAMPLING:
        require(name not in body, f"`{name}` is deprecated for this model.")
    is_prefilled = body["messages"][-1]["role"] == "assistant"
    require(not is_prefilled, "This model does not support assistant message prefill.")
    if ALWAYS.match(body["model"]):
        is_disabled = (body.get("thinking") or {}).get("type") == "disabled"
        require(not is_disabled, '"thinking.type.disabled" is not supported for this model.')
        is_free = (body.get("tool_choice") or {}).get("type") not in ("any", "tool")
        require(is_free, "tool_choice: this model does not support forced tool use.")


def _check_tool_use(block: Json, place: str) -> str:
    require(ID.fullmatch(str(block.get("id", ""))), f"{place}: tool_use.id must match {ID.pattern}")
    name = str(block.get("name", ""))
    require(1 <= len(name) <= 200, f"{place}: tool_use.name must have 1 to 200 characters")
    require(isinstance(block.get("input"), dict), f"{place}: tool_use.input must be an object")
    return str(block["id"])


def _cache_marks(value: object) -> int:
    """Return the number of cache_control fields of a request, or of a part of one."""
    match value:
        case dict():
            inner = sum(_cache_marks(value.get(name)) for name in ("system", "tools", "messages", "content"))
            return inner + (value.get("cache_control") is not None)
        case list():
            return sum(map(_cache_marks, value))
        case _:
            return 0
