"""TypedDicts of Bedrock's Converse and ConverseStream, as far as the gateway writes or reads them.

Requests and responses: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.
Stream events: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html.
The names follow botocore's service model `bedrock-runtime`. In JSON, bytes are base64 text.
No field is required: a provider's data is untrusted until a reader has checked it. A field that is not listed
still travels. Modules import these names for type checking only: creating the classes slows a cold start.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from vaultcore.wire import Json


class ConverseS3Location(TypedDict, total=False):
    uri: str


class ConverseSource(TypedDict, total=False):
    """The data of an image, a document, a video or a sound; exactly one field is set."""

    bytes: str
    s3Location: ConverseS3Location


class ConverseMedia(TypedDict, total=False):
    format: str
    name: str  # documents only
    source: ConverseSource


class ConverseCachePoint(TypedDict, total=False):
    type: Literal["default"]
    ttl: Literal["5m", "1h"]


class ConverseToolUse(TypedDict, total=False):
    toolUseId: str
    name: str
    input: Json | None
    type: Literal["server_tool_use"]


class ConverseToolResult(TypedDict, total=False):
    toolUseId: str
    content: list[ConverseBlock]
    status: Literal["success", "error"]


class ConverseReasoningText(TypedDict, total=False):
    text: str
    signature: str


class ConverseReasoningContent(TypedDict, total=False):
    reasoningText: ConverseReasoningText
    redactedContent: str


class ConverseWebLocation(TypedDict, total=False):
    url: str


class ConverseLocation(TypedDict, total=False):
    web: ConverseWebLocation


class ConverseCitation(TypedDict, total=False):
    title: str
    source: str  # of a search result of the request
    location: ConverseLocation


class ConverseGeneratedText(TypedDict, total=False):
    text: str


class ConverseCitations(TypedDict, total=False):
    content: list[ConverseGeneratedText]
    citations: list[ConverseCitation]


class ConverseBlock(TypedDict, total=False):
    """A content block; exactly one field is set."""

    text: str
    image: ConverseMedia
    document: ConverseMedia
    video: ConverseMedia
    audio: ConverseMedia
    toolUse: ConverseToolUse
    toolResult: ConverseToolResult
    cachePoint: ConverseCachePoint
    reasoningContent: ConverseReasoningContent
    citationsContent: ConverseCitations


class ConverseMessage(TypedDict):
    """One message of a request, both fields always set by `render_conversation`."""

    role: Literal["user", "assistant", "system"]
    content: list[ConverseBlock]


class ConverseInferenceConfig(TypedDict, total=False):
    maxTokens: int
    temperature: float
    topP: float
    stopSequences: list[str]


class ConverseInputSchema(TypedDict, total=False):
    json: Json


class ConverseToolSpec(TypedDict, total=False):
    name: str
    description: str
    inputSchema: ConverseInputSchema
    strict: bool


class ConverseSystemTool(TypedDict, total=False):
    name: str


class ConverseTool(TypedDict, total=False):
    """A tool or a cache point behind it; exactly one field is set."""

    toolSpec: ConverseToolSpec
    systemTool: ConverseSystemTool
    cachePoint: ConverseCachePoint


class ConverseNamedTool(TypedDict, total=False):
    name: str


class ConverseToolChoice(TypedDict, total=False):
    """Exactly one field is set."""

    auto: Json
    any: Json
    tool: ConverseNamedTool


class ConverseToolConfig(TypedDict, total=False):
    tools: list[ConverseTool]
    toolChoice: ConverseToolChoice


class ConverseJsonSchema(TypedDict, total=False):
    schema: str  # JSON text
    name: str
    description: str


class ConverseStructure(TypedDict, total=False):
    jsonSchema: ConverseJsonSchema


class ConverseTextFormat(TypedDict, total=False):
    type: Literal["json_schema"]
    structure: ConverseStructure


class ConverseOutputConfig(TypedDict, total=False):
    textFormat: ConverseTextFormat
    effort: str


class ConverseServiceTier(TypedDict, total=False):
    type: str


class ConverseRequest(TypedDict, total=False):
    messages: list[ConverseMessage]
    system: list[ConverseBlock]
    inferenceConfig: ConverseInferenceConfig
    toolConfig: ConverseToolConfig
    outputConfig: ConverseOutputConfig
    additionalModelRequestFields: Json
    requestMetadata: dict[str, str]
    serviceTier: ConverseServiceTier


class ConverseCacheDetail(TypedDict, total=False):
    ttl: Literal["5m", "1h"]
    inputTokens: int


class ConverseUsage(TypedDict, total=False):
    inputTokens: int
    outputTokens: int
    cacheReadInputTokens: int
    cacheWriteInputTokens: int
    cacheDetails: list[ConverseCacheDetail]


class ConverseResponseMessage(TypedDict, total=False):
    role: Literal["assistant"]
    content: list[ConverseBlock]


class ConverseOutput(TypedDict, total=False):
    message: ConverseResponseMessage


class ConverseResponse(TypedDict, total=False):
    output: ConverseOutput
    stopReason: str
    usage: ConverseUsage
    serviceTier: ConverseServiceTier


class ConverseBlockStart(TypedDict, total=False):
    toolUse: ConverseToolUse


class ConverseToolUseDelta(TypedDict, total=False):
    input: str  # a fragment of JSON text


class ConverseReasoningDelta(TypedDict, total=False):
    text: str
    signature: str
    redactedContent: str


class ConverseDelta(TypedDict, total=False):
    """A fragment of a content block; exactly one field is set."""

    text: str
    toolUse: ConverseToolUseDelta
    reasoningContent: ConverseReasoningDelta
    citation: ConverseCitation


class ConverseEvent(TypedDict, total=False):
    """The data of one stream event; the event's name says which fields are set."""

    contentBlockIndex: int
    start: ConverseBlockStart
    delta: ConverseDelta
    stopReason: str
    usage: ConverseUsage
    serviceTier: ConverseServiceTier
