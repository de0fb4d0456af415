"""The conversation as input items: messages, calls and their outputs, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change
from vaultcore.dialects.responses import reasoning_owner
from vaultcore.dialects.tool_call_pairing import paired
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json, Message


def render_input(messages: Sequence[Message], target: Target, changes: list[Change]) -> list[Json]:
    """Every message as items, every call with its output."""
    found: list[Json] = []
    for i, message in enumerate(paired(messages, changes)):
        found += _message(f"messages[{i}]", message, target, changes)
    return _of_kind(found)


def _message(path: str, message: Json, target: Target, changes: list[Change]) -> list[Json]:
    role, content = message.get("role"), message.get("content")
    if message.get("name") and role != "tool":
        changes.append(Change(f"{path}.name", "dropped", "messages have no names here"))
    match role:
        case "assistant":
            return _assistant(path, message, target, changes)
        case "tool":
            output = content if isinstance(content, str) else _parts(content, f"{path}.content")
            return [{"type": OUTPUT, "call_id": message.get("tool_call_id"), "output": output}]
        case _:
            said = content if isinstance(content, str) else _parts(content, f"{path}.content")
            return [{"type": "message", "role": role, "content": said}] if said else []


def _assistant(path: str, message: Json, target: Target, changes: list[Change]) -> list[Json]:
    blocks = message.get("thinking_blocks")
    blocks = blocks if isinstance(blocks, list) else []
    found = reasoning_owner.items(blocks, target)
    if len(found) < len(blocks):
        changes.append(Change(f"{path}.thinking_blocks", "dropped", f"not issued by {target.name}"))
    said = _text(message.get("content")) + (message.get("refusal") or "")
    if said:
        found.append({"type": "message", "role": "assistant", "content": said})
    return [*found, *(_call(call) for call in message.get("tool_calls") or ())]


def _call(call: Json) -> Json:
    match call:
        case {"type": "custom", "custom": {"name": name, "input": told}}:
            return {"type": "custom_tool_call", "call_id": call.get("id"), "name": name, "input": told}
        case _:
            function = call.get("function") or {}
            told = function.get("arguments") or "{}"
            name = function.get("name")
            return {"type": "function_call", "call_id": call.get("id"), "name": name, "arguments": told}


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text") or part.get("refusal") or "") for part in parts)


def _parts(content: object, path: str) -> list[Json]:
    parts = content if isinstance(content, list) else []
    return [_marked(_part(part, f"{path}[{i}]"), part) for i, part in enumerate(parts)]


def _marked(item: Json, part: Json) -> Json:
    """With where a cached prefix ends, which is spelt the same here."""
    mark = part.get("prompt_cache_breakpoint")
    return {**item, "prompt_cache_breakpoint": mark} if isinstance(mark, dict) else item


def _part(part: Json, path: str) -> Json:
    match part:
        case {"type": "text" | "input_text", "text": str(text)}:
            return {"type": "input_text", "text": text}
        case {"type": "image_url", "image_url": {"url": str(url), **rest}}:
            return {"type": "input_image", "image_url": url, "detail": rest.get("detail") or "auto"}
        case {"type": "image_url", "image_url": str(url)}:
            return {"type": "input_image", "image_url": url, "detail": "auto"}
        case {"type": "file", "file": dict() as file}:
            return _file(file, path)
        case {"type": "input_audio", "input_audio": dict() as audio}:
            return {"type": "input_audio", "input_audio": audio}
        case _:
            told = f"{part.get('type')} parts cannot be sent to this model"
            raise InvalidRequest(told, param=f"{path}.type", code="unsupported_parameter")


def _file(file: Json, path: str) -> Json:
    data = file.get("file_data")
    held = {name: file[name] for name in ("file_id", "filename") if isinstance(file.get(name), str)}
    if isinstance(data, str) and data[:8].lower().startswith(("http://", "https://")):
        return {"type": "input_file", "file_url": data}
    if isinstance(data, str):
        held["file_data"] = data if data[:5].lower() == "data:" else f"data:application/pdf;base64,{data}"
        held.setdefault("filename", "file.pdf")
    elif "file_id" not in held:
        raise InvalidRequest("a file part needs file_data or file_id", param=f"{path}.file")
    return {"type": "input_file", **held}


def _of_kind(found: list[Json]) -> list[Json]:
    """The items, every output of the kind its call is of."""
    kinds = {item["call_id"]: OUTPUTS[item["type"]] for item in found if item["type"] in OUTPUTS}
    return [{**item, "type": kinds[item["call_id"]]} if item["type"] == OUTPUT else item for item in found]


OUTPUT = "function_call_output"
OUTPUTS = {"function_call": OUTPUT, "custom_tool_call": "custom_tool_call_output"}
