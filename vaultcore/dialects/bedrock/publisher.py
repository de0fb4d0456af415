"""Differences between the publishers of Bedrock's models that Converse does not hide.

https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from vaultcore.lazy_dataclass import dataclass

ReasoningField = Literal["thinking", "reasoningConfig", "reasoning_effort", "reasoning_config"]


@dataclass(frozen=True, slots=True)
class Publisher:
    """The features of one publisher's models. A capability in the catalog takes precedence."""

    reasoning: ReasoningField | None = None  # its field in additionalModelRequestFields
    top_k: tuple[str, ...] = ()  # path of top_k in additionalModelRequestFields; empty if not supported
    forced_tool_use: bool = False  # obeys a tool choice that requires a call
    mixes_results: bool = True  # accepts tool results and other parts in one message
    prefill: bool = False  # continues a last message of the assistant
    combines_sampling: bool = True  # accepts temperature and topP together
    search_tool: str | None = None  # name of the system tool that searches the web


PUBLISHERS: Mapping[str, Publisher] = {
    "anthropic": Publisher(
        "thinking", top_k=("top_k",), forced_tool_use=True, prefill=True, combines_sampling=False
    ),
    "amazon": Publisher(
        "reasoningConfig",
        top_k=("inferenceConfig", "topK"),
        forced_tool_use=True,
        prefill=True,
        search_tool="nova_grounding",
    ),
    "openai": Publisher("reasoning_effort"),
    "qwen": Publisher("reasoning_config"),
    "mistral": Publisher(top_k=("top_k",), forced_tool_use=True, mixes_results=False),
    "meta": Publisher(mixes_results=False),
    "cohere": Publisher(top_k=("k",)),
}
UNKNOWN = Publisher()


def find_publisher(model: str) -> Publisher:
    """Return the publisher of a model id, an inference profile (`eu.amazon.nova-…`) or an ARN of either."""
    return next((PUBLISHERS[part] for part in re.split(r"[./:]", model) if part in PUBLISHERS), UNKNOWN)
