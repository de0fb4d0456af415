"""The response as a client receives it, from a completion or from the chunks of a stream."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import ChatChunk, ChatCompletion, Json, Usage


@dataclass(slots=True)
class ObservedToolCall:
    """A tool call, joined from its fragments."""

    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class ObservedResponse:
    """The first choice of a response, and its usage."""

    text: str = ""
    reasoning: str = ""
    calls: list[ObservedToolCall] = field(default_factory=list)
    finish: str | None = None
    usage: Usage | None = None
    text_fragments: int = 0  # number of texts that arrived


def from_completion(completion: ChatCompletion) -> ObservedResponse:
    choice = completion["choices"][0]
    response = ObservedResponse(finish=choice["finish_reason"], usage=completion.get("usage"))
    _add_fields(response, {**choice["message"]})
    return response


def from_chunks(chunks: Iterable[ChatChunk]) -> ObservedResponse:
    response = ObservedResponse()
    for chunk in chunks:
        response.usage = chunk.get("usage") or response.usage
        for choice in chunk.get("choices") or ():
            if choice["index"] == 0:
                response.finish = choice["finish_reason"] or response.finish
                _add_fields(response, {**choice["delta"]})
    return response


def _add_fields(response: ObservedResponse, fields: Json) -> None:
    """Add the fields of a message or a delta."""
    if isinstance(text := fields.get("content"), str) and text:
        response.text += text
        response.text_fragments += 1
    response.reasoning += fields.get("reasoning_content") or ""
    for position, fragment in enumerate(fields.get("tool_calls") or ()):
        index = fragment.get("index", position)
        while len(response.calls) <= index:
            response.calls.append(ObservedToolCall())
        call, function = response.calls[index], fragment.get("function") or {}
        call.id += fragment.get("id") or ""
        call.name += function.get("name") or ""
        call.arguments += function.get("arguments") or ""
