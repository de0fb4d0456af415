"""Where a provider strays from OpenAI's own API: columns of its row, and what a request becomes for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

from vaultcore.catalog.schema import Provider, Target
from vaultcore.dialects import Change, reasoning_effort
from vaultcore.dialects.default_values import neutral
from vaultcore.dialects.json_fields import dump
from vaultcore.dialects.tool_choice import choice
from vaultcore.dialects.unsupported_fields import unplaced
from vaultcore.wire import Json, Message

SAMPLING = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs")
BESIDE = ("top_logprobs",)  # nothing without the one before it
JSON_ONLY = "Answer with one JSON object and nothing else: no prose around it, no code fence."
THOUGHT = ("reasoning_content", "reasoning", "reasoning_details")  # what earlier reasoning is replayed in
NOBODY = "none"
MARKS = ("messages.content.cache_control", "messages.content.prompt_cache_breakpoint")
ASKABLE = ("required", "any", "function", "allowed_tools")  # others are of a provider's own and pass


def settle(body: Json, target: Target, changes: list[Change]) -> None:
    """Make a body of ours what the target takes. The messages are replaced, never changed in place."""
    provider, able = target.provider, target.model.capabilities
    _settle_messages(body, provider, changes)
    reasoning_effort.settle(body, provider, able, changes)
    if able.sampling_params is False and body.get("reasoning_effort") != "none":
        _leave_out_sampling(body, target, changes)
    for name, (least, most) in provider.clamp.items():
        _clamp(body, name, least, most, changes)
    if provider.max_stop is not None:
        _stop(body, provider.max_stop, changes)
    if provider.tool_choices is not None and body.get("tool_choice") is not None:
        _choose(body, provider, changes)
    if provider.formats is not None and isinstance(body.get("response_format"), dict):
        _form(body, provider, changes)


def in_words(schema: object) -> str:
    """What asks for JSON where no parameter does."""
    return f"{JSON_ONLY} It must match this JSON schema:\n{dump(schema)}" if schema else JSON_ONLY


def _settle_messages(body: Json, provider: Provider, changes: list[Change]) -> None:
    messages = cast("list[Message]", body.get("messages") or [])
    if provider.roles and any(message.get("role") in provider.roles for message in messages):
        messages = _map(messages, lambda each: _in_role(each, provider))
    if provider.replay is not None and any(name in each for each in messages for name in THOUGHT):
        messages = [_replayed(f"messages[{i}]", each, provider, changes) for i, each in enumerate(messages)]
    if provider.flatten and any(isinstance(message.get("content"), list) for message in messages):
        changes += unplaced(body, f"{provider.title} takes text as one string", *MARKS)
        messages = _map(messages, _flat)
    body["messages"] = messages


def _map(messages: Iterable[Message], change: Callable[[Message], Message]) -> list[Message]:
    return [change(message) for message in messages]


def _in_role(message: Message, provider: Provider) -> Message:
    """The message in the role that means the same there. Nothing is lost by it, so nothing is reported."""
    role = provider.roles.get(message.get("role", ""))
    return cast(Message, {**message, "role": role}) if role else message


def _replayed(path: str, message: Message, provider: Provider, changes: list[Change]) -> Message:
    """The message with its reasoning where the provider wants it back, which may be nowhere."""
    held = {name: message.get(name) for name in THOUGHT if message.get(name)}
    plain = {name: value for name, value in message.items() if name not in THOUGHT}
    wanted = provider.replay or NOBODY
    if wanted in held:
        return cast(Message, {**plain, wanted: held[wanted]})
    words = next((value for value in held.values() if isinstance(value, str)), None)
    if wanted != NOBODY and words is not None:
        return cast(Message, {**plain, wanted: words})
    reason = f"{provider.title} takes no reasoning back"
    changes.extend(Change(f"{path}.{name}", "dropped", reason) for name in held)
    return cast(Message, plain)


def _flat(message: Message) -> Message:
    """The message with its content as one string, where it is text alone."""
    parts = message.get("content")
    if not isinstance(parts, list) or any(part.get("type") != "text" for part in parts):
        return message
    return {**message, "content": "".join(str(part.get("text") or "") for part in parts)}


def _leave_out_sampling(body: Json, target: Target, changes: list[Change]) -> None:
    """A value that says what happens anyway is taken there too."""
    for name in (*SAMPLING, *BESIDE):
        if name in body and not neutral(name, body[name]):
            value = body.pop(name)
            changes.append(Change(name, "dropped", f"{target.model.name} has no such parameter", value))


def _clamp(body: Json, name: str, least: float, most: float, changes: list[Change]) -> None:
    told = body.get(name)
    if not isinstance(told, int | float) or least <= told <= most:
        return
    body[name] = min(max(told, least), most)
    changes.append(Change(name, "clamped", f"goes from {least:g} to {most:g} there", told, body[name]))


def _stop(body: Json, most: int, changes: list[Change]) -> None:
    told = body.get("stop")
    if not isinstance(told, list):
        return
    stops = [stop for stop in dict.fromkeys(told) if stop]
    if len(stops) > most:
        changes.append(Change("stop", "clamped", f"{most} stop sequences at most", len(stops), most))
    if stops != told:
        body["stop"] = stops[:most]
    if len(stops) > most:
        body["stop"] = stops[:most]


def _choose(body: Json, provider: Provider, changes: list[Change]) -> None:
    """Leave tools out that may not be called, and ask in words for what cannot be asked for otherwise."""
    told, known = body["tool_choice"], provider.tool_choices or ()
    kind = told if isinstance(told, str) else told.get("type") if isinstance(told, dict) else None
    if kind in known or kind not in ASKABLE or not body.get("tools"):
        return
    chosen = choice(told)
    kept = chosen.among(body["tools"])
    if len(kept) < len(body["tools"]):
        body["tools"] = kept
    body["tool_choice"] = chosen.mode
    if chosen.mode not in known:
        body["tool_choice"] = "auto"
        which = f"the tool {kept[0]['function']['name']}" if len(kept) == 1 else "one of the tools"
        _instruct(body, f"Use {which} in your next answer.")
        changes.append(Change("tool_choice", "emulated", "no forced tool use here: asked for in words"))
        return
    changes.append(Change("tool_choice", "emulated", "the other tools are left out"))


def _form(body: Json, provider: Provider, changes: list[Change]) -> None:
    """Ask in words for a form of answer that the provider has no parameter for."""
    shape, known = body["response_format"], provider.formats or ()
    if shape.get("type") in known or shape.get("type") == "text":
        return
    described = shape.get("json_schema")
    schema = described.get("schema") if isinstance(described, dict) else None
    _instruct(body, in_words(schema))
    if "json_object" in known:
        body["response_format"] = {"type": "json_object"}
    else:
        del body["response_format"]
    changes.append(Change("response_format", "emulated", "asked for in words: not enforced"))


def _instruct(body: Json, words: str) -> None:
    """Add to what the system says first, so that who demands one system message has one."""
    first, *rest = body["messages"]
    if first.get("role") == "system" and isinstance(first.get("content"), str):
        body["messages"] = [{**first, "content": f"{first['content']}\n\n{words}"}, *rest]
    else:
        body["messages"] = [{"role": "system", "content": words}, first, *rest]
