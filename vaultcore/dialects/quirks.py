"""Adapts a request to a provider that deviates from OpenAI's API, by the columns of its catalog row."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from vaultcore.casts import cast
from vaultcore.catalog.schema import Provider, Target
from vaultcore.dialects import Change, reasoning_effort, thinking_conflicts
from vaultcore.dialects.default_values import is_default
from vaultcore.dialects.json_fields import dump
from vaultcore.dialects.prompts import JSON_ONLY
from vaultcore.dialects.tools import parse_tool_choice
from vaultcore.dialects.unsupported_fields import report_unsupported
from vaultcore.wire import Json, Message

SAMPLING = (
    *("temperature", "top_p", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs"),
    "top_logprobs",  # has no effect without logprobs
)
REASONING = ("reasoning_content", "reasoning", "reasoning_details")  # reasoning of earlier responses
REASONING_FIELDS = frozenset(REASONING)
NO_REPLAY = "none"  # value of the column `replay`
CACHE_MARKS = ("messages.content.cache_control", "messages.content.prompt_cache_breakpoint")
STANDARD_CHOICES = ("required", "any", "function", "allowed_tools")  # others are a provider's own


def apply_quirks(body: Json, target: Target, changes: list[Change]) -> None:
    """Change `body`, which the caller owns, to what the target accepts.

    Messages are replaced, not changed in place: they are the client's. Raise InvalidRequest for an invalid
    `tool_choice` or reasoning effort.
    """
    provider, capabilities = target.provider, target.model.capabilities
    _adapt_messages(body, provider, changes)
    reasoning_effort.apply_reasoning(body, target, changes)
    thinking_conflicts.resolve_conflicts(body, target, changes)
    if capabilities.sampling_params is False and body.get("reasoning_effort") != "none":
        _remove_sampling(body, target, changes)
    for name, (low, high) in provider.clamp.items():
        _clamp(body, name, low, high, changes)
    if provider.max_stop is not None:
        _limit_stops(body, provider.max_stop, changes)
    if provider.tool_choices is not None and body.get("tool_choice") is not None:
        _emulate_tool_choice(body, provider, changes)
    if provider.formats is not None and isinstance(body.get("response_format"), dict):
        _emulate_response_format(body, provider, changes)


def json_instruction(schema: object) -> str:
    """Return the prompt that requests JSON of a provider without `response_format`."""
    return f"{JSON_ONLY} It must match this JSON schema:\n{dump(schema)}" if schema else JSON_ONLY


def _adapt_messages(body: Json, provider: Provider, changes: list[Change]) -> None:
    messages = cast("list[Message]", body.get("messages") or [])
    if provider.roles and not provider.roles.keys().isdisjoint([each.get("role") for each in messages]):
        messages = _map(messages, lambda each: _replace_role(each, provider))
    if provider.replay is not None and [each for each in messages if not REASONING_FIELDS.isdisjoint(each)]:
        messages = [
            _rename_reasoning(f"messages[{i}]", each, provider, changes) for i, each in enumerate(messages)
        ]
    if provider.flatten and any(isinstance(message.get("content"), list) for message in messages):
        changes += report_unsupported(body, f"{provider.title} takes text as one string", *CACHE_MARKS)
        messages = _map(messages, _flatten)
    body["messages"] = messages


def _map(messages: Iterable[Message], change: Callable[[Message], Message]) -> list[Message]:
    return [change(message) for message in messages]


def _replace_role(message: Message, provider: Provider) -> Message:
    """Return the message with the provider's role of the same meaning. This loses nothing: no change."""
    role = provider.roles.get(message.get("role", ""))
    return cast(Message, {**message, "role": role}) if role else message


def _rename_reasoning(path: str, message: Message, provider: Provider, changes: list[Change]) -> Message:
    """Return the message with its reasoning in the provider's field, or without it if there is none."""
    reasoning = {name: message.get(name) for name in REASONING if message.get(name)}
    plain = {name: value for name, value in message.items() if name not in REASONING}
    field = provider.replay or NO_REPLAY
    if field in reasoning:
        return cast(Message, {**plain, field: reasoning[field]})
    text = next((value for value in reasoning.values() if isinstance(value, str)), None)
    if field != NO_REPLAY and text is not None:
        return cast(Message, {**plain, field: text})
    reason = f"{provider.title} takes no reasoning back"
    changes.extend(Change(f"{path}.{name}", "dropped", reason) for name in reasoning)
    return cast(Message, plain)


def _flatten(message: Message) -> Message:
    """Return the message with its text parts joined; unchanged if it has other parts."""
    parts = message.get("content")
    if not isinstance(parts, list) or any(part.get("type") != "text" for part in parts):
        return message
    return {**message, "content": "".join(str(part.get("text") or "") for part in parts)}


def _remove_sampling(body: Json, target: Target, changes: list[Change]) -> None:
    """Remove sampling parameters. Default values stay: such models accept them."""
    for name in SAMPLING:
        if name in body and not is_default(name, body[name]):
            value = body.pop(name)
            changes.append(Change(name, "dropped", f"{target.model.name} has no such parameter", value))


def _clamp(body: Json, name: str, low: float, high: float, changes: list[Change]) -> None:
    value = body.get(name)
    if not isinstance(value, int | float) or low <= value <= high:
        return
    body[name] = min(max(value, low), high)
    changes.append(Change(name, "clamped", f"the provider's range is {low:g} to {high:g}", value, body[name]))


def _limit_stops(body: Json, limit: int, changes: list[Change]) -> None:
    requested = body.get("stop")
    if not isinstance(requested, list):
        return
    stops = [stop for stop in dict.fromkeys(requested) if stop]
    if len(stops) > limit:
        changes.append(Change("stop", "clamped", f"at most {limit} stop sequences", len(stops), limit))
    if stops != requested:
        body["stop"] = stops[:limit]
    if len(stops) > limit:
        body["stop"] = stops[:limit]


def _emulate_tool_choice(body: Json, provider: Provider, changes: list[Change]) -> None:
    """Remove the tools that may not be called; add a prompt if the provider cannot force a tool call."""
    value, supported = body["tool_choice"], provider.tool_choices or ()
    kind = value if isinstance(value, str) else value.get("type") if isinstance(value, dict) else None
    if kind in supported or kind not in STANDARD_CHOICES or not body.get("tools"):
        return
    choice = parse_tool_choice(value)
    tools = choice.filter_tools(body["tools"])
    if len(tools) < len(body["tools"]):
        body["tools"] = tools
    body["tool_choice"] = choice.mode
    if choice.mode not in supported:
        body["tool_choice"] = "auto"
        which = f"the tool {tools[0]['function']['name']}" if len(tools) == 1 else "one of the tools"
        _add_instruction(body, f"Use {which} in your next answer.")
        changes.append(
            Change(
                "tool_choice", "emulated", "the provider cannot force a call: requested in the system prompt"
            )
        )
        return
    changes.append(Change("tool_choice", "emulated", "only the allowed tools are sent"))


def _emulate_response_format(body: Json, provider: Provider, changes: list[Change]) -> None:
    """Add a prompt for a response format that the provider has no parameter for."""
    response_format, supported = body["response_format"], provider.formats or ()
    if response_format.get("type") in supported or response_format.get("type") == "text":
        return
    described = response_format.get("json_schema")
    schema = described.get("schema") if isinstance(described, dict) else None
    _add_instruction(body, json_instruction(schema))
    if "json_object" in supported:
        body["response_format"] = {"type": "json_object"}
    else:
        del body["response_format"]
    changes.append(Change("response_format", "emulated", "requested in the system prompt, not enforced"))


def _add_instruction(body: Json, text: str) -> None:
    """Append to the first system message: some providers accept only one."""
    first, *rest = body["messages"]
    if first.get("role") == "system" and isinstance(first.get("content"), str):
        body["messages"] = [{**first, "content": f"{first['content']}\n\n{text}"}, *rest]
    else:
        body["messages"] = [{"role": "system", "content": text}, first, *rest]
