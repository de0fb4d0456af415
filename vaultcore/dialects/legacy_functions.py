"""Functions, as tools were called before there were tools: https://platform.openai.com/docs/api-reference/chat."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from vaultcore.catalog.schema import Target
from vaultcore.dialects import Rendered, repair
from vaultcore.dialects.missing_call_ids import with_ids
from vaultcore.wire import ChatRequest, Json, Message

NAMES = (
    (re.compile(r"^tools(\[\d+\])\.function"), r"functions\1"),
    (re.compile(r"^tools"), "functions"),
    (re.compile(r"^tool_choice"), "function_call"),
    (re.compile(r"\.tool_calls\[0\]\.function"), ".function_call"),
)
AS_WRITTEN = frozenset({"openai"})  # dialects whose providers judge for themselves what a result answers


def suited(request: ChatRequest, target: Target) -> ChatRequest:
    """The request in words that the target's dialect has: as it is, as far as it would go as it is."""
    if target.dialect not in AS_WRITTEN:
        return with_ids(upgraded(request))
    return request if target.provider.functions else upgraded(request)


def retold(rendered: Rendered, request: ChatRequest) -> Rendered:
    """What became of the request, under the names that the client used."""
    told = cast(Json, request)
    if told.get("functions") is None and told.get("function_call") is None:
        return rendered
    ours = [each for each in rendered.changes if each.path != "parallel_tool_calls"]
    return replace(rendered, changes=tuple(replace(each, path=_name(each.path)) for each in ours))


def _name(path: str) -> str:
    for now, then in NAMES:
        path = now.sub(then, path)
    return path


def upgraded(request: ChatRequest) -> ChatRequest:
    """The request with tools in place of functions, calls one at a time as it was then."""
    told = cast(Json, request)
    messages = cast("Sequence[Json]", request["messages"])
    old = any(message.get("role") == "function" or message.get("function_call") for message in messages)
    if not old and told.get("functions") is None and told.get("function_call") is None:
        return request
    out = {name: value for name, value in told.items() if name not in {"functions", "function_call"}}
    if told.get("functions"):
        out["tools"] = [{"type": "function", "function": function} for function in told["functions"]]
        out["parallel_tool_calls"] = False
    match told.get("function_call"):
        case {"name": str(name)}:
            out["tool_choice"] = {"type": "function", "function": {"name": name}}
        case str(word) if told.get("functions"):
            out["tool_choice"] = word
    out["messages"] = _messages(messages)
    return cast(ChatRequest, out)


def _messages(messages: Sequence[Json]) -> list[Message]:
    """A call has no id then: one is made of its place, and the result behind it takes it over."""
    out: list[Json] = []
    identity = ""
    for i, message in enumerate(messages):
        plain = {name: value for name, value in message.items() if name != "function_call"}
        if message.get("function_call"):
            identity = repair.identity("call_", i)
            call = {"id": identity, "type": "function", "function": message["function_call"]}
            out.append({**plain, "tool_calls": [call]})
        elif message.get("role") == "function":
            out.append({"role": "tool", "tool_call_id": identity, "content": message.get("content") or ""})
        else:
            out.append(plain)
    return cast("list[Message]", out)
