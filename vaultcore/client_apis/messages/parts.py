"""Content blocks of a Messages request as content parts of chat messages.

The blocks are text, images, documents and search results: https://docs.claude.com/en/api/messages.
"""

from __future__ import annotations

from collections.abc import Iterator

from vaultcore.dialects import Change
from vaultcore.wire import Json

NO_CONTENT = ("compaction", "tool_addition", "tool_removal")  # their effect is elsewhere in the request
ESSENTIAL = ("image", "document", "container_upload")  # what the user said is in them
ANTHROPIC_ONLY = "only Anthropic can read it"


def parse_content(content: object, path: str, changes: list[Change]) -> str | list[Json]:
    """Return the parts of a message, or a string if the content is one text without cache_control."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return simplify_text(
        [part for i, block in enumerate(blocks) for part in parse_block(block, f"{path}[{i}]", changes)]
    )


def simplify_text(parts: list[Json]) -> str | list[Json]:
    """Return a single text part without cache_control as a string, which every provider accepts."""
    match parts:
        case [{"type": "text", "text": str(text), **rest}] if not rest:
            return text
        case _:
            return parts


def parse_block(block: object, path: str, changes: list[Change]) -> Iterator[Json]:
    """Yield a block's parts.

    A file that only Anthropic can read is refused, not dropped: it is part of what the user said.
    """
    fields = object_or_empty(block)
    match fields:
        case {"type": "text", "text": str(text)}:
            yield copy_cache_control({"type": "text", "text": text}, fields)
        case {"type": "image", "source": dict() as source} if (url := _source_url(source)) is not None:
            yield copy_cache_control({"type": "image_url", "image_url": {"url": url}}, fields)
        case {"type": "document", "source": dict() as source}:
            yield from _parse_document(fields, source, path, changes)
        case {"type": "search_result"}:
            _report_citations(fields, path, changes)
            title, origin = fields.get("title") or "", fields.get("source") or ""
            tag = f'<search_result title="{title}" source="{origin}">'
            text = f"{tag}\n{_joined_text(fields.get('content'))}\n</search_result>"
            yield copy_cache_control(_text_part(text), fields)
        case {"type": "tool_reference", "tool_name": str(name)}:
            changes.append(Change(path, "emulated", "sent as text: all tools are in the request"))
            yield copy_cache_control(_text_part(f"The tool {name} is available."), fields)
        case {"type": str(kind)} if kind in NO_CONTENT:
            return
        case {"type": str(kind)} if kind in ESSENTIAL:
            changes.append(Change(path, "refused", f"{kind} blocks: {ANTHROPIC_ONLY}"))
        case {"type": str(kind)} if text := _joined_text(fields.get("text") or fields.get("content")):
            changes.append(Change(path, "emulated", f"sent as text: only Anthropic reads {kind[:64]} blocks"))
            yield copy_cache_control(_text_part(text), fields)
        case {"type": str(kind)}:
            changes.append(Change(path, "dropped", f"only Anthropic reads {kind[:64]} blocks"))
        case _:
            changes.append(Change(path, "refused", "not a content block: it needs a type"))


def _parse_document(block: Json, source: Json, path: str, changes: list[Change]) -> Iterator[Json]:
    _report_citations(block, path, changes)
    title = block.get("title") if isinstance(block.get("title"), str) else None
    if isinstance(context := block.get("context"), str) and context:
        yield _text_part(context)
    match source:
        case {"type": "text", "data": str(text)}:
            yield copy_cache_control(_document_part(title, text), block)
        case {"type": "content", "content": content}:
            yield copy_cache_control(_document_part(title, _joined_text(content)), block)
            for i, inner in enumerate(content if isinstance(content, list) else []):
                if isinstance(inner, dict) and inner.get("type") != "text":
                    yield from parse_block(inner, f"{path}.source.content[{i}]", changes)
        case _ if (url := _source_url(source)) is not None:
            name = {"filename": title} if title else {}
            yield copy_cache_control({"type": "file", "file": {**name, "file_data": url}}, block)
        case _:
            reason = f"{source.get('type')} sources: {ANTHROPIC_ONLY}"
            changes.append(Change(f"{path}.source", "refused", reason))


def _source_url(source: Json) -> str | None:
    """Return the source's URL, or its data as a `data:` URL."""
    match source:
        case {"type": "base64", "media_type": str(kind), "data": str(data)}:
            return f"data:{kind};base64,{data}"
        case {"type": "url", "url": str(url)}:
            return url
        case _:
            return None


def _document_part(title: str | None, text: str) -> Json:
    tag = f'<document title="{title}">' if title else "<document>"
    return _text_part(f"{tag}\n{text}\n</document>")


def _joined_text(content: object) -> str:
    """Return the texts of a content, one per line."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    texts = [object_or_empty(block).get("text") for block in blocks]
    return "\n".join(text for text in texts if isinstance(text, str))


def _text_part(text: str) -> Json:
    return {"type": "text", "text": text}


def copy_cache_control(part: Json, block: Json) -> Json:
    """Return the part, tool call or message with the block's `cache_control`."""
    if isinstance(block.get("cache_control"), dict):
        part["cache_control"] = block["cache_control"]
    return part


def _report_citations(block: Json, path: str, changes: list[Change]) -> None:
    match block.get("citations"):
        case {"enabled": True}:
            reason = "only Anthropic cites documents of the request"
            changes.append(Change(f"{path}.citations", "dropped", reason))


def object_or_empty(value: object) -> Json:
    """Return the value if it is a JSON object, else {}."""
    return value if isinstance(value, dict) else {}
