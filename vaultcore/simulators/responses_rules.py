"""The rules of a simulated OpenAI Responses API.

https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vaultcore.simulators.faults import SimulatedError
from vaultcore.simulators.openai_rules import NAME, check_length, check_name
from vaultcore.simulators.reply import Json, stable_id

ALLOWED_FIELDS = frozenset(  # other top-level fields are rejected
    [
        *("access_programs", "background", "background_options", "client_metadata", "context_management"),
        *("conversation", "image", "include", "input", "instructions", "max_output_tokens", "max_tool_calls"),
        *("metadata", "model", "moderation", "parallel_tool_calls", "previous_response_id", "prompt"),
        *("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning"),
        *("safety_identifier", "service_tier", "store", "stream", "stream_options", "temperature", "text"),
        *("tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user"),
    ]
)
ROLES = ("system", "developer", "user", "assistant")
PARTS = ("input_text", "input_image", "input_file", "input_audio", "output_text", "refusal")
OUTPUTS = {  # type of a call -> type of its output
    "apply_patch_call": "apply_patch_call_output",
    "computer_call": "computer_call_output",
    "custom_tool_call": "custom_tool_call_output",
    "function_call": "function_call_output",
    "local_shell_call": "local_shell_call_output",
    "shell_call": "shell_call_output",
}
COMPACTION, TRIGGER = "compaction", "compaction_trigger"  # types of items
ITEMS = {  # types of input items without rules of their own
    *("additional_tools", "code_interpreter_call", "configuration_update", "file_search_call"),
    *("image_generation_call", "item_reference", "mcp_approval_request", "mcp_approval_response"),
    *("mcp_call", "mcp_list_tools", "program", "program_output", "tool_search_call"),
    *("tool_search_output", "web_search_call", TRIGGER),
}
ID_PREFIXES = {
    COMPACTION: "cmp_",
    "reasoning": "rs_",
    "message": "msg_",
    "function_call": "fc",
    "custom_tool_call": "ctc_",
}
NAMED_TOOLS = ("function", "custom", "namespace")
OWN_TOOLS = {  # types of OpenAI's own tools
    *("apply_patch", "code_interpreter", "computer", "computer_use_preview", "file_search"),
    *("image_generation", "local_shell", "mcp", "programmatic_tool_calling", "shell", "tool_search"),
    *("web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11"),
}
REASONING_FIELDS = {"context", "effort", "generate_summary", "mode", "summary"}
MIN_OUTPUT_TOKENS = 16


def validate_request(headers: Mapping[str, str], body: Json) -> None:
    _require("application/json" in headers.get("content-type", ""), "content-type must be application/json")
    for name in body:
        _require(name in ALLOWED_FIELDS, f"Unknown parameter: '{name}'.", name)
    _require(isinstance(body.get("model"), str) and body["model"], "you must provide a model", "model")
    length = body.get("max_output_tokens")
    _require(
        length is None or length >= MIN_OUTPUT_TOKENS,
        f"must be at least {MIN_OUTPUT_TOKENS}",
        "max_output_tokens",
    )
    check_length(body, "max_output_tokens")
    names = check_tools(body)
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and "name" in choice:
        _require(choice["name"] in names, "names an unknown tool", "tool_choice")
    for name in body.get("reasoning") or ():
        _require(name in REASONING_FIELDS, f"Unknown parameter: 'reasoning.{name}'.", f"reasoning.{name}")
    text_format = (body.get("text") or {}).get("format") or {}
    _require(
        text_format.get("type") != "json_schema" or NAME.fullmatch(str(text_format.get("name", ""))),
        "is required",
        "text.format.name",
    )
    check_input(body.get("input"))


def check_tools(body: Json) -> set[object]:
    """Return the names of the tools, and the types of OpenAI's own. Raise SimulatedError for a wrong tool."""
    names: set[object] = set()
    for at, tool in enumerate(body.get("tools") or []):
        name = _check_tool(tool, f"tools[{at}]")
        _require(name not in names or tool["type"] in OWN_TOOLS, f"Duplicate tool name: {name}", "tools")
        names.add(name)
        for inner_at, inner in enumerate(tool.get("tools") or () if tool["type"] == "namespace" else ()):
            _check_tool(inner, f"tools[{at}].tools[{inner_at}]")
            names.add(inner["name"])
    return names


def encrypted_reasoning(identity: str) -> str:
    """Return the encrypted content of a reasoning item: no other content is accepted later."""
    return stable_id("gAAAAA", identity)


def encrypted_summary(identity: str) -> str:
    """Return the encrypted content of a compaction item."""
    return stable_id("gAAAAC", identity)


def content_text(content: object) -> str:
    match content:
        case str(text):
            return text
        case list(parts):
            return "".join(str(part.get("text", "")) for part in parts)
        case _:
            return ""


def ids(output: Sequence[Json]) -> list[str]:
    return [str(item.get("id", "")) for item in output]


def _require(condition: object, message: str, param: str | None = None) -> None:
    if not condition:
        raise SimulatedError(400, "invalid_request_error", message, param=param, code="invalid_value")


def _check_tool(tool: Json, param: str) -> object:
    kind = tool.get("type")
    _require(isinstance(kind, str), "Missing required parameter", f"{param}.type")
    _require(kind in OWN_TOOLS or kind in NAMED_TOOLS, f"Invalid value: '{kind}'", f"{param}.type")
    if kind in OWN_TOOLS:
        return kind
    name = tool.get("name")
    check_name(name, f"{param}.name")
    _require("function" not in tool, "Unknown parameter", f"{param}.function")
    is_filled = kind != "namespace" or (tool.get("description") and tool.get("tools"))
    _require(is_filled, "Missing required parameter: description, tools", param)
    return name


def check_input(value: object) -> None:
    """Raise SimulatedError if the input of a request breaks a rule."""
    if isinstance(value, str):
        return
    _require(isinstance(value, list) and value, "must be a string or a list that is not empty", "input")
    items: list[Json] = value if isinstance(value, list) else []
    open_calls: dict[object, str] = {}
    for at, item in enumerate(items):
        param = f"input[{at}]"
        kind = item.get("type", "message")
        item_id = item.get("id")
        has_id = item_id is None or str(item_id).startswith(ID_PREFIXES.get(kind, ""))
        _require(has_id, "is not a valid id", f"{param}.id")
        if kind == "message":
            _check_message(item, param)
        elif kind in ("reasoning", COMPACTION):
            _check_encrypted(item, kind, param)
        elif kind in OUTPUTS:
            _check_call(item, kind, param)
            open_calls[item.get("call_id")] = OUTPUTS[kind]
        elif kind in OUTPUTS.values():
            expected = open_calls.pop(item.get("call_id"), None)
            _require(expected == kind, "No tool call found for this output", f"{param}.call_id")
        else:
            _require(kind in ITEMS, f"Invalid value: '{kind}'", f"{param}.type")
            is_last = kind != TRIGGER or at == len(items) - 1
            _require(is_last, "must be the last item", f"{param}.type")
    _require(not open_calls, f"No tool output found for {', '.join(map(str, open_calls))}", "input")


def _check_call(item: Json, kind: str, param: str) -> None:
    if kind in ("function_call", "custom_tool_call"):
        check_name(item.get("name"), f"{param}.name")
        text = item.get("arguments" if kind == "function_call" else "input")
        _require(isinstance(text, str), "must be text", f"{param}.arguments")


def _check_message(item: Json, param: str) -> None:
    _require(item.get("role") in ROLES, f"must be one of {', '.join(ROLES)}", f"{param}.role")
    content = item.get("content")
    _require(isinstance(content, str | list), "must be text or parts", f"{param}.content")
    for part in content if isinstance(content, list) else []:
        _require(part.get("type") in PARTS, "is an unknown part", f"{param}.content")


def _check_encrypted(item: Json, kind: str, param: str) -> None:
    is_reasoning = kind == "reasoning"
    has_summary = not is_reasoning or isinstance(item.get("summary"), list)
    _require(has_summary, "Missing required parameter", f"{param}.summary")
    encrypted_content = item.get("encrypted_content")
    _require(
        encrypted_content is not None,
        "Item not found: items are not persisted when store is false",
        f"{param}.id",
    )
    encrypt = encrypted_reasoning if is_reasoning else encrypted_summary
    _require(
        encrypted_content == encrypt(str(item.get("id"))),
        "The encrypted content could not be verified",
        f"{param}.encrypted_content",
    )
