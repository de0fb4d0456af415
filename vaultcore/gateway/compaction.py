"""Compaction at a provider without it: the model writes a summary first, and then answers from it.

Both calls are one attempt, and both are charged, also if the second one fails. Later attempts use the same
summary. A response has the summary in `compaction` of its message or delta, and its usage in
`compaction_usage`, which the Messages API shows to its clients. The response's own usage excludes it.
"""

from __future__ import annotations

from vaultcore.casts import cast
from vaultcore.dialects import StreamItem, Summary
from vaultcore.upstream import as_chunks
from vaultcore.upstream.response_stream import ItemSource
from vaultcore.wire import ChatChunk, ChatCompletion, Json

ENDING: Json = {"finish_reason": "stop", "native_finish_reason": "compaction"}
DETAILS: Json = {"prompt_tokens_details": {}, "completion_tokens_details": {}}
NO_USAGE: Json = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, **DETAILS}


def summary_of(completion: ChatCompletion) -> Summary:
    """Return the summary in the response to a compaction's first request, with the text "" without one."""
    content = completion["choices"][0]["message"].get("content")
    text = content.strip() if isinstance(content, str) else ""
    return Summary(text, completion.get("usage") or {})


def only_summary(first: ChatCompletion) -> ChatCompletion:
    """Return the whole response to a compaction without a following request."""
    choice = {**first["choices"][0], "message": {"role": "assistant", "content": ""}, **ENDING}
    usage = first.get("usage")
    reported = {"usage": {**usage, "reported": NO_USAGE}} if usage else {}  # the client's usage excludes it
    return with_summary(cast(ChatCompletion, {**first, "choices": [choice], **reported}), summary_of(first))


def with_summary(completion: ChatCompletion, summary: Summary) -> ChatCompletion:
    """Return the response to a request that continues from a summary, with the summary."""
    choice = cast(Json, completion["choices"][0])
    message = {**choice["message"], "compaction": summary.text} if summary.text else choice["message"]
    fields = {"choices": [{**choice, "message": message}], "compaction_usage": summary.usage}
    return cast(ChatCompletion, {**completion, **fields})


class SummaryOnly:
    """The stream of `only_summary`, in one piece."""

    def __init__(self, first: ChatCompletion) -> None:
        chunks = as_chunks.chunks(only_summary(first))
        self._items = [_with_ending(chunk) for chunk in chunks]

    async def next_items(self) -> list[StreamItem]:
        items, self._items = self._items, []
        return items

    async def close(self) -> None:
        return


class WithSummary:
    """A stream that continues from a summary; the summary comes before its first item."""

    def __init__(self, source: ItemSource, summary: Summary) -> None:
        self._source, self._summary = source, summary.text

    async def next_items(self) -> list[StreamItem]:
        items = await self._source.next_items()
        if not (items and self._summary):
            return items
        choice = {"index": 0, "delta": {"compaction": self._summary}, "finish_reason": None}
        self._summary = ""
        return [cast(ChatChunk, {"choices": [choice]}), *items]

    async def close(self) -> None:
        await self._source.close()


def _with_ending(chunk: ChatChunk) -> StreamItem:
    choices = [{**each, **ENDING} for each in chunk["choices"]]
    return cast(ChatChunk, {**chunk, "choices": choices})
