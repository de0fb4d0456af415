"""TypedDicts of chat completions as providers send them: variants of the types in `vaultcore.wire`.

https://platform.openai.com/docs/api-reference/chat; the SDK's `openai.types.chat`. Providers add fields and
omit required ones, so no field is required and `Json` stands where a value is only forwarded. Modules
import these names for type checking only.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from vaultcore.wire import ChatRequest, Json


class OpenAIRequest(ChatRequest, total=False):
    """The body that is sent: a ChatRequest with the provider's renames, and default fields of its row."""

    seed: int
    logprobs: bool
    top_logprobs: int
    frequency_penalty: float
    presence_penalty: float
    logit_bias: Json
    service_tier: str
    store: bool
    metadata: Json
    modalities: list[str]


class OpenAIFunctionCall(TypedDict, total=False):
    name: str | None
    arguments: str | Json | None  # some providers send an object


class OpenAIToolCall(TypedDict, total=False):
    index: int | None  # in streams only; some providers omit it or number every call 0
    id: str | None
    type: str | None
    function: OpenAIFunctionCall
    custom: Json


class OpenAIReasoningPart(TypedDict, total=False):
    """A part of Mistral's content; `repair.split_reasoning` reads it."""

    type: Literal["thinking"]
    thinking: list[Json]  # text parts
    signature: str | None


class OpenAIMessage(TypedDict, total=False):
    """A message of a response, or a delta of a stream."""

    role: str
    content: str | list[OpenAIReasoningPart | Json] | None
    refusal: str | None
    reasoning_content: str | None
    reasoning: str | Json | None
    tool_calls: list[OpenAIToolCall] | None
    function_call: Json
    audio: Json
    images: list[Json]


class OpenAIChoice(TypedDict, total=False):
    index: int | None
    message: OpenAIMessage
    delta: OpenAIMessage | None  # in streams only
    finish_reason: str | None
    logprobs: Json | None
    error: Json  # OpenRouter: an error of this choice only


class OpenAIResponse(TypedDict, total=False):
    """A response, or a chunk of a stream."""

    id: str
    object: str
    created: int | float
    model: str
    choices: list[OpenAIChoice]
    usage: Json | None
    service_tier: str | None
    error: Json | str
    base_resp: Json  # MiniMax
    x_groq: Json  # Groq: the usage of a stream
    obfuscation: str  # OpenAI: padding against traffic analysis
