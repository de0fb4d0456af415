"""Mistral's responses are OpenAI's, except for the `thinking` parts that `repair.split_reasoning` reads.

https://docs.mistral.ai/api/#tag/chat
"""

from __future__ import annotations

from vaultcore.dialects.openai.response import parse_error, parse_response

__all__ = ["parse_error", "parse_response"]
