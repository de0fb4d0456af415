"""Counts the uses of the provider's own tools in a response, by unit of usage/tool_charges.py.

https://platform.openai.com/docs/api-reference/responses/object: the items of the output, `tool_usage`, and
the fields of `usage` in which other providers count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.dialects.usage_counts import WEB_SEARCH, read_count, read_tool_uses
from vaultcore.wire import Json, is_count

if TYPE_CHECKING:
    from vaultcore.dialects.responses.wire import ResponsesResponse

CALLS: Mapping[str, str] = {  # type of an output item -> unit
    "web_search_call": WEB_SEARCH,
    "x_search_call": "x_search",
    "file_search_call": "file_search",
    "code_interpreter_call": "code_execution",
    "shell_call": "code_execution",
    "image_generation_call": "image_generation",
}
COUNTED = ("type", "id", "action", "container_id", "environment", "svg_usage")  # fields of an item


def parse_tool_uses(response: ResponsesResponse, items: Iterable[object] = ()) -> dict[str, int]:
    """Return the uses in a complete response; `items` are those of its stream, if the response has none."""
    tools, reported = response.get("tools"), response.get("tool_usage")
    uses = count_items(response.get("output") or items, tools) | read_tool_uses(response.get("usage"))
    if not isinstance(reported, dict):
        return uses
    searches, images = reported.get("web_search"), reported.get("image_gen")
    if isinstance(searches, dict) and is_count(searches.get("num_requests")):
        uses[WEB_SEARCH] = read_count(searches, "num_requests")
    if isinstance(images, dict) and read_count(images, "input_tokens") + read_count(images, "output_tokens"):
        uses.pop("image_generation", None)  # its price is that of its tokens
        uses |= _image_tokens(images, _option(tools, "image_generation", "model"))
    return uses


def tool_item(item: Mapping[str, object]) -> Json | None:
    """Return the fields of an output item that count, or None if it is no use of a provider's tool."""
    return {name: item[name] for name in COUNTED if name in item} if str(item.get("type")) in CALLS else None


def count_items(items: object, tools: object) -> dict[str, int]:
    """Return the uses that items show. `tools` are those of the request, which the response repeats.

    Pages that a search opens are free. A container counts once, however often code runs in it.
    """
    uses: dict[str, int] = {}
    containers: set[object] = set()
    for position, item in enumerate(items if isinstance(items, list | tuple) else ()):
        unit = CALLS.get(str(item.get("type"))) if isinstance(item, dict) else None
        if unit is None or (unit == WEB_SEARCH and not _is_search(item.get("action"))):
            continue
        if unit == "code_execution":
            container = _container(item, position)
            if container is not None:
                uses["code_call"] = uses.get("code_call", 0) + 1
            if container is None or container in containers:
                continue
            containers.add(container)
            memory = _option(tools, "code_interpreter", "container", "memory_limit")
            unit += f":{memory}" if memory else ""
        uses[unit] = uses.get(unit, 0) + 1
        if isinstance(drawing := item.get("svg_usage"), dict):
            for kind in ("input", "output"):
                name = f"image_tool_{kind}"
                uses[name] = uses.get(name, 0) + read_count(drawing, f"{kind}_tokens")
    return uses


def _image_tokens(counts: Json, model: str) -> dict[str, int]:
    """Return the tokens of an image model, split as its prices are."""
    details, cached = counts.get("input_tokens_details"), counts.get("cached_tokens_details")
    total = read_count(counts, "input_tokens")
    images = min(read_count(details, "image_tokens"), total)
    cached_images = min(read_count(cached, "cached_image_tokens"), images)
    cached_text = (
        read_count(cached, "cached_text_tokens") or read_count(counts, "cached_tokens") - cached_images
    )
    cached_text = min(max(cached_text, 0), total - images)
    tokens = {
        "input": total - images - cached_text,
        "cache_read": cached_text,
        "image_input": images - cached_images,
        "image_cache_read": cached_images,
        "output": read_count(counts, "output_tokens"),
    }
    suffix = f":{model}" if model else ""
    return {f"image_tool_{kind}{suffix}": count for kind, count in tokens.items() if count}


def _is_search(action: object) -> bool:
    return not isinstance(action, dict) or action.get("type", "search") == "search"


def _container(item: Json, position: int) -> object:
    """Return what identifies the container that ran an item; None if it is the client's machine."""
    place = item.get("environment")
    if isinstance(place, dict) and place.get("type") == "local":
        return None
    container_id = item.get("container_id") or (
        place.get("container_id") if isinstance(place, dict) else None
    )
    return container_id if isinstance(container_id, str) else position


def _option(tools: object, kind: str, *path: str) -> str:
    """Return an option of the first tool of that type, a text; "" if it has none."""
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, dict) and tool.get("type") == kind:
            value: object = tool
            for name in path:
                value = cast(Json, value).get(name) if isinstance(value, dict) else None
            return value if isinstance(value, str) else ""
    return ""
