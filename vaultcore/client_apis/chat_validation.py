"""Validation of chat requests.

The gateway checks only the fields that it acts on. The provider checks the rest. The body is one that
`web.strict_json.parse` has read: JSON can express it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite

from vaultcore.casts import cast
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

MAX_MESSAGES = 10_000
MAX_STOPS = 16
MAX_MODEL_LENGTH = 512  # characters
TEXT_ROLES = ("system", "developer", "user", "assistant")  # whose messages may be a text only
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
TOOL_NAME = re.compile(r"(?=.*\S).{1,512}", re.DOTALL)  # each provider gets it in a form that it accepts


def validate_chat_request(body: object) -> ChatRequest:
    """Return the body as a chat request.

    Raises InvalidRequest, which names the exact parameter.
    """
    if not isinstance(body, dict):
        raise InvalidRequest(f"the body must be a JSON object, not {_type_name(body)}")
    for old, new in (("functions", "tools"), ("function_call", "tool_choice")):
        if body.get(old) is not None and body.get(new) is not None:
            raise InvalidRequest(f"{old} and {new} are both set: send only one of them", param=old)
    for required in ("model", "messages"):
        if body.get(required) is None:
            raise InvalidRequest(f"{required} is required", param=required, code="missing_required_parameter")
    for field, value in body.items():
        if value is not None and (validate := VALIDATORS.get(field)) is not None:
            validate(field, value)
    return cast(ChatRequest, body)


def _model(param: str, value: object) -> None:
    if not isinstance(value, str):
        raise InvalidRequest(
            f"{param} must be a string, not {_type_name(value)}", param=param, code="invalid_type"
        )
    if not value.strip() or len(value) > MAX_MODEL_LENGTH:
        raise InvalidRequest(f"{param} must have 1 to {MAX_MODEL_LENGTH} characters", param=param)


def _messages(param: str, value: object) -> None:
    messages = _list(param, value)
    if not messages:
        raise InvalidRequest(f"{param} must contain at least one message", param=param, code="empty_array")
    if len(messages) > MAX_MESSAGES:
        raise InvalidRequest(
            f"{param} must contain at most {MAX_MESSAGES} messages, not {len(messages)}",
            param=param,
            code="array_above_max_length",
        )
    for i, message in enumerate(messages):
        is_text = (
            isinstance(message, dict)
            and len(message) == 2
            and type(message.get("content")) is str
            and message.get("role") in TEXT_ROLES
        )
        if not is_text:  # most messages are a role and a text, which need no further check
            _message(f"{param}[{i}]", message)


def _message(param: str, value: object) -> None:
    message = _object(param, value)
    role = message.get("role")
    if role not in ROLES:
        problem = "is required" if role is None else f"must be one of {', '.join(ROLES)}"
        raise InvalidRequest(f"{param}.role {problem}", param=f"{param}.role")
    _content(f"{param}.content", message.get("content"))
    if role == "assistant":
        _assistant_message(param, message)
    elif message.get("content") is None and role != "function":
        raise InvalidRequest(f"{param}.content is required", param=f"{param}.content")
    if role == "tool" and message.get("tool_call_id") is not None:
        _text(f"{param}.tool_call_id", message["tool_call_id"])
    if role == "function":
        _text(f"{param}.name", message.get("name"))


def _assistant_message(param: str, message: Json) -> None:
    """Check an assistant message, which another model may have written."""
    if message.get("refusal") is not None:
        _text(f"{param}.refusal", message["refusal"])
    if message.get("thinking_blocks") is not None:
        _list(f"{param}.thinking_blocks", message["thinking_blocks"])
    if message.get("tool_calls") is not None:
        for i, call in enumerate(_list(f"{param}.tool_calls", message["tool_calls"])):
            _tool_call(f"{param}.tool_calls[{i}]", call)
    if message.get("function_call") is not None:
        place = f"{param}.function_call"
        _function_call(place, message["function_call"])
        if message.get("tool_calls"):
            raise InvalidRequest(f"{place} and tool_calls are both set: send only one of them", param=place)


def _content(param: str, value: object) -> None:
    if value is None or isinstance(value, str):
        return
    if not isinstance(value, list):
        message = f"{param} must be a string or a list of parts, not {_type_name(value)}"
        raise InvalidRequest(message, param=param, code="invalid_type")
    for i, part in enumerate(value):
        kind = _object(f"{param}[{i}]", part).get("type")
        _text(f"{param}[{i}].type", kind)
        if kind == "text":
            _text(f"{param}[{i}].text", part.get("text"))


def _tool_call(param: str, value: object) -> None:
    call = _object(param, value)
    kind = call.get("type") or "function"
    if kind == "custom":
        custom = _object(f"{param}.custom", call.get("custom"))
        _text(f"{param}.custom.name", custom.get("name"))
        _text(f"{param}.custom.input", custom.get("input"))
        return
    if kind != "function":
        raise InvalidRequest(f"{param}.type must be function or custom", param=f"{param}.type")
    _text(f"{param}.id", call.get("id"))
    _function_call(f"{param}.function", call.get("function"))


def _function_call(param: str, value: object) -> None:
    function = _object(param, value)
    _text(f"{param}.name", function.get("name"))
    _text(f"{param}.arguments", function.get("arguments"))


def _tools(param: str, value: object) -> None:
    names: set[str] = set()
    for i, item in enumerate(_list(param, value)):
        place = f"{param}[{i}]"
        tool = _object(place, item)
        if tool.get("type", "function") != "function":
            continue
        _tool_function(f"{place}.function", tool.get("function"), names)


def _functions(param: str, value: object) -> None:
    names: set[str] = set()
    for i, item in enumerate(_list(param, value)):
        _tool_function(f"{param}[{i}]", item, names)


def _tool_function(param: str, value: object, names: set[str]) -> None:
    function = _object(param, value)
    name = _text(f"{param}.name", function.get("name"))
    if function.get("description") is not None:
        _text(f"{param}.description", function["description"])
    if function.get("parameters") is not None:
        _object(f"{param}.parameters", function["parameters"])
    if not TOOL_NAME.fullmatch(name):
        message = f"{param}.name must have 1 to 512 characters, not only white space"
        raise InvalidRequest(message, param=f"{param}.name")
    if name in names:
        raise InvalidRequest(f"two tools have the name {name}", param=f"{param}.name")
    names.add(name)


def _stop(param: str, value: object) -> None:
    if isinstance(value, str):
        return
    stops = _list(param, value)
    if len(stops) > MAX_STOPS:
        message = f"{param} must contain at most {MAX_STOPS} strings"
        raise InvalidRequest(message, param=param, code="array_above_max_length")
    for i, stop in enumerate(stops):
        _text(f"{param}[{i}]", stop)


def _tool_choice(param: str, value: object) -> None:
    if not isinstance(value, str | dict):
        message = f"{param} must be a string or an object, not {_type_name(value)}"
        raise InvalidRequest(message, param=param, code="invalid_type")


def _response_format(param: str, value: object) -> None:
    response_format = _object(param, value)
    _text(f"{param}.type", response_format.get("type"))
    if response_format["type"] == "json_schema":
        json_schema = _object(f"{param}.json_schema", response_format.get("json_schema"))
        if json_schema.get("schema") is not None:
            _object(f"{param}.json_schema.schema", json_schema["schema"])


def _count(param: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        message = f"{param} must be a whole number, not {_type_name(value)}"
        raise InvalidRequest(message, param=param, code="invalid_type")
    if not 1 <= value < 1 << 31:
        raise InvalidRequest(f"{param} must be at least 1", param=param, code="integer_below_min_value")


def _number(param: str, value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
        message = f"{param} must be a finite number, not {_type_name(value)}"
        raise InvalidRequest(message, param=param, code="invalid_type")


def _flag(param: str, value: object) -> None:
    if not isinstance(value, bool):
        message = f"{param} must be true or false, not {_type_name(value)}"
        raise InvalidRequest(message, param=param, code="invalid_type")


def _text(param: str, value: object) -> str:
    if not isinstance(value, str):
        message = f"{param} must be a string, not {_type_name(value)}"
        raise InvalidRequest(message, param=param, code="invalid_type")
    return value


def _list(param: str, value: object) -> list[object]:
    if not isinstance(value, list):
        raise InvalidRequest(
            f"{param} must be a list, not {_type_name(value)}", param=param, code="invalid_type"
        )
    return value


def _object(param: str, value: object) -> Json:
    if not isinstance(value, dict):
        message = f"{param} must be an object, not {_type_name(value)}"
        raise InvalidRequest(message, param=param, code="invalid_type")
    return value


def _type_name(value: object) -> str:
    """Return the JSON type of a value, for an error message."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"


VALIDATORS: Mapping[str, Callable[[str, object], object]] = {
    "model": _model,
    "messages": _messages,
    "stream": _flag,
    "stream_options": _object,
    "n": _count,
    "max_tokens": _count,
    "max_completion_tokens": _count,
    "temperature": _number,
    "top_p": _number,
    "top_k": _number,
    "frequency_penalty": _number,
    "presence_penalty": _number,
    "parallel_tool_calls": _flag,
    "stop": _stop,
    "tools": _tools,
    "tool_choice": _tool_choice,
    "functions": _functions,
    "function_call": _tool_choice,
    "response_format": _response_format,
    "reasoning_effort": _text,
    "user": _text,
}
