"""Output items of a stream. Each one yields the payloads of its own events, without sequence numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from vaultcore.client_apis.responses import output_items
from vaultcore.client_apis.responses.client_tools import ClientTool
from vaultcore.client_apis.responses.tool_items import item_type, render_call
from vaultcore.wire import Json


class StreamingItem:
    """One output item: opened, updated, closed. `rendered` is the item as far as it is known."""

    kind: ClassVar[str]

    def __init__(self, completion_id: str, index: int) -> None:
        self.id = output_items.item_id(self.kind, completion_id, index)
        self.index = index
        self.is_closed = False

    @property
    def rendered(self) -> Json:
        raise NotImplementedError

    def open(self) -> Iterable[Json]:
        yield {"type": "response.output_item.added", "output_index": self.index, "item": self.rendered}

    def close(self, *, cut: bool) -> Iterable[Json]:  # noqa: ARG002 - subclasses use it
        """Yield the item's last events. `cut` is True if the response stopped at its token limit."""
        self.is_closed = True
        yield {"type": "response.output_item.done", "output_index": self.index, "item": self.rendered}

    def add_reasoning(self, text: str, blocks: Iterable[Json]) -> Iterable[Json]:  # noqa: ARG002 - likewise
        return ()

    def add_text(self, text: str, logprobs: Sequence[Json]) -> Iterable[Json]:  # noqa: ARG002 - likewise
        return ()

    def add_refusal(self, text: str) -> Iterable[Json]:  # noqa: ARG002 - likewise
        return ()

    def add_annotations(self, annotations: Iterable[Json]) -> Iterable[Json]:  # noqa: ARG002 - likewise
        return ()

    def _event(self, kind: str, **fields: object) -> Json:
        return {"type": f"response.{kind}", "item_id": self.id, "output_index": self.index, **fields}


ItemUpdate = Callable[[StreamingItem], Iterable[Json]]


class StreamingReasoning(StreamingItem):
    """A reasoning item: one summary part, and the blocks of its `encrypted_content`."""

    kind = "reasoning"

    def __init__(self, completion_id: str, index: int) -> None:
        super().__init__(completion_id, index)
        self._texts: list[str] = []
        self._blocks: dict[int, Json] = {}

    @property
    def rendered(self) -> Json:
        blocks = [self._blocks[index] for index in sorted(self._blocks)]
        item = output_items.reasoning(self.id, "".join(self._texts), blocks)
        return item if self.is_closed else {**item, "status": "in_progress"}

    def add_reasoning(self, text: str, blocks: Iterable[Json]) -> Iterable[Json]:
        for block in blocks:
            index = block.get("index", 0)
            self._blocks[index] = _merge_block(self._blocks.get(index), block)
        if not text:
            return
        if not self._texts:
            part = output_items.summary_part("")
            yield self._event("reasoning_summary_part.added", summary_index=0, part=part)
        self._texts.append(text)
        yield self._event("reasoning_summary_text.delta", summary_index=0, delta=text)

    def close(self, *, cut: bool) -> Iterable[Json]:
        if text := "".join(self._texts):
            yield self._event("reasoning_summary_text.done", summary_index=0, text=text)
            part = output_items.summary_part(text)
            yield self._event("reasoning_summary_part.done", summary_index=0, part=part)
        yield from super().close(cut=cut)


class StreamingCompaction(StreamingItem):
    """A compaction item, which arrives at once."""

    kind = "compaction"

    def __init__(self, completion_id: str, index: int, block: Json) -> None:
        super().__init__(completion_id, index)
        self._block = block

    @property
    def rendered(self) -> Json:
        return output_items.compaction(self.id, self._block if self.is_closed else {})

    def open(self) -> Iterable[Json]:
        yield from super().open()
        yield self._event("compaction.compacting")


class StreamingMessage(StreamingItem):
    """A message item with parts of text or refusal, one after the other."""

    kind = "message"

    def __init__(self, completion_id: str, index: int) -> None:
        super().__init__(completion_id, index)
        self._parts: list[Json] = []  # the last one is empty while its text is in `_texts`
        self._texts: list[str] = []
        self._cut = False

    @property
    def rendered(self) -> Json:
        status = "incomplete" if self._cut else "completed"
        status = status if self.is_closed else "in_progress"
        return output_items.message(self.id, [*self._parts], status=status)

    def add_text(self, text: str, logprobs: Sequence[Json]) -> Iterable[Json]:
        yield from self._open_part(output_items.text_part(""), "text")
        self._texts.append(text)
        self._parts[-1]["logprobs"].extend(logprobs)
        yield self._part_event("output_text.delta", delta=text, logprobs=logprobs)

    def add_refusal(self, text: str) -> Iterable[Json]:
        yield from self._open_part(output_items.refusal_part(""), "refusal")
        self._texts.append(text)
        yield self._part_event("refusal.delta", delta=text)

    def add_annotations(self, annotations: Iterable[Json]) -> Iterable[Json]:
        for annotation in annotations:
            citation = output_items.citation(annotation)
            if citation is not None and self._parts and "text" in self._parts[-1]:
                citations = self._parts[-1]["annotations"]
                citations.append(citation)
                yield self._part_event(
                    "output_text.annotation.added", annotation_index=len(citations) - 1, annotation=citation
                )

    def close(self, *, cut: bool) -> Iterable[Json]:
        self._cut = cut
        yield from self._close_part()
        yield from super().close(cut=cut)

    def _open_part(self, part: Json, field: str) -> Iterable[Json]:
        """Begin a part, unless the last one has the field, which is `text` or `refusal`."""
        if self._parts and field in self._parts[-1]:
            return
        yield from self._close_part()
        self._parts.append(part)
        yield self._part_event("content_part.added", part=dict(part))

    def _close_part(self) -> Iterable[Json]:
        if not self._parts:
            return
        part, text = self._parts[-1], "".join(self._texts)
        self._texts.clear()
        if "text" in part:
            part["text"] = text
            yield self._part_event("output_text.done", text=text, logprobs=part["logprobs"])
        else:
            part["refusal"] = text
            yield self._part_event("refusal.done", refusal=text)
        yield self._part_event("content_part.done", part=part)

    def _part_event(self, kind: str, **fields: object) -> Json:
        return self._event(kind, content_index=len(self._parts) - 1, **fields)


class StreamingToolCall(StreamingItem):
    """A tool call. Only the arguments of functions are streamed; other items are sent when complete."""

    kind = "function_call"

    def __init__(self, completion_id: str, index: int, fragment: Json, tool: ClientTool | None) -> None:
        super().__init__(completion_id, index)
        function = fragment.get("custom") or fragment.get("function") or {}
        self._call_id, self._name = str(fragment.get("id") or ""), str(function.get("name") or "")
        self._arguments: list[str] = []
        self._status = "in_progress"
        self._is_native_custom = "custom" in fragment  # the provider itself supports custom tools
        self._tool = tool
        self.id = output_items.item_id(item_type(fragment, tool), completion_id, index)
        self._is_streamed = not self._is_native_custom and (tool is None or tool.kind == "function")

    @property
    def rendered(self) -> Json:
        arguments = "".join(self._arguments)
        call: Json = {"id": self._call_id}
        if self._is_native_custom:
            call["custom"] = {"name": self._name, "input": arguments}
        else:
            call["function"] = {"name": self._name, "arguments": arguments}
        return render_call(self.id, call, self._tool, status=self._status)

    def feed(self, fragment: Json) -> Iterable[Json]:
        function = fragment.get("custom") or fragment.get("function") or {}
        arguments = str(function.get("arguments") or function.get("input") or "")
        if not arguments:
            return
        self._arguments.append(arguments)
        if self._is_streamed:
            yield self._event("function_call_arguments.delta", delta=arguments)

    def close(self, *, cut: bool) -> Iterable[Json]:
        self._status = "incomplete" if cut else "completed"
        item = self.rendered
        if item["type"] == "custom_tool_call":
            if item["input"]:
                yield self._event("custom_tool_call_input.delta", delta=item["input"])
            yield self._event("custom_tool_call_input.done", input=item["input"])
        elif item["type"] == "function_call":
            if not self._is_streamed:
                yield self._event("function_call_arguments.delta", delta=item["arguments"])
            name, arguments = item["name"], item["arguments"]
            yield self._event("function_call_arguments.done", name=name, arguments=arguments)
        yield from super().close(cut=cut)


def _merge_block(existing: Json | None, fragment: Json) -> Json:
    """Return a block with another fragment of it: texts are appended, other values are replaced."""
    merged = dict(existing or {})
    for name, value in fragment.items():
        previous = merged.get(name)
        is_text = isinstance(previous, str) and isinstance(value, str) and name not in {"type", "id", "model"}
        merged[name] = f"{previous}{value}" if is_text else value
    return merged
