"""A completion as a message, in Anthropic's blocks, usage and errors: https://docs.claude.com/en/api/messages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import cast

from vaultcore.client_apis.json_text import dump
from vaultcore.client_apis.messages.opaque_state import kept, kept_of_message, native, pack
from vaultcore.dialects.json_fields import arguments
from vaultcore.errors import GatewayError
from vaultcore.streams.sse import Event
from vaultcore.usage.token_estimate import estimate, tokens
from vaultcore.wire import ChatCompletion, ChatRequest, Json, Usage

STOPS: Mapping[str, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
PIECES = re.compile(r'"(?:[^"\\]|\\.)*(?:"|$)|[\[\]{}]', re.DOTALL)
ERRORS: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def render_completion(completion: ChatCompletion) -> Json:
    """The first choice: this API has no word for another."""
    choice = cast(Json, completion["choices"][0])
    return {
        **head(completion.get("id", ""), completion.get("model", "")),
        "content": _blocks(choice["message"]),
        **render_stop(choice),
        "usage": render_usage(completion.get("usage")),
    }


def render_answer(completion: ChatCompletion, request: ChatRequest) -> Json:
    """The same, with usage guessed where the provider tells none."""
    message = render_completion(completion)
    if completion.get("usage"):
        return message
    told = tokens(dump(message["content"])) if message["content"] else 0
    guessed = {"input_tokens": estimate(request), "output_tokens": told, "estimated": True}
    return {**message, "usage": {**message["usage"], **guessed}}


def head(identity: str, model: str) -> Json:
    ours = identity if identity.startswith("msg_") else f"msg_{identity.removeprefix('chatcmpl-')}"
    return {"id": ours, "type": "message", "role": "assistant", "model": model}


def render_stop(choice: Json) -> Json:
    """Why it stopped; which sequence stopped it, where the provider says so."""
    reason, matched = choice.get("finish_reason"), choice.get("stop_reason")
    known = matched if reason == "stop" and isinstance(matched, str) and matched else None
    stop = "stop_sequence" if known else STOPS.get(str(reason), "end_turn")
    return {"stop_reason": stop, "stop_sequence": known, "stop_details": None}


def render_usage(usage: Usage | None) -> Json:
    """Usage whose input leaves out what came from a cache or went into one."""
    told = usage or {}
    details = told.get("prompt_tokens_details") or {}
    prompt = told.get("prompt_tokens") or 0
    read = min(details.get("cached_tokens") or 0, prompt)
    written = min(details.get("cache_write_tokens") or 0, prompt - read)
    counted: Json = {
        "input_tokens": prompt - read - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": told.get("completion_tokens") or 0,
    }
    thought = (told.get("completion_tokens_details") or {}).get("reasoning_tokens")
    return {**counted, "output_tokens_details": {"thinking_tokens": thought}} if thought else counted


def read_input(text: object) -> Json:
    """A call's input, which has to be an object, whatever the model wrote and wherever it was cut off."""
    if (read := arguments(text)) is not None:
        return read
    try:
        first, _ = json.JSONDecoder().raw_decode(_closed(str(text).strip()))
    except (ValueError, RecursionError):
        first = None
    return first if isinstance(first, dict) else {"arguments": text}


def _closed(text: str) -> str:
    """JSON with what is still open at its end closed."""
    closing: list[str] = []
    for found in PIECES.findall(text):
        match found:
            case "{" | "[":
                closing.append("}" if found == "{" else "]")
            case "}" | "]" if closing:
                closing.pop()
            case _ if found.startswith('"') and not STRING.fullmatch(found):
                return text + '"' + "".join(reversed(closing))
    return text + "".join(reversed(closing))


def render_error(error: GatewayError) -> Json:
    kind = ERRORS.get(error.status) or (ERRORS[400] if error.status < 500 else "api_error")
    return {"type": "error", "error": {"type": kind, "message": str(error)}}


def render_failure(error: GatewayError) -> Event:
    return Event(dump(render_error(error)), "error")


def _blocks(message: Json) -> list[Json]:
    calls: list[Json] = message.get("tool_calls") or []
    blocks = _thoughts(message)
    for words in (message.get("content"), message.get("refusal")):
        if isinstance(words, str) and words:
            blocks.append({"type": "text", "text": words})
    for call in calls:
        blocks += render_call(call)
    if state := kept_of_message(message):
        blocks.append({"type": "redacted_thinking", "data": pack({"": state})})
    return blocks


def render_call(call: Json) -> list[Json]:
    """A call, after what its provider wants to see again with it."""
    function = call.get("function") or call.get("custom") or {}
    use = {
        "type": "tool_use",
        "id": call["id"],
        "name": function.get("name") or "",
        "input": read_input(function.get("arguments", function.get("input"))),
    }
    state = kept(call)
    return [{"type": "redacted_thinking", "data": pack({call["id"]: state})}, use] if state else [use]


def _thoughts(message: Json) -> list[Json]:
    blocks = [block for block in message.get("thinking_blocks") or () if native(block)]
    told = message.get("reasoning_content")
    if told and not any(block["type"] == "thinking" for block in blocks):
        blocks.insert(0, {"type": "thinking", "thinking": told})
    bare = [{name: value for name, value in block.items() if name != "index"} for block in blocks]
    return [
        {**block, "signature": block.get("signature") or pack({})} if block["type"] == "thinking" else block
        for block in bare
    ]
