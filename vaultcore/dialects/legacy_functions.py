"""Converts the deprecated `functions` and `function_call` fields of chat requests to tools.

https://platform.openai.com/docs/api-reference/chat/create, `functions` and `function_call`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from vaultcore.casts import cast
from vaultcore.catalog.schema import Target
from vaultcore.dialects import RenderedRequest, load_dialect, repair
from vaultcore.dialects.missing_call_ids import add_call_ids
from vaultcore.wire import ChatRequest, Json, Message

LEGACY_PATHS = (  # the path of a converted field -> the path in the client's request
    (re.compile(r"^tools(\[\d+\])\.function"), r"functions\1"),
    (re.compile(r"^tools"), "functions"),
    (re.compile(r"^tool_choice"), "function_call"),
    (re.compile(r"\.tool_calls\[0\]\.function"), ".function_call"),
)


def adapt_request(request: ChatRequest, target: Target) -> ChatRequest:
    """Return the request with tools and call ids if the target needs them, otherwise unchanged.

    Raise InvalidRequest if a tool result answers no call.
    """
    if load_dialect(target.dialect).requires_call_ids:
        return add_call_ids(replace_functions(request))
    return request if target.provider.functions else replace_functions(request)


def restore_paths(rendered: RenderedRequest, request: ChatRequest) -> RenderedRequest:
    """Return `rendered` with the paths of its changes as the client's `request` names them."""
    original = cast(Json, request)
    if original.get("functions") is None and original.get("function_call") is None:
        return rendered
    # The conversion added parallel_tool_calls: the client must not see a change of it.
    changes = [each for each in rendered.changes if each.path != "parallel_tool_calls"]
    return replace(rendered, changes=tuple(replace(each, path=_legacy_path(each.path)) for each in changes))


def replace_functions(request: ChatRequest) -> ChatRequest:
    """Return the request with tools instead of functions, and without parallel calls, as before tools."""
    original = cast(Json, request)
    messages = cast("Sequence[Json]", request["messages"])
    has_calls = bool(
        [each for each in messages if each.get("role") == "function" or each.get("function_call")]
    )
    if not has_calls and original.get("functions") is None and original.get("function_call") is None:
        return request
    out = {name: value for name, value in original.items() if name not in {"functions", "function_call"}}
    if original.get("functions"):
        out["tools"] = [{"type": "function", "function": function} for function in original["functions"]]
        out["parallel_tool_calls"] = False
    match original.get("function_call"):
        case {"name": str(name)}:
            out["tool_choice"] = {"type": "function", "function": {"name": name}}
        case str(mode) if original.get("functions"):
            out["tool_choice"] = mode
    out["messages"] = _replace_calls(messages)
    return cast(ChatRequest, out)


def _legacy_path(path: str) -> str:
    for pattern, replacement in LEGACY_PATHS:
        path = pattern.sub(replacement, path)
    return path


def _replace_calls(messages: Sequence[Json]) -> list[Message]:
    """Return the messages with tool calls. A function call has no id: one is derived from its position."""
    out: list[Json] = []
    call_id = ""
    for i, message in enumerate(messages):
        plain = {name: value for name, value in message.items() if name != "function_call"}
        if message.get("function_call"):
            call_id = repair.derive_id("call_", i)
            call = {"id": call_id, "type": "function", "function": message["function_call"]}
            out.append({**plain, "tool_calls": [call]})
        elif message.get("role") == "function":
            out.append({"role": "tool", "tool_call_id": call_id, "content": message.get("content") or ""})
        else:
            out.append(plain)
    return cast("list[Message]", out)
