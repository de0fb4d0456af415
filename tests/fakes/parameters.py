"""Every parameter of a chat completion, with values that must change a provider's request or be reported.

https://platform.openai.com/docs/api-reference/chat/create, and parameters of other APIs that clients use.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
IMAGE = f"data:image/png;base64,{PNG}"
JPEG = "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQEAYABgAAD/2wBDAAgGBgcGBQ=="
PDF = "data:application/pdf;base64,JVBERi0xLjQKJSVFT0YK"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Rain?", "parameters": SCHEMA}}
CLOCK = {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}
NAMED = {"type": "function", "function": {"name": "weather"}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Ulm"}'}}
REQUEST: Json = {
    "model": "m",
    "max_tokens": 5_000,
    "messages": [{"role": "user", "content": "Will it rain?"}],
}
CONVERSATION: Json = {
    **REQUEST,
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Will it rain?"}]},
        {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
        {"role": "user", "content": "And tomorrow?"},
    ],
    "tools": [TOOL, CLOCK],
}
RULES = {  # behaviour codes of docs/behaviours.md by path
    "an_option_of_tomorrow": "X1",
    "max_completion_tokens": "X2",
    "stop": "X3",
    "functions": "X4",
    "function_call": "X4",
    "messages[2].content": "X6",
    "messages[0].name": "X7",
    "messages[1].name": "X7",
    "messages[2].name": "X7",
    "tools[0].function.description": "X8",
    "tools[0].function.parameters": "X9",
    "tools[0].function.strict": "X12",
    "tool_choice": "X13",
    "parallel_tool_calls": "X15",
    "messages[1].content[1].image_url.detail": "X17",
    "messages[1].content[1]": "X18",
    "messages[3].content": "X19",
    "n": "X20",
    **dict.fromkeys(("logprobs", "top_logprobs", "seed", "logit_bias", "frequency_penalty"), "X21"),
    **dict.fromkeys(("presence_penalty", "prediction", "modalities", "audio", "store"), "X21"),
    **dict.fromkeys(("metadata", "moderation", "verbosity"), "X21"),
    "service_tier": "X22",
    "user": "X23",
    "safety_identifier": "X23",
    "messages[4]": "X25",
    "temperature": "X27",
    **dict.fromkeys(("reasoning_effort", "reasoning", "thinking"), "X30"),
    "messages[2].thinking_blocks": "X31",
    "messages[2].reasoning_content": "X31",
    "messages[1].content[0].prompt_cache_breakpoint": "A42",
    "web_search_options": "A43",
    "stream_options.include_obfuscation": "O7",
    **dict.fromkeys(("prompt_cache_key", "prompt_cache_retention", "prompt_cache_options"), "O9"),
}
ABSENT = object()  # stands for an absent field


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter and requests that differ in it only; the first request lacks it."""

    path: str
    requests: tuple[Json, ...]
    also: tuple[str, ...] = ()  # paths that a report may name instead
    value: str = ""  # the value under test, if there are several

    @property
    def label(self) -> str:
        return f"{self.path}={self.value}" if self.value else self.path

    def __str__(self) -> str:
        rule = RULES.get(self.path)
        return f"{rule}-{self.label}" if rule else self.label

    def named_by(self, path: str | None) -> bool:
        """Return True if a path names this parameter, a part of it or its parent."""
        if path is None:
            return False
        return any(_within(ours, path) or _within(path, ours) for ours in (self.path, *self.also))

    def inside(self, path: str) -> bool:
        """Return True if the parameter is at `path` or inside it."""
        return _within(self.path, path)


def _within(inner: str, outer: str) -> bool:
    return inner == outer or (inner.startswith(outer) and inner[len(outer)] in ".[")


def plain(name: str, *values: Any, also: Sequence[str] = (), value: str = "", **beside: Any) -> Parameter:
    """Return a top-level parameter; `beside` are fields that it requires."""
    without = {**REQUEST, **beside}
    return Parameter(name, (without, *({**without, name: each} for each in values)), tuple(also), value)


def deep(
    path: str,
    *values: Any,
    within: Mapping[str, Any] = CONVERSATION,
    also: Sequence[str] = (),
    value: str = "",
) -> Parameter:
    """Return a nested parameter; the first value is the default, ABSENT for none."""
    return Parameter(path, tuple(_with(within, _keys(path), each) for each in values), tuple(also), value)


def _keys(path: str) -> list[str | int]:
    return [
        int(key) if key.isdecimal() else key for key in path.replace("[", ".").replace("]", "").split(".")
    ]


def _with(request: Mapping[str, Any], keys: list[str | int], value: Any) -> Json:
    whole: Any = copy.deepcopy(dict(request))
    holder = whole
    for key in keys[:-1]:
        if isinstance(key, str) and isinstance(holder, dict):
            holder = holder.setdefault(key, {})
        else:
            holder = holder[key]
    if value is ABSENT:
        if not isinstance(holder, list):
            holder.pop(keys[-1], None)
        elif keys[-1] < len(holder):
            del holder[keys[-1]]
    elif isinstance(holder, list) and keys[-1] == len(holder):
        holder.append(value)
    else:
        holder[keys[-1]] = value
    return dict(whole)


def _schema(**more: Any) -> Json:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, **more}}


def _allowed(mode: str) -> Json:
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [NAMED]}}


def _part(kind: str, value: Any) -> Json:
    return {"type": kind, kind: value}


def _parts(*parts: Json) -> Json:
    return _with(CONVERSATION, ["messages", 1, "content"], [{"type": "text", "text": "Look."}, *parts])


def part(value: str, *parts: Json) -> Parameter:
    """Return a content part of a user message, after a text part."""
    return Parameter("messages[1].content[1]", (_parts(), *map(_parts, parts)), value=value)


WITH_IMAGE = _parts(_part("image_url", {"url": IMAGE}))
WITH_FILE = _parts(_part("file", {"file_data": PDF}))
MARK = {"mode": "explicit"}
SIGNED = {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmVk"}
TOP = (
    plain("audio", {"voice": "ash", "format": "wav"}, modalities=["text", "audio"], also=["modalities"]),
    plain("cache_control", {"type": "ephemeral"}),
    plain("frequency_penalty", 0.5, -0.5),
    plain("function_call", "none", {"name": "weather"}, functions=[TOOL["function"]], also=["functions"]),
    plain("functions", [TOOL["function"]]),
    plain("logit_bias", {"42": -100}, {"42": 100}),
    plain("logprobs", True),
    plain("max_completion_tokens", 1_500, 2_500, also=["max_tokens"]),
    plain("max_tokens", 1_500, 2_500),
    plain("metadata", {"team": "red"}, {"team": "blue"}),
    plain("modalities", ["text", "audio"], audio={"voice": "ash", "format": "wav"}, also=["audio"]),
    plain("moderation", {"model": "omni-moderation-latest"}),
    plain("n", 2, 3),
    plain("parallel_tool_calls", False, tools=[TOOL, CLOCK]),
    plain("prediction", {"type": "content", "content": "no"}, {"type": "content", "content": "yes"}),
    plain("presence_penalty", 0.5, -0.5),
    plain("prompt_cache_key", "one", "two"),
    plain("prompt_cache_options", {"mode": "explicit"}),
    plain("prompt_cache_retention", "24h", "in_memory"),
    plain("reasoning", {"effort": "low"}, {"effort": "high"}, also=["reasoning_effort"]),
    plain("reasoning", {"max_tokens": 1_100}, {"max_tokens": 3_000}, also=["reasoning_effort"]),
    plain("reasoning_effort", "low", "medium", "high"),
    *(plain("reasoning_effort", each, value=each) for each in ("none", "minimal", "xhigh", "max")),
    plain("response_format", {"type": "json_object"}, _schema()),
    plain("safety_identifier", "one", "two", also=["user"]),
    plain("safety_identifier", "one", user="two", also=["user"]),
    plain("seed", 7, 8),
    plain("service_tier", "default", "flex", "priority"),
    plain("stop", "END", ["END", "FIN"]),
    plain("stop", ["END", " "]),
    plain("stop", ["1", "2", "3", "4", "5", "6"], ["1", "2", "3", "4", "5"]),
    plain("store", True),
    plain("stream", True),
    plain("temperature", 0, 0.4, 1.5, 2),
    plain("temperature", 0.4, top_p=0.5, also=["top_p"]),
    plain("thinking", {"type": "enabled", "budget_tokens": 2_000}, also=["reasoning_effort"]),
    plain("tool_choice", "none", "required", NAMED, tools=[TOOL, CLOCK]),
    plain("tool_choice", _allowed("auto"), _allowed("required"), tools=[TOOL, CLOCK]),
    plain("tools", [TOOL], [TOOL, CLOCK]),
    plain("tools", [{"type": "custom", "custom": {"name": "shell"}}]),
    plain("top_k", 5, 50),
    plain("top_logprobs", 2, 3, logprobs=True, also=["logprobs"]),
    plain("top_p", 0.2, 0.6),
    plain("top_p", 0.6, temperature=0.5),
    plain("user", "one", "two"),
    plain("user", "+49 30 1234567", "reader@example.test"),
    plain("verbosity", "low", "high"),
    plain("web_search_options", {}, {"search_context_size": "low"}),
    plain("an_option_of_tomorrow", "one", "two"),
)
WITH_TEXT_PARTS = _with(CONVERSATION, ["messages", 2, "content"], [{"type": "text", "text": "Let me see."}])
STRUCTURED = {**REQUEST, "response_format": _schema()}
LEGACY = {
    **REQUEST,
    "messages": [
        *REQUEST["messages"],
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
        {"role": "function", "name": "weather", "content": "rain"},
    ],
    "functions": [TOOL["function"], CLOCK["function"]],
}
INSIDE = (
    deep("messages[0].content", "Be brief.", "Be long."),
    deep("messages[0].name", ABSENT, "boss", "aide"),
    deep("messages[1].name", ABSENT, "ann", "bob"),
    deep("messages[1].content[0].text", "Will it rain?", "Will it snow?"),
    deep("messages[1].content[0].cache_control", ABSENT, {"type": "ephemeral"}),
    deep("messages[1].content[0].prompt_cache_breakpoint", ABSENT, MARK),
    part("image", _part("image_url", {"url": IMAGE}), _part("image_url", {"url": JPEG})),
    part("image by URL", *(_part("image_url", {"url": f"https://a.test/{n}.png"}) for n in "12")),
    part("image as text", _part("image_url", IMAGE)),
    part("file", _part("file", {"filename": "a.pdf", "file_data": PDF})),
    part("file by id", *(_part("file", {"file_id": f"file-{n}"}) for n in "12")),
    part("audio", _part("input_audio", {"data": "UklGRg==", "format": "wav"})),
    part("an unknown type", _part("hologram", {"data": "AAAA"})),
    deep("messages[1].content[1].image_url.detail", ABSENT, "low", "high", within=WITH_IMAGE),
    deep("messages[1].content[1].file.filename", ABSENT, "a.pdf", "b.pdf", within=WITH_FILE),
    deep("messages[1].content[1].cache_control", ABSENT, {"type": "ephemeral"}, within=WITH_IMAGE),
    deep("messages[2].name", ABSENT, "ann", "bob"),
    deep("messages[2].content", "Let me see.", "I shall see.", None),
    deep("messages[2].content[1]", ABSENT, {"type": "refusal", "refusal": "No."}, within=WITH_TEXT_PARTS),
    deep("messages[2].refusal", ABSENT, "No.", "Never."),
    deep("messages[2].audio", ABSENT, {"id": "audio_1"}, {"id": "audio_2"}),
    deep("messages[2].reasoning_content", ABSENT, "Hm.", "Hm!", also=["messages[2].thinking_blocks"]),
    deep("messages[2].thinking_blocks", ABSENT, [SIGNED], [{**SIGNED, "signature": "YW5vdGhlcg=="}]),
    deep("messages[2].tool_calls[0].function.name", "weather", "now"),
    deep("messages[2].tool_calls[0].function.arguments", '{"city":"Ulm"}', '{"city":"Bonn"}', '"Ulm"'),
    deep("messages[1].function_call.name", "weather", "now", within=LEGACY, also=["functions"]),
    deep("messages[1].function_call.arguments", "{}", '{"a":1}', within=LEGACY, also=["functions"]),
    deep("messages[2].content", "rain", "snow", within=LEGACY, value="of a function"),
    deep("messages[3].content", "rain", "snow", ""),
    deep("messages[3].content", "rain", [{"type": "text", "text": "snow"}], value="parts"),
    deep("messages[3].content", "rain", [_part("image_url", {"url": IMAGE})], value="image"),
    deep("messages[3].cache_control", ABSENT, {"type": "ephemeral"}),
    deep("messages[4]", ABSENT, {"role": "user", "content": "x"}, {"role": "assistant", "content": "x"}),
    deep("messages[4]", ABSENT, {"role": "system", "content": "x"}, {"role": "user", "content": "x"}),
    deep("tools[0].function.name", "weather", "rain", also=["messages", "tools"]),
    deep("tools[0].function.description", ABSENT, "Rain?", "Snow?"),
    deep("tools[0].function.parameters", ABSENT, SCHEMA),
    deep("tools[0].function.strict", ABSENT, True),
    deep("tools[0].cache_control", ABSENT, {"type": "ephemeral"}),
    deep("response_format.json_schema.name", "answer", "reply", within=STRUCTURED),
    deep("response_format.json_schema.description", ABSENT, "One.", "Two.", within=STRUCTURED),
    deep("response_format.json_schema.schema", SCHEMA, {"type": "object"}, within=STRUCTURED),
    deep("response_format.json_schema.schema.maxProperties", ABSENT, 4, 5, within=STRUCTURED),
    deep("response_format.json_schema.strict", ABSENT, True, within=STRUCTURED),
    deep("stream_options.include_obfuscation", ABSENT, True, within={**REQUEST, "stream": True}),
)
PARAMETERS = (*TOP, *INSIDE)
