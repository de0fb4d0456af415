"""How many tokens a request is, roughly and at once: for where nobody counts, or nobody has counted yet.

No tokenizer: every family has its own, and they differ by a third. Letters, marks and everything beyond ASCII
are counted apart. Half of all prompts come out right within a fifth, long ones and short ones alike; what
providers add themselves, instructions for tools above all, nobody outside can count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import cast

from vaultcore.wire import ChatRequest, Json

LETTERS = 4.6  # of ASCII per token, blanks among them
MARKS = 1.7  # of punctuation and digits per token
BYTES = 3.6  # of everything beyond ASCII per token
PER_MESSAGE = 4  # role and delimiters
PER_TOOL = 12
IMAGE = 1_100  # of ordinary size; who knows the size would have to decode it
BYTES_OF_FILE = 20  # of a document per token: PDFs are mostly not text

_LETTERS = str.maketrans("", "", "0123456789!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\n\t")


def tokens(text: str) -> int:
    """The tokens of a text."""
    if not text:
        return 0
    beyond = 0
    if not text.isascii():
        plain = text.encode("ascii", "ignore").decode()
        beyond = len(text.encode("utf-8", "replace")) - len(plain)
        text = plain
    letters = len(text.translate(_LETTERS))
    return max(1, round(letters / LETTERS + (len(text) - letters) / MARKS + beyond / BYTES))


def estimate(request: ChatRequest) -> int:
    """The tokens of everything a chat request sends: messages, tools and the shape of the answer."""
    told = sum(PER_MESSAGE + _message(cast(Json, message)) for message in request.get("messages") or ())
    tools = sum(PER_TOOL + tokens(_dump(tool.get("function") or tool)) for tool in request.get("tools") or ())
    shape = request.get("response_format")
    return told + tools + (tokens(_dump(shape)) if shape else 0)


def _message(message: Mapping[str, object]) -> int:
    calls = message.get("tool_calls")
    told = _content(message.get("content")) + _content(message.get("reasoning_content"))
    return told + (tokens(_dump(calls)) if calls else 0)


def _content(content: object) -> int:
    match content:
        case str():
            return tokens(content)
        case list():
            return sum(map(_part, content))
        case _:
            return 0


def _part(part: object) -> int:
    match part:
        case {"type": "text", "text": str(text)}:
            return tokens(text)
        case {"type": "image_url"}:
            return IMAGE
        case {"type": "file", "file": {"file_data": str(data)}}:
            return max(IMAGE, len(data) * 3 // 4 // BYTES_OF_FILE)
        case _:
            return 0


def _dump(value: Json | Sequence[object] | object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
