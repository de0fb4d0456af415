"""Opaque state of other providers in `thoughtSignature`, which Google's clients return unchanged.

Google defines the field as base64 of bytes: its Python SDK decodes and encodes it. The gateway's envelope
(see client_apis/messages/opaque_state.py) is therefore encoded once more. As at Google, the state of a
message is in the part of its first tool call; without a call, it is in the last part of the text. Gemini CLI
drops parts with thoughts, so they carry none.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.client_apis.messages.opaque_state import PREFIX, pack, unpack
from vaultcore.dialects.gemini.opaque_state import SKIP_SIGNATURE
from vaultcore.opaque_state.carriers import opaque_fields
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.client_apis.gemini.fields import Fields

MESSAGE, CALL = "", "call"  # keys of a packed state: of the message, of the part's own tool call
BLOCKS = "thinking_blocks"
STANDARD = str.maketrans("-_", "+/")  # of base64; SDKs also write the URL-safe alphabet
_HEAD = b64encode(PREFIX.encode()).decode()[: len(PREFIX) * 8 // 6]  # of every signature of this gateway


def message_state(message: Mapping[str, object]) -> Json:
    """Return the opaque fields of a message or a delta, and its signed reasoning."""
    blocks = message.get(BLOCKS)
    return {**opaque_fields(message), **({BLOCKS: blocks} if isinstance(blocks, list) and blocks else {})}


def without_indexes(blocks: list[object]) -> list[object]:
    """Return reasoning blocks as a request contains them: the index tells fragments of a stream apart."""
    return [
        {name: value for name, value in block.items() if name != "index"}
        if isinstance(block, dict)
        else block
        for block in blocks
    ]


def pack_signature(message: Json, call: Json) -> str | None:
    """Return the signature that contains the state of a message and of a call; None without any."""
    state = {key: value for key, value in ((MESSAGE, message), (CALL, call)) if value}
    return b64encode(pack(state).encode()).decode() if state else None


def unpack_signature(signature: object) -> Json | None:
    """Return the state in a signature that this gateway made, or None if it is another's."""
    envelope = _decode(signature)
    return None if envelope is None else unpack({"type": "redacted_thinking", "data": envelope})


def foreign_signature(part: Fields) -> str | None:
    """Return the signature of a part if Google made it, or None."""
    signature = part.get("thoughtSignature")
    return signature if isinstance(signature, str) and signature and _decode(signature) is None else None


def remove_packed(body: Json) -> Json:
    """Return a request's body without the state of other providers, or the same object if it has none.

    A call gets Google's value for calls of other models, since Gemini 3 requires a signature. A thought of
    another model is removed.
    """
    contents = body.get("contents")
    contents = [contents] if isinstance(contents, dict) else contents
    if not isinstance(contents, list) or not any(map(_has_packed, contents)):
        return body
    cleaned = [_clean(content) if _has_packed(content) else content for content in contents]
    return {**body, "contents": [content for content in cleaned if content is not None]}


def _decode(signature: object) -> str | None:
    """Return the gateway's envelope in a signature, or None if there is none."""
    if not isinstance(signature, str) or not signature.startswith(_HEAD):
        return None
    text = signature.translate(STANDARD).rstrip("=")
    try:
        raw = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return None
    envelope = raw.decode("ascii", "replace")
    return envelope if envelope.startswith(PREFIX) else None


def _parts(content: object) -> list[object]:
    parts = content.get("parts") if isinstance(content, dict) else None
    return parts if isinstance(parts, list) else [parts] if isinstance(parts, dict) else []


def _signature(part: object) -> tuple[str, object]:
    """Return a part's field with a signature, in the client's spelling, and its value."""
    fields: Mapping[str, object] = part if isinstance(part, dict) else {}
    name = "thoughtSignature" if "thoughtSignature" in fields else "thought_signature"
    return name, fields.get(name)


def _has_packed(content: object) -> bool:
    return any(_decode(_signature(part)[1]) is not None for part in _parts(content))


def _clean(content: Json) -> Json | None:
    parts = [part for part in map(_clean_part, cast("list[Json]", _parts(content))) if part is not None]
    return {**content, "parts": parts} if parts else None


def _clean_part(part: Json) -> Json | None:
    name, signature = _signature(part)
    if _decode(signature) is None:
        return part
    if "functionCall" in part or "function_call" in part:
        return {**part, name: SKIP_SIGNATURE}
    rest = {key: value for key, value in part.items() if key != name}
    return None if part.get("thought") or rest.get("text") == "" else rest
