"""Estimates tokens without a tokenizer, for when the provider reports none or has not reported them yet.

Every model family has its own tokenizer, and they differ by a third. Letters, other ASCII characters and
bytes beyond ASCII are counted separately. For half of all prompts, long and short, the estimate is within
20 % of the provider's count. Text that a provider adds itself is not known here, above all instructions for
tools.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from vaultcore.casts import cast
from vaultcore.wire import ChatRequest, Json

LETTERS = 4.6  # ASCII letters and spaces per token
MARKS = 1.7  # ASCII punctuation marks and digits per token
BYTES = 3.6  # bytes beyond ASCII per token
PER_MESSAGE = 4  # tokens of role and delimiters
PER_TOOL = 12  # tokens
IMAGE = 1_100  # tokens of an image of common size; its real size would require decoding it
BYTES_OF_FILE = 20  # bytes of a document per token: PDFs are mostly not text

_LETTERS = str.maketrans("", "", "0123456789!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\n\t")


def estimate_tokens(text: str) -> int:
    """Return the estimated tokens of a text."""
    if not text:
        return 0
    beyond_ascii = 0
    if not text.isascii():
        plain = text.encode("ascii", "ignore").decode()
        beyond_ascii = len(text.encode("utf-8", "replace")) - len(plain)
        text = plain
    letters = len(text.translate(_LETTERS))
    return max(1, round(letters / LETTERS + (len(text) - letters) / MARKS + beyond_ascii / BYTES))


def estimate_request(request: ChatRequest) -> int:
    """Return the estimated prompt tokens of a chat request: messages, tools and response format."""
    total = 0
    for message in request.get("messages") or ():
        content = message.get("content")
        is_text = len(message) == 2 and type(content) is str  # a role and a text, as most are
        total += PER_MESSAGE
        total += estimate_tokens(cast(str, content)) if is_text else _message(cast(Json, message))
    for tool in request.get("tools") or ():
        total += PER_TOOL + estimate_tokens(_dump(tool.get("function") or tool))
    response_format = request.get("response_format")
    return total + (estimate_tokens(_dump(response_format)) if response_format else 0)


def _message(message: Mapping[str, object]) -> int:
    calls = message.get("tool_calls")
    content = _content(message.get("content")) + _content(message.get("reasoning_content"))
    return content + (estimate_tokens(_dump(calls)) if calls else 0)


def _content(content: object) -> int:
    match content:
        case str():
            return estimate_tokens(content)
        case list():
            return sum(map(_part, content))
        case _:
            return 0


def _part(part: object) -> int:
    match part:
        case {"type": "text", "text": str(text)}:
            return estimate_tokens(text)
        case {"type": "image_url"}:
            return IMAGE
        case {"type": "file", "file": {"file_data": str(data)}}:
            return max(IMAGE, len(data) * 3 // 4 // BYTES_OF_FILE)
        case _:
            return 0


def _dump(value: Json | Sequence[object] | object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
