"""The models in Anthropic's form, in pages: https://docs.claude.com/en/api/models-list.

Claude Code shows `display_name` of the models whose id contains `claude` or `anthropic`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vaultcore.catalog.lookup import ListedModel
from vaultcore.errors import InvalidRequest
from vaultcore.web.model_list import CHAT_TYPES
from vaultcore.wire import Json

PAGE, MAX_PAGE = 20, 1_000  # models, as in Anthropic's API
UNKNOWN_TIME = "1970-01-01T00:00:00Z"  # Anthropic's value for a model whose release date is unknown


def render_list(models: Sequence[ListedModel], query: Mapping[str, str]) -> Json:
    """Return a page: `limit` models, from the first one or beside `after_id` or `before_id`."""
    rows = [render_model(model) for model in models if model.type in CHAT_TYPES]
    ids, limit = [row["id"] for row in rows], _read_limit(query)
    start, end = 0, len(rows)
    if (after := query.get("after_id")) is not None:
        start = _position(ids, after, "after_id") + 1
    if (before := query.get("before_id")) is not None:
        end = _position(ids, before, "before_id")
        page, has_more = rows[max(start, end - limit) : end], end - limit > start
    else:
        page, has_more = rows[start : min(start + limit, end)], start + limit < end
    return {
        "data": page,
        "has_more": has_more,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
    }


def render_model(model: ListedModel) -> Json:
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.id,
        "created_at": UNKNOWN_TIME,
        "lifecycle": "active",
        "max_input_tokens": model.model.context_window,
        "max_tokens": model.model.max_output_tokens,
    }


def _read_limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", str(PAGE))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= 1):
        raise InvalidRequest(f"limit: must be a whole number from 1 to {MAX_PAGE}", param="limit")
    return min(int(text), MAX_PAGE)


def _position(ids: Sequence[str], name: str, field: str) -> int:
    if name not in ids:
        raise InvalidRequest(f"{field}: the list has no such model", param=field)
    return ids.index(name)
