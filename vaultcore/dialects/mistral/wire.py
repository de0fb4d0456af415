"""TypedDicts of Mistral's chat completions, where they differ from OpenAI's.

https://docs.mistral.ai/api/#tag/chat; the SDK's `mistralai.client.models`. Responses and streams are those
of `vaultcore.dialects.openai.wire`, where content may be a list with an `OpenAIReasoningPart`. Modules
import these names for type checking only.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from vaultcore.dialects.openai.wire import OpenAIRequest
from vaultcore.wire import Json, ToolCall


class MistralText(TypedDict):
    type: Literal["text"]
    text: str


class MistralThinking(TypedDict):
    type: Literal["thinking"]
    thinking: list[MistralText]
    closed: bool


class MistralFile(TypedDict):
    type: Literal["file"]
    file_id: str


class MistralDocument(TypedDict, total=False):
    type: Literal["document_url"]
    document_url: str  # https or a data URI
    document_name: str


MistralPart = MistralText | MistralThinking | MistralFile | MistralDocument | Json  # of a request


class MistralMessage(TypedDict, total=False):
    role: Literal["system", "user", "assistant", "tool"]
    content: str | list[MistralPart]
    tool_calls: list[ToolCall]  # of an assistant; ids have nine letters or digits
    prefix: bool  # of a trailing assistant message: the model continues it
    tool_call_id: str  # of a tool
    name: str  # of a tool


class MistralRequest(OpenAIRequest, total=False):
    random_seed: int
    safe_prompt: bool
    prompt_mode: Literal["reasoning"]
