"""Request bodies by shape: chat completions of different sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PROMPT = "Say hello in five words, please."
LINE = (
    "A line of a long conversation, as a person and a model exchange it in practice, with a hundred letters. "
)
FILLER = " Word."

Body = dict[str, Any]


def short() -> Body:
    """Return two messages, 200 bytes."""
    system = {"role": "system", "content": "You are a helpful assistant."}
    return {"messages": [system, {"role": "user", "content": PROMPT}], "max_tokens": 64}


def kilobytes(count: int) -> Body:
    """Return two messages, the second with `count` kB of text."""
    body = short()
    body["messages"][-1]["content"] += FILLER * (count * 1_000 // len(FILLER))
    return body


def conversation() -> Body:
    """Return 200 messages, 30 kB."""
    body = short()
    turns = [
        {"role": "user" if index % 2 else "assistant", "content": f"{index}: {LINE}"} for index in range(198)
    ]
    return {**body, "messages": body["messages"] + turns}


def tools() -> Body:
    """Return 64 tools with nested schemas, 30 kB."""
    return {**short(), "tools": [_tool(index) for index in range(64)]}


def _tool(index: int) -> Body:
    point = {"type": "object", "properties": {"x": {"type": "integer"}, "y": {"type": "number"}}}
    properties = {
        "place": {"type": "string", "description": "name of the place"},
        "unit": {"type": "string", "enum": ["metre", "foot", "mile"]},
        "points": {"type": "array", "items": point},
    }
    schema = {
        "type": "object",
        "required": ["place"],
        "additionalProperties": False,
        "properties": properties,
    }
    description = f"Measures quantity {index} at a place and returns it in the requested unit."
    return {
        "type": "function",
        "function": {"name": f"measure_{index}", "description": description, "parameters": schema},
    }


SHAPES: dict[str, Callable[[], Body]] = {
    "short": short,
    "100kb": lambda: kilobytes(100),
    "messages": conversation,
    "tools": tools,
    "1mb": lambda: kilobytes(1_000),
}
