"""A response's event stream as chunks: https://platform.openai.com/docs/api-reference/responses-streaming."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, cast

from vaultcore.dialects import StreamFault, repair
from vaultcore.dialects.json_fields import an_object, payload, string
from vaultcore.dialects.provider_error import detail, status
from vaultcore.dialects.responses import response
from vaultcore.dialects.responses.reasoning_owner import block
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, Json


@dataclass(slots=True)
class _Item:
    """What is known of one output item."""

    place: int = 0  # of a call: our own count, not the output's index
    written: bool = False  # some of its arguments have come
    shown: bool = False  # some of its summary has come
    part: object = None  # of the summary, the one that came last


class Decoder:
    """Events to chunks: one text delta in, one chunk out."""

    def __init__(self) -> None:
        self._envelope: Json = {"id": "", "object": "chat.completion.chunk", "created": 0, "model": ""}
        self._opened = False
        self._done = False
        self._items: dict[object, _Item] = {}
        self._calls = self._thoughts = self._cited = 0
        self._length = self._start = 0  # of the text so far, and where its last part begins
        self._said = self._thought = False

    def feed(self, item: Event) -> Iterable[ChatChunk]:
        if self._done or not item.data or item.data == "[DONE]":
            return ()
        told = payload(item)
        kind = told.get("type") or item.name
        read = self.READERS.get(kind) if isinstance(kind, str) else None
        return read(self, told) if read is not None else ()

    def close(self) -> Iterable[ChatChunk]:
        return ()

    def _begin(self, told: Json) -> list[ChatChunk]:
        whole = an_object(told.get("response"), "a response")
        self._envelope["id"] = string(whole, "id")
        self._envelope["model"] = string(whole, "model")
        self._envelope["created"] = repair.created(whole.get("created_at"))
        return self._open()

    def _open(self) -> list[ChatChunk]:
        if self._opened:
            return []
        self._opened = True
        return [self._choice({"role": "assistant", "content": ""})]

    def _text(self, told: Json) -> list[ChatChunk]:
        words = string(told, "delta")
        self._length += len(words)
        self._said = self._said or bool(words)
        chunks = self._chunk({"content": words}) if words else []
        if chunks and isinstance(told.get("logprobs"), list) and told["logprobs"]:
            cast(Json, chunks[-1])["choices"][0]["logprobs"] = {"content": told["logprobs"], "refusal": None}
        return chunks

    def _refusal(self, told: Json) -> list[ChatChunk]:
        words = string(told, "delta")
        return self._chunk({"refusal": words}) if words else []

    def _summary(self, told: Json) -> list[ChatChunk]:
        words, item = string(told, "delta"), self._item(told)
        if not words:
            return []
        part = (told.get("item_id"), told.get("summary_index", told.get("content_index")))
        if self._thought and part != item.part:
            words = response.BETWEEN + words
        item.part, item.shown, self._thought = part, True, True
        return self._chunk({"reasoning_content": words})

    def _raw(self, told: Json) -> list[ChatChunk]:
        """The reasoning itself, which some show instead of a summary."""
        return self._summary({name: value for name, value in told.items() if name != "summary_index"})

    def _arguments(self, told: Json) -> list[ChatChunk]:
        part, item = string(told, "delta"), self._items.get(_place(told))
        if item is None or not part:
            return []
        item.written = True
        return self._chunk({"tool_calls": [{"index": item.place, "function": {"arguments": part}}]})

    def _part(self, told: Json) -> list[ChatChunk]:  # noqa: ARG002 - one of the readers
        self._start = self._length
        return []

    def _cite(self, told: Json) -> list[ChatChunk]:
        found = response.citation(told.get("annotation"), self._start)
        if found is None:
            return []
        self._cited += 1
        return self._chunk({"annotations": [{"index": self._cited - 1, **found}]})

    def _add(self, told: Json) -> list[ChatChunk]:
        given = an_object(told.get("item"), "an item")
        item = self._items[_place(told)] = _Item()
        if given.get("type") not in response.CALLS:
            return []
        item.place, self._calls = self._calls, self._calls + 1
        if given["type"] == "custom_tool_call":
            return []  # told whole, once it is
        whole = response.call({**given, "arguments": ""})
        whole["function"]["arguments"] = ""
        return self._chunk({"tool_calls": [{"index": item.place, **whole}]})

    def _finish_item(self, told: Json) -> list[ChatChunk]:
        given = an_object(told.get("item"), "an item")
        kind = given.get("type")
        if _place(told) not in self._items:
            self._add(told)  # some tell an item only once it is there
            if kind == "function_call":
                return self._call(told, given)
        item = self._item(told)
        if kind == "custom_tool_call":
            return self._call(told, given)
        if kind == "function_call" and not item.written:
            return self._arguments({**told, "delta": string(given, "arguments") or "{}"})
        return self._reasoning(item, given) if kind == "reasoning" else []

    def _call(self, told: Json, given: Json) -> list[ChatChunk]:
        item = self._item(told)
        item.written = True
        return self._chunk({"tool_calls": [{"index": item.place, **response.call(given)}]})

    def _reasoning(self, item: _Item, given: Json) -> list[ChatChunk]:
        texts = [] if item.shown else [text for text in response.thought(given) if text]
        delta: Json = {}
        if texts:
            head = response.BETWEEN if self._thought else ""
            delta["reasoning_content"] = head + response.BETWEEN.join(texts)
            self._thought = True
        if given.get("encrypted_content"):
            held = block(given, model=str(self._envelope["model"]))
            delta["thinking_blocks"] = [{"index": self._thoughts, **held}]
            self._thoughts += 1
        return self._chunk(delta) if delta else []

    def _end(self, told: Json) -> list[ChatChunk]:
        whole = an_object(told.get("response"), "a response")
        self._done = True
        chunks = self._open()
        finish = self._choice({})
        reason = response.finish_reason(whole, called=bool(self._calls))
        cast(Json, finish)["choices"][0]["finish_reason"] = reason
        chunks.append(finish)
        if (counted := response.usage(whole.get("usage"))) is not None:
            chunks.append(cast(ChatChunk, {**self._envelope, "choices": [], "usage": counted}))
        return chunks

    def _fail(self, told: Json) -> list[ChatChunk]:
        raise response.failed(an_object(told.get("response"), "a response"))

    def _error(self, told: Json) -> list[ChatChunk]:
        inner = told.get("error") or {name: value for name, value in told.items() if name != "type"}
        raise StreamFault(detail(inner), status(inner))

    def _item(self, told: Json) -> _Item:
        return self._items.setdefault(_place(told), _Item())

    def _chunk(self, delta: Json) -> list[ChatChunk]:
        return [*self._open(), self._choice(delta)]

    def _choice(self, delta: Json) -> ChatChunk:
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        return cast(ChatChunk, {**self._envelope, "choices": [choice]})

    READERS: ClassVar[Mapping[str, Callable[[Decoder, Json], list[ChatChunk]]]] = {
        "response.output_text.delta": _text,
        "response.refusal.delta": _refusal,
        "response.reasoning_summary_text.delta": _summary,
        "response.reasoning_text.delta": _raw,
        "response.function_call_arguments.delta": _arguments,
        "response.output_item.added": _add,
        "response.output_item.done": _finish_item,
        "response.content_part.added": _part,
        "response.output_text.annotation.added": _cite,
        "response.created": _begin,
        "response.completed": _end,
        "response.incomplete": _end,
        "response.failed": _fail,
        "error": _error,
    }


def _place(told: Json) -> int:
    """Which item of the output an event is about; one that does not say is about the first."""
    index = told.get("output_index")
    return index if isinstance(index, int) else 0
