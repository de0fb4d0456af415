"""TypedDicts of chat completions, the format that all others are translated to and from.

https://platform.openai.com/docs/api-reference/chat. They are plain dicts at run time, so a field that is
not listed here still travels. `reasoning_content`, `thinking_blocks`, `images` and `extra_content` are
extensions in wide use; OpenAI does not define them.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict, TypeGuard

Json = dict[str, Any]
Role = Literal["system", "developer", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
MAX_COUNT = 1e15  # larger numbers are no counts and no timestamps


class FunctionCall(TypedDict, total=False):
    name: str
    arguments: str


class ToolCall(TypedDict, total=False):
    index: int
    id: str
    type: Literal["function"]
    function: FunctionCall
    extra_content: Json


class Message(TypedDict, total=False):
    role: Role
    content: str | list[Json] | None
    name: str
    refusal: str | None
    tool_calls: list[ToolCall]
    tool_call_id: str
    reasoning_content: str
    thinking_blocks: list[Json]
    annotations: list[Json]
    images: list[Json]
    audio: Json
    extra_content: Json


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
    """Token counts. Prompt tokens include cache reads and writes; completion tokens include reasoning."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: Json
    completion_tokens_details: Json
    # The fields below are internal, see INTERNAL_USAGE.
    billed: Json  # prompt_tokens and completion_tokens as charged, if the provider charges other numbers
    service_tier: str  # of the response; it selects the price
    inference_geo: str  # region that ran the model; it may change the price
    pictures: Json  # generated images: {"count", "size", "quality"}
    tool_uses: dict[str, int]  # uses of the provider's own tools, by unit of usage/tool_charges.py
    reported: Json  # prompt, completion and total for the client, if they are not those to charge
    unusable: Json  # the provider's own counts, if one is negative or too large to be a count


# Fields of usage that dialects and media APIs add for the cost. A provider cannot send them, and they never
# reach a client.
INTERNAL_USAGE = ("billed", "service_tier", "inference_geo", "pictures", "tool_uses", "reported", "unusable")


class Delta(TypedDict, total=False):
    role: Role
    content: str | None
    refusal: str | None
    tool_calls: list[ToolCall]
    reasoning_content: str
    thinking_blocks: list[Json]  # fragments; equal `index` means the same block
    annotations: list[Json]
    images: list[Json]
    audio: Json
    extra_content: Json


class ChunkChoice(TypedDict):
    index: int
    delta: Delta
    finish_reason: FinishReason | None
    logprobs: NotRequired[Json]
    native_finish_reason: NotRequired[str | None]


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


def is_count(value: object) -> TypeGuard[int | float]:
    """Return True for a number from 0 to MAX_COUNT; NaN and booleans are none."""
    if type(value) is int:
        return 0 <= value < MAX_COUNT
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < MAX_COUNT


def are_counts(record: object, most: int) -> bool:
    """Return True for an object that has nothing but integers from 0 to `most`, as most details of usage.

    >>> are_counts({"cached_tokens": 3, "audio_tokens": 0}, 5), are_counts({"cached_tokens": 6}, 5)
    (True, False)
    """
    if type(record) is not dict:
        return False
    values = record.values()
    return not values or (set(map(type, values)) == {int} and min(values) >= 0 and max(values) <= most)
