"""Compaction at a provider without it: the model writes a summary first, and then answers from it.

Both calls are one attempt, and both are charged. A response has the summary in `compaction` of its message or
delta, and the usage of the first call in `compaction_usage`, which the Messages API shows to its clients.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, cast

from vaultcore.dialects import Compaction, StreamItem
from vaultcore.upstream import as_chunks
from vaultcore.wire import ChatChunk, ChatCompletion, ChatRequest, Json, Usage

ENDING: Json = {"finish_reason": "stop", "native_finish_reason": "compaction"}
Complete = Callable[[ChatRequest], Awaitable[ChatCompletion]]
Stream = Callable[[ChatRequest], Awaitable[AsyncIterator[StreamItem]]]


def summary_of(completion: ChatCompletion) -> str:
    """Return the summary in the response to a compaction's first request, "" without one."""
    content = completion["choices"][0]["message"].get("content")
    return content.strip() if isinstance(content, str) else ""


async def complete_compacted(
    compaction: Compaction, first: ChatCompletion, complete: Complete
) -> ChatCompletion:
    """Return the whole response after the first request of a compaction was answered with `first`."""
    summary, usage = summary_of(first), first.get("usage") or {}
    if compaction.resume is None:
        only = cast(ChatCompletion, {**first, "choices": [_only_summary(first)]})
        return _with_summary(only, summary, usage)
    answer = await complete(compaction.resume(summary))
    summed = cast(ChatCompletion, {**answer, "usage": _add_usage(usage, answer.get("usage") or {})})
    return _with_summary(summed, summary, usage)


async def stream_compacted(
    compaction: Compaction, first: ChatCompletion, stream: Stream
) -> AsyncGenerator[StreamItem, None]:
    """Yield the items of a streamed response; the summary comes with the first one."""
    summary, usage = summary_of(first), first.get("usage") or {}
    if compaction.resume is None:
        whole = await complete_compacted(compaction, first, _nothing)
        for chunk in as_chunks.chunks(whole):
            choices = [{**each, **ENDING} for each in chunk["choices"]]
            yield cast(ChatChunk, {**chunk, "choices": choices})
        return
    items = await stream(compaction.resume(summary))
    is_first = bool(summary)
    async with aclosing(cast("AsyncGenerator[StreamItem, None]", items)):
        async for item in items:
            if is_first:
                yield _summary_chunk(summary, usage)
                is_first = False
            yield _with_usage(cast(ChatChunk, item), usage)  # translated streams have no raw events


def _only_summary(first: ChatCompletion) -> Json:
    message: Json = {"role": "assistant", "content": ""}
    return {**first["choices"][0], "message": message, **ENDING}


def _with_summary(completion: ChatCompletion, summary: str, usage: Usage) -> ChatCompletion:
    choice = cast(Json, completion["choices"][0])
    message = {**choice["message"], "compaction": summary} if summary else choice["message"]
    fields = {"choices": [{**choice, "message": message}], "compaction_usage": usage}
    return cast(ChatCompletion, {**completion, **fields})


def _summary_chunk(summary: str, usage: Usage) -> ChatChunk:
    choice = {"index": 0, "delta": {"compaction": summary}, "finish_reason": None}
    chunk = {"choices": [choice], **({"usage": usage} if usage else {})}
    return cast(ChatChunk, chunk)


def _with_usage(chunk: ChatChunk, usage: Usage) -> ChatChunk:
    """Return a chunk whose usage, if it has any, includes that of the summary."""
    own = chunk.get("usage")
    return {**chunk, "usage": _add_usage(usage, own)} if own else chunk


def _add_usage(one: Mapping[str, Any], other: Mapping[str, Any]) -> Usage:
    """Return the sum of two usages, details included."""
    total: Json = {**one, **other}
    for name in one.keys() & other.keys():
        first, second = one[name], other[name]
        if isinstance(first, Mapping) and isinstance(second, Mapping):
            total[name] = _add_usage(first, second)
        elif isinstance(first, int | float) and isinstance(second, int | float):
            total[name] = first + second
    return cast(Usage, total)


async def _nothing(_request: ChatRequest) -> ChatCompletion:
    raise AssertionError("a compaction without a following request asks once")
