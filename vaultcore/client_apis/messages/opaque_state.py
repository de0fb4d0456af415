"""Opaque state of other providers, packed into fields that Anthropic's clients return unchanged.

A client of the Messages API returns thinking blocks unchanged, signature included. The gateway packs into
them the reasoning that Anthropic did not sign, and any other state that a provider wants back with its next
request. Packed state is `ve1.` followed by URL-safe base64 of a JSON object. It is neither encrypted nor
signed: a client of chat completions sends the same data as plain JSON. The gateway unpacks it and never
forwards it as it is.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

from vaultcore.casts import cast
from vaultcore.client_apis.json_text import dump
from vaultcore.opaque_state.carriers import STATE_FIELD, opaque_fields, state_text
from vaultcore.opaque_state.envelope import is_sealed
from vaultcore.wire import Json

PREFIX = "ve1."


def pack(state: Json) -> str:
    return PREFIX + urlsafe_b64encode(dump(state).encode()).decode() if state else PREFIX


def is_packed(block: object) -> bool:
    """Return True if a content block is a thinking block that this gateway made."""
    if not isinstance(block, dict):
        return False
    state = state_text(block)
    return isinstance(state, str) and state.startswith(PREFIX)


def unpack(block: Json) -> Json:
    """Return the state in a packed block, or {} if a client has changed it."""
    try:
        encoded = block[STATE_FIELD[block["type"]]].removeprefix(PREFIX).encode()
        state = json.loads(urlsafe_b64decode(encoded)) if encoded else {}
    except (ValueError, RecursionError):
        return {}
    return cast(Json, state) if isinstance(state, dict) else {}


def message_state(message: Mapping[str, object]) -> Json:
    """Return the opaque fields of a message or a delta, and its reasoning that is not in Anthropic's form."""
    blocks = message.get("thinking_blocks")
    others = [block for block in blocks if not is_anthropic_block(block)] if isinstance(blocks, list) else []
    without_index = [{name: value for name, value in block.items() if name != "index"} for block in others]
    fields = opaque_fields(message)
    return {**fields, "thinking_blocks": without_index} if without_index else fields


def is_anthropic_block(block: object) -> bool:
    """Return True if a reasoning block is in Anthropic's form, which a response can contain unchanged."""
    return isinstance(block, dict) and block.get("type") in tuple(STATE_FIELD)


def is_gateways(block: object) -> bool:
    """Return True if the gateway has packed or sealed a thinking block: it is not Anthropic's own."""
    return is_packed(block) or (isinstance(block, dict) and is_sealed(state_text(block)))


def remove_packed(body: Json) -> Json:
    """Return a request's body without the gateway's own blocks, or the same object if it has none.

    Empty text blocks of an assistant go, too: Anthropic's responses may contain one, its requests may not.
    """
    messages = body.get("messages")
    if not isinstance(messages, list) or not any(_needs_cleaning(message) for message in messages):
        return body
    cleaned = [_clean(message) if _needs_cleaning(message) else message for message in messages]
    return {**body, "messages": [message for message in cleaned if message["content"]]}


def _needs_cleaning(message: object) -> bool:
    content = message.get("content") if isinstance(message, dict) else None
    return isinstance(content, list) and any(_is_unusable(block, cast(Json, message)) for block in content)


def _clean(message: Json) -> Json:
    content = [block for block in message["content"] if not _is_unusable(block, message)]
    return {**message, "content": content}


def _is_unusable(block: object, message: Json) -> bool:
    """Return True if Anthropic would reject a block that the client has received from the gateway."""
    if is_gateways(block):
        return True
    return message.get("role") == "assistant" and block == {"type": "text", "text": ""}
