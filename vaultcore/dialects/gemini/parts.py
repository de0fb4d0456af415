"""Content parts as Gemini's parts: text, inline data, and files that Google can fetch.

https://ai.google.dev/api/caching#Part. A function that takes a `path` raises InvalidRequest with that path if
Gemini has no form for the part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from mimetypes import guess_type
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vaultcore.dialects import Change
from vaultcore.dialects.data_uri import is_data_uri, parse_data_uri, sniff_media_type
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.dialects.gemini.wire import GeminiFileData, GeminiPart

FETCHABLE = re.compile(r"(?:gs|https?)://.+", re.IGNORECASE)  # URLs that Google fetches itself
FILE_NAME = re.compile(r"files/[\w-]+")
FILES_URL = "https://generativelanguage.googleapis.com/v1beta/"
AUDIO_TYPES = {"mp3": "audio/mp3", "wav": "audio/wav", "pcm16": "audio/pcm", "m4a": "audio/m4a"}
MIME_TYPE = re.compile(r"[a-z]+/[\w.+-]+")
RESOLUTIONS = {  # OpenAI's image detail -> mediaResolution, in ascending order
    "low": "MEDIA_RESOLUTION_LOW",
    "medium": "MEDIA_RESOLUTION_MEDIUM",
    "high": "MEDIA_RESOLUTION_HIGH",
}
UNSUPPORTED = "unsupported_parameter"


def render_content(content: object, path: str) -> list[GeminiPart]:
    """Return the parts of a message's content. Skip empty text."""
    if isinstance(content, str):
        return [{"text": content}] if content else []
    rendered: list[GeminiPart] = []
    for i, part in enumerate(content if isinstance(content, Sequence) else ()):
        if isinstance(part, dict) and (item := _render_part(part, f"{path}[{i}]")) is not None:
            rendered.append(item)
    return rendered


def render_resolution(messages: Sequence[Mapping[str, object]], changes: list[Change]) -> str | None:
    """Return the resolution for all media of a request: the finest that an image asks for, or None."""
    paths = {detail: path for path, detail in _details(messages)}
    requested = [detail for detail in RESOLUTIONS if detail in paths]
    for detail, path in paths.items():
        if detail not in RESOLUTIONS and detail != "auto":
            changes.append(Change(path, "dropped", "Gemini has no such detail", detail))
    if not requested:
        return None
    finest = requested[-1]
    for detail in requested[:-1]:
        reason = f"a Gemini request has one resolution: {finest}"
        changes.append(Change(paths[detail], "emulated", reason, detail, finest))
    return RESOLUTIONS[finest]


def render_data_uri(uri: str, path: str, mime_type: str = "") -> GeminiPart:
    """Return a data URI as inline data. Its first bytes decide the type, then the URI, then `mime_type`."""
    data_uri = parse_data_uri(uri)
    if data_uri is None:
        raise InvalidRequest("must be a data URI or a URL that Google can fetch", param=path)
    return _render_data(data_uri.as_base64(), data_uri.media_type or mime_type, path)


def _render_data(data: str, declared: str, path: str) -> GeminiPart:
    mime_type = sniff_media_type(data, path) or ("image/jpeg" if declared == "image/jpg" else declared)
    if not MIME_TYPE.fullmatch(mime_type):
        raise InvalidRequest("needs a MIME type", param=path)
    return {"inlineData": {"mimeType": mime_type, "data": data}}


def _render_part(part: Json, path: str) -> GeminiPart | None:
    match part:
        case {"type": "text" | "input_text" | "output_text", "text": str(content)}:
            return {"text": content} if content else None
        case {"type": "refusal", "refusal": str(content)}:
            return {"text": content} if content else None
        case {"type": "image_url" | "video_url" as kind, **fields}:
            family = "image/" if kind == "image_url" else "video/"
            return _render_link(fields.get(kind), f"{path}.{kind}", family)
        case {"type": "input_audio", "input_audio": {"data": str(data), **fields}}:
            return _render_audio(data, fields.get("format"), f"{path}.input_audio")
        case {"type": "file", "file": dict() as file}:
            return _render_file(file, f"{path}.file")
        case _:
            message = f"this model does not accept content parts of type {part.get('type')}"
            raise InvalidRequest(message, param=f"{path}.type", code=UNSUPPORTED)


def _render_link(link: object, path: str, family: str) -> GeminiPart:
    """Return an image or a video. `link` is its URL or an object that contains it."""
    match link:
        case str():
            return _render_url(link, path, family, None)
        case {"url": str(url), **fields}:
            declared = fields.get("format") or fields.get("mime_type")
            return _render_url(url, f"{path}.url", family, declared if isinstance(declared, str) else None)
        case _:
            raise InvalidRequest("a URL is required", param=path)


def _render_url(url: str, path: str, family: str, mime_type: str | None) -> GeminiPart:
    if is_data_uri(url):
        return render_data_uri(url, path, mime_type or "")
    if FETCHABLE.fullmatch(url):
        return _render_fetchable(url, family, mime_type)
    message = "must be a data URI, or a URL that begins with https:// or gs://"
    raise InvalidRequest(message, param=path, code=UNSUPPORTED)


def _render_fetchable(url: str, family: str, mime_type: str | None) -> GeminiPart:
    guess = mime_type or guess_type(urlsplit(url).path)[0] or ""
    file: GeminiFileData = {"fileUri": url}
    if MIME_TYPE.fullmatch(guess) and (mime_type is not None or guess.startswith(family)):
        file["mimeType"] = guess
    return {"fileData": file}


def _render_audio(data: str, audio_format: object, path: str) -> GeminiPart:
    if is_data_uri(data):
        return render_data_uri(data, f"{path}.data")
    if not isinstance(audio_format, str) or not audio_format.isalnum():
        raise InvalidRequest("format is required: wav or mp3", param=f"{path}.format")
    name = audio_format.lower()
    return _render_data("".join(data.split()), AUDIO_TYPES.get(name, f"audio/{name}"), f"{path}.data")


def _render_file(file: Json, path: str) -> GeminiPart:
    name, declared = file.get("filename"), file.get("format") or file.get("mime_type")
    if isinstance(declared, str):
        mime_type: str | None = declared
    else:
        mime_type = guess_type(name)[0] if isinstance(name, str) else None
    match file:
        case {"file_id": str(identity)} if FILE_NAME.fullmatch(identity):
            return _render_fetchable(FILES_URL + identity, "", mime_type)
        case {"file_id": str(url)} | {"file_data": str(url)} if "://" in url[:9]:
            field = "file_id" if "file_id" in file else "file_data"
            return _render_url(url, f"{path}.{field}", "", mime_type)
        case {"file_data": str(uri)} if is_data_uri(uri):
            return render_data_uri(uri, f"{path}.file_data", mime_type or "")
        case {"file_data": str(data)}:
            return _render_data("".join(data.split()), mime_type or "application/pdf", f"{path}.file_data")
        case {"file_id": str()}:
            raise InvalidRequest("file_id is not a file of Google's Files API", param=f"{path}.file_id")
        case _:
            raise InvalidRequest("a file part needs file_data or file_id", param=path)


def _details(messages: Sequence[Mapping[str, object]]) -> list[tuple[str, str]]:
    """Return the path and the value of every image detail."""
    details = []
    for i, message in enumerate(messages):
        content = message.get("content")
        for j, part in enumerate(content if isinstance(content, list) else ()):
            match part:
                case {"type": "image_url", "image_url": {"detail": str(detail)}}:
                    details.append((f"messages[{i}].content[{j}].image_url.detail", detail))
    return details
