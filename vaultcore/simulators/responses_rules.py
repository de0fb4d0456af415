"""The rules of OpenAI's Responses that a simulated one enforces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vaultcore.simulators.faults import Refused
from vaultcore.simulators.openai import NAME
from vaultcore.simulators.reply import Json, mark

KNOWN = frozenset(  # whatever else a request has at its top level is refused
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
BEGINNINGS = {"reasoning": "rs_", "message": "msg_", "function_call": "fc", "custom_tool_call": "ctc_"}
LEAST_LENGTH = 16


def check(headers: Mapping[str, str], body: Json) -> None:
    _rule("application/json" in headers.get("content-type", ""), "content-type must be application/json")
    for name in body:
        _rule(name in KNOWN, f"Unknown parameter: '{name}'.", name)
    _rule(isinstance(body.get("model"), str) and body["model"], "you must provide a model", "model")
    length = body.get("max_output_tokens")
    _rule(length is None or length >= LEAST_LENGTH, f"must be at least {LEAST_LENGTH}", "max_output_tokens")
    names = {_tool(tool, f"tools[{at}]") for at, tool in enumerate(body.get("tools") or [])}
    forced = body.get("tool_choice")
    if isinstance(forced, dict) and "name" in forced:
        _rule(forced["name"] in names, "names no tool that is given", "tool_choice")
    shape = (body.get("text") or {}).get("format") or {}
    _rule(
        shape.get("type") != "json_schema" or NAME.fullmatch(str(shape.get("name", ""))),
        "is required",
        "text.format.name",
    )
    _input(body.get("input"))


def own(identity: str) -> str:
    """The seal of a reasoning item of ours: no other is taken back."""
    return mark("gAAAAA", identity)


def texts(content: object) -> str:
    match content:
        case str(text):
            return text
        case list(parts):
            return "".join(str(part.get("text", "")) for part in parts)
        case _:
            return ""


def ids(output: Sequence[Json]) -> list[str]:
    return [str(item.get("id", "")) for item in output]


def _rule(kept: object, message: str, param: str | None = None) -> None:
    if not kept:
        raise Refused(400, "invalid_request_error", message, param=param, code="invalid_value")


def _tool(tool: Json, param: str) -> object:
    kind = tool.get("type")
    _rule(isinstance(kind, str), "Missing required parameter", f"{param}.type")
    if kind not in ("function", "custom"):
        return kind
    name = tool.get("name")
    _rule(isinstance(name, str) and NAME.fullmatch(name), "is no name for a tool", f"{param}.name")
    _rule("function" not in tool, "Unknown parameter", f"{param}.function")
    return name


def _input(given: object) -> None:
    if isinstance(given, str):
        return
    _rule(isinstance(given, list) and given, "must be a string or a list that is not empty", "input")
    open_calls: dict[object, str] = {}
    for at, item in enumerate(given if isinstance(given, list) else []):
        param = f"input[{at}]"
        kind = item.get("type", "message")
        told = item.get("id")
        _rule(told is None or str(told).startswith(BEGINNINGS.get(kind, "")), "is no id", f"{param}.id")
        if kind == "message":
            _message(item, param)
        elif kind == "reasoning":
            _reasoning(item, param)
        elif kind in OUTPUTS:
            open_calls[item.get("call_id")] = OUTPUTS[kind]
        elif kind in OUTPUTS.values():
            wanted = open_calls.pop(item.get("call_id"), None)
            _rule(wanted == kind, "No tool call found for this output", f"{param}.call_id")
    _rule(not open_calls, f"No tool output found for {', '.join(map(str, open_calls))}", "input")


def _message(item: Json, param: str) -> None:
    _rule(item.get("role") in ROLES, f"must be one of {', '.join(ROLES)}", f"{param}.role")
    content = item.get("content")
    _rule(isinstance(content, str | list), "must be text or parts", f"{param}.content")
    for part in content if isinstance(content, list) else []:
        _rule(part.get("type") in PARTS, "is no part that is known", f"{param}.content")


def _reasoning(item: Json, param: str) -> None:
    _rule(isinstance(item.get("summary"), list), "Missing required parameter", f"{param}.summary")
    seal = item.get("encrypted_content")
    _rule(seal is not None, "Item not found: items are not persisted when store is false", f"{param}.id")
    _rule(
        seal == own(str(item.get("id"))),
        "The encrypted content could not be verified",
        f"{param}.encrypted_content",
    )
