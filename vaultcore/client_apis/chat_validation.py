"""What a chat request has to be for the gateway to act on it; the rest is the provider's to judge."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import cast

from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

MOST_MESSAGES = 10_000
MOST_STOPS = 16
LONGEST_MODEL = 512
SPARE_DEPTH = 100  # what is let in can still be written out from inside a few more brackets and calls
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def check(body: object) -> ChatRequest:
    """The body as a chat request, or InvalidRequest with the exact param."""
    if not isinstance(body, dict):
        raise InvalidRequest(f"the body must be a JSON object, not {_kind(body)}")
    for old, new in (("functions", "tools"), ("function_call", "tool_choice")):
        if body.get(old) is not None and body.get(new) is not None:
            raise InvalidRequest(f"{old} stands beside {new}: write one or the other", param=old)
    for required in ("model", "messages"):
        if body.get(required) is None:
            raise InvalidRequest(f"{required} is required", param=required, code="missing_required_parameter")
    for field, value in body.items():
        if value is not None and (rule := RULES.get(field)) is not None:
            rule(field, value)
    _check_text(body)
    return cast(ChatRequest, body)


def _check_text(body: Json) -> None:
    """Refuse what has no form in JSON or UTF-8, so that no provider has to."""
    inner: object = body
    for _ in range(SPARE_DEPTH):
        inner = [inner]
    try:
        json.dumps(inner, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise InvalidRequest("the text holds half of a surrogate pair", param=_surrogate(body)) from None
    except ValueError:
        raise InvalidRequest("numbers must be finite") from None
    except RecursionError:
        raise InvalidRequest("the body is nested too deeply") from None


def _surrogate(body: Json) -> str | None:
    try:
        return _place(body, "")
    except RecursionError:
        return None


def _place(value: object, path: str) -> str | None:
    """Where the first text is that UTF-8 has no form for."""
    match value:
        case str():
            return path if any("\ud800" <= letter <= "\udfff" for letter in value) else None
        case dict():
            inner = [(item, f"{path}.{name}".lstrip(".")) for name, item in value.items()]
        case list():
            inner = [(item, f"{path}[{i}]") for i, item in enumerate(value)]
        case _:
            return None
    return next((found for item, place in inner if (found := _place(item, place))), None)


def _model(param: str, value: object) -> None:
    if not isinstance(value, str):
        raise InvalidRequest(
            f"{param} must be a string, not {_kind(value)}", param=param, code="invalid_type"
        )
    if not value.strip() or len(value) > LONGEST_MODEL:
        raise InvalidRequest(f"{param} must have 1 to {LONGEST_MODEL} characters", param=param)


def _messages(param: str, value: object) -> None:
    messages = _list(param, value)
    if not messages:
        raise InvalidRequest(f"{param} must hold at least one message", param=param, code="empty_array")
    if len(messages) > MOST_MESSAGES:
        raise InvalidRequest(
            f"{param} must hold {MOST_MESSAGES} messages at most, not {len(messages)}",
            param=param,
            code="array_above_max_length",
        )
    for i, message in enumerate(messages):
        _message(f"{param}[{i}]", message)


def _message(param: str, value: object) -> None:
    message = _object(param, value)
    role = message.get("role")
    if role not in ROLES:
        told = "is required" if role is None else f"must be one of {', '.join(ROLES)}"
        raise InvalidRequest(f"{param}.role {told}", param=f"{param}.role")
    _content(f"{param}.content", message.get("content"))
    if role == "assistant":
        _answer(param, message)
    elif message.get("content") is None and role != "function":
        raise InvalidRequest(f"{param}.content is required", param=f"{param}.content")
    if role == "tool" and message.get("tool_call_id") is not None:
        _text(f"{param}.tool_call_id", message["tool_call_id"])
    if role == "function":
        _text(f"{param}.name", message.get("name"))


def _answer(param: str, message: Json) -> None:
    """A turn of the assistant's, from an answer of long ago or of another model."""
    if message.get("refusal") is not None:
        _text(f"{param}.refusal", message["refusal"])
    if message.get("thinking_blocks") is not None:
        _list(f"{param}.thinking_blocks", message["thinking_blocks"])
    if message.get("tool_calls") is not None:
        for i, call in enumerate(_list(f"{param}.tool_calls", message["tool_calls"])):
            _call(f"{param}.tool_calls[{i}]", call)
    if message.get("function_call") is not None:
        place = f"{param}.function_call"
        _called(place, message["function_call"])
        if message.get("tool_calls"):
            raise InvalidRequest(f"{place} stands beside tool_calls: write one or the other", param=place)


def _content(param: str, value: object) -> None:
    if value is None or isinstance(value, str):
        return
    if not isinstance(value, list):
        told = f"{param} must be a string or a list of parts, not {_kind(value)}"
        raise InvalidRequest(told, param=param, code="invalid_type")
    for i, part in enumerate(value):
        kind = _object(f"{param}[{i}]", part).get("type")
        _text(f"{param}[{i}].type", kind)
        if kind == "text":
            _text(f"{param}[{i}].text", part.get("text"))


def _call(param: str, value: object) -> None:
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
    _called(f"{param}.function", call.get("function"))


def _called(param: str, value: object) -> None:
    function = _object(param, value)
    _text(f"{param}.name", function.get("name"))
    _text(f"{param}.arguments", function.get("arguments"))


def _tools(param: str, value: object) -> None:
    seen: set[str] = set()
    for i, item in enumerate(_list(param, value)):
        place = f"{param}[{i}]"
        tool = _object(place, item)
        if tool.get("type", "function") != "function":
            continue
        _function(f"{place}.function", tool.get("function"), seen)


def _functions(param: str, value: object) -> None:
    seen: set[str] = set()
    for i, item in enumerate(_list(param, value)):
        _function(f"{param}[{i}]", item, seen)


def _function(param: str, value: object, seen: set[str]) -> None:
    function = _object(param, value)
    name = _text(f"{param}.name", function.get("name"))
    if function.get("description") is not None:
        _text(f"{param}.description", function["description"])
    if function.get("parameters") is not None:
        _object(f"{param}.parameters", function["parameters"])
    if not TOOL_NAME.fullmatch(name):
        told = f"{param}.name must have 1 to 64 letters, digits, underscores or hyphens"
        raise InvalidRequest(told, param=f"{param}.name")
    if name in seen:
        raise InvalidRequest(f"two tools are called {name}", param=f"{param}.name")
    seen.add(name)


def _stop(param: str, value: object) -> None:
    if isinstance(value, str):
        return
    stops = _list(param, value)
    if len(stops) > MOST_STOPS:
        told = f"{param} must hold {MOST_STOPS} strings at most"
        raise InvalidRequest(told, param=param, code="array_above_max_length")
    for i, stop in enumerate(stops):
        _text(f"{param}[{i}]", stop)


def _options(param: str, value: object) -> None:
    _object(param, value)


def _tool_choice(param: str, value: object) -> None:
    if not isinstance(value, str | dict):
        told = f"{param} must be a string or an object, not {_kind(value)}"
        raise InvalidRequest(told, param=param, code="invalid_type")


def _format(param: str, value: object) -> None:
    shape = _object(param, value)
    _text(f"{param}.type", shape.get("type"))
    if shape["type"] == "json_schema":
        described = _object(f"{param}.json_schema", shape.get("json_schema"))
        if described.get("schema") is not None:
            _object(f"{param}.json_schema.schema", described["schema"])


def _count(param: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        told = f"{param} must be a whole number, not {_kind(value)}"
        raise InvalidRequest(told, param=param, code="invalid_type")
    if not 1 <= value < 1 << 31:
        raise InvalidRequest(f"{param} must be at least 1", param=param, code="integer_below_min_value")


def _number(param: str, value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
        told = f"{param} must be a finite number, not {_kind(value)}"
        raise InvalidRequest(told, param=param, code="invalid_type")


def _flag(param: str, value: object) -> None:
    if not isinstance(value, bool):
        told = f"{param} must be true or false, not {_kind(value)}"
        raise InvalidRequest(told, param=param, code="invalid_type")


def _text(param: str, value: object) -> str:
    if not isinstance(value, str):
        told = f"{param} must be a string, not {_kind(value)}"
        raise InvalidRequest(told, param=param, code="invalid_type")
    return value


def _list(param: str, value: object) -> list[object]:
    if not isinstance(value, list):
        raise InvalidRequest(f"{param} must be a list, not {_kind(value)}", param=param, code="invalid_type")
    return value


def _object(param: str, value: object) -> Json:
    if not isinstance(value, dict):
        told = f"{param} must be an object, not {_kind(value)}"
        raise InvalidRequest(told, param=param, code="invalid_type")
    return value


def _kind(value: object) -> str:
    """JSON's word for a value's type."""
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


RULES: Mapping[str, Callable[[str, object], object]] = {
    "model": _model,
    "messages": _messages,
    "stream": _flag,
    "stream_options": _options,
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
    "response_format": _format,
    "reasoning_effort": _text,
    "user": _text,
}
