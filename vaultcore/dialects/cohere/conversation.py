"""The conversation as Cohere's messages: https://docs.cohere.com/v2/reference/chat, `messages`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.dialects import Change
from vaultcore.dialects.call_pairing import function_name, move_media_from_results, pair_calls_with_results
from vaultcore.dialects.json_fields import dump, parse_arguments
from vaultcore.dialects.prompts import CONTINUE_PROMPT, FILLER
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json, Message

if TYPE_CHECKING:
    from vaultcore.dialects.cohere.wire import CohereMessage, CoherePart, CohereText, CohereToolCall

REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking_blocks", "reasoning_details")


def render_messages(messages: Sequence[Message], changes: list[Change]) -> list[CohereMessage]:
    """Return the conversation; system messages stay in place. Raise InvalidRequest for unsupported parts."""
    _check(messages, changes)
    out: list[CohereMessage] = []
    for message in pair_calls_with_results(move_media_from_results(messages, changes), changes):
        content = _render_content(message)
        match message.get("role"):
            case "assistant":
                out += _render_assistant(message, content)
            case "tool":
                out.append({"role": "tool", "tool_call_id": message["tool_call_id"], "content": content})
            case "user":
                out.append({"role": "user", "content": content or FILLER})
            case _ if content:
                out.append({"role": "system", "content": content})
    out = _move_last_system(out, changes)
    if not out or out[-1]["role"] in {"assistant", "system"}:
        changes.append(Change("messages", "injected", "the last message must be the user's or a result"))
        has_spoken = any(message["role"] == "assistant" for message in out[-1:])
        out.append({"role": "user", "content": CONTINUE_PROMPT if has_spoken else FILLER})
    return out


def _move_last_system(messages: list[CohereMessage], changes: list[Change]) -> list[CohereMessage]:
    """Return the messages with the system messages at the end before the user's last turn."""
    end = len(messages)
    while end and messages[end - 1]["role"] == "system":
        end -= 1
    if end in {0, len(messages)} or messages[end - 1]["role"] == "assistant":
        return messages
    start = end - 1
    while start and messages[start]["role"] == "tool":
        start -= 1  # results stay behind the message with their calls
    reason = "sent before the user's last turn: Cohere accepts no system message at the end"
    changes.append(Change("messages", "emulated", reason))
    return [*messages[:start], *messages[end:], *messages[start:end]]


def _check(messages: Sequence[Message], changes: list[Change]) -> None:
    """Report changes and reject parts under their paths in the client's request."""
    for i, message in enumerate(messages):
        changes.extend(
            Change(f"messages[{i}].{name}", "dropped", "Cohere takes no reasoning back")
            for name in REASONING_FIELDS
            if message.get(name)
        )
        changes.extend(
            Change(
                f"messages[{i}].tool_calls[{j}].function.arguments",
                "emulated",
                "wrapped: the text is not a JSON object",
            )
            for j, call in enumerate(message.get("tool_calls") or ())
            if parse_arguments(_raw_arguments(cast(Json, call))) is None
        )
        content = message.get("content")
        for j, part in enumerate(content if isinstance(content, list) else ()):
            kind = part.get("type")
            if kind == "text" or (kind == "image_url" and message.get("role") in {"user", "tool"}):
                continue
            raise InvalidRequest(
                f"this model does not accept {kind} parts",
                param=f"messages[{i}].content[{j}]",
                code="unsupported_parameter",
            )


def _render_assistant(message: Json, content: str | list[CoherePart]) -> list[CohereMessage]:
    """Return the message in a list, or no message if it is empty: Cohere rejects it."""
    refusal = message.get("refusal")
    if refusal and isinstance(refusal, str):
        content = [*(content if isinstance(content, list) else _text_parts(content)), *_text_parts(refusal)]
    calls = [_render_call(call) for call in message.get("tool_calls") or ()]
    out: CohereMessage = {"role": "assistant"}
    if content:
        out["content"] = content
    if calls:
        out["tool_calls"] = calls
    return [out] if content or calls else []


def _render_call(call: Json) -> CohereToolCall:
    raw = _raw_arguments(call)
    arguments = parse_arguments(raw)
    if isinstance(raw, str) and arguments is not None:
        text = raw
    else:
        text = dump({"arguments": raw} if arguments is None else arguments)
    name = function_name(call.get("function") or call.get("custom") or {})
    function: Json = {"name": name, "arguments": text if text.strip() else "{}"}
    return cast("CohereToolCall", {"id": call["id"], "type": "function", "function": function})


def _raw_arguments(call: Json) -> object:
    function = call.get("function") or call.get("custom") or {}
    return function.get("arguments", function.get("input"))


def _render_content(message: Json) -> str | list[CoherePart]:
    content = message.get("content")
    if not isinstance(content, list):
        return cast(str, content or "")
    return [_render_part(part) for part in content]


def _text_parts(text: str) -> list[CohereText]:
    return [{"type": "text", "text": text}] if text else []


def _render_part(part: Json) -> CoherePart:
    match part:
        case {"type": "image_url", "image_url": str(url)}:
            return {"type": "image_url", "image_url": {"url": url}}
        case {"type": "image_url", "image_url": {"url": str(url), **rest}}:
            detail = {"detail": rest["detail"]} if rest.get("detail") in ("auto", "low", "high") else {}
            return cast("CoherePart", {"type": "image_url", "image_url": {"url": url, **detail}})
        case _:
            return {"type": "text", "text": str(part.get("text") or "")}
