"""Content parts as Anthropic's content blocks: text, images and documents.

https://docs.claude.com/en/api/messages. A function that takes a `path` raises InvalidRequest with that path
if Anthropic has no block for the part.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.dialects import Change, ChangeKind
from vaultcore.dialects.data_uri import DataUri, is_data_uri, parse_data_uri, pdf_data_uri, sniff_media_type
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.dialects.anthropic.wire import (
        AnthropicBlock,
        AnthropicCacheControl,
        AnthropicMedia,
        AnthropicSource,
        AnthropicText,
    )

IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
NATIVE = ("image", "document", "search_result")  # types of Anthropic's own blocks, passed through unchanged
LONGEST_CACHE: AnthropicCacheControl = {"type": "ephemeral", "ttl": "1h"}
UNSUPPORTED = "unsupported_parameter"


def render_content(content: object, path: str, changes: list[Change]) -> list[Json]:
    """Return the content blocks of a message's content. Skip empty text, which Anthropic rejects."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content.strip() else []
    rendered = list[Json]()
    for i, part in enumerate(content if isinstance(content, Sequence) else ()):
        if isinstance(part, dict) and (block := _render_part(part, f"{path}[{i}]", changes)) is not None:
            rendered.append(cast(Json, block))
    return rendered


def render_text(content: str) -> AnthropicText:
    return {"type": "text", "text": content}


def _render_part(part: Json, path: str, changes: list[Change]) -> AnthropicBlock | None:
    block: AnthropicText | AnthropicMedia | None
    match part:
        case {"type": "text" | "input_text" | "output_text", "text": str(content)}:
            block = render_text(content) if content.strip() else None
        case {"type": "refusal", "refusal": str(content)}:
            block = render_text(content) if content.strip() else None
        case {"type": "image_url", "image_url": {"url": str(url), **options}}:
            if options.get("detail") not in (None, "auto"):
                reason = "Anthropic has one image resolution"
                changes.append(Change(f"{path}.image_url.detail", "dropped", reason))
            block = _render_image(url, f"{path}.image_url.url")
        case {"type": "image_url", "image_url": str(url)}:
            block = _render_image(url, f"{path}.image_url")
        case {"type": "file", "file": dict() as file}:
            block = _render_file(file, f"{path}.file")
        case {"type": str(kind)} if kind in NATIVE:
            return cast("AnthropicMedia", part)
        case _:
            message = f"this model does not accept content parts of type {part.get('type')}"
            raise InvalidRequest(message, param=f"{path}.type", code=UNSUPPORTED)
    if block is not None and (cache_control := _cache_control(part, path, changes)):
        block["cache_control"] = cache_control
    return block


def _cache_control(part: Json, path: str, changes: list[Change]) -> AnthropicCacheControl | None:
    """Return where a cached prefix ends: `cache_control`, or OpenAI's breakpoint with its other lifetimes."""
    match part:
        case {"cache_control": dict() as cache_control}:
            return cast("AnthropicCacheControl", cache_control)
        case {"prompt_cache_breakpoint": {"ttl": str(ttl)}}:
            kind: ChangeKind = "emulated" if ttl == "30m" else "clamped"
            name = f"{path}.prompt_cache_breakpoint.ttl"
            reason = "Anthropic caches for 5 minutes or 1 hour"
            changes.append(Change(name, kind, reason, was=ttl, now="1h"))
            return {**LONGEST_CACHE}
        case {"prompt_cache_breakpoint": dict()}:
            return {"type": "ephemeral"}
        case _:
            return None


def _render_image(url: str, path: str) -> AnthropicMedia:
    if re.match(r"https?://", url, re.IGNORECASE):
        return {"type": "image", "source": {"type": "url", "url": url}}
    return _render_data(url, path)


def _render_file(file: Json, path: str) -> AnthropicMedia:
    block: AnthropicMedia
    match file:
        case {"file_id": str(identity)}:
            block = {"type": "document", "source": {"type": "file", "file_id": identity}}
        case {"file_data": str(data)} if re.match(r"https?://", data, re.IGNORECASE):
            block = {"type": "document", "source": {"type": "url", "url": data}}
        case {"file_data": str(data)}:
            uri = data if is_data_uri(data) else pdf_data_uri(data)
            block = _render_data(uri, f"{path}.file_data")
        case _:
            raise InvalidRequest("a file part needs file_data or file_id", param=path)
    if block["type"] == "document" and isinstance(file.get("filename"), str) and file["filename"]:
        block["title"] = file["filename"]
    return block


def _render_data(uri: str, path: str) -> AnthropicMedia:
    """Return a data URI as an image or a document. Its first bytes decide the type, then its media type."""
    data_uri = parse_data_uri(uri)
    if data_uri is None:
        raise InvalidRequest("must be an https URL or a data URI", param=path)
    declared = data_uri.media_type
    if declared.startswith("text/"):
        return {"type": "document", "source": _text_source(data_uri, path)}
    data = data_uri.as_base64()
    media_type = sniff_media_type(data, path) or ("image/jpeg" if declared == "image/jpg" else declared)
    source: AnthropicSource = {"type": "base64", "media_type": media_type, "data": data}
    if media_type in IMAGES:
        return {"type": "image", "source": source}
    if media_type == "application/pdf":
        return {"type": "document", "source": source}
    message = f"this model does not accept {declared or 'data without a media type'}"
    raise InvalidRequest(message, param=path, code=UNSUPPORTED)


def _text_source(data_uri: DataUri, path: str) -> AnthropicSource:
    try:
        text = data_uri.as_bytes().decode()
    except ValueError:
        raise InvalidRequest("is not UTF-8 text", param=path) from None
    return {"type": "text", "media_type": "text/plain", "data": text}
