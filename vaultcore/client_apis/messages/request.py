"""A Messages request as a chat request: https://docs.claude.com/en/api/messages.

An Anthropic provider gets the client's own body. Fields that it may support are therefore not rejected here.
A field that other providers cannot express becomes a change, which takes effect only if a target needs the
translated request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from typing import cast

from vaultcore.client_apis.messages.conversation import parse_conversation, parse_system
from vaultcore.client_apis.messages.opaque_state import remove_packed
from vaultcore.client_apis.messages.tools import parse_tool_choice, parse_tools
from vaultcore.dialects import Change, NativeRequest
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

NATIVE = "anthropic"
BETA = "anthropic-beta"
HEADERS = (BETA, "anthropic-version")
ROLES = ("user", "assistant", "system")
MAX_MODEL_LENGTH = 512  # characters
MAX_MESSAGES = 100_000
MAX_USER_LENGTH = 64  # characters: the limit of OpenAI
EFFORTS = (
    (4_096, "high"),
    (2_048, "medium"),
    (0, "low"),
)  # least thinking budget in tokens, reasoning effort

FieldParser = Callable[[object, list[Change]], Json]


def parse_request(body: object) -> ChatRequest:
    return _parse(_validate(body))[0]


def native_request(body: Json, headers: Mapping[str, str]) -> NativeRequest:
    """Return the client's own body and headers for an Anthropic provider.

    `translation_changes` returns the changes that apply with any other provider.
    """
    forwarded = {name: value for name in HEADERS if (value := headers.get(name)) is not None}
    return NativeRequest(
        NATIVE, remove_packed(body), forwarded, partial(_translation_changes, body, headers.get(BETA))
    )


def _translation_changes(body: Json, betas: str | None) -> tuple[Change, ...]:
    beta = Change(BETA, "dropped", "only Anthropic has these betas", was=betas)
    return (*_parse(body)[1], *([beta] if betas else ()))


def _validate(body: object) -> Json:
    """Return the body if the fields that the gateway itself uses are valid, else raise InvalidRequest."""
    if not isinstance(body, dict):
        raise InvalidRequest("the body must be a JSON object")
    model, messages = body.get("model"), body.get("messages")
    if not isinstance(model, str) or not 1 <= len(model.strip()) <= MAX_MODEL_LENGTH:
        raise InvalidRequest(
            f"model: a string of 1 to {MAX_MODEL_LENGTH} characters is required", param="model"
        )
    if not isinstance(messages, list) or not 1 <= len(messages) <= MAX_MESSAGES:
        raise InvalidRequest(f"messages: a list of 1 to {MAX_MESSAGES:,} is required", param="messages")
    for i, message in enumerate(messages):
        _validate_message(f"messages[{i}]", message)
    if not isinstance(body.get("stream"), bool | None):
        raise InvalidRequest("stream: must be true or false", param="stream")
    return body


def _validate_message(path: str, message: object) -> None:
    if not isinstance(message, dict):
        raise InvalidRequest(f"{path}: must be an object", param=path)
    if message.get("role") not in ROLES:
        raise InvalidRequest(f"{path}.role: must be one of {', '.join(ROLES)}", param=f"{path}.role")
    if not isinstance(message.get("content"), str | list):
        raise InvalidRequest(f"{path}.content: must be a string or a list of blocks", param=f"{path}.content")


def _parse(body: Json) -> tuple[ChatRequest, tuple[Change, ...]]:
    changes: list[Change] = []
    messages = [
        *parse_system(body.get("system"), changes),
        *parse_conversation(body["messages"], changes),
    ]
    parsed: Json = {"model": body["model"], "messages": messages}
    for name, parse_field in FIELDS.items():
        if (value := body.get(name)) is not None:
            parsed.update(parse_field(value, changes))
    for name, value in body.items():
        if value and name not in MESSAGE_FIELDS and name not in FIELDS:
            is_essential = name in ANTHROPIC_ONLY
            reason = "only Anthropic can do it" if is_essential else "only Anthropic has this field"
            changes.append(Change(name, "refused" if is_essential else "dropped", reason))
    return cast(ChatRequest, parsed), tuple(changes)


def _same_name(name: str, kind: type | tuple[type, ...], value: object, changes: list[Change]) -> Json:
    """Return a field that has the same name in chat completions."""
    if isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool):
        return {name: value}
    changes.append(Change(name, "refused", "the value has the wrong type"))
    return {}


def _parse_stop(value: object, changes: list[Change]) -> Json:
    if isinstance(value, list) and all(isinstance(stop, str) for stop in value):
        return {"stop": value}
    changes.append(Change("stop_sequences", "refused", "stop_sequences must be a list of strings"))
    return {}


def _parse_thinking(value: object, changes: list[Change]) -> Json:
    match value:
        case {"type": "enabled" | "adaptive", "display": "omitted", **rest}:
            reason = "the response includes reasoning if the provider returns it"
            changes.append(Change("thinking.display", "dropped", reason))
            return _parse_thinking(rest | {"type": cast(Json, value)["type"]}, changes)
        case {"type": "enabled", "budget_tokens": int(budget)}:
            effort = next(effort for least, effort in EFFORTS if budget >= least or not least)
            path = "thinking.budget_tokens"
            changes.append(Change(path, "emulated", "sent as an effort, not a budget", budget, effort))
            return {"reasoning_effort": effort}
        case {"type": "adaptive"}:
            return {"reasoning_effort": "medium"}
        case {"type": "disabled"}:
            reason = "no reasoning is requested; a model that always reasons still does"
            changes.append(Change("thinking", "emulated", reason))
            return {}
        case _:
            changes.append(Change("thinking", "refused", "only Anthropic has this kind of thinking"))
            return {}


def _parse_output_config(value: object, changes: list[Change]) -> Json:
    if not isinstance(value, dict):
        changes.append(Change("output_config", "refused", "output_config must be an object"))
        return {}
    parsed: Json = {}
    for name, setting in value.items():
        match name, setting:
            case _, None:
                pass
            case "effort", str():
                parsed["reasoning_effort"] = setting
            case "format", {"type": "json_schema", "schema": dict() as schema}:
                json_schema = {"name": "answer", "schema": schema, "strict": True}
                parsed["response_format"] = {"type": "json_schema", "json_schema": json_schema}
            case _:
                reason = "only Anthropic has this field"
                changes.append(Change(f"output_config.{name}", "refused", reason))
    return parsed


def _parse_metadata(value: object, changes: list[Change]) -> Json:
    user = value.get("user_id") if isinstance(value, dict) else None
    if not isinstance(user, str) or not user:
        return {}
    if len(user) <= MAX_USER_LENGTH:
        return {"user": user}
    reason = f"hashed: longer than {MAX_USER_LENGTH} characters"
    changes.append(Change("metadata.user_id", "emulated", reason))
    return {"user": sha256(user.encode(errors="replace")).hexdigest()}


def _parse_service_tier(value: object, changes: list[Change]) -> Json:
    match value:
        case "auto":
            return {}
        case "standard_only":
            return {"service_tier": "default"}
        case _:
            changes.append(Change("service_tier", "dropped", "unknown service tier"))
            return {}


MESSAGE_FIELDS = ("model", "system", "messages")  # translated outside FIELDS
ANTHROPIC_ONLY = ("context_management", "container", "mcp_servers")  # without them it is another request
FIELDS: Mapping[str, FieldParser] = {  # in this order: output_config.effort replaces the effort of a budget
    "stream": partial(_same_name, "stream", bool),
    "max_tokens": partial(_same_name, "max_tokens", int),
    "temperature": partial(_same_name, "temperature", (int, float)),
    "top_p": partial(_same_name, "top_p", (int, float)),
    "top_k": partial(_same_name, "top_k", int),
    "stop_sequences": _parse_stop,
    "tools": parse_tools,
    "tool_choice": parse_tool_choice,
    "thinking": _parse_thinking,
    "output_config": _parse_output_config,
    "metadata": _parse_metadata,
    "service_tier": _parse_service_tier,
}
