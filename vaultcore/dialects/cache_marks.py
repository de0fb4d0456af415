"""Cache marks of chat requests: `cache_control`, at which a provider ends a cached prefix.

A mark of a message is a mark on its last part, and a mark of the request is one on its last message. Both
are in wide use beside the marks of parts and tools. With `cache: auto` in the catalog row or in the
route, a provider gets marks for clients that send none. https://docs.claude.com/en/docs/build-with-claude/prompt-caching
"""

from __future__ import annotations

from collections.abc import Sequence

from vaultcore.casts import cast
from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change
from vaultcore.dialects.json_fields import dump
from vaultcore.wire import ChatRequest, Json, Message

FIELD = "cache_control"
BREAKPOINT = "prompt_cache_breakpoint"  # OpenAI's name, of content parts
AUTO_MARK: Json = {"type": "ephemeral"}
SHORTEST_PROMPT = 2_048  # bytes of JSON: providers cache prompts of 1,024 or more tokens
LEADING = ("system", "developer")


def mark_last_part(message: Message) -> Message:
    """Return a message whose mark is on its last part or tool call; tool results keep theirs.

    >>> mark_last_part({"role": "user", "content": "Hi", "cache_control": {"type": "ephemeral"}})["content"]
    [{'type': 'text', 'text': 'Hi', 'cache_control': {'type': 'ephemeral'}}]
    """
    mark = cast(Json, message).get(FIELD)
    if not isinstance(mark, dict) or message.get("role") == "tool":
        return message
    plain = {name: value for name, value in message.items() if name != FIELD}
    calls, content = message.get("tool_calls"), message.get("content")
    if calls:
        plain["tool_calls"] = _mark_last(cast("list[Json]", calls), mark)
    elif isinstance(content, list) and content:
        plain["content"] = _mark_last(content, mark)
    elif isinstance(content, str) and content.strip():
        plain["content"] = [{"type": "text", "text": content, FIELD: mark}]
    else:
        return message
    return cast(Message, plain)


def is_cacheable(messages: Sequence[Message], tools: Sequence[Json]) -> bool:
    """Return False if a prompt is so short that no provider caches it: it ignores marks then."""
    length = 0
    for part in (*messages, *tools):
        length += len(dump(part).encode())
        if length >= SHORTEST_PROMPT:
            return True
    return False


def mark_last_message(request: ChatRequest) -> ChatRequest:
    """Return a request whose own mark is on its last message."""
    fields = cast(Json, request)
    messages, mark = request.get("messages") or [], fields.get(FIELD)
    if not isinstance(mark, dict) or not messages:
        return request
    plain = {name: value for name, value in fields.items() if name != FIELD}
    return cast(ChatRequest, {**plain, "messages": _mark_last(cast("list[Json]", messages), mark)})


def add_auto_marks(request: ChatRequest, target: Target, changes: list[Change]) -> ChatRequest:
    """Return the request with marks, if the route or the row wants them and the client has sent none.

    They end the tools, the leading system messages, and the last two turns of the user. The marks of a
    prefix stay where they are while the conversation grows, apart from those of the two turns: the provider
    finds the older one in its cache.
    """
    if not target.adds_cache_marks or target.model.capabilities.prompt_cache is False or has_marks(request):
        return request
    messages = cast("list[Json]", list(request.get("messages") or []))
    for i in _auto_positions(messages):
        messages[i] = {**messages[i], FIELD: AUTO_MARK}
    marked: Json = {**request, "messages": messages}
    if tools := request.get("tools"):
        marked["tools"] = _mark_last(tools, AUTO_MARK)
    changes.append(Change(FIELD, "injected", "the operator's option cache: auto"))
    return cast(ChatRequest, marked)


def has_marks(request: ChatRequest | Json) -> bool:
    """Return True if the request has a cache mark of the client, in any place."""
    return _has_mark(
        [
            request,
            *_items(request.get("messages")),
            *_items(request.get("tools")),
            *_items(request.get("system")),
        ]
    )


def _auto_positions(messages: Sequence[Json]) -> list[int]:
    """Return the indexes of at most three messages: the last leading instruction, and two turns' ends."""
    system = 0
    while system < len(messages) and messages[system].get("role") in LEADING:
        system += 1
    ends = [
        i
        for i in range(system, len(messages))
        if messages[i].get("role") in {"user", "tool"}
        and (i + 1 == len(messages) or messages[i + 1].get("role") == "assistant")
    ]
    return [*([system - 1] if system else []), *ends[-2:]]


def _mark_last(items: Sequence[Json], mark: Json) -> list[Json]:
    *others, last = items
    return [*others, last if FIELD in last else {**last, FIELD: mark}]


def _has_mark(items: Sequence[object]) -> bool:
    return any(
        isinstance(item, dict)
        and (
            isinstance(item.get(FIELD), dict)
            or BREAKPOINT in item
            or _has_mark(_items(item.get("content")))
            or _has_mark(_items(item.get("tool_calls")))
            or _has_mark([item.get("function")])
        )
        for item in items
    )


def _items(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()
