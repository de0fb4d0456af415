"""Labels encrypted reasoning with its issuer and returns it only to the model that issued it.

Other models reject it: https://platform.openai.com/docs/guides/reasoning#encrypted-reasoning-items.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from vaultcore.catalog.schema import Target
from vaultcore.dialects.json_fields import dump, parse_arguments
from vaultcore.dialects.responses.opaque_state import decode_state, encode_state, is_encoded_state
from vaultcore.streams.sse import Event
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.dialects.responses.wire import ResponsesInputItem, ResponsesOutputItem

ENCRYPTED = "reasoning.encrypted_content"  # value of `include`
ENCRYPTED_FIELD = '"encrypted_content"'  # its JSON text in an event
_SNAPSHOT_DATE = re.compile(r"-(?:20\d{6}|20\d\d-\d\d-\d\d|latest)$")


def render_block(item: ResponsesOutputItem, *, model: str, provider: str | None = None) -> Json:
    """Return a reasoning item as a thinking block that names its issuer.

    The item is in it as JSON text: OpenAI's SDK fails on a delta with a list whose items have no index.
    """
    content = {name: value for name, value in item.items() if name != "status" and value is not None}
    issuer = {"model": model, **({"provider": provider} if provider else {})}
    return {"type": "reasoning", "item": dump(content), **issuer}


def render_items(blocks: Sequence[object], target: Target) -> list[ResponsesInputItem]:
    """Return the reasoning items that the target issued, in their original form."""
    issued = [each for each in blocks if isinstance(each, dict) and _is_issued_by(each, target)]
    items = [parse_arguments(each.get("item")) for each in issued]
    complete = [{"summary": [], **item} for item in items if item and item.get("encrypted_content")]
    return cast("list[ResponsesInputItem]", complete)


def rewrite_request(body: Json, target: Target) -> Json:
    """Return a native request that stores nothing by default and has no reasoning of other models.

    A client that does not set `store` may send reasoning back. The provider does not store it, so the
    client must receive it, encrypted.
    """
    rewritten = body if body.get("store") is not None else _without_storage(body, target)
    items = rewritten.get("input")
    if not isinstance(items, list) or not any(map(_is_reasoning, items)):
        return rewritten
    is_stored = rewritten["store"] is not False
    allowed = [each for item in items for each in _allowed_items(item, target, is_stored=is_stored)]
    return {**rewritten, "input": allowed}


def rewrite_response(body: Json, target: Target) -> Json:
    """Return a native response whose encrypted reasoning names its issuer."""
    output = body.get("output")
    if not isinstance(output, list):
        return body
    return {**body, "output": [_label(item, target) for item in output]}


def rewrite_event(event: Event, target: Target) -> Event:
    """Return an event whose encrypted reasoning names its issuer; most events have none."""
    if ENCRYPTED_FIELD not in event.data:
        return event
    try:
        content = json.loads(event.data)
    except (ValueError, RecursionError):
        return event  # the decoder has already rejected it
    match content:
        case {"item": item}:
            content = {**content, "item": _label(item, target)}
        case {"response": dict() as response}:
            content = {**content, "response": rewrite_response(response, target)}
    return Event(dump(content), event.name)


def _is_issued_by(block: Json, target: Target) -> bool:
    provider, model = block.get("provider"), block.get("model")
    if provider is not None and provider != target.provider.name:
        return False
    return (
        block.get("type") == "reasoning"
        and isinstance(model, str)
        and _without_snapshot(model) == _without_snapshot(target.model.name)
    )


def _without_snapshot(model: str) -> str:
    """Return a model's name without the date of its snapshot."""
    return _SNAPSHOT_DATE.sub("", model)


def _without_storage(body: Json, target: Target) -> Json:
    rewritten, include = {**body, "store": False}, body.get("include") or []
    can_reason = body.get("reasoning") or target.model.capabilities.thinking not in (None, "none")
    if can_reason and isinstance(include, list) and ENCRYPTED not in include:
        rewritten["include"] = [*include, ENCRYPTED]
    return rewritten


def _is_reasoning(item: object) -> bool:
    return isinstance(item, dict) and item.get("type") == "reasoning"


def _allowed_items(item: object, target: Target, *, is_stored: bool) -> list[object]:
    """Return the item in its original form, or nothing if another target issued it."""
    if not isinstance(item, dict) or not _is_reasoning(item):
        return [item]
    encrypted = item.get("encrypted_content")
    if is_encoded_state(encrypted):
        return list(render_items(decode_state(encrypted) or (), target))
    return [item] if encrypted or is_stored else []


def _label(item: object, target: Target) -> object:
    if not isinstance(item, dict) or not item.get("encrypted_content") or item.get("type") != "reasoning":
        return item
    output_item = cast("ResponsesOutputItem", item)
    block = render_block(output_item, model=target.model.name, provider=target.provider.name)
    return {**item, "encrypted_content": encode_state([block])}
