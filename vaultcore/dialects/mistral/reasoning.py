"""Reasoning of earlier responses as `thinking` parts: https://docs.mistral.ai/capabilities/reasoning/."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.dialects.mistral.wire import MistralThinking

REASONING = ("reasoning_content", "reasoning")  # fields of an assistant message, the preferred one first


def add_reasoning(rendered: Json, path: str, message: Json, target: Target, changes: list[Change]) -> Json:
    """Return the rendered message with the reasoning of `message` as the first part of its content.

    A model that does not reason gets no such part, nor does a message without text and calls; both are
    reported.

    >>> message = {"role": "assistant", "content": "Yes.", "reasoning": "Hm"}
    >>> [part["type"] for part in add_reasoning(message, "messages[0]", message, target, [])["content"]]
    ['thinking', 'text']
    """
    name = next((name for name in REASONING if message.get(name)), None)
    if name is None:
        return rendered
    text, content = message[name], rendered.get("content") or []
    if reason := _refusal(text, rendered, target):
        changes.append(Change(f"{path}.{name}", "dropped", reason))
        return rendered
    part: MistralThinking = {"type": "thinking", "thinking": [{"type": "text", "text": text}], "closed": True}
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return {**rendered, "content": [part, *parts]}


def _refusal(text: object, rendered: Json, target: Target) -> str | None:
    """Return why the message cannot have the text as a `thinking` part, or None."""
    if not isinstance(text, str):
        return "reasoning must be a string"
    if rendered["role"] != "assistant":
        return f"Mistral has no such field in {rendered['role']} messages"
    if target.model.capabilities.thinking == "none":
        return "this model does not reason"
    if not (rendered.get("content") or rendered.get("tool_calls")):
        return "Mistral rejects an assistant message without text and calls"
    return None
