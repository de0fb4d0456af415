"""Extension fields of chat requests that only some providers accept; removed for all others.

They are explicit cache marks, opaque state of one provider, and the failure flag of a tool result. The
catalog's column `keeps` names the fields that a provider accepts; OpenAI itself rejects unknown fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import is_

from vaultcore.casts import cast
from vaultcore.catalog.schema import Provider
from vaultcore.dialects import Change
from vaultcore.dialects.cache_marks import is_cacheable, mark_last_part
from vaultcore.wire import Json

REASONS: Mapping[str, str] = {  # {} is the provider's title
    "cache_control": "{} caches automatically and takes no cache marks",
    "prompt_cache_breakpoint": "{} caches automatically and takes no cache marks",
    "extra_content": "only the provider that issued it can read it",
    "is_error": "{} has no field for a failed tool",
}
INNER = ("content", "tool_calls", "function")  # members of a message or tool that may contain such fields
_PLAIN_FUNCTION = frozenset({"name", "description", "parameters", "strict"})


def remove_vendor_fields(body: Json, provider: Provider, changes: list[Change]) -> None:
    """Replace `messages` and `tools` of `body` by copies without the fields that the provider rejects."""
    names = REASONS.keys() - set(provider.keeps)
    reasons = {name: REASONS[name].format(provider.title) for name in sorted(names)}
    if "cache_control" in provider.keeps:
        messages = body.get("messages") or []
        if any("cache_control" in each for each in messages) and is_cacheable(
            messages, body.get("tools") or []
        ):
            body["messages"] = [cast(Json, mark_last_part(each)) for each in messages]
    elif body.pop("cache_control", None) is not None:
        changes.append(Change("cache_control", "dropped", reasons["cache_control"]))
    for field in ("messages", "tools"):
        if isinstance(body.get(field), list):
            body[field] = _clean(body[field], reasons, field, changes)


def _clean(value: object, reasons: Mapping[str, str], path: str, changes: list[Change]) -> object:
    """Return `value` itself if nothing is removed, otherwise a copy."""
    match value:
        case list():
            cleaned = list(value)
            rejected = frozenset(reasons)
            for i, each in enumerate(value):
                if type(each) is dict and not _is_plain(each, rejected):
                    cleaned[i] = _clean_object(each, reasons, f"{path}[{i}]", changes)
            return value if all(map(is_, cleaned, value)) else cleaned
        case dict():
            return _clean_object(value, reasons, path, changes)
        case _:
            return value


def _is_plain(record: Json, rejected: frozenset[str]) -> bool:
    """Return True for a message with nothing but a text and for a tool that is a function, as most are."""
    if "tool_calls" in record or not rejected.isdisjoint(record):
        return False
    content, function = record.get("content"), record.get("function")
    if content is not None and type(content) is not str:
        return False
    return function is None or (type(function) is dict and _PLAIN_FUNCTION.issuperset(function))


def _clean_object(record: Json, reasons: Mapping[str, str], path: str, changes: list[Change]) -> Json:
    changes += [Change(f"{path}.{name}", "dropped", reasons[name]) for name in reasons if record.get(name)]
    new = {name: value for name, value in record.items() if name not in reasons}
    for name in INNER:
        inner = new.get(name)
        if isinstance(inner, list | dict):
            new[name] = cast(Json, _clean(inner, reasons, f"{path}.{name}", changes))
    is_same = len(new) == len(record) and all(new[name] is record[name] for name in INNER if name in record)
    return record if is_same else new
