"""Native requests and responses: their encrypted state is sealed with its issuer, and goes back to no other.

Other models reject it: https://platform.openai.com/docs/guides/reasoning#encrypted-reasoning-items. Events
without a sequence number, which the API's schema requires, are numbered.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.catalog.schema import Target
from vaultcore.dialects.json_fields import dump, parse_arguments
from vaultcore.dialects.responses.opaque_state import decode_state, is_encoded_state
from vaultcore.dialects.responses.reasoning import ENCRYPTED, render_block, render_items
from vaultcore.errors import InvalidRequest
from vaultcore.opaque_state.carriers import state_text
from vaultcore.opaque_state.compaction import open_compaction
from vaultcore.opaque_state.envelope import StateSeal, is_sealed
from vaultcore.streams.sse import Event
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.dialects.responses.wire import ResponsesOutputItem

PATH = "/responses"
ENCRYPTED_FIELD = '"encrypted_content"'  # its JSON text in an event
SEALED_ITEMS = ("reasoning", "compaction")
NUMBER_FIELD = '"sequence_number"'
_NUMBER = re.compile(r'"sequence_number"\s*:\s*(\d+)')


class ResponsesRewriter:
    """Rewrites one native request, and its response or the events of its stream."""

    def __init__(self, target: Target, seal: StateSeal, path: str) -> None:
        self._target, self._state_seal, self._path = target, seal, path
        self._last_data = ""  # of the last event that has reached the client

    def rewrite_request(self, body: Json) -> Json:
        """Return a request that stores nothing by default and has no state of other issuers.

        A client that does not set `store` may send reasoning back. The provider does not store it, so the
        client must receive it, encrypted. Raise InvalidRequest if the input depends on another issuer.
        """
        stores_nothing = self._path == PATH and body.get("store") is None
        rewritten = self._without_storage(body) if stores_nothing else body
        items = rewritten.get("input")
        if not isinstance(items, list) or not any(map(_is_stateful, items)):
            return rewritten
        is_stored = rewritten.get("store", False) is not False
        allowed = [
            each
            for i, item in enumerate(items)
            for each in self._allowed_items(f"input[{i}]", item, is_stored=is_stored)
        ]
        return {**rewritten, "input": allowed}

    def rewrite_response(self, body: Json) -> Json:
        """Return a response whose encrypted state is sealed."""
        output = body.get("output")
        return {**body, "output": [self._seal(item) for item in output]} if isinstance(output, list) else body

    def rewrite_event(self, event: Event) -> Event:
        """Return an event whose encrypted state is sealed; most events have none."""
        has_number = NUMBER_FIELD in event.data
        if has_number and ENCRYPTED_FIELD not in event.data:
            self._last_data = event.data
            return event
        try:
            content = json.loads(event.data)
        except (ValueError, RecursionError):
            return event  # no JSON: the last event of some providers
        if not isinstance(content, dict):
            return event
        match content:
            case {"item": item}:
                content = {**content, "item": self._seal(item)}
            case {"response": dict() as response}:
                content = {**content, "response": self.rewrite_response(response)}
        if not has_number:
            content["sequence_number"] = self._next_number()
        self._last_data = dump(content)
        return Event(self._last_data, event.name)

    def _next_number(self) -> int:
        """Return the number after that of the last event; 0 for the first one."""
        numbers = _NUMBER.findall(self._last_data)
        return int(numbers[-1]) + 1 if numbers else 0

    def _without_storage(self, body: Json) -> Json:
        rewritten, include = {**body, "store": False}, body.get("include") or []
        can_reason = body.get("reasoning") or self._target.model.capabilities.thinking not in (None, "none")
        if can_reason and isinstance(include, list) and ENCRYPTED not in include:
            rewritten["include"] = [*include, ENCRYPTED]
        return rewritten

    def _allowed_items(self, path: str, item: object, *, is_stored: bool) -> list[object]:
        """Return the item in its original form, or nothing if another issuer made its state."""
        if not isinstance(item, dict) or not _is_stateful(item):
            return [item]
        encrypted = item.get("encrypted_content")
        if not is_encoded_state(encrypted):
            return [item] if encrypted or is_stored else []
        own = self._open(encrypted)
        if item["type"] == "compaction" and not own:
            if (summary := open_compaction({"data": encrypted}, self._state_seal)) is not None:
                return [{"type": "message", "role": "user", "content": summary["text"]}]
            text = f"this compaction was made by another provider, or for another key ({self._target.name})"
            raise InvalidRequest(text, param=path, code="unsupported_parameter")
        return list(own)

    def _open(self, encrypted: object) -> list[object]:
        """Return the items in a sealed text, or in the envelope of earlier versions."""
        items: list[object] = []
        for block in decode_state(encrypted) or ():
            if is_sealed(state_text(block)):
                match self._state_seal.open(state_text(block)):
                    case {"block": {"type": "reasoning", "item": item}}:
                        items.append(parse_arguments(item))
            else:
                items += render_items([block], self._target)
        return items

    def _seal(self, item: object) -> object:
        if not isinstance(item, dict) or not item.get("encrypted_content") or not _is_stateful(item):
            return item
        block = render_block(cast("ResponsesOutputItem", item), model=self._target.model.name)
        return {**item, "encrypted_content": self._state_seal.seal({"block": {**block, "issuer": True}})}


def _is_stateful(item: object) -> bool:
    return isinstance(item, dict) and item.get("type") in SEALED_ITEMS
