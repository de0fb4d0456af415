"""Renders chat requests for Mistral: https://docs.mistral.ai/api/#tag/chat.

The format is OpenAI's with these differences: the id of a call has nine letters or digits, a call has
exactly one result, a trailing assistant message needs `prefix`, a file is a `document_url`, and reasoning is
a part of the content (https://docs.mistral.ai/capabilities/reasoning/).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2s
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change, RenderedRequest, openai
from vaultcore.dialects.call_pairing import move_media_from_results, pair_calls_with_results
from vaultcore.dialects.data_uri import is_data_uri, pdf_data_uri
from vaultcore.dialects.mistral.reasoning import REASONING, add_reasoning
from vaultcore.dialects.openai import render_path
from vaultcore.dialects.prompts import FILLER
from vaultcore.dialects.tools import fill_schema, parse_tool_choice
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json, Message

if TYPE_CHECKING:
    from vaultcore.dialects.mistral.wire import MistralMessage, MistralPart, MistralRequest

__all__ = ["render_call_id", "render_path", "render_request"]

CALL_ID = re.compile(r"[a-zA-Z0-9]{9}")
CALL_ID_LENGTH = 9  # characters
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
MESSAGE_FIELDS: Mapping[str, tuple[str, ...]] = {  # role -> fields that Mistral accepts
    "system": ("content",),
    "user": ("content",),
    "assistant": ("content", "tool_calls", "prefix"),
    "tool": ("content", "tool_call_id", "name"),
}
RENDERED_ELSEWHERE = {
    "refusal",
    "annotations",
    *REASONING,
}  # of assistants: sent in content, or repeated in it
TOOL_CHOICES = {"required": "any"}  # OpenAI's name -> Mistral's


def render_request(request: ChatRequest, target: Target) -> RenderedRequest:
    """Return the request in Mistral's format. Raise InvalidRequest if it cannot express it."""
    changes = list[Change]()
    messages = _render_messages(request["messages"], target, changes)
    body = cast("MistralRequest", {**request, "messages": messages})
    _render_tools(body, changes)
    rendered = openai.render_request(body, target)
    return RenderedRequest(rendered.body, (*changes, *rendered.changes))


def render_call_id(client_id: str) -> str:
    """Return the id if Mistral accepts it, otherwise an id derived from it.

    >>> render_call_id("a1B2c3D4e")
    'a1B2c3D4e'
    """
    if CALL_ID.fullmatch(client_id):
        return client_id
    number = int.from_bytes(blake2s(client_id.encode(errors="replace"), digest_size=8).digest(), "big")
    base = len(ALPHABET)
    return "".join(ALPHABET[number // base**place % base] for place in range(CALL_ID_LENGTH))


def _render_messages(
    messages: Sequence[Message], target: Target, changes: list[Change]
) -> list[MistralMessage]:
    rendered = list[Json]()
    for i, message in enumerate(cast("Sequence[Json]", messages)):
        plain = _render_message(f"messages[{i}]", message, changes)
        rendered.append(add_reasoning(plain, f"messages[{i}]", message, target, changes))
    without_media = move_media_from_results(cast("list[Message]", rendered), changes)
    conversation = pair_calls_with_results(without_media, changes, rename=render_call_id)
    out = [
        message
        for message in conversation
        if message["role"] != "assistant" or message.get("content") or "tool_calls" in message
    ]
    if not out:
        changes.append(Change("messages", "injected", "Mistral rejects an empty conversation"))
        out.append({"role": "user", "content": FILLER})
    if out[-1]["role"] == "assistant":
        out[-1] = {**out[-1], "prefix": True}
    return cast("list[MistralMessage]", out)


def _render_message(path: str, message: Json, changes: list[Change]) -> Json:
    """Return the message with the fields that Mistral accepts for its role."""
    role = "system" if message.get("role") == "developer" else str(message.get("role"))
    fields = MESSAGE_FIELDS.get(role, ())
    out: Json = {"role": role}
    for name, value in message.items():
        if name in fields and value is not None:
            out[name] = value
        elif value and name != "role" and name not in RENDERED_ELSEWHERE:
            reason = f"Mistral has no such field in {role} messages"
            changes.append(Change(f"{path}.{name}", "dropped", reason))
    if isinstance(out.get("content"), list):
        out["content"] = [_render_part(f"{path}.content[{i}]", part) for i, part in enumerate(out["content"])]
    if role == "assistant" and isinstance(refusal := message.get("refusal"), str):
        content = out.get("content") or []
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        out["content"] = [*parts, {"type": "text", "text": refusal}] if parts else refusal
    return out


def _render_part(path: str, part: Json) -> MistralPart:
    match part:
        case {"type": "file", "file": {"file_id": str(file)}}:
            return {"type": "file", "file_id": file}
        case {"type": "file", "file": {"file_data": str(data), **rest}}:
            is_url = is_data_uri(data) or re.match("https?:", data, re.IGNORECASE)
            url = data if is_url else pdf_data_uri(data)
            name = {"document_name": rest["filename"]} if rest.get("filename") else {}
            return {"type": "document_url", "document_url": url, **name}
        case {"type": "file", "file": _}:
            raise InvalidRequest("a file part needs file_data or file_id", param=f"{path}.file")
        case {"type": "refusal", "refusal": str(text)}:
            return {"type": "text", "text": text}
        case _:
            return part


def _render_tools(body: MistralRequest, changes: list[Change]) -> None:
    """Add parameters to every tool and apply `tool_choice`; `body` is ours."""
    tools = body.get("tools")
    if tools:
        body["tools"] = [_render_tool(f"tools[{i}]", tool) for i, tool in enumerate(tools)]
    match body.get("tool_choice"):
        case {"type": "allowed_tools"} as value:
            choice = parse_tool_choice(value)
            body["tools"] = choice.filter_tools(body.get("tools") or ())
            body["tool_choice"] = TOOL_CHOICES.get(choice.mode, choice.mode)
            changes.append(Change("tool_choice", "emulated", "only the allowed tools are sent"))
        case str(mode) if mode in TOOL_CHOICES:
            body["tool_choice"] = TOOL_CHOICES[mode]
            reason = "the provider's name is any"
            changes.append(Change("tool_choice", "renamed", reason, mode, TOOL_CHOICES[mode]))


def _render_tool(path: str, tool: Json) -> Json:
    if tool.get("type", "function") == "custom":
        text = "this model does not accept custom tools"
        raise InvalidRequest(text, param=f"{path}.type", code="unsupported_parameter")
    function = tool.get("function")
    if not isinstance(function, dict):
        return tool
    return {**tool, "function": {**function, "parameters": fill_schema(function.get("parameters"))}}
