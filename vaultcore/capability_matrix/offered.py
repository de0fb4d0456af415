"""The capabilities, in the order of the table: each with the shortest request that wants it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from vaultcore.capability_matrix.answer import Answer
from vaultcore.capability_matrix.capability import Capability
from vaultcore.wire import Json

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="
PDF = "data:application/pdf;base64,JVBERi0xLjQKJSVFT0YK"
ULM: Json = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CLOSED = {**ULM, "additionalProperties": False}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": ULM}}
TIDE = {"type": "function", "function": {"name": "tide", "parameters": ULM}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Ulm"}'}}
SAID = "why is the sky blue"
BOTH = "call weather and tide"


def user(content: Any) -> Json:
    return {"role": "user", "content": content}


def asked(*messages: Json, **fields: Any) -> Json:
    return {"model": "m", "max_tokens": 5_000, "messages": [*messages] or [user(SAID)], **fields}


def field(title: str, name: str, value: Any, **beside: Any) -> Capability:
    """A field of the request that no answer shows."""
    return Capability(title, name, asked(**beside, **{name: value}), without=asked(**beside))


def part(title: str, *parts: Json, path: str = "messages[0].content[1]") -> Capability:
    """A part of a user's content."""
    text = {"type": "text", "text": SAID}
    return Capability(title, path, asked(user([text, *parts])), without=asked(user([text])), shown=echoed)


def echoed(answer: Answer) -> bool:
    return SAID in answer.text and answer.finish == "stop"


def called(*names: str) -> Any:
    """Whether an answer calls these tools, each with arguments that can be read and an id of its own."""

    def shown(answer: Answer) -> bool:
        found = [call.name for call in answer.calls]
        read = all(json.loads(call.arguments) == {"city": "a city"} for call in answer.calls)
        apart = len({call.id for call in answer.calls if call.id}) == len(found)
        return found == [*names] and read and apart and answer.finish == "tool_calls"

    return shown


def fits(answer: Answer) -> bool:
    """Whether the text is an object of the schema asked for."""
    return set(json.loads(answer.text)) == {"city"}


def is_json(answer: Answer) -> bool:
    return isinstance(json.loads(answer.text), dict)


def counted(answer: Answer) -> bool:
    usage = answer.usage or {}
    parts = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
    return all(parts) and usage.get("total_tokens") == sum(parts)


def _answered(content: Any) -> Json:
    result = {"role": "tool", "tool_call_id": "call_1", "content": content}
    turn = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    return asked(user("call weather"), turn, result, tools=[WEATHER])


def _conversation() -> Iterator[Capability]:
    marked = {"type": "text", "text": SAID, "cache_control": {"type": "ephemeral"}}
    told = {"role": "system", "content": "Be brief."}
    turn = {"role": "assistant", "content": "Because."}
    yield Capability("text", "messages", asked(), shown=echoed)
    yield Capability("streaming", "stream", asked(), shown=lambda answer: answer.pieces > 0)
    yield Capability("usage, streamed too", "stream_options", asked(), shown=counted)
    yield Capability("system message", "messages[0]", asked(told, user(SAID)), asked(user(SAID)), echoed)
    later = asked(user("Hi"), turn, told, user(SAID))
    yield Capability("system message later on", "messages[2]", later, asked(user("Hi"), turn, user(SAID)))
    yield Capability("several turns", "messages[0]", asked(user("Hi"), turn, user(SAID)), shown=echoed)
    yield Capability("continued answer", "messages[1]", asked(user(SAID), turn), asked(user(SAID)))
    yield Capability(
        "caching mark", "messages[0].content[0].cache_control", asked(user([marked])),
        without=asked(user([{"type": "text", "text": SAID}])),
    )  # fmt: skip


def _tools() -> Iterator[Capability]:
    both = {"tools": [WEATHER, TIDE]}
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    strict = {"type": "function", "function": {"name": "weather", "parameters": CLOSED, "strict": True}}
    named = {"type": "function", "function": {"name": "tide"}}
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [named]}}
    one = asked(user("call weather"), tools=[WEATHER])
    yield Capability("tools", "tools", one, shown=called("weather"))
    yield Capability("parallel calls", "tools", asked(user(BOTH), **both), shown=called("weather", "tide"))
    yield Capability(
        "one call at a time", "parallel_tool_calls", asked(user(BOTH), **both, parallel_tool_calls=False),
        shown=called("weather"),
    )  # fmt: skip
    for title, choice, shown in (
        ("forced tool", named, called("tide")),
        ("any tool, but one", "required", called("weather")),
        ("no tool", "none", lambda answer: not answer.calls and BOTH in answer.text),
        ("allowed tools", allowed, called("tide")),
    ):
        words = SAID if choice in (named, "required") else BOTH
        yield Capability(title, "tool_choice", asked(user(words), **both, tool_choice=choice), shown=shown)
    loose = {"type": "function", "function": {"name": "weather", "parameters": CLOSED}}
    yield Capability(
        "strict tools", "tools[0].function.strict", {**one, "tools": [strict]}, {**one, "tools": [loose]},
        shown=called("weather"),
    )  # fmt: skip
    yield Capability("tool results", "messages[2]", _answered("sunny"), shown=lambda got: "sunny" in got.text)
    yield Capability("images in tool results", "messages[2].content", _answered([image]), _answered(""))


def _media() -> Iterator[Capability]:
    yield part("image", {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}})
    yield part("image by URL", {"type": "image_url", "image_url": {"url": "https://images.test/a.png"}})
    yield part("PDF", {"type": "file", "file": {"file_data": PDF}})
    yield part("audio in", {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}})


def _shape() -> Iterator[Capability]:
    schema = {"type": "json_schema", "json_schema": {"name": "city", "schema": CLOSED, "strict": True}}
    yield Capability("JSON", "response_format", asked(response_format={"type": "json_object"}), shown=is_json)
    yield Capability("structured output", "response_format", asked(response_format=schema), shown=fits)
    yield Capability(
        "length limit", "max_tokens", asked() | {"max_tokens": 16},
        shown=lambda answer: answer.finish == "length",
    )  # fmt: skip
    yield field("stop sequences", "stop", ["END"])
    yield field("reasoning effort", "reasoning_effort", "low")
    yield Capability(
        "reasoning told", "reasoning_effort", asked(reasoning_effort="low"),
        shown=lambda answer: bool(answer.reasoning),
        instead=asked(reasoning={"effort": "low", "summary": "auto"}),
    )  # fmt: skip


def _settings() -> Iterator[Capability]:
    yield field("temperature", "temperature", 0.4)
    yield field("top_p", "top_p", 0.4)
    yield field("penalties", "frequency_penalty", 0.4)
    yield field("seed", "seed", 7)
    yield field("logit bias", "logit_bias", {"42": 5})
    yield field("log probabilities", "logprobs", True)
    yield field("several answers", "n", 2)
    yield field("predicted output", "prediction", {"type": "content", "content": "x"})
    yield field("verbosity", "verbosity", "low")
    yield field("web search", "web_search_options", {})
    yield field("service tier", "service_tier", "priority")
    yield field("user id", "user", "user-1")
    yield field("metadata", "metadata", {"team": "red"})
    yield field("prompt cache key", "prompt_cache_key", "key-1")


CAPABILITIES = (*_conversation(), *_tools(), *_media(), *_shape(), *_settings())
