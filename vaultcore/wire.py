"""The chat-completions wire format: the one vocabulary every other format is translated to and from.

https://platform.openai.com/docs/api-reference/chat. These are plain dicts at run time: a field that is
not listed here still travels. `reasoning_content` and `thinking_blocks` are extensions in wide use.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

Json = dict[str, Any]
Role = Literal["system", "developer", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


class FunctionCall(TypedDict, total=False):
    name: str
    arguments: str


class ToolCall(TypedDict, total=False):
    index: int
    id: str
    type: Literal["function"]
    function: FunctionCall


class Message(TypedDict, total=False):
    role: Role
    content: str | list[Json] | None
    name: str
    refusal: str | None
    tool_calls: list[ToolCall]
    tool_call_id: str
    reasoning_content: str
    thinking_blocks: list[Json]


class ChatRequest(TypedDict, total=False):
    model: str
    messages: list[Message]
    stream: bool
    stream_options: Json
    max_tokens: int
    max_completion_tokens: int
    temperature: float
    top_p: float
    n: int
    tools: list[Json]
    tool_choice: str | Json
    parallel_tool_calls: bool
    stop: str | list[str]
    response_format: Json
    reasoning_effort: str
    user: str


class Usage(TypedDict, total=False):
    """`prompt_tokens` includes cached and cache-written ones; `completion_tokens` includes reasoning."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: Json
    completion_tokens_details: Json
    billed: Json  # the first two once more as they are charged, where a provider tells another number
    service_tier: str  # that of the answer, where somebody is to know what it cost
    pictures: Json  # `count` of them, their `size` and `quality`


class Delta(TypedDict, total=False):
    role: Role
    content: str | None
    refusal: str | None
    tool_calls: list[ToolCall]
    reasoning_content: str
    thinking_blocks: list[Json]  # fragments: those of one `index` are one block


class ChunkChoice(TypedDict):
    index: int
    delta: Delta
    finish_reason: FinishReason | None


class ChatChunk(TypedDict, total=False):
    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | None
    service_tier: str


class Choice(TypedDict):
    index: int
    message: Message
    finish_reason: FinishReason


class ChatCompletion(TypedDict, total=False):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    service_tier: str
