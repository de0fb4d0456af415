"""Fields of a Responses request that chat completions cannot express, and the resulting changes."""

from __future__ import annotations

from vaultcore.client_apis.responses import input_items, parts
from vaultcore.client_apis.responses.input_items import item_type
from vaultcore.client_apis.responses.request import LOGPROBS, SHARED_FIELDS, STATEFUL_FIELDS
from vaultcore.client_apis.responses.tools import is_web_search
from vaultcore.dialects import Change
from vaultcore.dialects.responses.opaque_state import is_encoded_state
from vaultcore.wire import Json

# Fields that request.py reads, and fields that do not change the response or are only repeated in it.
SUPPORTED_FIELDS = {
    *SHARED_FIELDS,
    *STATEFUL_FIELDS,
    *("input", "instructions", "max_output_tokens", "text", "tools", "tool_choice", "reasoning"),
    *("top_logprobs", "include", "metadata", "store", "stream_options", "truncation", "max_tool_calls"),
    "prompt",
}
SUPPORTED_INCLUDES = ("reasoning.encrypted_content", LOGPROBS)
RESPONSES_ONLY = "only a provider that speaks Responses supports it"


def translation_changes(body: Json) -> tuple[Change, ...]:
    """Return the changes that a translation to chat completions makes."""
    changes = [
        Change(name, "dropped", RESPONSES_ONLY)
        for name, value in body.items()
        if name not in SUPPORTED_FIELDS and value is not None
    ]
    if body.get("prompt") is not None:
        reason = "a prompt template stored at one provider cannot be used at another"
        changes.append(Change("prompt", "refused", reason))
    if body.get("truncation") not in (None, "disabled"):
        changes.append(Change("truncation", "dropped", "an input that is too long is refused, not truncated"))
    if body.get("max_tool_calls") is not None:
        changes.append(Change("max_tool_calls", "dropped", "it counts calls of a provider's own tools"))
    includes = [name for name in body.get("include") or () if name not in SUPPORTED_INCLUDES]
    changes += [Change("include", "dropped", f"{name}: {RESPONSES_ONLY}") for name in includes]
    if body.get("store") is True:
        changes.append(Change("store", "dropped", "the gateway stores no responses"))
    return (
        *changes,
        *_format_changes(body),
        *_tool_changes(body),
        *_tool_choice_changes(body),
        *_item_changes(body),
    )


def _tool_changes(body: Json) -> list[Change]:
    changes = []
    for i, tool in enumerate(body.get("tools") or ()):
        match tool["type"]:
            case "function":
                pass
            case "custom":
                reason = "a function with one string parameter; a grammar is described, not enforced"
                changes.append(Change(f"tools[{i}]", "emulated", reason))
            case name if is_web_search(tool):
                reason = "sent as web_search_options"
                changes.append(Change(f"tools[{i}]", "renamed", reason, was=name, now="web_search_options"))
            case name:
                changes.append(Change(f"tools[{i}]", "dropped", f"{name}: {RESPONSES_ONLY}"))
    return changes


def _format_changes(body: Json) -> list[Change]:
    kind = ((body.get("text") or {}).get("format") or {}).get("type")
    if kind in (None, "text", "json_schema", "json_object"):
        return []
    return [Change("text.format", "refused", f"{kind}: {RESPONSES_ONLY}")]


def _tool_choice_changes(body: Json) -> list[Change]:
    """Return the changes to a tool_choice that names a provider's own tools."""
    match body.get("tool_choice"):
        case {"type": "function" | "custom"}:
            kinds = []
        case {"type": "allowed_tools", "tools": list() as allowed}:
            kinds = [tool.get("type") for tool in allowed if isinstance(tool, dict) and "name" not in tool]
        case {"type": str(kind)}:
            kinds = [kind]
        case _:
            kinds = []
    return [Change("tool_choice", "dropped", f"{kind}: {RESPONSES_ONLY}") for kind in kinds]


def _item_changes(body: Json) -> list[Change]:
    items = body.get("input")
    items = items if isinstance(items, list) else []
    if items and all(item_type(item) not in input_items.TRANSLATED for item in items):
        reason = f"the input contains only {item_type(items[0])} items: {RESPONSES_ONLY}"
        return [Change("input", "refused", reason)]
    changes = []
    for i, item in enumerate(items):
        changes += _part_changes(item, f"input[{i}]")
        if item_type(item) not in input_items.TRANSLATED:
            changes.append(Change(f"input[{i}]", "dropped", f"{item['type']}: {RESPONSES_ONLY}"))
        elif item.get("encrypted_content") and not is_encoded_state(item["encrypted_content"]):
            reason = "only the provider that issued this reasoning can read it"
            changes.append(Change(f"input[{i}].encrypted_content", "dropped", reason))
    return changes


def _part_changes(item: Json, path: str) -> list[Change]:
    """Return a refusal for each content part that chat messages cannot express.

    Without such a part, the message would mean something else.
    """
    name = "output" if "output" in item else "content"
    content = item.get(name)
    kind = item_type(item)
    if kind not in input_items.TRANSLATED or kind == "reasoning" or not isinstance(content, list):
        return []
    return [
        Change(f"{path}.{name}[{i}]", "refused", f"{part['type']}: {RESPONSES_ONLY}")
        for i, part in enumerate(content)
        if part["type"] not in parts.TRANSLATED
    ]
