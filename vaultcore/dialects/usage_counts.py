"""Reads the counts of a provider's usage: tokens, cached tokens, and uses of the provider's own tools.

The units of tool uses are those of usage/tool_charges.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil

from vaultcore.wire import Json, Usage, is_count

WEB_SEARCH = "web_search"
TOOL_FIELDS: Mapping[tuple[str, ...], str] = {  # path in a usage object -> unit
    ("server_tool_use", "web_search_requests"): WEB_SEARCH,  # Anthropic, OpenRouter
    ("server_tool_use", "web_fetch_requests"): "web_fetch",
    ("num_search_queries",): WEB_SEARCH,  # Perplexity
    ("tool_calls_details", "search_web", "invocation"): WEB_SEARCH,  # Perplexity's Responses API
    ("num_sources_used",): "search_source",  # xAI
    ("server_side_tool_usage_details", "web_search_calls"): WEB_SEARCH,
    ("server_side_tool_usage_details", "x_search_calls"): "x_search",
    ("server_side_tool_usage_details", "code_interpreter_calls"): "code_call",
    ("server_side_tool_usage_details", "file_search_calls"): "file_search",
    ("server_side_tool_usage_details", "document_search_calls"): "attachment_search",
    ("connectors", "web_search"): WEB_SEARCH,  # Mistral
    ("connectors", "code_interpreter"): "code_call",
    ("connectors", "image_generation"): "image_generation",
    ("plugins", "search", "count"): WEB_SEARCH,  # DashScope
}
TOOL_HOLDERS = frozenset(path[0] for path in TOOL_FIELDS)
EXECUTED: Mapping[str, str] = {  # type of a tool in Groq's `executed_tools` -> unit
    "search": WEB_SEARCH,
    "web_search": WEB_SEARCH,
    "browser.search": WEB_SEARCH,
    "browser_search": WEB_SEARCH,
    "visit": "visit_website",
    "visit_website": "visit_website",
    "browser.open": "visit_website",
    "python": "code_call",
    "code_interpreter": "code_call",
}
TOOL_MARKS = frozenset({"executed_tools", "tool_calls", "annotations"})  # fields of a message or delta
CACHE_READS = (  # fields of a usage object with the tokens that were read from a cache, where not in details
    *("prompt_cache_hit_tokens", "cache_read_input_tokens", "cached_prompt_text_tokens", "cached_tokens"),
)
CACHE_WRITES = ("cache_creation_input_tokens", "cache_write_input_tokens")


def read_count(counts: object, *names: str) -> int:
    """Return the first of the named fields that is a count, rounded up, else 0."""
    if not isinstance(counts, dict):
        return 0
    for name in names:
        if name in counts and is_count(value := counts[name]):
            return ceil(value)
    return 0


def mark_unusable(usage: Usage, reported: Mapping[str, object], names: Iterable[str]) -> Usage:
    """Return the usage; with `unusable` if one of the named fields is there but is not a count."""
    for name in names:
        if (value := reported.get(name)) is not None and not is_count(value):
            return {**usage, "unusable": dict(reported)}
    return usage


def read_tool_uses(usage: object) -> dict[str, int]:
    """Return the uses of tools that a usage object has fields for, by unit; reported zeros too."""
    uses: dict[str, int] = {}
    if not isinstance(usage, dict) or TOOL_HOLDERS.isdisjoint(usage):
        return uses
    for (*parents, name), unit in TOOL_FIELDS.items():
        holder: object = usage
        for parent in parents:
            holder = holder.get(parent) if isinstance(holder, dict) else None
        if isinstance(holder, dict) and is_count(holder.get(name)):
            uses[unit] = max(uses.get(unit, 0), read_count(holder, name))
    return uses


def with_tool_uses(usage: Usage, uses: Mapping[str, int]) -> Usage:
    """Return the usage with the uses of tools. A 0 stays: it replaces an earlier count of the stream."""
    return {**usage, "tool_uses": dict(uses)} if uses else usage


def message_tool_uses(holder: Mapping[str, object], uses: Mapping[str, int]) -> dict[str, int]:
    """Return the uses so far, with those that show in a message or delta of a chat completion.

    Groq lists the tools that it has run, Moonshot returns a call for each search. A response that cites web
    pages has searched at least once.
    """
    total = dict(uses)
    if TOOL_MARKS.isdisjoint(holder):
        return total
    for tool in _objects(holder.get("executed_tools")):
        unit = EXECUTED.get(str(tool.get("type")))
        if unit is not None:
            total[unit] = total.get(unit, 0) + 1
    for call in _objects(holder.get("tool_calls")):
        function = call.get("function")
        if isinstance(function, dict) and function.get("name") == "$web_search":
            total[WEB_SEARCH] = total.get(WEB_SEARCH, 0) + 1
    if any(each.get("type") == "url_citation" for each in _objects(holder.get("annotations"))):
        total[WEB_SEARCH] = max(total.get(WEB_SEARCH, 0), 1)
    return total


def cache_details(usage: Mapping[str, object], details: object) -> Json:
    """Return the tokens read from and written to a cache, from prompt details or fields beside them.

    A count in details takes precedence, unless it is 0 and the other is not.
    """
    read = read_count(details, "cached_tokens") or read_count(usage, *CACHE_READS)
    write = read_count(details, "cache_write_tokens", "cache_creation_tokens")
    write = write or read_count(usage, *CACHE_WRITES)
    counts = {"cached_tokens": read, "cache_write_tokens": write}
    return {name: count for name, count in counts.items() if count}


def whole_counts(
    reported: tuple[int, int, int], cache: Mapping[str, int], reasoning: int, *, is_beside: bool = False
) -> Usage:
    """Return prompt, completion and total to charge, of the reported ones; see `count_beside`.

    If the reported total does not include the tokens that are added, clients get the reported counts.
    """
    prompt, completion, total = reported
    more_prompt, more_completion = count_beside(reported, cache, reasoning, is_beside=is_beside)
    counts: Usage = {
        "prompt_tokens": prompt + more_prompt,
        "completion_tokens": completion + more_completion,
        "total_tokens": prompt + more_prompt + completion + more_completion,
    }
    if total != prompt + completion or total == counts["total_tokens"]:
        return counts
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    return {**counts, "reported": dict(zip(names, reported, strict=True))}


def count_beside(
    whole: tuple[int, int, int], cache: Mapping[str, int], reasoning: int, *, is_beside: bool = False
) -> tuple[int, int]:
    """Return the cached and the reasoning tokens to add to the counts of prompt and completion.

    OpenAI includes both in these counts; some providers do not. `whole` is prompt, completion and total. The
    total decides: it is their sum, or it contains the missing tokens too. More cached tokens than the prompt
    has are always missing in it, more reasoning than the completion only if there is no total: some providers
    estimate the reasoning. `is_beside`: cached tokens are missing, by the names of the fields.
    """
    prompt, completion, total = whole
    cached = sum(cache.values())
    is_beside |= max(cache.values(), default=0) > prompt
    in_prompt = (cached,) if is_beside else (0, cached)
    in_completion = (reasoning,) if reasoning > completion and not total else (0, reasoning)
    possible = [(first, second) for first in in_prompt for second in in_completion]
    return next((each for each in possible if sum(each) == total - prompt - completion), possible[0])


def _objects(value: object) -> list[Mapping[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
