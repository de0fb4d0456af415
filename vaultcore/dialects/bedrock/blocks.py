"""Content parts as Converse's content blocks: text, images, documents, sound, video, cache points.

Bytes only: Converse fetches nothing but from S3.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import unquote_to_bytes

from vaultcore.catalog.schema import Capabilities
from vaultcore.dialects import Change
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

DATA_URI = re.compile(r"data:(?P<type>[^;,]*)(?P<params>(?:;[^;,]*)*),", re.IGNORECASE)
SIGNATURES = (  # what a file of the format begins with
    ("png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("jpeg", re.compile(rb"\xff\xd8\xff")),
    ("gif", re.compile(rb"GIF8[79]a")),
    ("webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("pdf", re.compile(rb"%PDF-")),
)
OFFICE = "application/vnd.openxmlformats-officedocument."
FORMATS: Mapping[str, tuple[str, str]] = {  # media type -> kind of block, its format
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
KINDS: Mapping[str, str] = {form: kind for kind, form in FORMATS.values()}
SOUNDS = ("mp3", "opus", "wav", "aac", "flac", "ogg", "m4a", "webm")
MARKS = ("cache_control", "prompt_cache_breakpoint")  # Anthropic's way to ask for a cache, and OpenAI's
MOST_MARKS = 4
SHORT, LONG = "5m", "1h"
UNSUPPORTED = "unsupported_parameter"
UNNAMEABLE = re.compile(r"[^A-Za-z0-9\s()\[\]_-]+")  # what the name of a document cannot have


@dataclass(slots=True)
class Content:
    """Renders the parts of one conversation: names of documents are unique in it, cache points few."""

    able: Capabilities
    changes: list[Change]
    names: set[str] = field(default_factory=set)
    marks: int = 0

    def render(self, content: object, path: str) -> list[Json]:
        """The blocks of a message's content. Blank text is left out: Bedrock refuses it."""
        if isinstance(content, str):
            return [text(content)] if content.strip() else []
        found: list[Json] = []
        for i, part in enumerate(content if isinstance(content, Sequence) else ()):
            if isinstance(part, dict):
                found += self._part(part, f"{path}[{i}]")
                found += self.mark(part, f"{path}[{i}]")
        return found

    def mark(self, told: Mapping[str, object], path: str) -> list[Json]:
        """The cache point that what is told asks for, if it does and the model has such."""
        name = next((each for each in MARKS if isinstance(told.get(each), dict)), None)
        if name is None:
            return []
        if self.able.prompt_cache is not True or self.marks >= MOST_MARKS:
            least = f"{MOST_MARKS} cache points at most" if self.able.prompt_cache else "no prompt cache here"
            self.changes.append(Change(f"{path}.{name}", "dropped", least))
            return []
        self.marks += 1
        ttl = self._ttl(cast(Json, told[name]).get("ttl"), f"{path}.{name}.ttl")
        return [{"cachePoint": {"type": "default", **ttl}}]

    def _ttl(self, told: object, path: str) -> Json:
        """How long a cache lasts; the usual time is not said, as some models know no other."""
        if told is None or told == SHORT:
            return {}
        if told != LONG:
            self.changes.append(Change(path, "clamped", f"{SHORT} or {LONG}", told, LONG))
        return {"ttl": LONG}

    def _part(self, part: Json, path: str) -> list[Json]:
        match part:
            case {"type": "text" | "input_text" | "output_text", "text": str(words)}:
                return [text(words)] if words.strip() else []
            case {"type": "refusal", "refusal": str(words)}:
                return [text(words)] if words.strip() else []
            case {"type": "image_url", "image_url": {"url": str(url), **rest}}:
                if rest.get("detail") not in (None, "auto"):
                    told = "images have one resolution"
                    self.changes.append(Change(f"{path}.image_url.detail", "dropped", told))
                return [self._media(url, f"{path}.image_url.url", None)]
            case {"type": ("image_url" | "video_url") as kind}:
                held = part.get(kind)
                said = held.get("url") if isinstance(held, dict) else held
                return [self._media(said if isinstance(said, str) else "", f"{path}.{kind}", None)]
            case {"type": "file", "file": dict() as file}:
                return [self._file(file, f"{path}.file")]
            case {"type": "input_audio", "input_audio": {"data": str(data), "format": str(form)}}:
                return [_sound(data, form, f"{path}.input_audio")]
            case _:
                told = f"{part.get('type')} parts cannot be sent to this model"
                raise InvalidRequest(told, param=f"{path}.type", code=UNSUPPORTED)

    def _file(self, file: Json, path: str) -> Json:
        data, name = file.get("file_data"), file.get("filename")
        if not isinstance(data, str):
            told = "a file part needs file_data: Bedrock keeps no files"
            raise InvalidRequest(told, param=f"{path}.file_data", code=UNSUPPORTED)
        plain = not re.match(r"data:|https?://|s3://", data, re.IGNORECASE)
        uri = f"data:application/pdf;base64,{data}" if plain else data
        return self._media(uri, f"{path}.file_data", name if isinstance(name, str) else None)

    def _media(self, uri: str, path: str, name: str | None) -> Json:
        """A data URI or an object in S3 as a block, by what its bytes are rather than by what it says."""
        if uri[:5].lower() == "s3://":
            kind, form = _by_name(uri, path)
            source: Json = {"s3Location": {"uri": uri}}
        else:
            kind, form, data = _data(uri, path)
            source = {"bytes": data}
        if kind != "document":
            return {kind: {"format": form, "source": source}}
        return {kind: {"format": form, "name": self._name(name), "source": source}}

    def _name(self, told: str | None) -> str:
        """A name as Converse allows it; neutral where there is none, and none of them twice."""
        stem = (told or "").rpartition(".")[0] or told or ""
        plain = " ".join(UNNAMEABLE.sub(" ", stem).split())[:180] or "document"
        name, n = plain, 1
        while name in self.names:
            n += 1
            name = f"{plain} {n}"
        self.names.add(name)
        return name


def text(content: str) -> Json:
    return {"text": content}


def _data(uri: str, path: str) -> tuple[str, str, str]:
    """The kind of block, the format and the bytes in base64 that a data URI holds."""
    match = DATA_URI.match(uri)
    if match is None:
        told = "must be a data URI or an s3:// URI: Bedrock fetches nothing else"
        raise InvalidRequest(told, param=path, code=UNSUPPORTED)
    said, rest = match["type"].strip().lower() or "text/plain", uri[match.end() :]
    if any(param.strip().lower() == "base64" for param in match["params"].split(";")):
        data = "".join(rest.split()).replace("-", "+").replace("_", "/")
    else:
        data = binascii.b2a_base64(unquote_to_bytes(rest), newline=False).decode()
    found = _sniffed(data, path)
    if found is None and said in FORMATS:
        return (*FORMATS[said], data)
    if found is not None:
        return KINDS[found], found, data
    raise InvalidRequest(f"{said} cannot be sent to this model", param=path, code=UNSUPPORTED)


def _sniffed(data: str, path: str) -> str | None:
    """The format the first bytes give away."""
    if not data:
        raise InvalidRequest("holds no data", param=path)
    try:
        head = binascii.a2b_base64(data[:32])
    except ValueError:
        raise InvalidRequest("is not base64", param=path) from None
    return next((form for form, signature in SIGNATURES if signature.match(head)), None)


def _by_name(uri: str, path: str) -> tuple[str, str]:
    ending = uri.rpartition(".")[2].lower()
    form = {"jpg": "jpeg"}.get(ending, ending)
    if form not in KINDS:
        raise InvalidRequest("has no ending that says what it is", param=path)
    return KINDS[form], form


def _sound(data: str, form: str, path: str) -> Json:
    if form.lower() not in SOUNDS:
        raise InvalidRequest(f"{form} cannot be sent to this model", param=f"{path}.format", code=UNSUPPORTED)
    return {"audio": {"format": form.lower(), "source": {"bytes": data}}}
