"""Fields of a Responses request that chat completions cannot express, and the resulting changes."""

from __future__ import annotations

from collections.abc import Iterator

from vaultcore.client_apis.responses import input_items, parts
from vaultcore.client_apis.responses.client_tools import (
    LOADING_ITEMS,
    collect_tools,
    is_hosted_shell,
    is_server_search,
    namespace_tools,
)
from vaultcore.client_apis.responses.input_items import item_type
from vaultcore.client_apis.responses.request import LOGPROBS, SHARED_FIELDS, STATEFUL_FIELDS, TRIGGER
from vaultcore.client_apis.responses.tools import RESPONSES_ONLY, is_web_search, parse_tool_choice
from vaultcore.dialects import Change
from vaultcore.dialects.responses.opaque_state import is_encoded_state
from vaultcore.opaque_state.envelope import is_sealed
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
# Fields of tools that are translated, or whose absence changes nothing.
TOOL_FIELDS = {
    "function": {"type", "name", "description", "parameters", "strict"},
    "custom": {"type", "name", "description", "format"},
    "namespace": {"type", "name", "description", "tools"},
    "tool_search": {"type", "execution", "description", "parameters"},
    "local_shell": {"type"},
    "shell": {"type", "environment"},
    "apply_patch": {"type"},
}
EMULATIONS = {  # type of a tool -> how it is emulated
    "custom": "a function with one string parameter; a grammar is described, not enforced",
    "tool_search": "a function; the client searches",
    "local_shell": "a function with the fields of the call",
    "shell": "a function with the fields of the call",
    "apply_patch": "a function with the fields of the call",
}
# Fields of items that are translated, or that only describe the item.
ITEM_FIELDS = {
    *("type", "id", "status", "role", "content", "output", "call_id", "name", "namespace", "arguments"),
    *("input", "action", "operation", "execution", "tools", "summary", "encrypted_content", "created_by"),
    *("reasoning", "text", "max_output_length", "environment"),
}
PART_FIELDS = {
    *("type", "text", "refusal", "image_url", "detail", "file_id", "file_url", "file_data", "filename"),
    *("input_audio", "prompt_cache_breakpoint", "annotations", "logprobs"),
}
SEARCH_FIELDS = {"type", "search_context_size", "user_location", "filters", "external_web_access"}
SEARCH_ITEMS = ("tool_search_call", "tool_search_output")
NO_FIELD = "chat completions have no such field"


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
    if body.get("metadata"):
        reason = "only the response has it: the gateway stores no responses"
        changes.append(Change("metadata", "emulated", reason))
    if body.get("store") is True:
        changes.append(Change("store", "dropped", "the gateway stores no responses"))
    return (
        *changes,
        *_option_changes(body),
        *_tool_changes(body),
        *_tool_choice_changes(body),
        *_item_changes(body),
    )


def _option_changes(body: Json) -> Iterator[Change]:
    """Yield the changes to `text` and `reasoning`."""
    text, reasoning = body.get("text") or {}, body.get("reasoning") or {}
    kind = (text.get("format") or {}).get("type")
    if kind not in (None, "text", "json_schema", "json_object"):
        yield Change("text.format", "refused", f"{kind}: {RESPONSES_ONLY}")
    yield from _unknown_fields(text, {"format", "verbosity"}, "text", RESPONSES_ONLY)
    defaults = {"mode": "standard", "context": "auto"}
    options = {name: value for name, value in reasoning.items() if defaults.get(name) != value}
    yield from _unknown_fields(
        options, {"effort", "summary", "generate_summary"}, "reasoning", RESPONSES_ONLY
    )
    if (effort := reasoning.get("effort")) is not None:
        reason = "sent as reasoning_effort, or in the provider's own form of an effort"
        yield Change("reasoning.effort", "renamed", reason, was=effort)
    for name in ("summary", "generate_summary"):
        if reasoning.get(name) is not None:
            reason = "the response has a summary if the provider returns its reasoning"
            yield Change(f"reasoning.{name}", "emulated", reason)


def _unknown_fields(record: Json, known: set[str], path: str, reason: str) -> Iterator[Change]:
    for name, value in record.items():
        if name not in known and value not in (None, [], {}, False):
            yield Change(f"{path}.{name}", "dropped", reason)


def _tool_changes(body: Json) -> Iterator[Change]:
    for i, tool in enumerate(body.get("tools") or ()):
        yield from _one_tool(f"tools[{i}]", tool)
    items = body.get("input")
    for i, item in enumerate(items if isinstance(items, list) else ()):
        if item_type(item) in LOADING_ITEMS:
            for j, tool in enumerate(item.get("tools") or ()):
                yield from _one_tool(f"input[{i}].tools[{j}]", tool)


def _one_tool(path: str, tool: Json) -> Iterator[Change]:
    kind = tool["type"]
    if is_web_search(tool):
        yield Change(path, "renamed", "sent as web_search_options", was=kind, now="web_search_options")
        yield from _unknown_fields(tool, SEARCH_FIELDS, path, NO_FIELD)
        return
    if kind not in TOOL_FIELDS or (kind == "shell" and is_hosted_shell(tool)):
        yield Change(path, "dropped", f"{kind}: {RESPONSES_ONLY}")
        return
    if kind == "tool_search" and is_server_search(tool):
        yield Change(path, "emulated", "all tools are sent with the request, so that none is searched")
        return
    if kind in EMULATIONS:
        yield Change(path, "emulated", EMULATIONS[kind])
    if kind == "namespace":
        yield from _namespace_changes(path, tool)
    if tool.get("defer_loading"):
        yield Change(f"{path}.defer_loading", "emulated", "sent at once with the other tools")
    yield from _unknown_fields(tool, TOOL_FIELDS[kind] | {"defer_loading"}, path, NO_FIELD)


def _namespace_changes(path: str, tool: Json) -> Iterator[Change]:
    yield Change(path, "emulated", "its tools are sent as functions whose names begin with the namespace")
    for place, inner in namespace_tools(tool, path):
        yield from _one_tool(place, inner)


def _tool_choice_changes(body: Json) -> Iterator[Change]:
    for reason in parse_tool_choice(body.get("tool_choice"), collect_tools(body)).losses:
        yield Change("tool_choice", "dropped", reason)


def _item_changes(body: Json) -> list[Change]:
    items = body.get("input")
    items = items if isinstance(items, list) else []
    if items and all(item_type(item) not in input_items.TRANSLATED for item in items):
        reason = f"the input contains only {item_type(items[0])} items: {RESPONSES_ONLY}"
        return [Change("input", "refused", reason)]
    changes: list[Change] = []
    for i, item in enumerate(items):
        path = f"input[{i}]"
        changes += _part_changes(item, path)
        if item_type(item) not in input_items.TRANSLATED or item.get("execution") == "server":
            changes.append(Change(path, "dropped", f"{item['type']}: {RESPONSES_ONLY}"))
            continue
        if item_type(item) in SEARCH_ITEMS:
            changes.append(Change(path, "emulated", "sent as a call of a function, or as its result"))
        if item_type(item) == TRIGGER:
            changes.append(Change(path, "emulated", "the model writes a summary, which the gateway seals"))
        if item_type(item) in input_items.COMPACTIONS:
            if not is_sealed(item.get("encrypted_content")):
                changes.append(Change(path, "refused", "only the provider that compacted it can read it"))
            continue
        changes += _unknown_fields(item, ITEM_FIELDS | _direct_caller(item), path, NO_FIELD)
        if item.get("encrypted_content") and not is_encoded_state(item["encrypted_content"]):
            reason = "only the provider that issued this reasoning can read it"
            changes.append(Change(f"{path}.encrypted_content", "dropped", reason))
    return changes


def _direct_caller(item: Json) -> set[str]:
    """Return {"caller"} if the model itself has made the call, which is the only way elsewhere."""
    caller = item.get("caller")
    return {"caller"} if isinstance(caller, dict) and caller.get("type") == "direct" else set()


def _part_changes(item: Json, path: str) -> Iterator[Change]:
    """Yield a refusal for each content part that chat messages cannot express, and its unknown fields.

    Without such a part, the message would mean something else.
    """
    name = "output" if "output" in item else "content"
    content = item.get(name)
    kind = item_type(item)
    if kind in ("reasoning", "shell_call_output") or kind not in input_items.TRANSLATED:
        return
    for i, part in enumerate(content if isinstance(content, list) else ()):
        place = f"{path}.{name}[{i}]"
        if part["type"] not in parts.TRANSLATED:
            yield Change(place, "refused", f"{part['type']}: {RESPONSES_ONLY}")
            continue
        if part.get("prompt_cache_breakpoint"):
            reason = "sent as a cache mark, to providers that take one"
            yield Change(f"{place}.prompt_cache_breakpoint", "renamed", reason)
        yield from _unknown_fields(part, PART_FIELDS, place, NO_FIELD)
