"""Finds input whose tokens nobody can count before the call, and tools that the provider runs itself.

Everything is recognized by its shape in the body that the client sent, in any dialect:

    {"file_id": "file-1"}                    a file by id
    {"image_url": {"url": "https://…"}}      a URL that the provider fetches
    {"file_data": "data:application/pdf;…"}  a document: compressed, so its bytes do not bound its text
    {"type": "web_search"}                   a tool that the provider runs

Text, images in the request and plain-text files are bounded by their bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from vaultcore.first_use import lazy_pattern
from vaultcore.wire import Json

INPUTS = (  # fields that hold the conversation
    *("messages", "input", "system", "instructions"),
    *("contents", "systemInstruction", "system_instruction"),
)
BY_REFERENCE = (  # stored prompts, cached input, responses to continue
    *("prompt", "cached_content", "cachedContent", "continuationToken", "continuation_token"),
)
SERVER_FIELDS = (  # of a request; each turns on tools of the provider
    *("web_search_options", "plugins", "mcp_servers", "search_parameters", "enable_search"),
    *("data_sources", "connectors", "compound_custom"),
)
# Types of tools that the client runs. Any other type is a tool of the provider.
CLIENT_TOOLS = lazy_pattern(
    r"function|custom|(bash|text_editor|computer|memory)_\w+|computer|local_shell|shell|apply_patch"
)
# Types of parts that are text in the request: read by bytes, also where they quote an address.
TEXT_PARTS = lazy_pattern(
    r"(input_|output_|summary_|reasoning_)?text|refusal|reasoning|thinking|redacted_thinking|search_result"
    r"|tool_use|compaction|\w+_call|\w+_tool_(use|result)"
)
REFERENCES = ("file_id", "file_url", "file_uri", "fileUri", "video_url", "audio_url", "document_url")
# Fields of a part that are not input, or are text.
SKIPPED = frozenset(
    [
        *("type", "role", "name", "id", "text", "content", "output", "title", "context", "filename"),
        *("detail", "arguments", "tool_calls", "function_call", "tool_call_id", "tool_use_id", "call_id"),
        *("annotations", "citations", "cache_control", "thinking_blocks", "reasoning_content"),
        *("reasoning_details", "extra_content", "metadata", "status", "phase"),
        *("functionCall", "response", "executableCode", "codeExecutionResult", "thoughtSignature"),
        *("executable_code", "code_execution_result", "thought_signature"),
    ]
)
FUNCTIONS = {"functionDeclarations", "function_declarations"}  # Google's field for the client's tools
MIME_TYPES = ("mimeType", "mime_type")
GOOGLE_PARTS = frozenset(  # fields of Google's parts that the chat form of a request contains
    [
        *("text", "inlineData", "fileData", "functionCall", "functionResponse"),
        *("inline_data", "file_data", "function_call", "function_response"),
        *("executableCode", "codeExecutionResult", "executable_code", "code_execution_result", "thought"),
    ]
)
ADDRESS = lazy_pattern(r"(https?|gs|s3|file)://", re.IGNORECASE)
BOUNDED_DATA = lazy_pattern(r"(data:)?(image|text)/", re.IGNORECASE)  # data URIs and media types
BOUNDED_AUDIO = ("wav", "mp3", "pcm16", "g711_ulaw", "g711_alaw")  # with a minimum of bytes per second


def find_unbounded(body: Mapping[str, object]) -> str | None:
    """Return the path of the first input without a bound, such as `messages[0].content[1].file_id`.

    >>> find_unbounded({"messages": [{"role": "user", "content": "hi"}]}) is None
    True
    """
    for name in BY_REFERENCE:
        if isinstance(body.get(name), str | dict):
            return name
    for name in INPUTS:
        items = body.get(name)
        if isinstance(items, dict) and (place := _search(items, name)):
            return place
        for i, item in enumerate(items if isinstance(items, list) else ()):
            # Most messages have only a role and a text; searching them too takes 3 µs each.
            is_text = isinstance(item, dict) and len(item) == 2 and isinstance(item.get("content"), str)
            if not is_text and (place := _search(item, f"{name}[{i}]")):
                return place
    return find_server_tool(body)


def find_server_tool(body: Mapping[str, object]) -> str | None:
    """Return the path of the first tool that the provider runs itself, such as `tools[0]`, or None."""
    for name in SERVER_FIELDS:
        if body.get(name) not in (None, False, []):
            return name
    tools = body.get("tools")
    if isinstance(tools, dict):
        return None if _is_client_tool(tools) else "tools"
    for i, tool in enumerate(tools if isinstance(tools, list) else ()):
        if isinstance(tool, dict) and tool.get("type") != "function" and not _is_client_tool(tool):
            return f"tools[{i}]"
    return None


def opaque_parts(body: Mapping[str, object], known: Sequence[str]) -> Iterator[Json]:
    """Yield the items and content parts of the conversation whose type is not in `known`.

    Of Google's parts, yield the fields that are not in GOOGLE_PARTS.
    """
    for name in INPUTS:
        value = body.get(name)
        for item in _items(value):
            parts = item.get("content") if isinstance(item, dict) else None
            for each in (item, *(parts if isinstance(parts, list) else ())):
                if isinstance(each, dict) and isinstance(each.get("type"), str) and each["type"] not in known:
                    yield each
            google_parts = item.get("parts") if isinstance(item, dict) else None
            for part in _items(google_parts):
                if isinstance(part, dict) and not part.keys() <= GOOGLE_PARTS:
                    yield {name: value for name, value in part.items() if name not in GOOGLE_PARTS}


def _items(value: object) -> Sequence[object]:
    """Return the items of a list; Google also accepts a single item without its list."""
    return value if isinstance(value, list) else [value] if isinstance(value, dict) else []


def _is_client_tool(tool: Json) -> bool:
    kind = tool.get("type")
    if kind is None and not tool.keys().isdisjoint(FUNCTIONS):
        return tool.keys() <= FUNCTIONS
    if kind is None:
        return "function" in tool or "input_schema" in tool or "parameters" in tool or "toolSpec" in tool
    return isinstance(kind, str) and bool(CLIENT_TOOLS.fullmatch(kind))


def _search(value: object, path: str) -> str | None:
    """Return the path of the first input without a bound below a value, or None."""
    if type(value) is dict and len(value) == 1 and "text" in value:  # Google's parts, most of them
        return None
    match value:
        case list():
            places = (_search(each, f"{path}[{i}]") for i, each in enumerate(value))
        case {"type": str(kind)} if TEXT_PARTS.fullmatch(kind):
            return None
        case {"type": "item_reference"} | {"type": "video"} | {"type": "container_upload"}:
            return path
        case dict():
            places = (_search_field(value, name, each, path) for name, each in value.items())
        case str() if ADDRESS.match(value) or (value[:5] == "data:" and not BOUNDED_DATA.match(value)):
            return path
        case _:
            return None
    return next((place for place in places if place), None)


def _search_field(holder: Json, name: str, value: object, path: str) -> str | None:
    """Return the path of an input without a bound in one field of a part, or None."""
    place = f"{path}.{name}"
    match name, value:
        case (("content" | "output"), list() | dict()):
            return _search(value, place)  # parts inside a message or a tool's result
        case _ if name in SKIPPED:
            is_bounded = True
        case "file_data", str():
            is_bounded = bool(BOUNDED_DATA.match(value))
        case "audio", {"id": str()}:
            is_bounded = False  # an earlier answer, by id
        case "input_audio", {"format": str(kind), "data": str(data)}:
            is_bounded = kind in BOUNDED_AUDIO and not ADDRESS.match(data)
        case "data", str() if mime_type := next(filter(None, map(holder.get, MIME_TYPES)), None):
            is_bounded = bool(BOUNDED_DATA.match(str(mime_type)))
        case "data", str() if holder.get("type") == "base64":
            is_bounded = bool(BOUNDED_DATA.match(str(holder.get("media_type"))))
        case _, str() | dict() if name in REFERENCES:
            is_bounded = False
        case _:
            return _search(value, place)
    return None if is_bounded else place
