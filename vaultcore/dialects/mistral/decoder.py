"""Mistral's streams are OpenAI's, except for the `thinking` parts that `repair.split_reasoning` reads.

https://docs.mistral.ai/api/#tag/chat
"""

from __future__ import annotations

from vaultcore.dialects.openai import create_decoder

__all__ = ["create_decoder"]
