"""Opaque state: data that only Google can read and that the client returns with the next request.

Thought signatures: https://ai.google.dev/gemini-api/docs/thought-signatures. Like Google's OpenAI-compatible
endpoint, the gateway puts the signature of a tool call in its `extra_content.google.thought_signature`. For
other parts, the message has `extra_content.google.parts`, a list of `{start, end, part}`: `part` contains the
fields that belong to the text from `start` to `end`. If both are equal, `part` is complete and has no text.
Only Google receives this state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.dialects.gemini.wire import GeminiPart

SKIP_SIGNATURE = "skip_thought_signature_validator"  # Google's value for a call that has no signature
SERVER_PARTS = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")  # of Google's own tools


def wrap_signature(signature: object) -> Json | None:
    """Return the `extra_content` of a tool call or an image, or None if it has no signature."""
    if not isinstance(signature, str) or not signature:
        return None
    return {"google": {"thought_signature": signature}}


def build_item(index: int, start: int, end: int, part: GeminiPart) -> Json:
    """Return one item of `extra_content.google.parts`."""
    return {"index": index, "start": start, "end": end, "part": part}


def find_signature(source: Mapping[str, object]) -> str | None:
    """Return the signature that the client sends with a call, an image or a message, or None."""
    match source.get("extra_content"):
        case {"google": {"thought_signature": str(signature)}} if signature:
            return signature
        case _:
            return None


def is_from_google(message: Mapping[str, object]) -> bool:
    """Return True if the message or one of its calls carries state of Google."""
    calls = message.get("tool_calls")
    sources = [message]
    if isinstance(calls, list):
        sources += [call for call in calls if isinstance(call, dict)]
    contents = (source.get("extra_content") for source in sources)
    return any(isinstance(extra, dict) and bool(extra.get("google")) for extra in contents)


def split_text(message: Mapping[str, object], text: str) -> list[GeminiPart] | None:
    """Return the text divided into its original parts, or None if the state does not fit the text."""
    match message.get("extra_content"):
        case {"google": {"parts": list() as items}} if items:
            pass
        case {"google": {"thought_signature": str(signature)}} if signature:
            return [{"text": text, "thoughtSignature": signature}]
        case _:
            return [{"text": text}] if text else []
    parts: list[GeminiPart] = []
    position = 0
    for item in items:
        match item:
            case {"start": int(start), "end": int(end), "part": dict() as part}:
                if not (position <= start <= end <= len(text) and _is_valid(part)):
                    return None
            case _:
                return None
        if start > position:
            parts.append({"text": text[position:start]})
        is_complete = any(name in part for name in SERVER_PARTS)
        parts.append(cast("GeminiPart", part if is_complete else {"text": text[start:end], **part}))
        position = end
    if position < len(text):
        parts.append({"text": text[position:]})
    return parts


def _is_valid(part: Json) -> bool:
    """Return True if the part looks like one that the gateway issued. Only Google receives it."""
    if any(name in part for name in SERVER_PARTS):
        return all(isinstance(part.get(name, {}), dict) for name in SERVER_PARTS)
    return isinstance(part.get("thoughtSignature"), str) and part.keys() == {"thoughtSignature"}
