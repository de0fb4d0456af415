"""Fields of a chat request that a provider's format has no place for: found wherever they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from vaultcore.dialects import Change


def unplaced(request: Mapping[str, object], reason: str, *fields: str) -> list[Change]:
    """A change for everything that stands at a field: an empty one says nothing, and is not lost.

    `messages.content.cache_control` stands for that field of any part of any message.
    """
    return [
        Change(path, "dropped", reason) for field in fields for path in _found(request, field.split("."), "")
    ]


def unsigned(messages: Sequence[Mapping[str, object]], reason: str) -> list[Change]:
    """A change for every thought that comes back as text alone, without the blocks its issuer knows it by."""
    return [
        Change(f"messages[{i}].reasoning_content", "dropped", reason)
        for i, message in enumerate(messages)
        if message.get("reasoning_content") and not message.get("thinking_blocks")
    ]


def _found(held: object, keys: list[str], path: str) -> Iterator[str]:
    if isinstance(held, list):
        for i, item in enumerate(held):
            yield from _found(item, keys, f"{path}[{i}]")
    elif not keys:
        if held:
            yield path
    elif isinstance(held, dict):
        yield from _found(held.get(keys[0]), keys[1:], f"{path}.{keys[0]}".lstrip("."))
