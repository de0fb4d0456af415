"""TypedDicts of OpenAI's Responses API, as far as the gateway writes or reads it.

https://platform.openai.com/docs/api-reference/responses; stream events:
https://platform.openai.com/docs/api-reference/responses-streaming; the SDK's `openai.types.responses`. No
field is required: a provider's data is untrusted until a reader has checked it. Modules import these names
for type checking only.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from vaultcore.wire import Json


class ResponsesInputPart(TypedDict, total=False):
    """A content part of an input message or of a call's output."""

    type: Literal["input_text", "input_image", "input_file", "input_audio"]
    text: str
    image_url: str
    detail: str
    file_id: str
    file_url: str
    file_data: str  # a data URI
    filename: str
    input_audio: Json
    prompt_cache_breakpoint: Json


class ResponsesInputItem(TypedDict, total=False):
    """A message, a call, the output of a call, or a reasoning item."""

    type: Literal[
        "message",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "reasoning",
    ]
    role: str  # of messages
    content: str | list[ResponsesInputPart]
    call_id: str | None  # of calls and outputs
    name: str | None
    arguments: str
    input: str
    output: str | list[ResponsesInputPart]


class ResponsesTool(TypedDict, total=False):
    type: str  # function, custom, or a tool of the provider
    name: str | None
    description: str
    parameters: Json
    strict: bool
    format: Json  # of custom tools
    user_location: Json  # of web_search, as are the next two
    search_context_size: str
    filters: Json  # {"allowed_domains": [...]}


class ResponsesReasoningOptions(TypedDict, total=False):
    effort: str
    summary: str


class ResponsesRequest(TypedDict, total=False):
    model: str
    input: list[ResponsesInputItem]
    store: bool
    stream: bool
    include: list[str]
    max_output_tokens: int
    reasoning: ResponsesReasoningOptions
    text: Json  # {"format": …, "verbosity": …}
    tools: list[ResponsesTool]
    tool_choice: str | Json
    parallel_tool_calls: bool
    temperature: float
    top_p: float
    top_logprobs: int
    service_tier: str
    metadata: Json


class ResponsesAnnotation(TypedDict, total=False):
    type: str  # url_citation; the others are not read
    url: str
    title: str
    start_index: int  # offsets in the text of the part
    end_index: int


class ResponsesOutputPart(TypedDict, total=False):
    """A content part of an output message or of a reasoning item."""

    type: Literal["output_text", "refusal", "summary_text", "reasoning_text"]
    text: str
    refusal: str
    annotations: list[ResponsesAnnotation]
    logprobs: list[Json]


class ResponsesOutputItem(TypedDict, total=False):
    type: str  # message, reasoning, function_call, custom_tool_call; the others are not read
    id: str
    status: str
    content: list[ResponsesOutputPart]
    summary: list[ResponsesOutputPart]
    encrypted_content: str | None
    call_id: str
    name: str
    arguments: str
    input: str


class ResponsesUsage(TypedDict, total=False):
    input_tokens: int
    input_tokens_details: Json  # cached_tokens, cache_write_tokens
    output_tokens: int
    output_tokens_details: Json  # reasoning_tokens
    total_tokens: int


class ResponsesResponse(TypedDict, total=False):
    id: str
    created_at: float
    model: str
    status: Literal["completed", "failed", "in_progress", "cancelled", "queued", "incomplete"]
    error: Json | None
    incomplete_details: Json | None  # {"reason": "max_output_tokens" | "content_filter"}
    output: list[ResponsesOutputItem]
    usage: ResponsesUsage | None
    tools: list[Json]  # those of the request
    tool_usage: Json | None  # {"web_search": {"num_requests": 1}, "image_gen": {"output_tokens": 272, …}}
    service_tier: str | None


class ResponsesEvent(TypedDict, total=False):
    """An event of a stream; the fields depend on `type`."""

    type: str
    response: ResponsesResponse
    item: ResponsesOutputItem
    item_id: str
    output_index: int
    content_index: int
    summary_index: int
    delta: str
    logprobs: list[Json]
    annotation: ResponsesAnnotation
    error: Json
