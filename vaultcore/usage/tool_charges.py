"""Charges for tools that the provider runs: web search, code execution, image generation and others.

Before a call, `max_tool_cost` bounds what the tools that a request turns on can cost. After it,
`usage["tool_uses"]` has the uses that the response reports, by unit; the catalog has their prices
(`Model.tool_prices`, compiled from tools/tool_prices.csv and genai-prices).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from vaultcore.catalog.schema import Model
from vaultcore.first_use import lazy_pattern
from vaultcore.money import Nanos, micro_nanos, round_up
from vaultcore.wire import MAX_COUNT, Usage

MAX_TOOL_USES = 50  # of one tool in one call, if neither the request nor the provider limits them

# Pattern of a tool's type or name in a request of any dialect -> the units that its uses are counted in.
TOOLS: Mapping[re.Pattern[str], tuple[str, ...]] = {
    lazy_pattern(pattern, re.IGNORECASE): units
    for pattern, units in {
        r"(\w+:)?web_search(_\w+)?|\$web_search|live_search|enterpriseWebSearch": ("web_search",),
        r"google_?search(_?retrieval)?": ("web_search", "grounded_prompt"),
        r"nova_grounding": ("web_search",),
        r"browser_search|browser_automation": ("web_search", "visit_website"),
        r"visit_website": ("visit_website",),
        r"(\w+:)?web_fetch(_\w+)?": ("web_fetch",),
        r"x_search": ("x_search",),
        r"file_search|collections_search": ("file_search",),
        r"attachment_search": ("attachment_search",),
        r"google_?maps": ("maps_grounding",),
        r"code_(execution|interpreter)(_\w+)?|shell|nova_code_interpreter": ("code_execution", "code_call"),
        r"image_generation": ("image_generation",),
        r"advisor(_\w+)?": ("advisor",),
    }.items()
}
TOKEN_UNITS = ("image_tool_", "advisor_")  # prefixes of units that count tokens of another model
ONCE = ("grounded_prompt", "maps_grounding", "code_execution")  # per call, however often the tool runs
ADVICE = (1_000_000, 64_000)  # tokens of a prompt and of an answer of an advisor, at most
FIELDS: Mapping[str, tuple[str, ...]] = {  # of requests; each turns on a provider's search
    "web_search_options": ("web_search", "grounded_prompt"),
    "search_parameters": ("web_search", "x_search", "search_source"),
    "enable_search": ("web_search",),
}

TOOL_SOURCES = frozenset({"tools", "toolConfig", "compound_custom", "plugins", *FIELDS})  # fields of requests


def max_tool_cost(request: Mapping[str, object], model: Model) -> Nanos:
    """Return the most nano-dollars that the provider's tools can cost in a call; 0 without such tools.

    `request` is the body as the client sent it, in any dialect, or the chat request made from it.

    >>> max_tool_cost({"tools": [{"type": "web_search", "max_uses": 3}]}, claude_opus_5)
    30000000
    """
    uses, prices = max_tool_uses(request, model), model.tool_prices
    total = sum(micro_nanos(count, prices.get(unit, 0)) for unit, count in uses.items())
    advice = zip(ADVICE, ("advisor_input", "advisor_output"), strict=True)
    each = sum(
        micro_nanos(min(tokens, model.context_window or tokens), prices.get(unit, 0))
        for tokens, unit in advice
    )
    return round_up(total + uses.get("advisor", 0) * each)


def max_tool_uses(request: Mapping[str, object], model: Model) -> dict[str, int]:
    """Return the most uses of each unit whose tool the request turns on, or the model uses by itself.

    Empty if the provider runs no tools for this request: then a call has one model turn.
    """
    if TOOL_SOURCES.isdisjoint(request) and not model.own_tools:
        return {}
    calls = _limit(request, "max_tool_calls", MAX_TOOL_USES)
    uses = dict.fromkeys(model.own_tools, calls)
    for name, options in _tools(request):
        most = _limit(options, "max_uses", calls)
        most = min(most, calls) if "max_tool_calls" in request else most
        for unit in _units(name):
            variant = f"{unit}:{_get(options.get('container'), 'memory_limit')}"
            key = variant if variant in model.tool_prices else unit
            uses[key] = max(uses.get(key, 0), 1 if unit in ONCE else most)
    for field, units in FIELDS.items():
        if request.get(field) not in (None, False):
            uses |= {unit: 1 if unit in ONCE else calls for unit in units}
    return uses


def tool_detail(usage: Usage, model: Model) -> dict[str, list[int]]:
    """Return the uses of each priced unit and its nano-dollars per million uses.

    A unit may name a variant after a colon, `image_tool_output:gpt-image-1-mini`. Without a price of its
    own it has the unit's general one, which is the highest.
    """
    uses = usage.get("tool_uses")
    if not uses:
        return {}
    detail: dict[str, list[int]] = {}
    for unit, count in uses.items() if isinstance(uses, dict) else ():
        general = unit.partition(":")[0]
        name = unit if unit in model.tool_prices else general
        rate = model.tool_prices.get(name)
        if rate is not None and type(count) is int and count > 0:
            detail.setdefault(name, [0, rate])[0] += count
    return detail


@lru_cache(512)  # requests repeat their tools
def _units(name: str) -> tuple[str, ...]:
    matches = (units for pattern, units in TOOLS.items() if pattern.fullmatch(name))
    return next(matches, ())


def _tools(request: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield the names of the tools of a request, each with its options."""
    config, custom = request.get("toolConfig"), request.get("compound_custom")
    for each in (*_objects(request.get("tools")), *_objects(_get(config, "tools"))):
        kind = each.get("type")
        system = _get(each.get("systemTool"), "name")  # Bedrock
        builtin = _get(each.get("function"), "name") if kind == "builtin_function" else None  # Moonshot
        names = each if kind is None else (kind,)  # Gemini: {"googleSearch": {}}
        yield from ((name[:64], each) for name in (*names, system, builtin) if isinstance(name, str))
    for plugin in _objects(request.get("plugins")):  # OpenRouter
        if plugin.get("id") == "web":
            yield "web_search", plugin
    enabled = _get(_get(custom, "tools"), "enabled_tools")
    yield from ((each, {}) for each in enabled if isinstance(each, str)) if isinstance(enabled, list) else ()


def _objects(value: object) -> Iterable[Mapping[str, object]]:
    """Return the objects of a list; Google also accepts a single one without its list."""
    items = value if isinstance(value, list) else [value]
    return [each for each in items if isinstance(each, dict)]


def _get(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


def _limit(options: Mapping[str, object], key: str, default: int) -> int:
    value = options.get(key)
    return value if type(value) is int and 0 <= value < MAX_COUNT else default
