"""Reports request fields that a provider's format cannot express, at any depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from vaultcore.dialects import Change


def report_unsupported(request: Mapping[str, object], reason: str, *fields: str) -> list[Change]:
    """Return one `dropped` change for every non-empty occurrence of `fields`.

    A field is a path through objects and lists: `messages.content.cache_control` means that field of every
    part of every message.
    """
    return [
        Change(path, "dropped", reason) for field in fields for path in _find(request, field.split("."), "")
    ]


def report_unsigned_reasoning(messages: Sequence[Mapping[str, object]], reason: str) -> list[Change]:
    """Return one `dropped` change for every `reasoning_content` without signed `thinking_blocks`."""
    return [
        Change(f"messages[{i}].reasoning_content", "dropped", reason)
        for i, message in enumerate(messages)
        if message.get("reasoning_content") and not message.get("thinking_blocks")
    ]


def _find(value: object, keys: list[str], path: str) -> Iterator[str]:
    if isinstance(value, list):
        for i, item in enumerate(value):
            if not _is_without(item, keys):
                yield from _find(item, keys, f"{path}[{i}]")
    elif not keys:
        if value:
            yield path
    elif isinstance(value, dict):
        yield from _find(value.get(keys[0]), keys[1:], f"{path}.{keys[0]}".lstrip("."))


def _is_without(item: object, keys: list[str]) -> bool:
    """Return True for an object without the field, as most messages are: the search takes 2 µs for each."""
    if type(item) is not dict or not keys:
        return False
    inner = item.get(keys[0])
    return not inner or (len(keys) > 1 and type(inner) is str)
