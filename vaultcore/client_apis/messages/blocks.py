"""Content blocks of a client as parts of chat messages: text, images, documents, search results."""

from __future__ import annotations

from collections.abc import Iterator

from vaultcore.dialects import Change
from vaultcore.wire import Json

ELSEWHERE = "only Anthropic can read it"


def read_content(content: object, path: str, changes: list[Change]) -> str | list[Json]:
    """The parts of a message; the bare text where it is one text without marks."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    parts = [part for i, block in enumerate(blocks) for part in read_block(block, f"{path}[{i}]", changes)]
    return bare(parts)


def bare(parts: list[Json]) -> str | list[Json]:
    """One text without marks as a string, which every provider takes."""
    match parts:
        case [{"type": "text", "text": str(text), **rest}] if not rest:
            return text
        case _:
            return parts


def read_block(block: object, path: str, changes: list[Change]) -> Iterator[Json]:
    """A block's parts. One that no other provider could read is refused: the user's own words may not go."""
    told = an_object(block)
    match told:
        case {"type": "text", "text": str(text)}:
            yield marked({"type": "text", "text": text}, told)
        case {"type": "image", "source": dict() as source} if (url := _url(source)) is not None:
            yield marked({"type": "image_url", "image_url": {"url": url}}, told)
        case {"type": "document", "source": dict() as source}:
            yield from _document(told, source, path, changes)
        case {"type": "search_result"}:
            _no_citations(told, path, changes)
            head = f'<search_result title="{told.get("title") or ""}" source="{told.get("source") or ""}">'
            yield marked(_text(f"{head}\n{_words(told.get('content'))}\n</search_result>"), told)
        case {"type": str(kind)}:
            changes.append(Change(path, "refused", f"{kind} blocks: {ELSEWHERE}"))
        case _:
            changes.append(Change(path, "refused", "this is no content block"))


def _document(block: Json, source: Json, path: str, changes: list[Change]) -> Iterator[Json]:
    _no_citations(block, path, changes)
    title = block.get("title") if isinstance(block.get("title"), str) else None
    if isinstance(context := block.get("context"), str) and context:
        yield _text(context)
    match source:
        case {"type": "text", "data": str(words)}:
            yield marked(_titled(title, words), block)
        case {"type": "content", "content": content}:
            yield marked(_titled(title, _words(content)), block)
            inner = content if isinstance(content, list) else []
            for i, each in enumerate(inner):
                if isinstance(each, dict) and each.get("type") != "text":
                    yield from read_block(each, f"{path}.source.content[{i}]", changes)
        case _ if (url := _url(source)) is not None:
            yield marked(
                {"type": "file", "file": {"filename": title or "document.pdf", "file_data": url}}, block
            )
        case _:
            changes.append(Change(f"{path}.source", "refused", f"{source.get('type')} sources: {ELSEWHERE}"))


def _url(source: Json) -> str | None:
    """Where the data are: at a URL, or in one."""
    match source:
        case {"type": "base64", "media_type": str(kind), "data": str(data)}:
            return f"data:{kind};base64,{data}"
        case {"type": "url", "url": str(url)}:
            return url
        case _:
            return None


def _titled(title: str | None, words: str) -> Json:
    head = f'<document title="{title}">' if title else "<document>"
    return _text(f"{head}\n{words}\n</document>")


def _words(content: object) -> str:
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    texts = [an_object(block).get("text") for block in blocks]
    return "\n".join(text for text in texts if isinstance(text, str))


def _text(words: str) -> Json:
    return {"type": "text", "text": words}


def marked(part: Json, block: Json) -> Json:
    """The part, call or message, with the block's cache mark, for providers that know such marks."""
    if isinstance(block.get("cache_control"), dict):
        part["cache_control"] = block["cache_control"]
    return part


def _no_citations(block: Json, path: str, changes: list[Change]) -> None:
    match block.get("citations"):
        case {"enabled": True}:
            changes.append(Change(f"{path}.citations", "dropped", "only Anthropic cites what it is sent"))


def an_object(value: object) -> Json:
    """The value, or nothing where it is no JSON object."""
    return value if isinstance(value, dict) else {}
