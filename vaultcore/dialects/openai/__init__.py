"""OpenAI chat completions, as most providers speak it: https://platform.openai.com/docs/api-reference/chat.

Nearly the identity. A provider's row says which fields it renames, refuses or wants by default; in `drop`,
`messages.name` stands for the field `name` of every message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from vaultcore.catalog.schema import Provider, Target
from vaultcore.dialects import Change, ErrorDetail, Rendered, quirks, repair, vendor_fields
from vaultcore.dialects.chunks import Decoder
from vaultcore.dialects.default_values import neutral
from vaultcore.dialects.json_fields import an_object
from vaultcore.dialects.provider_error import complaint
from vaultcore.dialects.tool_call_pairing import hoisted
from vaultcore.errors import InvalidRequest
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatCompletion, ChatRequest, Json

FOREIGN = ("thinking_blocks",)  # signed by somebody who does not speak this
OF_MESSAGES = "messages."


def render_path(request: ChatRequest, target: Target) -> str:  # noqa: ARG001 - the Protocol's
    return "/chat/completions"


def render_request(request: ChatRequest, target: Target) -> Rendered:
    provider, changes = target.provider, list[Change]()
    body: Json = {name: value for name, value in request.items() if value is not None}
    body["model"] = target.model.name
    _settle_length(body, changes)
    if body.get("stream"):
        options = body.get("stream_options")
        body["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
    else:
        body.pop("stream_options", None)
    for name in [name for name in body if name in provider.rename]:
        _rename(body, name, provider.rename[name], changes)
    _drop(body, request, provider, changes)
    for name, value in provider.defaults.items():
        if name not in body:
            body[name] = value
            changes.append(Change(name, "injected", f"{provider.title} gets it by default"))
    _settle_messages(body, provider, changes)
    vendor_fields.leave_out(body, provider, changes)
    quirks.settle(body, target, changes)
    return Rendered(body, tuple(changes))


def parse_completion(body: Json) -> ChatCompletion:
    choices = an_object(body, "an answer").get("choices")
    if not choices and repair.failed(body):
        raise repair.fault(body.get("error") or body)
    if not isinstance(choices, list) or not choices:
        raise ValueError("an answer without choices")
    identity = body.get("id")
    answer = {
        "id": identity if isinstance(identity, str) and identity else repair.identity("chatcmpl-", choices),
        **{name: value for name, value in body.items() if name != "id"},
        "object": "chat.completion",
        "created": repair.created(body.get("created")),
        "choices": [_choice(position, choice, identity) for position, choice in enumerate(choices)],
    }
    answer.setdefault("model", "")
    repair.settle_tier(answer)
    counted = repair.usage(answer.pop("usage", None))
    return cast(ChatCompletion, {**answer, "usage": counted} if counted else answer)


def parse_error(status: int, body: bytes) -> ErrorDetail:  # noqa: ARG001 - the Protocol's
    return complaint(body)


def decoder() -> Stage[Event, ChatChunk]:
    return Decoder()


def _settle_length(body: Json, changes: list[Change]) -> None:
    if "max_tokens" in body and "max_completion_tokens" in body:
        if body["max_tokens"] != body["max_completion_tokens"]:
            changes.append(Change("max_tokens", "dropped", "max_completion_tokens says otherwise"))
        del body["max_tokens"]


def _rename(body: Json, name: str, theirs: str, changes: list[Change]) -> None:
    if theirs in body:
        changes.append(Change(name, "dropped", f"{theirs} is there already"))
        del body[name]
        return
    renamed = {theirs if key == name else key: value for key, value in body.items()}
    body.clear()
    body.update(renamed)
    changes.append(Change(name, "renamed", f"called {theirs} there"))


def _drop(body: Json, request: Mapping[str, object], provider: Provider, changes: list[Change]) -> None:
    ours = {theirs: name for name, theirs in provider.rename.items() if name in request}
    for theirs in [name for name in body if name in provider.drop]:
        name, value = ours.get(theirs, theirs), body.pop(theirs)
        if name == "n" and not neutral(name, value):
            raise InvalidRequest(f"{provider.title} gives one answer at a time: n must be 1", param="n")
        if name in request and not neutral(name, value):
            changes.append(Change(name, "dropped", f"{provider.title} does not take it"))


def _settle_messages(body: Json, provider: Provider, changes: list[Change]) -> None:
    """Leave out of every message what the provider would refuse there."""
    refused = {name.removeprefix(OF_MESSAGES) for name in provider.drop if name.startswith(OF_MESSAGES)}
    refused.update(FOREIGN)
    messages = cast("list[Json]", hoisted(body.get("messages") or [], changes))
    messages = [_shown(message) for message in messages]
    body["messages"] = messages
    if all(refused.isdisjoint(message) for message in messages):
        return
    kept = []
    for i, message in enumerate(messages):
        gone = [name for name in message if name in refused]
        reason = f"{provider.title} does not take it"
        changes.extend(Change(f"messages[{i}].{name}", "dropped", reason) for name in gone if message[name])
        kept.append({name: value for name, value in message.items() if name not in refused})
    body["messages"] = kept


def _shown(message: Json) -> Json:
    """The message, its pictures as objects: some clients write the address alone."""
    content = message.get("content")
    if not isinstance(content, list) or not any(_bare(part) for part in content):
        return message
    parts = [{**part, "image_url": {"url": part["image_url"]}} if _bare(part) else part for part in content]
    return {**message, "content": parts}


def _bare(part: Json) -> bool:
    return part.get("type") == "image_url" and isinstance(part.get("image_url"), str)


def _choice(position: int, raw: object, answer: object) -> Json:
    told = an_object(raw, "a choice")
    if told.get("error"):
        raise repair.fault(told["error"])
    mended = _message(an_object(told.get("message"), "a message"), position, answer)
    calls = mended.get("tool_calls")
    said = any(mended.get(name) for name in ("content", "reasoning_content", "refusal", "audio", "images"))
    reason = repair.finish_reason(told.get("finish_reason"), called=bool(calls), said=said)
    index = told.get("index")
    index = index if type(index) is int else position
    return {**told, "index": index, "message": mended, "finish_reason": reason}


def _message(told: Json, choice: int, answer: object) -> Json:
    message = {**told, "role": "assistant"}
    message.setdefault("content", None)
    repair.settle_text(message)
    calls = message.pop("tool_calls", None)
    if isinstance(calls, list) and calls:
        message["tool_calls"] = [_call(call, choice, i, answer) for i, call in enumerate(calls)]
    elif message["content"] is None and not (message.get("refusal") or message.get("function_call")):
        message["content"] = ""
    return message


def _call(raw: object, choice: int, position: int, answer: object) -> Json:
    told = an_object(raw, "a tool call")
    call = {**told, "id": told.get("id") or repair.identity("call_", answer, choice, position)}
    call["type"] = told.get("type") or "function"
    function = told.get("function")
    if isinstance(function, dict):
        text = repair.arguments_text(function.get("arguments"))
        call["function"] = {**function, "arguments": text if text.strip() else "{}"}
    elif "custom" not in told:
        raise ValueError("a tool call without a function")
    return call
