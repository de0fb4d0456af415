"""A Messages request as a chat request: https://docs.claude.com/en/api/messages.

An Anthropic provider gets the client's own body. Fields that it may support are therefore not rejected here.
A field that other providers cannot express becomes a change, which takes effect only if a target needs the
translated request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256

from vaultcore.casts import cast
from vaultcore.client_apis.messages.conversation import parse_conversation, parse_system
from vaultcore.client_apis.messages.tools import parse_all_tools, parse_tool_choice
from vaultcore.dialects import Change
from vaultcore.errors import InvalidRequest
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import ChatRequest, Json

ROLES = ("user", "assistant", "system")
MAX_MODEL_LENGTH = 512  # characters
MAX_MESSAGES = 100_000
MAX_USER_LENGTH = 64  # characters: the limit of OpenAI

FieldParser = Callable[[object, list[Change]], Json]


def parse_request(body: object) -> ChatRequest:
    return parse_body(_validate(body)).request


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


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A Messages request in chat form, what that changes, and where its parts are in the client's body."""

    request: ChatRequest
    changes: tuple[Change, ...]
    message_paths: tuple[str, ...]  # of the chat messages, in order
    tool_paths: tuple[str, ...]
    web_search_path: str


def parse_body(body: Json) -> ParsedRequest:
    """Return a valid body in chat form. The parsed request is cached nowhere: it costs little."""
    changes: list[Change] = []
    system = parse_system(body.get("system"), changes)
    conversation = [
        *(("system", message) for message in system),
        *parse_conversation(body["messages"], changes),
    ]
    tools = parse_all_tools(body, changes)
    parsed: Json = {"model": body["model"], "messages": [message for _, message in conversation]}
    for name, parse_field in FIELDS.items():
        if (value := body.get(name)) is not None:
            parsed.update(parse_field(value, changes))
    parsed |= tools.parsed()
    if (choice := body.get("tool_choice")) is not None:
        names = [tool["function"]["name"] for tool in tools.tools]
        parsed |= parse_tool_choice(choice, names, changes)
    if (effort := latest_effort(body["messages"])) is not None:
        parsed["reasoning_effort"] = effort
    for name, value in body.items():
        if value and name not in PARSED_FIELDS and value != DEFAULTS.get(name):
            is_essential = name in ANTHROPIC_ONLY
            reason = "only Anthropic can do it" if is_essential else "only Anthropic has this field"
            changes.append(Change(name, "refused" if is_essential else "dropped", reason))
    return ParsedRequest(
        cast(ChatRequest, parsed),
        tuple(changes),
        tuple(path for path, _ in conversation),
        tuple(tools.positions),
        tools.web_search_path,
    )


def latest_effort(messages: list[Json]) -> str | None:
    """Return the effort that the last system message with one sets for the turns after it."""
    configs = (message.get("output_config") for message in reversed(messages) if message["role"] == "system")
    efforts = (config.get("effort") for config in configs if isinstance(config, dict))
    return next((effort for effort in efforts if isinstance(effort, str)), None)


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


def _parse_max_tokens(value: object, changes: list[Change]) -> Json:
    """Return the limit. With 0, Anthropic fills its cache; other providers answer with at least a token."""
    if value == 0 and type(value) is int:
        changes.append(Change("max_tokens", "emulated", "only Anthropic answers with no token", 0, 1))
        return {"max_tokens": 1}
    return _same_name("max_tokens", int, value, changes)


def _parse_thinking(value: object, changes: list[Change]) -> Json:
    if not isinstance(value, dict):
        changes.append(Change("thinking", "refused", "thinking must be an object"))
        return {}
    display = {"display": value["display"]} if value.get("display") in DISPLAYS else {}
    for name, setting in value.items():
        if name not in THINKING_FIELDS and setting and name not in display:
            changes.append(Change(f"thinking.{name}", "dropped", "only Anthropic has this field"))
    match value:
        case {"type": "enabled", "budget_tokens": int(budget)} if not isinstance(budget, bool):
            return {"thinking": {"type": "enabled", "budget_tokens": budget, **display}}
        case {"type": "adaptive"}:
            return {"thinking": {"type": "adaptive", **display}}
        case {"type": "disabled"}:
            return {"thinking": {"type": "disabled"}}
        case {"type": "enabled"}:
            changes.append(Change("thinking.budget_tokens", "refused", "a whole number is required"))
            return {}
        case _:
            changes.append(Change("thinking", "dropped", "only Anthropic has this kind of thinking"))
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
            case "format", _:
                changes.append(Change("output_config.format", "refused", "only json_schema is known"))
            case _:
                reason = "only Anthropic has this field"
                changes.append(Change(f"output_config.{name}", "dropped", reason))
    return parsed


def _parse_output_format(value: object, changes: list[Change]) -> Json:
    """Return the schema of the beta's field, whose present form is `output_config.format`."""
    return _parse_output_config({"format": value}, changes)


def _parse_metadata(value: object, changes: list[Change]) -> Json:
    others = [name for name in value if name != "user_id"] if isinstance(value, dict) else []
    changes += [Change(f"metadata.{name}"[:80], "dropped", "unknown to Anthropic too") for name in others]
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


ANTHROPIC_ONLY = ("container", "mcp_servers")  # without them it is another request
THINKING_FIELDS = ("type", "budget_tokens")
DISPLAYS = ("summarized", "omitted")
DEFAULTS = {"speed": "standard", "billing_policy": {"type": "billing_policy", "bill_to": "self"}}
FIELDS: Mapping[str, FieldParser] = {  # in this order: output_config.effort replaces the effort of a budget
    "stream": partial(_same_name, "stream", bool),
    "max_tokens": _parse_max_tokens,
    "temperature": partial(_same_name, "temperature", (int, float)),
    "top_p": partial(_same_name, "top_p", (int, float)),
    "top_k": partial(_same_name, "top_k", int),
    "stop_sequences": _parse_stop,
    "thinking": _parse_thinking,
    "output_format": _parse_output_format,
    "output_config": _parse_output_config,
    "metadata": _parse_metadata,
    "service_tier": _parse_service_tier,
    "cache_control": partial(_same_name, "cache_control", dict),
}
PARSED_FIELDS = (
    *FIELDS,
    "model",
    "system",
    "messages",
    "tools",
    "tool_choice",
    "context_management",
    "compaction",
    "thread",
)
