"""The conversation as input items: messages, calls and their outputs.

https://platform.openai.com/docs/api-reference/responses/create#responses-create-input
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change
from vaultcore.dialects.call_pairing import pair_calls_with_results
from vaultcore.dialects.data_uri import is_data_uri, pdf_data_uri
from vaultcore.dialects.responses import reasoning
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json, Message

if TYPE_CHECKING:
    from vaultcore.dialects.responses.wire import ResponsesInputItem, ResponsesInputPart

OUTPUT = "function_call_output"
OUTPUTS = {"function_call": OUTPUT, "custom_tool_call": "custom_tool_call_output"}  # call type -> output type


def render_input(
    messages: Sequence[Message], target: Target, changes: list[Change]
) -> list[ResponsesInputItem]:
    """Return the conversation as items, every call with its output. Raise InvalidRequest."""
    items: list[ResponsesInputItem] = []
    for i, message in enumerate(pair_calls_with_results(messages, changes)):
        items += _render_message(f"messages[{i}]", message, target, changes)
    return _match_output_types(items)


def _render_message(
    path: str, message: Json, target: Target, changes: list[Change]
) -> list[ResponsesInputItem]:
    role, content = message.get("role"), message.get("content")
    if message.get("name") and role != "tool":
        changes.append(Change(f"{path}.name", "dropped", "Responses has no such field in messages"))
    if role == "assistant":
        return _render_assistant(path, message, target, changes)
    rendered = content if isinstance(content, str) else _render_parts(content, f"{path}.content")
    if role == "tool":
        return [{"type": "function_call_output", "call_id": message.get("tool_call_id"), "output": rendered}]
    return [{"type": "message", "role": str(role), "content": rendered}] if rendered else []


def _render_assistant(
    path: str, message: Json, target: Target, changes: list[Change]
) -> list[ResponsesInputItem]:
    blocks = message.get("thinking_blocks")
    blocks = blocks if isinstance(blocks, list) else []
    items = reasoning.render_items(blocks, target)
    if len(items) < len(blocks):
        changes.append(Change(f"{path}.thinking_blocks", "dropped", f"not issued by {target.name}"))
    text = _join_text(message.get("content")) + (message.get("refusal") or "")
    if text:
        items.append({"type": "message", "role": "assistant", "content": text})
    return [*items, *(_render_call(call) for call in message.get("tool_calls") or ())]


def _render_call(call: Json) -> ResponsesInputItem:
    match call:
        case {"type": "custom", "custom": {"name": name, "input": text}}:
            return {"type": "custom_tool_call", "call_id": call.get("id"), "name": name, "input": text}
        case _:
            function = call.get("function") or {}
            return {
                "type": "function_call",
                "call_id": call.get("id"),
                "name": function.get("name"),
                "arguments": function.get("arguments") or "{}",
            }


def _join_text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text") or part.get("refusal") or "") for part in parts)


def _render_parts(content: object, path: str) -> list[ResponsesInputPart]:
    parts = content if isinstance(content, list) else []
    return [_copy_cache_mark(_render_part(part, f"{path}[{i}]"), part) for i, part in enumerate(parts)]


def _copy_cache_mark(rendered: ResponsesInputPart, part: Json) -> ResponsesInputPart:
    mark = part.get("prompt_cache_breakpoint")
    return {**rendered, "prompt_cache_breakpoint": mark} if isinstance(mark, dict) else rendered


def _render_part(part: Json, path: str) -> ResponsesInputPart:
    match part:
        case {"type": "text" | "input_text", "text": str(text)}:
            return {"type": "input_text", "text": text}
        case {"type": "image_url", "image_url": {"url": str(url), **rest}}:
            return {
                "type": "input_image",
                "image_url": url,
                "detail": cast(str, rest.get("detail") or "auto"),
            }
        case {"type": "image_url", "image_url": str(url)}:
            return {"type": "input_image", "image_url": url, "detail": "auto"}
        case {"type": "file", "file": dict() as file}:
            return _render_file(file, path)
        case {"type": "input_audio", "input_audio": dict() as audio}:
            return {"type": "input_audio", "input_audio": audio}
        case _:
            text = f"this model does not accept {part.get('type')} parts"
            raise InvalidRequest(text, param=f"{path}.type", code="unsupported_parameter")


def _render_file(file: Json, path: str) -> ResponsesInputPart:
    data = file.get("file_data")
    fields = {name: file[name] for name in ("file_id", "filename") if isinstance(file.get(name), str)}
    if isinstance(data, str) and data[:8].lower().startswith(("http://", "https://")):
        return {"type": "input_file", "file_url": data}
    if isinstance(data, str):
        fields["file_data"] = data if is_data_uri(data) else pdf_data_uri(data)
        fields.setdefault("filename", "file.pdf")
    elif "file_id" not in fields:
        raise InvalidRequest("a file part needs file_data or file_id", param=f"{path}.file")
    return cast("ResponsesInputPart", {"type": "input_file", **fields})


def _match_output_types(items: list[ResponsesInputItem]) -> list[ResponsesInputItem]:
    """Return the items with the type of every output changed to the one of its call."""
    types = {item["call_id"]: OUTPUTS[item["type"]] for item in items if item["type"] in OUTPUTS}
    matched = [{**item, "type": types[item["call_id"]]} if item["type"] == OUTPUT else item for item in items]
    return cast("list[ResponsesInputItem]", matched)
