"""A Messages request as a chat request: https://docs.claude.com/en/api/messages.

A provider that speaks this API gets the client's own body, so nothing is refused here that it might know:
what cannot be said to anybody else is noted as a change, and held against the request only where it is
translated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from typing import cast

from vaultcore.client_apis.messages.opaque_state import without
from vaultcore.client_apis.messages.tools import read_choice, read_tools
from vaultcore.client_apis.messages.turns import read_system, read_turns
from vaultcore.dialects import Change, Native
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

NATIVE = "anthropic"
BETA = "anthropic-beta"
HEADERS = (BETA, "anthropic-version")
ROLES = ("user", "assistant", "system")
LONGEST_MODEL = 512
MOST_MESSAGES = 100_000
LONGEST_USER = 64  # characters; OpenAI takes no more
LEVELS = ((4_096, "high"), (2_048, "medium"), (0, "low"))  # budgets of thinking, and what they amount to

Read = Callable[[object, list[Change]], Json]


def parse_request(body: object) -> ChatRequest:
    return _read(_checked(body))[0]


def native_request(body: Json, headers: Mapping[str, str]) -> Native:
    """The client's own words for Anthropic, and what they lose with anybody else."""
    passed = {name: value for name in HEADERS if (value := headers.get(name)) is not None}
    return Native(NATIVE, without(body), passed, partial(_losses, body, headers.get(BETA)))


def _losses(body: Json, betas: str | None) -> tuple[Change, ...]:
    beta = Change(BETA, "dropped", "only Anthropic has such betas", was=betas)
    return (*_read(body)[1], *([beta] if betas else ()))


def _checked(body: object) -> Json:
    """The body, where it has what the gateway itself acts on."""
    if not isinstance(body, dict):
        raise InvalidRequest("the body must be a JSON object")
    model, messages = body.get("model"), body.get("messages")
    if not isinstance(model, str) or not 1 <= len(model.strip()) <= LONGEST_MODEL:
        raise InvalidRequest(f"model: a string of 1 to {LONGEST_MODEL} characters is required", param="model")
    if not isinstance(messages, list) or not 1 <= len(messages) <= MOST_MESSAGES:
        raise InvalidRequest(f"messages: a list of 1 to {MOST_MESSAGES:,} is required", param="messages")
    for i, message in enumerate(messages):
        _check_message(f"messages[{i}]", message)
    if not isinstance(body.get("stream"), bool | None):
        raise InvalidRequest("stream: must be true or false", param="stream")
    return body


def _check_message(path: str, message: object) -> None:
    if not isinstance(message, dict):
        raise InvalidRequest(f"{path}: must be an object", param=path)
    if message.get("role") not in ROLES:
        raise InvalidRequest(f"{path}.role: must be one of {', '.join(ROLES)}", param=f"{path}.role")
    if not isinstance(message.get("content"), str | list):
        raise InvalidRequest(f"{path}.content: must be a string or a list of blocks", param=f"{path}.content")


def _read(body: Json) -> tuple[ChatRequest, tuple[Change, ...]]:
    changes: list[Change] = []
    system = read_system(body.get("system"), changes)
    read: Json = {"model": body["model"], "messages": [*system, *read_turns(body["messages"], changes)]}
    for name, field in FIELDS.items():
        if (value := body.get(name)) is not None:
            read.update(field(value, changes))
    for name, value in body.items():
        if value and name not in KNOWN and name not in FIELDS:
            alone = name in HERE_ALONE
            reason = "only Anthropic can do it" if alone else "only Anthropic knows it"
            changes.append(Change(name, "refused" if alone else "dropped", reason))
    return cast(ChatRequest, read), tuple(changes)


def _plain(name: str, kind: type | tuple[type, ...], told: object, changes: list[Change]) -> Json:
    """A field that goes by another name, or by none other."""
    if isinstance(told, kind) and not (isinstance(told, bool) and kind is not bool):
        return {name: told}
    changes.append(Change(name, "refused", "it has another type than it should"))
    return {}


def _stops(told: object, changes: list[Change]) -> Json:
    if isinstance(told, list) and all(isinstance(stop, str) for stop in told):
        return {"stop": told}
    changes.append(Change("stop_sequences", "refused", "stop_sequences must be a list of strings"))
    return {}


def _thinking(told: object, changes: list[Change]) -> Json:
    match told:
        case {"type": "enabled" | "adaptive", "display": "omitted", **rest}:
            changes.append(Change("thinking.display", "dropped", "thoughts are shown where there are any"))
            return _thinking(rest | {"type": cast(Json, told)["type"]}, changes)
        case {"type": "enabled", "budget_tokens": int(budget)}:
            level = next(level for least, level in LEVELS if budget >= least or not least)
            path = "thinking.budget_tokens"
            changes.append(Change(path, "emulated", "an effort rather than a budget", budget, level))
            return {"reasoning_effort": level}
        case {"type": "adaptive"}:
            return {"reasoning_effort": "medium"}
        case {"type": "disabled"}:
            changes.append(Change("thinking", "emulated", "not asked for: a model that always thinks will"))
            return {}
        case _:
            changes.append(Change("thinking", "refused", "thinking of a kind only Anthropic knows"))
            return {}


def _output(told: object, changes: list[Change]) -> Json:
    if not isinstance(told, dict):
        changes.append(Change("output_config", "refused", "output_config must be an object"))
        return {}
    read: Json = {}
    for name, value in told.items():
        match name, value:
            case _, None:
                pass
            case "effort", str():
                read["reasoning_effort"] = value
            case "format", {"type": "json_schema", "schema": dict() as schema}:
                described = {"name": "answer", "schema": schema, "strict": True}
                read["response_format"] = {"type": "json_schema", "json_schema": described}
            case _:
                changes.append(Change(f"output_config.{name}", "refused", "only Anthropic knows it"))
    return read


def _user(told: object, changes: list[Change]) -> Json:
    user = told.get("user_id") if isinstance(told, dict) else None
    if not isinstance(user, str) or not user:
        return {}
    if len(user) <= LONGEST_USER:
        return {"user": user}
    changes.append(Change("metadata.user_id", "emulated", f"hashed: longer than {LONGEST_USER} characters"))
    return {"user": sha256(user.encode(errors="replace")).hexdigest()}


def _tier(told: object, changes: list[Change]) -> Json:
    match told:
        case "auto":
            return {}
        case "standard_only":
            return {"service_tier": "default"}
        case _:
            changes.append(Change("service_tier", "dropped", "no such tier"))
            return {}


KNOWN = ("model", "system", "messages")
HERE_ALONE = ("context_management", "container", "mcp_servers")
FIELDS: Mapping[str, Read] = {  # in this order: an effort outweighs a budget
    "stream": partial(_plain, "stream", bool),
    "max_tokens": partial(_plain, "max_tokens", int),
    "temperature": partial(_plain, "temperature", (int, float)),
    "top_p": partial(_plain, "top_p", (int, float)),
    "top_k": partial(_plain, "top_k", int),
    "stop_sequences": _stops,
    "tools": read_tools,
    "tool_choice": read_choice,
    "thinking": _thinking,
    "output_config": _output,
    "metadata": _user,
    "service_tier": _tier,
}
