"""A Responses request as a chat request: https://platform.openai.com/docs/api-reference/responses/create."""

from __future__ import annotations

from vaultcore.client_apis.chat_validation import validate_chat_request
from vaultcore.client_apis.responses.client_tools import Toolbox, collect_tools
from vaultcore.client_apis.responses.input_items import MessageSource, parse_input
from vaultcore.client_apis.responses.request_fields import RequestFields
from vaultcore.client_apis.responses.tools import parse_tool_choice, parse_web_search
from vaultcore.errors import InvalidRequest, name_parameter
from vaultcore.opaque_state.compaction import COMPACTION_PROMPT
from vaultcore.wire import ChatRequest, Json

TRIGGER = "compaction_trigger"  # type of the input item that asks for a compaction
STATEFUL_FIELDS = {  # fields that need stored responses, and the reason to reject them
    "previous_response_id": "the gateway stores no responses: send the whole conversation in input",
    "conversation": "the gateway stores no conversations: send the whole conversation in input",
    "background": "the gateway stores no responses that could be fetched later",
}
SHARED_FIELDS = (  # same name and type in both APIs
    *("model", "stream", "temperature", "top_p", "parallel_tool_calls", "service_tier", "user"),
    *("safety_identifier", "prompt_cache_key", "prompt_cache_retention"),
)
PLACEHOLDER = {"role": "user", "content": "."}
LOGPROBS = "message.output_text.logprobs"


def parse_request(body: object) -> ChatRequest:
    """Return the request as a chat request. Raises InvalidRequest with this API's parameter names."""
    if not isinstance(body, dict):
        raise InvalidRequest("the body must be a JSON object")
    for name, reason in STATEFUL_FIELDS.items():
        if body.get(name) not in (None, False):
            raise InvalidRequest(
                f"{name} is not supported: {reason}", param=name, code="unsupported_parameter"
            )
    box = collect_tools(body)
    messages, sources = _parse_messages(body, box)
    body = _with_updates(body)
    request: Json = {name: body[name] for name in SHARED_FIELDS if body.get(name) is not None}
    request["messages"] = messages
    _set_fields(
        request,
        max_completion_tokens=body.get("max_output_tokens"),
        **_parse_text(body),
        **_parse_tool_fields(body, box),
    )
    _set_fields(
        request,
        reasoning_effort=_object_field(body, "reasoning").get("effort"),
        **_parse_logprobs(body),
    )
    if not request["messages"] and (body.get("prompt") is not None or body.get("input")):
        # Only a provider that speaks Responses can use this request: see unsupported_fields.
        request["messages"] = [dict(PLACEHOLDER)]
    compacts = asks_for_compaction(body)
    if compacts:
        _ask_for_summary(request)
    return _validate(RequestFields(request, body, box, tuple(sources), compacts=compacts))


def asks_for_compaction(body: Json) -> bool:
    """Return True if the input ends with a `compaction_trigger`. Raise InvalidRequest if one is elsewhere."""
    items = body.get("input")
    items = items if isinstance(items, list) else []
    triggers = [i for i, item in enumerate(items) if isinstance(item, dict) and item.get("type") == TRIGGER]
    if any(i < len(items) - 1 for i in triggers):
        path = f"input[{triggers[0]}]"
        raise InvalidRequest(f"{path} must be the last item: {TRIGGER}", param=path)
    return bool(triggers)


def _ask_for_summary(request: Json) -> None:
    """Change a request into one for a summary. Its tools stay, so that prompt caches hit."""
    request["messages"] = [*request["messages"], {"role": "user", "content": COMPACTION_PROMPT}]
    for name in ("response_format", "web_search_options", "logprobs", "top_logprobs"):
        request.pop(name, None)
    if request.get("tools"):
        request["tool_choice"] = "none"


def _validate(fields: RequestFields) -> ChatRequest:
    """Return the request. Raises InvalidRequest with this API's name of the parameter."""
    if fields.get("model") is None:
        raise InvalidRequest("model is required", param="model", code="missing_required_parameter")
    try:
        return validate_chat_request(fields)
    except InvalidRequest as error:
        invalid = error
    text, param = str(invalid), invalid.param or ""
    name = fields.client_path(param)
    message = name_parameter(text, param, name) if param else text
    raise InvalidRequest(message, param=name or None, code=invalid.code)


def _with_updates(body: Json) -> Json:
    """Return the body with the settings of its `configuration_update` items; later ones take precedence."""
    items = body.get("input")
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and item.get("type") == "configuration_update":
            for name in ("reasoning", "text"):
                if isinstance(item.get(name), dict):
                    body = {**body, name: {**_object_field(body, name), **item[name]}}
    return body


def _set_fields(request: Json, **fields: object) -> None:
    """Set the fields that are not None."""
    request.update({name: value for name, value in fields.items() if value is not None})


def _parse_messages(body: Json, box: Toolbox) -> tuple[list[Json], list[MessageSource]]:
    instructions, items = body.get("instructions"), body.get("input")
    system: list[Json] = []
    sources: list[MessageSource] = []
    if isinstance(instructions, str):
        if instructions.strip():
            system = [{"role": "system", "content": instructions}]
            sources = [MessageSource("instructions", "instructions")]
    elif instructions is not None:
        system, sources = parse_input(instructions, "instructions", box)
    if items is None and body.get("prompt") is None:
        raise InvalidRequest("input is required", param="input", code="missing_required_parameter")
    if items is None:
        return system, sources
    messages, message_sources = parse_input(items, "input", box)
    return [*system, *messages], [*sources, *message_sources]


def _parse_text(body: Json) -> Json:
    text = _object_field(body, "text")
    parsed: Json = {"verbosity": text.get("verbosity")}
    match text.get("format"):
        case None | {"type": "text"}:
            pass
        case {"type": "json_schema", **fields}:
            if not isinstance(fields.get("schema"), dict):
                raise InvalidRequest("text.format.schema must be an object", param="text.format.schema")
            json_schema = {name: value for name, value in fields.items() if value is not None}
            parsed["response_format"] = {"type": "json_schema", "json_schema": json_schema}
        case {"type": "json_object"}:
            parsed["response_format"] = {"type": "json_object"}
        case {"type": str()}:
            pass  # unsupported_fields reports it
        case _:
            raise InvalidRequest("text.format needs a type", param="text.format.type")
    return parsed


def _parse_tool_fields(body: Json, box: Toolbox) -> Json:
    return {
        "tools": box.functions or None,
        "tool_choice": parse_tool_choice(body.get("tool_choice"), box).value,
        "web_search_options": parse_web_search(body),
    }


def _parse_logprobs(body: Json) -> Json:
    top_logprobs, include = body.get("top_logprobs"), body.get("include") or []
    if not isinstance(include, list) or not all(isinstance(name, str) for name in include):
        raise InvalidRequest("include must be a list of strings", param="include", code="invalid_type")
    if LOGPROBS not in include and not top_logprobs:
        return {}
    return {"logprobs": True, "top_logprobs": top_logprobs}


def _object_field(body: Json, name: str) -> Json:
    """Return an object field, or {} if it is absent."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidRequest(f"{name} must be an object", param=name, code="invalid_type")
    return value
