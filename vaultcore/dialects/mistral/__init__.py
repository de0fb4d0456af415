"""Mistral chat completions: https://docs.mistral.ai/api/#tag/chat.

OpenAI's in the main. Ids of calls have nine letters or digits, a call has exactly one result, a trailing
assistant message must say that it is a prefix, and a file goes as a `document_url`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2s
from typing import cast

from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change, Rendered, openai
from vaultcore.dialects.openai import decoder, parse_completion, parse_error, render_path
from vaultcore.dialects.tool_call_pairing import hoisted, paired
from vaultcore.dialects.tool_choice import choice
from vaultcore.dialects.tool_parameters import ANY_OBJECT
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json, Message

__all__ = ["decoder", "parse_completion", "parse_error", "render_path", "render_request"]

ID = re.compile(r"[a-zA-Z0-9]{9}")
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FIELDS: Mapping[str, tuple[str, ...]] = {  # of messages, by role
    "system": ("content",),
    "user": ("content",),
    "assistant": ("content", "tool_calls", "prefix"),
    "tool": ("content", "tool_call_id", "name"),
}
SILENT = {"refusal", "annotations"}  # of an answer: told otherwise, or said again in it
FILLER = "."  # where a turn has to stand and there is nothing to say
FORCED = {"required": "any"}


def render_request(request: ChatRequest, target: Target) -> Rendered:
    changes = list[Change]()
    body = cast(ChatRequest, {**request, "messages": _messages(request["messages"], changes)})
    _tools(body, changes)
    rendered = openai.render_request(body, target)
    return Rendered(rendered.body, (*changes, *rendered.changes))


def identity(original: str) -> str:
    """The id itself if it is one that is taken there, else one that is always made of it."""
    if ID.fullmatch(original):
        return original
    number = int.from_bytes(blake2s(original.encode(errors="replace"), digest_size=8).digest(), "big")
    return "".join(DIGITS[number // 62**place % 62] for place in range(9))


def _messages(messages: Sequence[Message], changes: list[Change]) -> list[Message]:
    known = [_known(f"messages[{i}]", cast(Json, message), changes) for i, message in enumerate(messages)]
    turns = paired(hoisted(cast("list[Message]", known), changes), changes, rename=identity)
    out = [
        turn for turn in turns if turn["role"] != "assistant" or turn.get("content") or "tool_calls" in turn
    ]
    if not out:
        changes.append(Change("messages", "injected", "a conversation in which nobody has said anything"))
        out.append({"role": "user", "content": FILLER})
    if out[-1]["role"] == "assistant":
        out[-1] = {**out[-1], "prefix": True}
    return cast("list[Message]", out)


def _known(path: str, message: Json, changes: list[Change]) -> Json:
    """The message with the fields that one of its role has there."""
    role = "system" if message.get("role") == "developer" else str(message.get("role"))
    fields = FIELDS.get(role, ())
    out: Json = {"role": role}
    for name, value in message.items():
        if name in fields and value is not None:
            out[name] = value
        elif value and name != "role" and name not in SILENT:
            changes.append(Change(f"{path}.{name}", "dropped", "messages have no such field there"))
    if isinstance(out.get("content"), list):
        out["content"] = [_part(f"{path}.content[{i}]", part) for i, part in enumerate(out["content"])]
    if role == "assistant" and isinstance(refused := message.get("refusal"), str):
        said = out.get("content") or []
        said = [{"type": "text", "text": said}] if isinstance(said, str) else said
        out["content"] = [*said, {"type": "text", "text": refused}] if said else refused
    return out


def _part(path: str, part: Json) -> Json:
    match part:
        case {"type": "file", "file": {"file_id": str(file)}}:
            return {"type": "file", "file_id": file}
        case {"type": "file", "file": {"file_data": str(data), **rest}}:
            address = (
                data
                if re.match("(?:data|https?):", data, re.IGNORECASE)
                else f"data:application/pdf;base64,{data}"
            )
            name = {"document_name": rest["filename"]} if rest.get("filename") else {}
            return {"type": "document_url", "document_url": address, **name}
        case {"type": "file", "file": _}:
            raise InvalidRequest("a file part needs file_data or file_id", param=f"{path}.file")
        case {"type": "refusal", "refusal": str(words)}:
            return {"type": "text", "text": words}
        case _:
            return part


def _tools(body: ChatRequest, changes: list[Change]) -> None:
    """The tools in a body of ours, each with its parameters, and only those that may be called."""
    tools = body.get("tools")
    if tools:
        body["tools"] = [_tool(f"tools[{i}]", tool) for i, tool in enumerate(tools)]
    match body.get("tool_choice"):
        case {"type": "allowed_tools"} as told:
            chosen = choice(told)
            body["tools"] = chosen.among(body.get("tools") or ())
            body["tool_choice"] = FORCED.get(chosen.mode, chosen.mode)
            changes.append(Change("tool_choice", "emulated", "the other tools are left out"))
        case str(word) if word in FORCED:
            body["tool_choice"] = FORCED[word]
            changes.append(Change("tool_choice", "renamed", "called any there", word, FORCED[word]))


def _tool(path: str, tool: Json) -> Json:
    kind = tool.get("type", "function")
    if kind == "custom":
        told = "custom tools cannot be sent to this model"
        raise InvalidRequest(told, param=f"{path}.type", code="unsupported_parameter")
    function = tool.get("function")
    if not isinstance(function, dict):
        return tool
    return {**tool, "function": {**function, "parameters": function.get("parameters") or ANY_OBJECT}}
