"""Content parts as Anthropic's content blocks: text, images, documents."""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from vaultcore.dialects import Change, Kind
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

DATA_URI = re.compile(r"data:(?P<type>[^;,]*)(?P<params>(?:;[^;,]*)*),", re.IGNORECASE)
SIGNATURES = (  # what a file of the type begins with
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/gif", re.compile(rb"GIF8[79]a")),
    ("image/webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("application/pdf", re.compile(rb"%PDF-")),
)
IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
NATIVE = ("image", "document", "search_result")  # as Anthropic's own clients write them
LONGEST_CACHE = "1h"
UNSUPPORTED = "unsupported_parameter"


def render_content(content: object, path: str, changes: list[Change]) -> list[Json]:
    """The blocks of a message's content. Empty text is left out: Anthropic refuses it."""
    if isinstance(content, str):
        return [text(content)] if content.strip() else []
    parts = content if isinstance(content, Sequence) else ()
    found = [_part(part, f"{path}[{i}]", changes) for i, part in enumerate(parts) if isinstance(part, dict)]
    return [block for block in found if block is not None]


def text(content: str) -> Json:
    return {"type": "text", "text": content}


def _part(part: Json, path: str, changes: list[Change]) -> Json | None:
    match part:
        case {"type": "text" | "input_text" | "output_text", "text": str(content)}:
            block = text(content) if content.strip() else None
        case {"type": "refusal", "refusal": str(content)}:
            block = text(content) if content.strip() else None
        case {"type": "image_url", "image_url": {"url": str(url), **rest}}:
            if rest.get("detail") not in (None, "auto"):
                changes.append(Change(f"{path}.image_url.detail", "dropped", "images have one resolution"))
            block = _image(url, f"{path}.image_url.url")
        case {"type": "image_url", "image_url": str(url)}:
            block = _image(url, f"{path}.image_url")
        case {"type": "file", "file": dict() as file}:
            block = _file(file, f"{path}.file")
        case {"type": str(kind)} if kind in NATIVE:
            return part
        case _:
            told = f"{part.get('type')} parts cannot be sent to this model"
            raise InvalidRequest(told, param=f"{path}.type", code=UNSUPPORTED)
    if block is not None and (marked := _cache_mark(part, path, changes)):
        block["cache_control"] = marked
    return block


def _cache_mark(part: Json, path: str, changes: list[Change]) -> Json | None:
    """Where a cached prefix ends, in Anthropic's spelling or in OpenAI's, whose lifetimes are others."""
    match part:
        case {"cache_control": dict() as mark}:
            return mark
        case {"prompt_cache_breakpoint": {"ttl": str(ttl)}}:
            kind: Kind = "emulated" if ttl == "30m" else "clamped"
            name = f"{path}.prompt_cache_breakpoint.ttl"
            changes.append(
                Change(name, kind, "cached for 5 minutes or for an hour", was=ttl, now=LONGEST_CACHE)
            )
            return {"type": "ephemeral", "ttl": LONGEST_CACHE}
        case {"prompt_cache_breakpoint": dict()}:
            return {"type": "ephemeral"}
        case _:
            return None


def _image(url: str, path: str) -> Json:
    if re.match(r"https?://", url, re.IGNORECASE):
        return {"type": "image", "source": {"type": "url", "url": url}}
    return _data(url, path)


def _file(file: Json, path: str) -> Json:
    match file:
        case {"file_id": str(identity)}:
            source: Json = {"type": "file", "file_id": identity}
            block: Json = {"type": "document", "source": source}
        case {"file_data": str(data)} if re.match(r"https?://", data, re.IGNORECASE):
            block = {"type": "document", "source": {"type": "url", "url": data}}
        case {"file_data": str(data)}:
            uri = data if data[:5].lower() == "data:" else f"data:application/pdf;base64,{data}"
            block = _data(uri, f"{path}.file_data")
        case _:
            raise InvalidRequest("a file part needs file_data or file_id", param=path)
    if block["type"] == "document" and isinstance(file.get("filename"), str) and file["filename"]:
        block["title"] = file["filename"]
    return block


def _data(uri: str, path: str) -> Json:
    """A data URI as an image or a document, by what its bytes are rather than by what it says they are."""
    match = DATA_URI.match(uri)
    if match is None:
        raise InvalidRequest("must be an https URL or a data URI", param=path)
    said, rest = match["type"].strip().lower(), uri[match.end() :]
    encoded = any(param.strip().lower() == "base64" for param in match["params"].split(";"))
    if said.startswith("text/"):
        return {"type": "document", "source": _plain(rest, encoded, path)}
    data = (
        "".join(rest.split())
        if encoded
        else binascii.b2a_base64(unquote_to_bytes(rest), newline=False).decode()
    )
    kind = _sniffed(data, path) or ("image/jpeg" if said == "image/jpg" else said)
    source = {"type": "base64", "media_type": kind, "data": data}
    if kind in IMAGES:
        return {"type": "image", "source": source}
    if kind == "application/pdf":
        return {"type": "document", "source": source}
    raise InvalidRequest(
        f"{said or 'data of no type'} cannot be sent to this model", param=path, code=UNSUPPORTED
    )


def _plain(data: str, encoded: bool, path: str) -> Json:
    try:
        raw = binascii.a2b_base64(data) if encoded else unquote_to_bytes(data)
        words = raw.decode()
    except ValueError:
        raise InvalidRequest("is not text", param=path) from None
    return {"type": "text", "media_type": "text/plain", "data": words}


def _sniffed(data: str, path: str) -> str | None:
    """The type the first bytes give away."""
    if not data:
        raise InvalidRequest("holds no data", param=path)
    try:
        head = binascii.a2b_base64(data[:32].replace("-", "+").replace("_", "/"))
    except ValueError:
        raise InvalidRequest("is not base64", param=path) from None
    return next((kind for kind, signature in SIGNATURES if signature.match(head)), None)
