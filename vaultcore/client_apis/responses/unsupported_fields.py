"""What a Responses request says that chat completions have no word for, and what becomes of it there."""

from __future__ import annotations

from vaultcore.client_apis.responses.items import SPOKEN, kind
from vaultcore.client_apis.responses.parts import KNOWN as PARTS
from vaultcore.client_apis.responses.request import LOGPROBS, SAME, STATE
from vaultcore.client_apis.responses.tools import searches
from vaultcore.dialects import Change
from vaultcore.dialects.responses.envelope import enveloped
from vaultcore.wire import Json

KNOWN = {  # what request.py reads, and what makes no difference to the answer or is only repeated in it
    *SAME,
    *STATE,
    *(
        "input",
        "instructions",
        "max_output_tokens",
        "text",
        "tools",
        "tool_choice",
        "reasoning",
        "top_logprobs",
    ),
    *("include", "metadata", "store", "stream_options", "truncation", "max_tool_calls", "prompt"),
}
SUMMED_UP = ("reasoning.encrypted_content", LOGPROBS)  # of `include`
OWN = "only a provider that speaks Responses has it"


def losses(body: Json) -> tuple[Change, ...]:
    """What is lost, or cannot be done, with a provider that speaks something else."""
    found = [Change(name, "dropped", OWN) for name, value in body.items() if _unknown(name, value)]
    if body.get("prompt") is not None:
        found.append(
            Change("prompt", "refused", "a prompt that is kept at a provider cannot be used elsewhere")
        )
    if body.get("truncation") not in (None, "disabled"):
        found.append(Change("truncation", "dropped", "what is too long is refused, not cut"))
    if body.get("max_tool_calls") is not None:
        found.append(Change("max_tool_calls", "dropped", "it counts calls of a provider's own tools"))
    wanted = [name for name in body.get("include") or () if name not in SUMMED_UP]
    found += [Change("include", "dropped", f"{name}: {OWN}") for name in wanted]
    if body.get("store") is True:
        found.append(Change("store", "dropped", "nothing is kept here"))
    return (*found, *_format(body), *_tools(body), *_choice(body), *_items(body))


def _unknown(name: str, value: object) -> bool:
    return name not in KNOWN and value is not None


def _tools(body: Json) -> list[Change]:
    found = []
    for i, tool in enumerate(body.get("tools") or ()):
        match tool["type"]:
            case "function":
                pass
            case "custom":
                reason = "a function of one string; a grammar is asked for in words, not enforced"
                found.append(Change(f"tools[{i}]", "emulated", reason))
            case name if searches(tool):
                reason = "asked for as web_search_options"
                found.append(Change(f"tools[{i}]", "renamed", reason, was=name, now="web_search_options"))
            case name:
                found.append(Change(f"tools[{i}]", "dropped", f"{name}: {OWN}"))
    return found


def _format(body: Json) -> list[Change]:
    told = ((body.get("text") or {}).get("format") or {}).get("type")
    if told in (None, "text", "json_schema", "json_object"):
        return []
    return [Change("text.format", "refused", f"{told}: {OWN}")]


def _choice(body: Json) -> list[Change]:
    """A tool of a provider's own can neither be forced nor allowed elsewhere."""
    match body.get("tool_choice"):
        case {"type": "function" | "custom"}:
            named = []
        case {"type": "allowed_tools", "tools": list() as allowed}:
            named = [tool.get("type") for tool in allowed if isinstance(tool, dict) and "name" not in tool]
        case {"type": str(kind)}:
            named = [kind]
        case _:
            named = []
    return [Change("tool_choice", "dropped", f"{each}: {OWN}") for each in named]


def _items(body: Json) -> list[Change]:
    given = body.get("input")
    items = given if isinstance(given, list) else []
    if items and all(kind(item) not in SPOKEN for item in items):
        return [Change("input", "refused", f"nothing but {kind(items[0])}: {OWN}")]
    found = []
    for i, item in enumerate(items):
        found += _parts(item, f"input[{i}]")
        if kind(item) not in SPOKEN:
            found.append(Change(f"input[{i}]", "dropped", f"{item['type']}: {OWN}"))
        elif item.get("encrypted_content") and not enveloped(item["encrypted_content"]):
            reason = "reasoning that did not come through this gateway goes to nobody else"
            found.append(Change(f"input[{i}].encrypted_content", "dropped", reason))
    return found


def _parts(item: Json, path: str) -> list[Change]:
    """Parts that no message elsewhere has a place for: without them it is another message."""
    name = "output" if "output" in item else "content"
    told = item.get(name)
    if kind(item) not in SPOKEN or kind(item) == "reasoning" or not isinstance(told, list):
        return []
    return [
        Change(f"{path}.{name}[{i}]", "refused", f"{part['type']}: {OWN}")
        for i, part in enumerate(told)
        if part["type"] not in PARTS
    ]
