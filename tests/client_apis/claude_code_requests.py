"""Requests in the shape of Claude Code's: the fields, blocks and headers that it sends to any base URL.

Written after the client's documentation of gateways and after what version 2.1 sends; the content is our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Body = dict[str, Any]

HEADERS: Mapping[str, str] = {
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27",
    "anthropic-dangerous-direct-browser-access": "true",
    "x-app": "cli",
    "x-claude-code-session-id": "5f0d",
}
MARK = {"type": "ephemeral"}
SYSTEM = [
    {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.197; cc_entrypoint=cli; cch=a1b2;"},
    {"type": "text", "text": "You are a coding agent.", "cache_control": MARK},
    {"type": "text", "text": "The working directory is /src.", "cache_control": {**MARK, "ttl": "1h"}},
]
REMINDER = {"type": "text", "text": "<system-reminder>The file list is long.</system-reminder>"}
BASH = {
    "name": "Bash",
    "description": "Runs a command",
    "input_schema": {
        "type": "object",
        "properties": {"command": {"type": "string"}},
        "required": ["command"],
    },
    "eager_input_streaming": True,
}
LATE = {
    "name": "mcp__jira__get_issue",
    "description": "Reads an issue",
    "input_schema": {"type": "object", "properties": {}},
    "defer_loading": True,
    "allowed_callers": ["direct"],
    "input_examples": [{}],
}
EDITS = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
FIRST: Body = {
    "max_tokens": 32_000,
    "system": SYSTEM,
    "messages": [
        {"role": "user", "content": [REMINDER, {"type": "text", "text": "Fix it.", "cache_control": MARK}]}
    ],
    "tools": [BASH],
    "metadata": {"user_id": "user_0123456789abcdef_account__session_5f0d7b1e-0000-4000-8000-000000000000_x"},
    "thinking": {"type": "adaptive"},
    "output_config": {"effort": "high"},
    "context_management": EDITS,
}


def _use(identity: str, name: str = "Bash", **fields: Any) -> Body:
    return {"type": "tool_use", "id": identity, "name": name, "input": {"command": "ls"}, **fields}


def _result(identity: str, content: Any = "a.py", **fields: Any) -> Body:
    return {"type": "tool_result", "tool_use_id": identity, "content": content, **fields}


LOOP: list[Body] = [
    {"role": "user", "content": "Fix it."},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Look first.", "signature": "ve1."},
            {"type": "text", "text": "I look."},
            _use("toolu_1"),
            _use("toolu_2", cache_control=MARK),
        ],
    },
    {
        "role": "user",
        "content": [_result("toolu_1"), _result("toolu_2", "no such file", is_error=True), REMINDER],
    },
]
SEARCHED = [
    {"role": "user", "content": "Which issue?"},
    {"role": "assistant", "content": [_use("toolu_s", "ToolSearch")]},
    {
        "role": "user",
        "content": [_result("toolu_s", [{"type": "tool_reference", "tool_name": "mcp__jira__get_issue"}])],
    },
]
SUMMARIZED = [
    {"role": "user", "content": "An old question."},
    {"role": "assistant", "content": [{"type": "compaction", "content": "They asked about it."}]},
    {"role": "user", "content": "Go on."},
]
CHANGED = [
    *FIRST["messages"],
    {
        "role": "system",
        "content": [
            {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": LATE}},
            {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "Bash"}},
            {"type": "text", "text": "The tools have changed."},
        ],
    },
]
REMINDED = [
    *FIRST["messages"],
    {"role": "system", "content": "Be brief.", "clear_at": "next_user_message"},
    {"role": "assistant", "content": "Done."},
    {"role": "user", "content": "Thanks. And now?"},
    {"role": "system", "content": [{"type": "text", "text": "Be kind."}], "output_config": {"effort": "low"}},
]
TITLE = {
    "type": "object",
    "properties": {"title": {"type": "string"}},
    "required": ["title"],
    "additionalProperties": False,
}
SEARCH = {
    "type": "web_search_20250305",
    "name": "web_search",
    "max_uses": 8,
    "allowed_domains": ["docs.test"],
}

REQUESTS: Mapping[str, Body] = {
    "first turn": FIRST,
    "tool loop": {**FIRST, "messages": LOOP},
    "thinking budget": {**FIRST, "thinking": {"type": "enabled", "budget_tokens": 31_999}, "messages": LOOP},
    "thinking between tools": {**FIRST, "thinking": {"type": "between_tools"}},
    "sub-agent without thinking": {**FIRST, "thinking": {"type": "disabled"}},
    "quota check": {"max_tokens": 1, "messages": [{"role": "user", "content": "quota"}]},
    "cache warm-up": {**FIRST, "max_tokens": 0},
    "title": {
        "max_tokens": 500,
        "temperature": 1,
        "messages": FIRST["messages"],
        "output_config": {"format": {"type": "json_schema", "schema": TITLE}},
        "thinking": {"type": "disabled"},
    },
    "tool search": {
        **FIRST,
        "messages": SEARCHED,
        "tools": [BASH, {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}, LATE],
    },
    "web search": {
        **FIRST,
        "tools": [SEARCH],
        "tool_choice": {"type": "tool", "name": "web_search"},
        "thinking": {"type": "disabled"},
    },
    "old results cleared": {
        **FIRST,
        "messages": LOOP,
        "context_management": {
            "edits": [
                {"type": "clear_thinking_20251015", "keep": {"type": "thinking_turns", "value": 1}},
                {
                    "type": "clear_tool_uses_20250919",
                    "trigger": {"type": "tool_uses", "value": 1},
                    "keep": {"type": "tool_uses", "value": 1},
                },
            ]
        },
    },
    "compaction": {
        **FIRST,
        "messages": SUMMARIZED,
        "context_management": {"edits": [{"type": "compact_20260112"}]},
    },
    "tools that change": {**FIRST, "messages": CHANGED},
    "instructions in between": {**FIRST, "messages": REMINDED},
    "fields of today and tomorrow": {
        **FIRST,
        "output_config": {"effort": "xhigh", "task_budget": {"type": "tokens", "total": 100_000}},
        "diagnostics": {"previous_message_id": "msg_1"},
        "speed": "fast",
        "cache_control": MARK,
        "from_next_month": {"a": 1},
        "context_management": {"edits": [{"type": "from_next_month_20300101"}]},
        "tools": [],
    },
}
