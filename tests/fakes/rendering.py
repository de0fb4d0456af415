"""Requests as a dialect's simulated or recorded provider receives them."""

from __future__ import annotations

from typing import Any

from vaultcore.catalog.schema import Target
from vaultcore.client_apis import chat
from vaultcore.dialects.tool_names import rename_tools


def render_body(dialect: Any, request: dict[str, Any], target: Target) -> dict[str, Any]:
    """Return the body that a dialect's package renders for a chat request, with names that it accepts."""
    renamed = rename_tools(chat.parse_request(request), dialect.tool_names)
    body: dict[str, Any] = dialect.render_request(renamed.request, target).body
    return body
