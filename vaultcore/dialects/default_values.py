"""Values of chat-completion request fields that equal the provider's default.

Defaults: https://platform.openai.com/docs/api-reference/chat/create. Leaving such a field out loses
nothing, so a translation does not report it.
"""

from __future__ import annotations

from collections.abc import Mapping

DEFAULTS: Mapping[str, tuple[object, ...]] = {
    "n": (1,),
    "temperature": (1,),
    "top_p": (1,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "parallel_tool_calls": (True,),
    "tool_choice": ("auto",),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "service_tier": ("auto",),
    "verbosity": ("medium",),
    "store": (False,),
    "stream": (False,),
    # The gateway always requests usage and hides it from clients that did not.
    "stream_options": ({"include_usage": True}, {"include_usage": False}),
    "metadata": ({},),
    "tools": ([],),
    "stop": ([],),
}


def is_default(field: str, value: object) -> bool:
    """Return True if the request means the same without this field."""
    return value is None or any(value == default for default in DEFAULTS.get(field, ()))
