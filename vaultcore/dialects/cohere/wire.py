"""TypedDicts of Cohere's chat API, version 2.

Requests and responses: https://docs.cohere.com/v2/reference/chat. Stream events:
https://docs.cohere.com/v2/docs/streaming. The names follow the SDK's `cohere.types`. No field is required: a
provider's data is untrusted until a reader has checked it. Modules import these names for type checking only.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from vaultcore.wire import Json


class CohereText(TypedDict):
    type: Literal["text"]
    text: str


class CohereImageUrl(TypedDict, total=False):
    url: str  # https or a data URI
    detail: Literal["auto", "low", "high"]


class CohereImage(TypedDict):
    type: Literal["image_url"]
    image_url: CohereImageUrl


class CohereThinkingPart(TypedDict, total=False):
    """Reasoning of a response."""

    type: Literal["thinking"]
    thinking: str


CoherePart = CohereText | CohereImage


class CohereFunctionCall(TypedDict, total=False):
    name: str
    arguments: str


class CohereToolCall(TypedDict, total=False):
    id: str
    type: Literal["function"]
    function: CohereFunctionCall


class CohereMessage(TypedDict, total=False):
    """A message of a request."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str | list[CoherePart]
    tool_calls: list[CohereToolCall]
    tool_call_id: str


class CohereThinking(TypedDict, total=False):
    type: Literal["enabled", "disabled"]
    token_budget: int


class CohereResponseFormat(TypedDict, total=False):
    type: Literal["text", "json_object"]
    json_schema: Json


class CohereRequest(TypedDict, total=False):
    model: str
    messages: list[CohereMessage]
    stream: bool
    tools: list[Json]
    tool_choice: Literal["REQUIRED", "NONE"]
    strict_tools: bool
    documents: list[Json]
    citation_options: Json
    response_format: CohereResponseFormat
    safety_mode: Literal["CONTEXTUAL", "STRICT", "OFF"]
    max_tokens: int
    stop_sequences: list[str]
    temperature: float
    seed: int
    frequency_penalty: float
    presence_penalty: float
    k: int
    p: float
    logprobs: bool
    thinking: CohereThinking
    priority: int


class CohereTokens(TypedDict, total=False):
    input_tokens: float
    output_tokens: float


class CohereUsage(TypedDict, total=False):
    billed_units: CohereTokens  # what is charged, often less than `tokens`
    tokens: CohereTokens  # what the model processed
    cached_tokens: float


class CohereSource(TypedDict, total=False):
    type: Literal["document", "tool"]
    id: str
    document: Json


class CohereCitation(TypedDict, total=False):
    start: int  # offset in the text of the content part `content_index`
    end: int
    text: str
    sources: list[CohereSource]
    content_index: int
    type: Literal["TEXT_CONTENT", "THINKING_CONTENT", "PLAN"]


class CohereLogprobs(TypedDict, total=False):
    text: str
    token_ids: list[int]
    logprobs: list[float]


class CohereResponseMessage(TypedDict, total=False):
    """The message of a response. Those of events contain one content part, call or citation, not a list."""

    role: Literal["assistant"]
    content: str | list[CohereText | CohereThinkingPart] | Json
    tool_calls: list[CohereToolCall] | CohereToolCall
    tool_plan: str
    citations: list[CohereCitation] | CohereCitation


class CohereResponse(TypedDict, total=False):
    id: str
    finish_reason: str  # COMPLETE, STOP_SEQUENCE, MAX_TOKENS, TOOL_CALL, ERROR, TIMEOUT
    message: CohereResponseMessage | str  # a string in an error response
    usage: CohereUsage
    logprobs: list[CohereLogprobs]


class CohereDelta(TypedDict, total=False):
    message: CohereResponseMessage
    finish_reason: str  # of message-end, as are the next two
    error: str
    usage: CohereUsage


class CohereEvent(TypedDict, total=False):
    type: str  # content-start, content-delta, tool-call-start, ..., message-end
    id: str  # of message-start: the id of the response
    index: int  # of the content part, or of the call
    delta: CohereDelta
    logprobs: CohereLogprobs
