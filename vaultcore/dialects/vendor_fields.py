"""What only some providers understand, wherever it stands in a chat request: left out for all others.

Marks for an explicit cache, state that one provider issued and no other can read, whether a tool failed. A
row of the catalog says in `keeps` what its provider understands; OpenAI itself refuses what it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from vaultcore.catalog.schema import Provider
from vaultcore.dialects import Change
from vaultcore.wire import Json

REASONS: Mapping[str, str] = {
    "cache_control": "{} caches without being told where",
    "extra_content": "only who issued it can read it",
    "is_error": "{} is not told whether a tool failed",
}
INNER = ("content", "tool_calls", "function")  # where they may stand inside a message or a tool


def leave_out(body: Json, provider: Provider, changes: list[Change]) -> None:
    """Replace messages and tools by those without what the provider does not understand."""
    names = REASONS.keys() - set(provider.keeps)
    reasons = {name: REASONS[name].format(provider.title) for name in sorted(names)}
    for field in ("messages", "tools"):
        if isinstance(body.get(field), list):
            body[field] = _without(body[field], reasons, field, changes)


def _without(held: object, reasons: Mapping[str, str], path: str, changes: list[Change]) -> object:
    match held:
        case list():
            cleaned = [_without(each, reasons, f"{path}[{i}]", changes) for i, each in enumerate(held)]
            return held if all(new is old for new, old in zip(cleaned, held, strict=True)) else cleaned
        case dict():
            return _cleaned(held, reasons, path, changes)
        case _:
            return held


def _cleaned(held: Json, reasons: Mapping[str, str], path: str, changes: list[Change]) -> Json:
    changes += [Change(f"{path}.{name}", "dropped", reasons[name]) for name in reasons if held.get(name)]
    new = {name: value for name, value in held.items() if name not in reasons}
    for name in INNER:
        inner = new.get(name)
        if isinstance(inner, list | dict):
            new[name] = cast(Json, _without(inner, reasons, f"{path}.{name}", changes))
    same = len(new) == len(held) and all(new[name] is held[name] for name in INNER if name in held)
    return held if same else new
