"""Recognizes requests with nothing but texts, as most are: adaptations of anything else can be skipped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FIELDS = frozenset(
    {
        *("model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "stop", "seed"),
        *("stream", "stream_options", "n", "user"),
    }
)
MESSAGE = frozenset({"role", "content"})
ROLES = frozenset({"system", "developer", "user", "assistant"})


def is_plain(request: Mapping[str, Any]) -> bool:
    """Return True if the messages of a chat request are texts, and nothing else asks for more than text.

    There are no tools, media, opaque state, cache marks, schemas and reasoning then.

    >>> is_plain({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
    True
    >>> is_plain({"model": "m", "messages": [{"role": "user", "content": "Hi", "name": "a"}]})
    False
    """
    if not request.keys() <= FIELDS:
        return False
    for message in request["messages"]:  # a loop: a generator would take a call for every message
        if message.keys() != MESSAGE or type(message["content"]) is not str or message["role"] not in ROLES:
            return False
    return True
