"""The conversation as Cohere wants it: https://docs.cohere.com/v2/reference/chat, `messages`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from vaultcore.dialects import Change
from vaultcore.dialects.json_fields import arguments, dump
from vaultcore.dialects.tool_call_pairing import called, hoisted, paired
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json, Message

FILLER = "."  # where a turn has to stand and there is nothing to say
GO_ON = "Continue your last message from exactly where it stops, without repeating any of it."
REPLAYED = ("reasoning_content", "reasoning", "thinking_blocks", "reasoning_details")


def render_messages(messages: Sequence[Message], changes: list[Change]) -> list[Json]:
    """The turns, a system message wherever it stood."""
    _check(messages, changes)
    turns = []
    for message in paired(hoisted(messages, changes), changes):
        match message.get("role"):
            case "assistant":
                turns += _assistant(message)
            case "tool":
                result = {"role": "tool", "tool_call_id": message["tool_call_id"]}
                turns.append({**result, "content": _content(message)})
            case "user":
                turns.append({"role": "user", "content": _content(message) or FILLER})
            case _:
                turns += [{"role": "system", "content": said}] if (said := _content(message)) else []
    if not turns or turns[-1]["role"] in {"assistant", "system"}:
        changes.append(Change("messages", "injected", "the last turn is the user's"))
        turns.append({"role": "user", "content": GO_ON if turns else FILLER})
    return turns


def _check(messages: Sequence[Message], changes: list[Change]) -> None:
    """Refuse what has no place in a turn, under the path it has in the request."""
    for i, message in enumerate(messages):
        changes.extend(
            Change(f"messages[{i}].{name}", "dropped", "not for another model than the one that thought it")
            for name in REPLAYED
            if message.get(name)
        )
        changes.extend(
            Change(f"messages[{i}].tool_calls[{j}].function.arguments", "emulated", "no JSON object: wrapped")
            for j, call in enumerate(message.get("tool_calls") or ())
            if arguments(_told(cast(Json, call))) is None
        )
        content = message.get("content")
        for j, part in enumerate(content if isinstance(content, list) else ()):
            kind = part.get("type")
            if kind == "text" or (kind == "image_url" and message.get("role") in {"user", "tool"}):
                continue
            raise InvalidRequest(
                f"{kind} parts cannot be sent to this model",
                param=f"messages[{i}].content[{j}]",
                code="unsupported_parameter",
            )


def _assistant(message: Json) -> list[Json]:
    """The turn, or none where it says nothing: an empty one is refused."""
    said, refused = _content(message), message.get("refusal")
    if refused and isinstance(refused, str):
        said = [*(said if isinstance(said, list) else _text(said)), *_text(refused)]
    calls = [_call(call) for call in message.get("tool_calls") or ()]
    turn: Json = {"role": "assistant"}
    if said:
        turn["content"] = said
    if calls:
        turn["tool_calls"] = calls
    return [turn] if said or calls else []


def _call(call: Json) -> Json:
    function = call.get("function") or call.get("custom") or {}
    told = _told(call)
    given = arguments(told)
    text = dump({"arguments": told}) if given is None else told if isinstance(told, str) else dump(given)
    return {
        "id": call["id"],
        "type": "function",
        "function": {"name": called(function), "arguments": text if text.strip() else "{}"},
    }


def _told(call: Json) -> object:
    function = call.get("function") or call.get("custom") or {}
    return function.get("arguments", function.get("input"))


def _content(message: Json) -> str | list[Json]:
    content = message.get("content")
    if not isinstance(content, list):
        return cast(str, content or "")
    return [_part(part) for part in content]


def _text(words: str) -> list[Json]:
    return [{"type": "text", "text": words}] if words else []


def _part(part: Json) -> Json:
    match part:
        case {"type": "image_url", "image_url": str(url)}:
            return {"type": "image_url", "image_url": {"url": url}}
        case {"type": "image_url", "image_url": {"url": str(url), **rest}}:
            detail = {"detail": rest["detail"]} if rest.get("detail") in ("auto", "low", "high") else {}
            return {"type": "image_url", "image_url": {"url": url, **detail}}
        case _:
            return {"type": "text", "text": str(part.get("text") or "")}
