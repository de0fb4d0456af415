"""Fields and betas whose cost the gateway does not know."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic.types.beta.message_create_params import MessageCreateParamsBase

from tests.client_apis.claude_code_requests import HEADERS, REQUESTS
from vaultcore.client_apis.messages.known_fields import FIELDS, find_unknown_cost

ELSEWHERE = {"fallbacks"}  # other models may answer
HEADER_FIELDS = {"betas", "user_profile_id", "workspace_id"}  # of the SDK; headers of the API
BODY: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": []}


def test_r30_the_sdks_fields_are_known() -> None:
    """Every field of Anthropic's SDK is known, except those that lead to other models."""
    assert set(MessageCreateParamsBase.__annotations__) - FIELDS - HEADER_FIELDS == ELSEWHERE


@pytest.mark.parametrize("title", [title for title in REQUESTS if "tomorrow" not in title])
def test_r30_claude_code_sends_known_fields(title: str) -> None:
    """The requests of Claude Code need no reservation of a whole context window."""
    assert find_unknown_cost({"model": "m", **REQUESTS[title]}, HEADERS["anthropic-beta"]) is None


@pytest.mark.parametrize(
    ("fields", "betas", "expected"),
    [
        ({"turbo": 3}, None, "turbo"),
        ({"turbo": None}, None, None),
        ({"fallbacks": [{"model": "claude-opus-5"}]}, None, "fallbacks"),
        ({"thread": {"type": "continue", "previous_message_id": "msg_1"}}, None, "thread"),
        ({"thread": {"type": "create"}}, None, None),
        ({}, "context-1m-2025-08-07, fast-mode-2026-02-01", None),
        ({}, "context-1m-2025-08-07,triple-price-2030-01-01", "anthropic-beta"),
    ],
)
def test_r30_others_may_cost_anything(
    fields: dict[str, Any], betas: str | None, expected: str | None
) -> None:
    """An unknown field or beta, a stored history, and other models have no known bound."""
    assert find_unknown_cost({**BODY, **fields}, betas) == expected
