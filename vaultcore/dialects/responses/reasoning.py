"""Encrypted reasoning as thinking blocks that name their model, and back.

Other models reject it: https://platform.openai.com/docs/guides/reasoning#encrypted-reasoning-items.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.catalog.schema import Target
from vaultcore.dialects.json_fields import dump, parse_arguments
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.dialects.responses.wire import ResponsesInputItem, ResponsesOutputItem

ENCRYPTED = "reasoning.encrypted_content"  # value of `include`
_SNAPSHOT_DATE = re.compile(r"-(?:20\d{6}|20\d\d-\d\d-\d\d|latest)$")


def render_block(item: ResponsesOutputItem, *, model: str) -> Json:
    """Return a reasoning item as a thinking block that names its model.

    The item is in it as JSON text: OpenAI's SDK fails on a delta with a list whose items have no index.
    """
    content = {name: value for name, value in item.items() if name != "status" and value is not None}
    return {"type": "reasoning", "item": dump(content), "model": model}


def render_items(blocks: Sequence[object], target: Target) -> list[ResponsesInputItem]:
    """Return the reasoning items that the target issued, in their original form."""
    issued = [each for each in blocks if isinstance(each, dict) and _is_issued_by(each, target)]
    items = [parse_arguments(each.get("item")) for each in issued]
    complete = [{"summary": [], **item} for item in items if item and item.get("encrypted_content")]
    return cast("list[ResponsesInputItem]", complete)


def _is_issued_by(block: Json, target: Target) -> bool:
    """Return True if the gateway has verified the issuer, or if the block names the target's model."""
    provider, model = block.get("provider"), block.get("model")
    if block.get("type") != "reasoning" or provider not in (None, target.provider.name):
        return False
    if block.get("issuer") is True:
        return True
    return isinstance(model, str) and _without_snapshot(model) == _without_snapshot(target.model.name)


def _without_snapshot(model: str) -> str:
    """Return a model's name without the date of its snapshot."""
    return _SNAPSHOT_DATE.sub("", model)
