"""What other providers want to see again, in the fields that Anthropic's clients send back untouched.

A client of this API returns thinking blocks as they came, signature included. Thinking that Anthropic did not
sign, and whatever else a provider wants back with its next request, travels there: `ve1.` and JSON in base64.
It is a parcel, not a seal: it holds nothing that a client of chat completions does not send in the clear. It
is opened here and goes to no provider as it is, to Anthropic least of all.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import cast

from vaultcore.client_apis.json_text import dump
from vaultcore.wire import Json

MARK = "ve1."
KEPT = ("extra_content", "reasoning_details")  # of a message or a call: opaque to everyone but its issuer
_OPENED_BY = {"thinking": "signature", "redacted_thinking": "data"}


def pack(state: Json) -> str:
    return MARK + urlsafe_b64encode(dump(state).encode()).decode() if state else MARK


def ours(block: object) -> bool:
    """Whether a content block is thinking that this gateway made up."""
    if not isinstance(block, dict):
        return False
    sealed = block.get(_OPENED_BY.get(str(block.get("type")), ""))
    return isinstance(sealed, str) and sealed.startswith(MARK)


def unpack(block: Json) -> Json:
    """What a block of ours holds; nothing where a client has changed it."""
    try:
        parcel = block[_OPENED_BY[block["type"]]].removeprefix(MARK).encode()
        state = json.loads(urlsafe_b64decode(parcel)) if parcel else {}
    except (ValueError, RecursionError):
        return {}
    return cast(Json, state) if isinstance(state, dict) else {}


def kept(told: Mapping[str, object]) -> Json:
    """Of a message, a call or a fragment of one: what its provider wants to see again."""
    return {name: value for name in KEPT if (value := told.get(name))}


def kept_of_message(told: Mapping[str, object]) -> Json:
    """The same of a message or a delta, its thoughts in other forms than Anthropic's among it."""
    blocks = told.get("thinking_blocks")
    others = [block for block in blocks if not native(block)] if isinstance(blocks, list) else []
    plain = [{name: value for name, value in block.items() if name != "index"} for block in others]
    return {**kept(told), "thinking_blocks": plain} if plain else kept(told)


def native(block: object) -> bool:
    """Whether a thought is in Anthropic's own form, and can stand in an answer as it is."""
    return isinstance(block, dict) and block.get("type") in tuple(_OPENED_BY)


def merged(held: object, more: object) -> object:
    """Two fragments of the same state: objects field by field, lists one after the other."""
    match held, more:
        case dict(), dict():
            return {**held, **{name: merged(held.get(name), value) for name, value in more.items()}}
        case list(), list():
            return [*held, *more]
        case _:
            return more


def without(body: Json) -> Json:
    """A request's body without our blocks; the very same body where it holds none."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not any(_holds(message) for message in messages):
        return body
    cleaned = [_cleaned(message) if _holds(message) else message for message in messages]
    return {**body, "messages": [message for message in cleaned if message["content"]]}


def _holds(message: object) -> bool:
    content = message.get("content") if isinstance(message, dict) else None
    return isinstance(content, list) and any(map(ours, content))


def _cleaned(message: Json) -> Json:
    return {**message, "content": [block for block in message["content"] if not ours(block)]}
