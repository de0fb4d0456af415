"""TypedDicts of Gemini's generateContent and streamGenerateContent, as far as the gateway uses them.

Requests, responses and stream chunks: https://ai.google.dev/api/generate-content.
Contents and parts: https://ai.google.dev/api/caching#Content. Every stream event is a response of its own.
No field is required: a provider's data is untrusted until a reader has checked it. A field that is not listed
still travels. Modules import these names for type checking only: creating the classes slows a cold start.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from vaultcore.wire import Json


class GeminiBlob(TypedDict, total=False):
    mimeType: str
    data: str  # base64


class GeminiFileData(TypedDict, total=False):
    mimeType: str
    fileUri: str


class GeminiPartialArg(TypedDict, total=False):
    """A fragment of a call's arguments; exactly one of the values is set."""

    jsonPath: str
    stringValue: str
    numberValue: float
    boolValue: bool
    nullValue: Literal["NULL_VALUE"]


class GeminiFunctionCall(TypedDict, total=False):
    id: str
    name: str
    args: Json
    partialArgs: list[GeminiPartialArg]
    willContinue: bool


class GeminiFunctionResponse(TypedDict, total=False):
    id: str
    name: str
    response: Json
    parts: list[GeminiPart]


class GeminiPart(TypedDict, total=False):
    """A content part; one of the fields is its data, the others describe it."""

    text: str
    inlineData: GeminiBlob
    fileData: GeminiFileData
    functionCall: GeminiFunctionCall
    functionResponse: GeminiFunctionResponse
    executableCode: Json
    codeExecutionResult: Json
    toolCall: Json
    toolResponse: Json
    thought: bool
    thoughtSignature: str


class GeminiContent(TypedDict):
    """One message of a request, both fields always set by `render_contents`."""

    role: Literal["user", "model"]
    parts: list[GeminiPart]


class GeminiSystemInstruction(TypedDict):
    parts: list[GeminiPart]


class GeminiThinkingConfig(TypedDict, total=False):
    includeThoughts: bool
    thinkingBudget: int
    thinkingLevel: str


class GeminiGenerationConfig(TypedDict, total=False):
    maxOutputTokens: int
    temperature: float
    topP: float
    topK: int
    presencePenalty: float
    frequencyPenalty: float
    candidateCount: int
    seed: int
    stopSequences: list[str]
    responseLogprobs: bool
    logprobs: int
    responseMimeType: str
    responseJsonSchema: Json
    responseModalities: list[str]
    mediaResolution: str
    thinkingConfig: GeminiThinkingConfig


class GeminiFunctionDeclaration(TypedDict, total=False):
    name: str
    description: str
    parametersJsonSchema: Json


class GeminiFunctionCallingConfig(TypedDict, total=False):
    mode: Literal["AUTO", "ANY", "NONE", "VALIDATED"]
    allowedFunctionNames: list[str]


class GeminiToolConfig(TypedDict, total=False):
    functionCallingConfig: GeminiFunctionCallingConfig


class GeminiRequest(TypedDict, total=False):
    contents: list[GeminiContent]
    systemInstruction: GeminiSystemInstruction
    tools: list[Json]  # function declarations, and one object for each server tool
    toolConfig: GeminiToolConfig
    generationConfig: GeminiGenerationConfig
    serviceTier: str
    safetySettings: list[Json]
    cachedContent: str


class GeminiResponseContent(TypedDict, total=False):
    role: Literal["model"]
    parts: list[GeminiPart]


class GeminiWebPage(TypedDict, total=False):
    uri: str
    title: str


class GeminiGroundingChunk(TypedDict, total=False):
    web: GeminiWebPage
    maps: Json


class GeminiSegment(TypedDict, total=False):
    partIndex: int
    startIndex: int  # bytes of UTF-8 from the start of the part
    endIndex: int


class GeminiGroundingSupport(TypedDict, total=False):
    segment: GeminiSegment
    groundingChunkIndices: list[int]


class GeminiGroundingMetadata(TypedDict, total=False):
    groundingChunks: list[GeminiGroundingChunk]
    groundingSupports: list[GeminiGroundingSupport]
    webSearchQueries: list[str]
    imageSearchQueries: list[str]
    googleMapsWidgetContextToken: str


class GeminiTokenLogprob(TypedDict, total=False):
    token: str
    logProbability: float


class GeminiTopTokens(TypedDict, total=False):
    candidates: list[GeminiTokenLogprob]


class GeminiLogprobsResult(TypedDict, total=False):
    chosenCandidates: list[GeminiTokenLogprob]
    topCandidates: list[GeminiTopTokens]


class GeminiCandidate(TypedDict, total=False):
    index: int
    content: GeminiResponseContent
    finishReason: str
    finishMessage: str
    groundingMetadata: GeminiGroundingMetadata
    logprobsResult: GeminiLogprobsResult


class GeminiTokenDetail(TypedDict, total=False):
    modality: str
    tokenCount: int


class GeminiUsage(TypedDict, total=False):
    promptTokenCount: int
    toolUsePromptTokenCount: int
    cachedContentTokenCount: int
    candidatesTokenCount: int
    thoughtsTokenCount: int
    promptTokensDetails: list[GeminiTokenDetail]
    toolUsePromptTokensDetails: list[GeminiTokenDetail]
    cacheTokensDetails: list[GeminiTokenDetail]
    candidatesTokensDetails: list[GeminiTokenDetail]
    serviceTier: str
    trafficType: str  # the same on Vertex AI: ON_DEMAND_PRIORITY


class GeminiPromptFeedback(TypedDict, total=False):
    blockReason: str
    blockReasonMessage: str


class GeminiResponse(TypedDict, total=False):
    """A buffered response, or one event of a stream."""

    responseId: str
    modelVersion: str
    candidates: list[GeminiCandidate]
    promptFeedback: GeminiPromptFeedback
    usageMetadata: GeminiUsage
    error: Json
