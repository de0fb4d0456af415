"""A Responses request as a chat request: https://platform.openai.com/docs/api-reference/responses/create."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from vaultcore.client_apis.chat_validation import check
from vaultcore.client_apis.responses.items import parse_input
from vaultcore.client_apis.responses.tools import parse_choice, parse_search, parse_tools
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

STATE = {  # what only a gateway that keeps answers could honour
    "previous_response_id": "no response is kept here: send the whole conversation in input",
    "conversation": "no conversation is kept here: send the whole of it in input",
    "background": "no response is kept here to be fetched later",
}
SAME = (  # called the same in both, and of the same kind
    *("model", "stream", "temperature", "top_p", "parallel_tool_calls", "service_tier", "user"),
    *("safety_identifier", "prompt_cache_key", "prompt_cache_retention"),
)
OURS = {  # a parameter of chat completions: what it is called here
    "messages": "input",
    "max_completion_tokens": "max_output_tokens",
    "response_format": "text.format",
    "response_format.json_schema.schema": "text.format.schema",
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
}
FILLER = {"role": "user", "content": "."}
LOGPROBS = "message.output_text.logprobs"


class RequestFields(dict[str, Any]):
    """A chat request that remembers the body it was made of: the answer repeats parts of it."""

    __slots__ = ("body",)

    def __init__(self, request: Mapping[str, Any], body: Json | None = None) -> None:
        super().__init__(request)
        self.body: Json = body or {}


def parse_request(body: object) -> ChatRequest:
    if not isinstance(body, dict):
        raise InvalidRequest("the body must be a JSON object")
    for name, reason in STATE.items():
        if body.get(name) not in (None, False):
            raise InvalidRequest(
                f"{name} is not supported: {reason}", param=name, code="unsupported_parameter"
            )
    request: Json = {name: body[name] for name in SAME if body.get(name) is not None}
    request["messages"] = _messages(body)
    _put(request, max_completion_tokens=body.get("max_output_tokens"), **_text(body), **_tooling(body))
    _put(request, reasoning_effort=_object(body, "reasoning").get("effort"), **_logprobs(body))
    if not request["messages"] and (body.get("prompt") is not None or body.get("input")):
        request["messages"] = [dict(FILLER)]  # only who speaks Responses can do with it: see `losses`
    return cast(ChatRequest, RequestFields(_checked(request), body))


def _checked(request: Json) -> ChatRequest:
    """The request, or InvalidRequest with the param as this API calls it."""
    if request.get("model") is None:
        raise InvalidRequest("model is required", param="model", code="missing_required_parameter")
    told: InvalidRequest
    try:
        return check(request)
    except InvalidRequest as error:
        told = error
    text, param = str(told), told.param or ""
    ours = OURS.get(param) or (OURS["messages"] if param.startswith("messages") else param)
    raise InvalidRequest(text.replace(param, ours) if param else text, param=ours or None, code=told.code)


def _put(request: Json, **fields: object) -> None:
    """Set what there is."""
    request.update({name: value for name, value in fields.items() if value is not None})


def _messages(body: Json) -> list[Json]:
    instructions, given = body.get("instructions"), body.get("input")
    head: list[Json] = []
    if isinstance(instructions, str):
        head = [{"role": "system", "content": instructions}] if instructions.strip() else []
    elif instructions is not None:
        head = parse_input(instructions, "instructions")
    if given is None and body.get("prompt") is None:
        raise InvalidRequest("input is required", param="input", code="missing_required_parameter")
    return [*head, *(parse_input(given, "input") if given is not None else ())]


def _text(body: Json) -> Json:
    told = _object(body, "text")
    found: Json = {"verbosity": told.get("verbosity")}
    match told.get("format"):
        case None | {"type": "text"}:
            pass
        case {"type": "json_schema", **described}:
            if not isinstance(described.get("schema"), dict):
                raise InvalidRequest("text.format.schema must be an object", param="text.format.schema")
            kept = {name: value for name, value in described.items() if value is not None}
            found["response_format"] = {"type": "json_schema", "json_schema": kept}
        case {"type": "json_object"}:
            found["response_format"] = {"type": "json_object"}
        case {"type": str()}:
            pass  # see `losses`
        case _:
            raise InvalidRequest("text.format needs a type", param="text.format.type")
    return found


def _tooling(body: Json) -> Json:
    tools = parse_tools(body.get("tools"))
    choice = parse_choice(body.get("tool_choice")) if tools else None
    return {"tools": tools or None, "tool_choice": choice, "web_search_options": parse_search(body)}


def _logprobs(body: Json) -> Json:
    wanted, included = body.get("top_logprobs"), body.get("include") or []
    if not isinstance(included, list) or not all(isinstance(name, str) for name in included):
        raise InvalidRequest("include must be a list of strings", param="include", code="invalid_type")
    if LOGPROBS not in included and not wanted:
        return {}
    return {"logprobs": True, "top_logprobs": wanted}


def _object(body: Json, name: str) -> Json:
    told = body.get(name)
    if told is None:
        return {}
    if not isinstance(told, dict):
        raise InvalidRequest(f"{name} must be an object", param=name, code="invalid_type")
    return told
