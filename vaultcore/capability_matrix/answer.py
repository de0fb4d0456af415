"""What a client holds in the end, from a buffered answer or from the chunks of a streamed one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from vaultcore.wire import ChatChunk, ChatCompletion, Json, Usage


@dataclass(slots=True)
class Called:
    """A tool call, put together."""

    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Answer:
    """The first choice of an answer, and its usage."""

    text: str = ""
    reasoning: str = ""
    calls: list[Called] = field(default_factory=list)
    finish: str | None = None
    usage: Usage | None = None
    pieces: int = 0  # of text, as it came


def whole(completion: ChatCompletion) -> Answer:
    """A buffered answer."""
    choice = completion["choices"][0]
    answer = Answer(finish=choice["finish_reason"], usage=completion.get("usage"))
    _add(answer, {**choice["message"]})
    return answer


def folded(chunks: Iterable[ChatChunk]) -> Answer:
    """A streamed answer."""
    answer = Answer()
    for chunk in chunks:
        answer.usage = chunk.get("usage") or answer.usage
        for choice in chunk.get("choices") or ():
            if choice["index"] == 0:
                answer.finish = choice["finish_reason"] or answer.finish
                _add(answer, {**choice["delta"]})
    return answer


def _add(answer: Answer, told: Json) -> None:
    if isinstance(text := told.get("content"), str) and text:
        answer.text += text
        answer.pieces += 1
    answer.reasoning += told.get("reasoning_content") or ""
    for position, part in enumerate(told.get("tool_calls") or ()):
        index = part.get("index", position)
        while len(answer.calls) <= index:
            answer.calls.append(Called())
        call, function = answer.calls[index], part.get("function") or {}
        call.id += part.get("id") or ""
        call.name += function.get("name") or ""
        call.arguments += function.get("arguments") or ""
