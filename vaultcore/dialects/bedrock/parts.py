"""Content parts as Converse's content blocks: text, images, documents, sound, video and cache points.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html. Bedrock fetches data
from S3 only, so other data travel in the request. A function that takes a `path` raises InvalidRequest with
that path if Converse has no block for the part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Final, Literal

from vaultcore.casts import cast
from vaultcore.catalog.schema import Capabilities
from vaultcore.dialects import Change
from vaultcore.dialects.data_uri import parse_data_uri, pdf_data_uri, sniff_media_type
from vaultcore.errors import InvalidRequest
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.dialects.bedrock.wire import (
        ConverseBlock,
        ConverseCachePoint,
        ConverseMedia,
        ConverseSource,
    )

MediaKind = Literal["image", "document", "video"]

OFFICE = "application/vnd.openxmlformats-officedocument."
FORMATS: Mapping[str, tuple[MediaKind, str]] = {  # media type -> kind of block, Converse's format
    "image/png": ("image", "png"),
    "image/jpeg": ("image", "jpeg"),
    "image/jpg": ("image", "jpeg"),
    "image/gif": ("image", "gif"),
    "image/webp": ("image", "webp"),
    "application/pdf": ("document", "pdf"),
    "text/plain": ("document", "txt"),
    "text/markdown": ("document", "md"),
    "text/html": ("document", "html"),
    "text/csv": ("document", "csv"),
    "application/msword": ("document", "doc"),
    f"{OFFICE}wordprocessingml.document": ("document", "docx"),
    "application/vnd.ms-excel": ("document", "xls"),
    f"{OFFICE}spreadsheetml.sheet": ("document", "xlsx"),
    "video/mp4": ("video", "mp4"),
    "video/quicktime": ("video", "mov"),
    "video/x-matroska": ("video", "mkv"),
    "video/webm": ("video", "webm"),
    "video/x-flv": ("video", "flv"),
    "video/mpeg": ("video", "mpeg"),
    "video/x-ms-wmv": ("video", "wmv"),
    "video/3gpp": ("video", "three_gp"),
}
KINDS: Mapping[str, MediaKind] = {media_format: kind for kind, media_format in FORMATS.values()}
AUDIO_FORMATS = ("mp3", "opus", "wav", "aac", "flac", "ogg", "m4a", "webm")
CACHE_FIELDS = ("cache_control", "prompt_cache_breakpoint")  # Anthropic's cache breakpoint, and OpenAI's
MAX_CACHE_POINTS = 4  # in a request
SHORT: Final = "5m"  # lifetimes of a cache
LONG: Final = "1h"
NO_NAME: Final = "document"  # of a file without a name
MAX_DOCUMENT_NAME = 180  # characters; Converse accepts 200, the remainder is for a number
UNSAFE_DOCUMENT_NAME = re.compile(r"[^A-Za-z0-9\s()\[\]_-]+")
UNSUPPORTED = "unsupported_parameter"


@dataclass(slots=True)
class ConversePartRenderer:
    """Renders the parts of one conversation. It counts cache points and keeps document names unique."""

    capabilities: Capabilities
    changes: list[Change]
    document_names: set[str] = field(default_factory=set)
    cache_points: int = 0

    def render(self, content: object, path: str) -> list[Json]:
        """Return the content blocks of a message's content. Skip blank text, which Bedrock rejects."""
        if isinstance(content, str):
            return [{"text": content}] if content.strip() else []
        blocks: list[ConverseBlock] = []
        for i, part in enumerate(content if isinstance(content, Sequence) else ()):
            if isinstance(part, dict):
                blocks += self._render_part(part, f"{path}[{i}]")
                if not blocks or "cachePoint" in blocks[-1]:
                    self._drop_cache_point(part, f"{path}[{i}]")
                elif cache_point := self.cache_point(part, f"{path}[{i}]"):
                    blocks.append({"cachePoint": cache_point})
        return cast("list[Json]", blocks)

    def cache_point(self, source: Mapping[str, object], path: str) -> ConverseCachePoint | None:
        """Return the cache point that a part, tool or message asks for, or None."""
        name = _cache_field(source)
        if name is None:
            return None
        has_cache = self.capabilities.prompt_cache
        if has_cache is not True or self.cache_points >= MAX_CACHE_POINTS:
            reason = (
                f"at most {MAX_CACHE_POINTS} cache points" if has_cache else "this model has no prompt cache"
            )
            self.changes.append(Change(f"{path}.{name}", "dropped", reason))
            return None
        self.cache_points += 1
        ttl = cast(Json, source[name]).get("ttl")
        if ttl is None or ttl == SHORT:
            return {"type": "default"}  # without ttl, because some models accept none
        if ttl != LONG:
            reason = f"Bedrock caches for {SHORT} or {LONG}"
            self.changes.append(Change(f"{path}.{name}.ttl", "clamped", reason, ttl, LONG))
        return {"type": "default", "ttl": LONG}

    def _drop_cache_point(self, source: Mapping[str, object], path: str) -> None:
        """Report the cache point of a part that is not sent: Bedrock needs content before a cache point."""
        if (name := _cache_field(source)) is not None:
            self.changes.append(Change(f"{path}.{name}", "dropped", "there is no content to cache before it"))

    def _render_part(self, part: Json, path: str) -> list[ConverseBlock]:
        match part:
            case {"type": "text" | "input_text" | "output_text", "text": str(content)}:
                return [{"text": content}] if content.strip() else []
            case {"type": "refusal", "refusal": str(content)}:
                return [{"text": content}] if content.strip() else []
            case {"type": "image_url", "image_url": {"url": str(url), **options}}:
                if options.get("detail") not in (None, "auto"):
                    reason = "Bedrock has one image resolution"
                    self.changes.append(Change(f"{path}.image_url.detail", "dropped", reason))
                return [self._render_media(url, f"{path}.image_url.url", None)]
            case {"type": ("image_url" | "video_url") as kind}:
                value = part.get(kind)
                link = value.get("url") if isinstance(value, dict) else value
                return [self._render_media(link if isinstance(link, str) else "", f"{path}.{kind}", None)]
            case {"type": "file", "file": dict() as file}:
                return [self._render_file(file, f"{path}.file")]
            case {"type": "input_audio", "input_audio": {"data": str(data), "format": str(audio_format)}}:
                return [_render_audio(data, audio_format.lower(), f"{path}.input_audio")]
            case _:
                message = f"this model does not accept content parts of type {part.get('type')}"
                raise InvalidRequest(message, param=f"{path}.type", code=UNSUPPORTED)

    def _render_file(self, file: Json, path: str) -> ConverseBlock:
        data, name = file.get("file_data"), file.get("filename")
        if not isinstance(data, str):
            message = "a file part needs file_data: Bedrock stores no files"
            raise InvalidRequest(message, param=f"{path}.file_data", code=UNSUPPORTED)
        is_bare = not re.match(r"data:|https?://|s3://", data, re.IGNORECASE)
        uri = pdf_data_uri(data) if is_bare else data
        block = self._render_media(uri, f"{path}.file_data", name if isinstance(name, str) else None)
        document = block.get("document")
        if document is not None and name and document["name"] != name:
            reason = "a document name has no ending, and letters of ASCII only"
            self.changes.append(Change(f"{path}.filename", "renamed", reason, name, document["name"]))
        return block

    def _render_media(self, uri: str, path: str, name: str | None) -> ConverseBlock:
        """Return a data URI or an S3 object as a block. The first bytes of data decide its format."""
        source: ConverseSource
        if uri[:5].lower() == "s3://":
            kind, media_format = _format_of_name(uri, path)
            source = {"s3Location": {"uri": uri}}
        else:
            kind, media_format, data = _decode_data_uri(uri, path)
            source = {"bytes": data}
        if kind == "document":
            document: ConverseMedia = {
                "format": media_format,
                "name": self._unique_name(name),
                "source": source,
            }
            return {"document": document}
        media: ConverseMedia = {"format": media_format, "source": source}
        return {"image": media} if kind == "image" else {"video": media}

    def _unique_name(self, filename: str | None) -> str:
        """Return the file name in Converse's alphabet, without its ending and unique in the conversation."""
        stem = (filename or "").rpartition(".")[0] or filename or ""
        base = " ".join(UNSAFE_DOCUMENT_NAME.sub(" ", stem).split())[:MAX_DOCUMENT_NAME] or NO_NAME
        name, n = base, 1
        while name in self.document_names:
            n += 1
            name = f"{base} {n}"
        self.document_names.add(name)
        return name


def _decode_data_uri(uri: str, path: str) -> tuple[MediaKind, str, str]:
    """Return the kind of block, the format and the base64 data of a data URI."""
    data_uri = parse_data_uri(uri)
    if data_uri is None:
        message = "must be a data URI or an s3:// URI: Bedrock fetches nothing else"
        raise InvalidRequest(message, param=path, code=UNSUPPORTED)
    data = data_uri.as_base64().replace("-", "+").replace("_", "/")
    media_type = sniff_media_type(data, path) or data_uri.media_type or "text/plain"
    if media_type not in FORMATS:
        raise InvalidRequest(f"this model does not accept {media_type}", param=path, code=UNSUPPORTED)
    return (*FORMATS[media_type], data)


def _format_of_name(uri: str, path: str) -> tuple[MediaKind, str]:
    ending = uri.rpartition(".")[2].lower()
    media_format = {"jpg": "jpeg"}.get(ending, ending)
    if media_format not in KINDS:
        raise InvalidRequest("has no file name ending that shows its format", param=path)
    return KINDS[media_format], media_format


def _render_audio(data: str, audio_format: str, path: str) -> ConverseBlock:
    if audio_format not in AUDIO_FORMATS:
        message = f"this model does not accept {audio_format} audio"
        raise InvalidRequest(message, param=f"{path}.format", code=UNSUPPORTED)
    return {"audio": {"format": audio_format, "source": {"bytes": data}}}


def _cache_field(source: Mapping[str, object]) -> str | None:
    """Return the name of the field that asks for a cache point, or None."""
    return next((name for name in CACHE_FIELDS if isinstance(source.get(name), dict)), None)
