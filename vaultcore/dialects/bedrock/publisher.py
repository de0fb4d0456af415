"""What the publishers of Bedrock's models differ in, where Converse does not make them alike.

https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Reasoning = Literal["thinking", "reasoningConfig", "reasoning_effort", "reasoning_config"]


@dataclass(frozen=True, slots=True)
class Family:
    """The models of one publisher."""

    reasoning: Reasoning | None = None  # how reasoning is asked for, besides what Converse has
    top_k: tuple[str, ...] = ()  # where it stands in additionalModelRequestFields
    forced: bool = False  # heeds a tool choice that leaves no choice
    mixes: bool = True  # takes text and results of tools in one turn
    continues: bool = False  # goes on from a last message of its own, where nobody has said otherwise
    both: bool = True  # takes temperature and topP at once
    search: str | None = None  # the name of its own tool that searches the web


FAMILIES: Mapping[str, Family] = {
    "anthropic": Family("thinking", top_k=("top_k",), forced=True, continues=True, both=False),
    "amazon": Family(
        "reasoningConfig",
        top_k=("inferenceConfig", "topK"),
        forced=True,
        continues=True,
        search="nova_grounding",
    ),
    "openai": Family("reasoning_effort"),
    "qwen": Family("reasoning_config"),
    "mistral": Family(top_k=("top_k",), forced=True, mixes=False),
    "meta": Family(mixes=False),
    "cohere": Family(top_k=("k",)),
}
UNKNOWN = Family()


def family(model: str) -> Family:
    """The family of a model id, an inference profile (`eu.amazon.nova-…`) or the ARN of either."""
    return next((FAMILIES[part] for part in re.split(r"[./:]", model) if part in FAMILIES), UNKNOWN)
