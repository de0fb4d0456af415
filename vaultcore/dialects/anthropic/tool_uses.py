"""Counts the uses of Anthropic's own tools, by unit of usage/tool_charges.py.

https://platform.claude.com/docs/en/about-claude/pricing#specific-tool-pricing
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vaultcore.dialects.usage_counts import read_count, read_tool_uses

if TYPE_CHECKING:
    from vaultcore.dialects.anthropic.wire import AnthropicBlock, AnthropicUsage

SERVER_CALL = "server_tool_use"  # type of a block
CODE_EXECUTION = "code_execution"
CALLS = {"web_search": "web_search", "web_fetch": "web_fetch"}  # name of a server tool -> unit


def parse_tool_uses(usage: AnthropicUsage, blocks: Mapping[str, int]) -> dict[str, int]:
    """Return the uses that the usage reports, or else those of `blocks`, see `count_call`.

    Code execution shows in blocks only, and is free beside web search and web fetch.
    """
    uses = {unit: count for unit, count in blocks.items() if unit != CODE_EXECUTION} | read_tool_uses(usage)
    if CODE_EXECUTION in blocks and not any(uses.values()):
        uses[CODE_EXECUTION] = 1  # the container of this response, for its shortest time
    iterations = usage.get("iterations")
    for each in iterations if isinstance(iterations, list) else ():
        if isinstance(each, dict) and each.get("type") == "advisor_message":
            for unit, count in _advisor_tokens(each).items():
                uses[unit] = uses.get(unit, 0) + count
    return uses


def count_call(block: AnthropicBlock, uses: Mapping[str, int]) -> dict[str, int]:
    """Return the uses so far with the server tool that a block calls, if it calls one."""
    name = block.get("name") if block.get("type") == SERVER_CALL else None
    if not isinstance(name, str):
        return dict(uses)
    unit = CODE_EXECUTION if name.endswith(CODE_EXECUTION) else CALLS.get(name)
    return {**uses, unit: uses.get(unit, 0) + 1} if unit else dict(uses)


def _advisor_tokens(counts: AnthropicUsage) -> dict[str, int]:
    """Return the tokens of a model that the response's model has consulted; it has its own prices."""
    writes, hour = read_count(counts, "cache_creation_input_tokens"), 0
    if isinstance(counts.get("cache_creation"), dict):
        hour = min(read_count(counts["cache_creation"], "ephemeral_1h_input_tokens"), writes)
    tokens = {
        "input": read_count(counts, "input_tokens"),
        "cache_read": read_count(counts, "cache_read_input_tokens"),
        "cache_write": writes - hour,
        "cache_write_1h": hour,
        "output": read_count(counts, "output_tokens"),
    }
    return {f"advisor_{kind}:{counts.get('model')}": count for kind, count in tokens.items() if count}
