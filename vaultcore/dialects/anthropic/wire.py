"""TypedDicts of Anthropic's Messages API, as far as the gateway writes or reads it.

Requests and responses: https://docs.claude.com/en/api/messages.
Stream events: https://docs.claude.com/en/docs/build-with-claude/streaming.
No field is required: a provider's data is untrusted until a reader has checked it. A field that is not listed
still travels. Modules import these names for type checking only: creating the classes slows a cold start.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from vaultcore.wire import Json


class AnthropicCacheControl(TypedDict, total=False):
    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"]


class AnthropicSource(TypedDict, total=False):
    """The data of an image or a document."""

    type: Literal["base64", "url", "text", "file"]
    media_type: str
    data: str
    url: str
    file_id: str


class AnthropicCitation(TypedDict, total=False):
    type: str
    url: str  # web search results only
    source: str  # search results of the request only
    title: str | None
    document_index: int  # documents only, as is the next one
    document_title: str | None


class AnthropicText(TypedDict, total=False):
    type: Literal["text"]
    text: str
    citations: list[AnthropicCitation] | None
    cache_control: AnthropicCacheControl


class AnthropicMedia(TypedDict, total=False):
    type: Literal["image", "document"]
    source: AnthropicSource
    title: str
    cache_control: AnthropicCacheControl


class AnthropicThinking(TypedDict, total=False):
    type: Literal["thinking"]
    thinking: str
    signature: str


class AnthropicRedactedThinking(TypedDict, total=False):
    type: Literal["redacted_thinking"]
    data: str


class AnthropicToolUse(TypedDict, total=False):
    type: Literal["tool_use"]
    id: str
    name: str
    input: Json | None
    cache_control: AnthropicCacheControl


class AnthropicToolResult(TypedDict, total=False):
    type: Literal["tool_result"]
    tool_use_id: str
    content: str | list[AnthropicBlock]
    is_error: bool
    cache_control: AnthropicCacheControl


AnthropicBlock = (
    AnthropicText
    | AnthropicMedia
    | AnthropicThinking
    | AnthropicRedactedThinking
    | AnthropicToolUse
    | AnthropicToolResult
)


class AnthropicMessage(TypedDict):
    """One message of a request, both fields always set by `render_conversation`."""

    role: Literal["user", "assistant", "system"]
    content: list[AnthropicBlock]


class AnthropicTool(TypedDict, total=False):
    type: str  # of server tools: web_search_20250305
    name: str
    description: str
    input_schema: Json
    strict: bool
    cache_control: AnthropicCacheControl
    allowed_domains: list[str]  # of web search, as are the next two
    blocked_domains: list[str]
    user_location: Json


class AnthropicToolChoice(TypedDict, total=False):
    type: Literal["auto", "any", "tool", "none"]
    name: str
    disable_parallel_tool_use: bool


class AnthropicThinkingConfig(TypedDict, total=False):
    type: Literal["enabled", "adaptive", "disabled"]
    budget_tokens: int
    display: Literal["summarized", "omitted"]


class AnthropicOutputFormat(TypedDict, total=False):
    type: Literal["json_schema"]
    schema: Json


class AnthropicOutputConfig(TypedDict, total=False):
    effort: str
    format: AnthropicOutputFormat


class AnthropicMetadata(TypedDict, total=False):
    user_id: str


class AnthropicRequest(TypedDict, total=False):
    model: str
    max_tokens: int
    system: list[AnthropicText]
    messages: list[AnthropicMessage]
    tools: list[AnthropicTool]
    tool_choice: AnthropicToolChoice
    thinking: AnthropicThinkingConfig
    output_config: AnthropicOutputConfig
    temperature: float
    top_p: float
    top_k: int
    stop_sequences: list[str]
    metadata: AnthropicMetadata
    service_tier: str
    cache_control: AnthropicCacheControl
    stream: bool


class AnthropicCacheCreation(TypedDict, total=False):
    ephemeral_5m_input_tokens: int
    ephemeral_1h_input_tokens: int


class AnthropicOutputDetails(TypedDict, total=False):
    thinking_tokens: int


class AnthropicUsage(TypedDict, total=False):
    """Counts of a message, of all events so far, or of one of its `iterations`."""

    type: str  # of an iteration: compaction, message, advisor_message
    model: str  # of an iteration
    input_tokens: int | None
    output_tokens: int | None
    cache_read_input_tokens: int | None
    cache_creation_input_tokens: int | None
    cache_creation: AnthropicCacheCreation | None
    output_tokens_details: AnthropicOutputDetails | None
    iterations: list[AnthropicUsage] | None
    server_tool_use: Json | None  # web_search_requests, web_fetch_requests
    inference_geo: str | None
    service_tier: str | None
    speed: Literal["standard", "fast"] | None


class AnthropicResponse(TypedDict, total=False):
    id: str
    type: Literal["message", "error"]
    model: str
    content: list[AnthropicBlock]
    stop_reason: str | None
    stop_details: Json | None  # of a refusal: category, explanation
    usage: AnthropicUsage
    error: Json


class AnthropicDelta(TypedDict, total=False):
    """The delta of a content block or of the message; `type` says which field is set."""

    type: Literal["text_delta", "input_json_delta", "thinking_delta", "signature_delta", "citations_delta"]
    text: str
    partial_json: str
    thinking: str
    signature: str
    citation: AnthropicCitation
    stop_reason: str | None
    stop_details: Json | None


class AnthropicEvent(TypedDict, total=False):
    """The data of one stream event; which fields are set depends on `type`."""

    type: str
    index: int
    message: AnthropicResponse
    content_block: AnthropicBlock
    delta: AnthropicDelta
    usage: AnthropicUsage
    error: Json
