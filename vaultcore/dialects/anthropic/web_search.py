"""`web_search_options` as Anthropic's search tool.

https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change
from vaultcore.dialects.web_search import FILTERS, PATH, search_domains
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.dialects.anthropic.tools import AnthropicToolSet
    from vaultcore.dialects.anthropic.wire import AnthropicTool

NAME = "web_search"  # fixed by the API
TYPE = "web_search_20250305"


def add_search(toolset: AnthropicToolSet, options: object, target: Target, changes: list[Change]) -> None:
    """Add the search tool to the tools for `web_search_options`, None without a search."""
    if options is None:
        return
    if reason := _obstacle(toolset, target):
        changes.append(Change(PATH, "dropped", reason))
        return
    toolset.tools = [*toolset.tools, _render_tool(options if isinstance(options, dict) else {}, changes)]
    changes.append(Change(PATH, "renamed", f"sent as the tool {TYPE}"))


def _obstacle(toolset: AnthropicToolSet, target: Target) -> str | None:
    """Return why the request cannot have the search tool, None if it can."""
    if not target.takes_web_search:
        return f"{target.model.name} is not known to search the web"
    if any(tool.get("name") == NAME for tool in toolset.tools):
        return f"a tool of the request is named {NAME}"
    if toolset.choice is not None and toolset.choice.get("type") == "none":
        return "Anthropic's search is a tool, and no tool may be called"
    return None


def _render_tool(options: Json, changes: list[Change]) -> AnthropicTool:
    tool: AnthropicTool = {"type": TYPE, "name": NAME}
    for name, domains in search_domains(options).items():
        if "allowed_domains" in tool:
            reason = "Anthropic takes allowed or blocked domains, not both"
            changes.append(Change(f"{PATH}.{FILTERS}.{name}", "dropped", reason, was=domains))
        elif name == "allowed_domains":
            tool["allowed_domains"] = domains
        else:
            tool["blocked_domains"] = domains
    match options.get("user_location"):
        case {"approximate": dict() as place}:
            known = {name: value for name, value in place.items() if value and name != "type"}
            tool["user_location"] = {"type": "approximate", **known}
    if options.get("search_context_size") not in (None, "medium"):
        reason = "Anthropic's search has no such option"
        changes.append(Change(f"{PATH}.search_context_size", "dropped", reason))
    return tool
