"""Request fields whose value says what happens anyway: leaving them out loses nothing."""

from __future__ import annotations

from collections.abc import Mapping

NEUTRAL: Mapping[str, tuple[object, ...]] = {
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
    "stream_options": ({"include_usage": True}, {"include_usage": False}),  # counted in any case
    "metadata": ({},),
    "tools": ([],),
    "stop": ([],),
}


def neutral(field: str, value: object) -> bool:
    """Whether a request is the same without this field."""
    return value is None or any(value == usual for usual in NEUTRAL.get(field, ()))
