"""The rules of a simulated OpenAI Responses API.

https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vaultcore.simulators.faults import SimulatedError
from vaultcore.simulators.openai import NAME
from vaultcore.simulators.reply import Json, stable_id

ALLOWED_FIELDS = frozenset(  # other top-level fields are rejected
    [
        *(
            "background",
            "conversation",
            "include",
            "input",
            "instructions",
            "max_output_tokens",
            "max_tool_calls",
        ),
        *("metadata", "model", "moderation", "parallel_tool_calls", "previous_response_id", "prompt"),
        *(
            "prompt_cache_key",
            "prompt_cache_options",
            "prompt_cache_retention",
            "reasoning",
            "safety_identifier",
        ),
        *("service_tier", "store", "stream", "stream_options", "temperature", "text", "tool_choice", "tools"),
        *("top_logprobs", "top_p", "truncation", "user"),
    ]
)
ROLES = ("system", "developer", "user", "assistant")
PARTS = ("input_text", "input_image", "input_file", "input_audio", "output_text", "refusal")
OUTPUTS = {"function_call": "function_call_output", "custom_tool_call": "custom_tool_call_output"}
ID_PREFIXES = {"reasoning": "rs_", "message": "msg_", "function_call": "fc", "custom_tool_call": "ctc_"}
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
    names = {_check_tool(tool, f"tools[{at}]") for at, tool in enumerate(body.get("tools") or [])}
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and "name" in choice:
        _require(choice["name"] in names, "names an unknown tool", "tool_choice")
    text_format = (body.get("text") or {}).get("format") or {}
    _require(
        text_format.get("type") != "json_schema" or NAME.fullmatch(str(text_format.get("name", ""))),
        "is required",
        "text.format.name",
    )
    _check_input(body.get("input"))


def encrypted_reasoning(identity: str) -> str:
    """Return the encrypted content of a reasoning item: no other content is accepted later."""
    return stable_id("gAAAAA", identity)


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
    if kind not in ("function", "custom"):
        return kind
    name = tool.get("name")
    _require(isinstance(name, str) and NAME.fullmatch(name), "is not a valid tool name", f"{param}.name")
    _require("function" not in tool, "Unknown parameter", f"{param}.function")
    return name


def _check_input(value: object) -> None:
    if isinstance(value, str):
        return
    _require(isinstance(value, list) and value, "must be a string or a list that is not empty", "input")
    open_calls: dict[object, str] = {}
    for at, item in enumerate(value if isinstance(value, list) else []):
        param = f"input[{at}]"
        kind = item.get("type", "message")
        item_id = item.get("id")
        _require(
            item_id is None or str(item_id).startswith(ID_PREFIXES.get(kind, "")),
            "is not a valid id",
            f"{param}.id",
        )
        if kind == "message":
            _check_message(item, param)
        elif kind == "reasoning":
            _check_reasoning(item, param)
        elif kind in OUTPUTS:
            open_calls[item.get("call_id")] = OUTPUTS[kind]
        elif kind in OUTPUTS.values():
            expected = open_calls.pop(item.get("call_id"), None)
            _require(expected == kind, "No tool call found for this output", f"{param}.call_id")
    _require(not open_calls, f"No tool output found for {', '.join(map(str, open_calls))}", "input")


def _check_message(item: Json, param: str) -> None:
    _require(item.get("role") in ROLES, f"must be one of {', '.join(ROLES)}", f"{param}.role")
    content = item.get("content")
    _require(isinstance(content, str | list), "must be text or parts", f"{param}.content")
    for part in content if isinstance(content, list) else []:
        _require(part.get("type") in PARTS, "is an unknown part", f"{param}.content")


def _check_reasoning(item: Json, param: str) -> None:
    _require(isinstance(item.get("summary"), list), "Missing required parameter", f"{param}.summary")
    encrypted_content = item.get("encrypted_content")
    _require(
        encrypted_content is not None,
        "Item not found: items are not persisted when store is false",
        f"{param}.id",
    )
    _require(
        encrypted_content == encrypted_reasoning(str(item.get("id"))),
        "The encrypted content could not be verified",
        f"{param}.encrypted_content",
    )
