"""Output items while they are being written: each tells the events of its own life, without their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from vaultcore.client_apis.responses import output
from vaultcore.wire import Json


class OpenItem:
    """One item of the output: opened, written to, closed. `whole` is what there is of it."""

    kind: ClassVar[str]

    def __init__(self, answer: str, place: int) -> None:
        self.id = output.named(self.kind, answer, place)
        self.place = place
        self.closed = False

    @property
    def whole(self) -> Json:
        raise NotImplementedError

    def open(self) -> Iterable[Json]:
        yield {"type": "response.output_item.added", "output_index": self.place, "item": self.whole}

    def close(self, *, cut: bool) -> Iterable[Json]:  # noqa: ARG002 - some show that the answer was cut short
        self.closed = True
        yield {"type": "response.output_item.done", "output_index": self.place, "item": self.whole}

    def think(self, words: str, blocks: Iterable[Json]) -> Iterable[Json]:  # noqa: ARG002 - some do
        return ()

    def text(self, words: str, logprobs: Sequence[Json]) -> Iterable[Json]:  # noqa: ARG002 - some do
        return ()

    def refuse(self, words: str) -> Iterable[Json]:  # noqa: ARG002 - some do
        return ()

    def cite(self, annotations: Iterable[Json]) -> Iterable[Json]:  # noqa: ARG002 - some do
        return ()

    def _event(self, kind: str, **more: object) -> Json:
        return {"type": f"response.{kind}", "item_id": self.id, "output_index": self.place, **more}


Say = Callable[[OpenItem], Iterable[Json]]


class OpenReasoning(OpenItem):
    """What is thought: one summary, and the blocks that go into the envelope."""

    kind = "reasoning"

    def __init__(self, answer: str, place: int) -> None:
        super().__init__(answer, place)
        self._words: list[str] = []
        self._blocks: dict[int, Json] = {}

    @property
    def whole(self) -> Json:
        blocks = [self._blocks[index] for index in sorted(self._blocks)]
        item = output.reasoning(self.id, "".join(self._words), blocks)
        return item if self.closed else {**item, "status": "in_progress"}

    def think(self, words: str, blocks: Iterable[Json]) -> Iterable[Json]:
        for block in blocks:
            index = block.get("index", 0)
            self._blocks[index] = _joined(self._blocks.get(index), block)
        if not words:
            return
        if not self._words:
            yield self._event("reasoning_summary_part.added", summary_index=0, part=output.summary_part(""))
        self._words.append(words)
        yield self._event("reasoning_summary_text.delta", summary_index=0, delta=words)

    def close(self, *, cut: bool) -> Iterable[Json]:
        if words := "".join(self._words):
            yield self._event("reasoning_summary_text.done", summary_index=0, text=words)
            part = output.summary_part(words)
            yield self._event("reasoning_summary_part.done", summary_index=0, part=part)
        yield from super().close(cut=cut)


class OpenMessage(OpenItem):
    """What is said: a part of text or of refusal, or one after the other."""

    kind = "message"

    def __init__(self, answer: str, place: int) -> None:
        super().__init__(answer, place)
        self._parts: list[Json] = []  # the last one has no words yet: they are in `_words`
        self._words: list[str] = []
        self._cut = False

    @property
    def whole(self) -> Json:
        status = "incomplete" if self._cut else "completed"
        return output.message(self.id, [*self._parts], status=status if self.closed else "in_progress")

    def text(self, words: str, logprobs: Sequence[Json]) -> Iterable[Json]:
        yield from self._begin(output.text_part(""), "text")
        self._words.append(words)
        self._parts[-1]["logprobs"].extend(logprobs)
        yield self._part("output_text.delta", delta=words, logprobs=logprobs)

    def refuse(self, words: str) -> Iterable[Json]:
        yield from self._begin(output.refusal_part(""), "refusal")
        self._words.append(words)
        yield self._part("refusal.delta", delta=words)

    def cite(self, annotations: Iterable[Json]) -> Iterable[Json]:
        for told in annotations:
            cited = output.citation(told)
            if cited is not None and self._parts and "text" in self._parts[-1]:
                held = self._parts[-1]["annotations"]
                held.append(cited)
                yield self._part(
                    "output_text.annotation.added", annotation_index=len(held) - 1, annotation=cited
                )

    def close(self, *, cut: bool) -> Iterable[Json]:
        self._cut = cut
        yield from self._end()
        yield from super().close(cut=cut)

    def _begin(self, part: Json, words: str) -> Iterable[Json]:
        if self._parts and words in self._parts[-1]:
            return
        yield from self._end()
        self._parts.append(part)
        yield self._part("content_part.added", part=dict(part))

    def _end(self) -> Iterable[Json]:
        if not self._parts:
            return
        part, words = self._parts[-1], "".join(self._words)
        self._words.clear()
        if "text" in part:
            part["text"] = words
            yield self._part("output_text.done", text=words, logprobs=part["logprobs"])
        else:
            part["refusal"] = words
            yield self._part("refusal.done", refusal=words)
        yield self._part("content_part.done", part=part)

    def _part(self, kind: str, **more: object) -> Json:
        return self._event(kind, content_index=len(self._parts) - 1, **more)


class OpenCall(OpenItem):
    """A call: its arguments as they come or, of a custom tool, its input once it is there."""

    kind = "function_call"

    def __init__(self, answer: str, place: int, fragment: Json, customs: frozenset[str]) -> None:
        super().__init__(answer, place)
        given = fragment.get("custom") or fragment.get("function") or {}
        self._identity, self._name = str(fragment.get("id") or ""), str(given.get("name") or "")
        self._arguments: list[str] = []
        self._cut = False
        self._own = "custom" in fragment  # the provider itself knows custom tools
        self._custom = self._own or self._name in customs
        if self._custom:
            self.id = output.named("custom_tool_call", answer, place)
        self._customs = customs

    @property
    def whole(self) -> Json:
        status = ("incomplete" if self._cut else "completed") if self.closed else "in_progress"
        words = "".join(self._arguments)
        told: Json = {"id": self._identity}
        if self._own:
            told["custom"] = {"name": self._name, "input": words}
        else:
            told["function"] = {"name": self._name, "arguments": words}
        return output.call(self.id, told, self._customs, status=status)

    def feed(self, fragment: Json) -> Iterable[Json]:
        given = fragment.get("custom") or fragment.get("function") or {}
        words = str(given.get("arguments") or given.get("input") or "")
        if not words:
            return
        self._arguments.append(words)
        if not self._custom:
            yield self._event("function_call_arguments.delta", delta=words)

    def close(self, *, cut: bool) -> Iterable[Json]:
        self._cut = cut
        whole = self.whole
        if self._custom:
            if whole["input"]:
                yield self._event("custom_tool_call_input.delta", delta=whole["input"])
            yield self._event("custom_tool_call_input.done", input=whole["input"])
        else:
            yield self._event("function_call_arguments.done", name=self._name, arguments=whole["arguments"])
        yield from super().close(cut=cut)


def _joined(held: Json | None, more: Json) -> Json:
    """A block with another fragment of it: texts are put together, all else is as it was told last."""
    joined = dict(held or {})
    for name, value in more.items():
        before = joined.get(name)
        grows = isinstance(before, str) and isinstance(value, str) and name not in {"type", "id", "model"}
        joined[name] = f"{before}{value}" if grows else value
    return joined
