"""Parts of a request as content parts of chat messages: text, inline data and files by URL.

https://ai.google.dev/api/caching#Part
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from vaultcore.client_apis.gemini.fields import Fields
from vaultcore.client_apis.gemini.opaque_state import STANDARD
from vaultcore.dialects import Change
from vaultcore.wire import Json

GOOGLE_ONLY = "only Google has this field"
GOOGLE_FILE = re.compile(  # files that only Google can read
    r"(?!https?://).*|https?://generativelanguage\.googleapis\.com/.*"
    r"|https?://((www|m)\.)?youtube\.com/.*|https?://youtu\.be/.*",
    re.IGNORECASE | re.DOTALL,
)
AUDIO_FORMATS = {"mpeg": "mp3", "mp3": "mp3", "x-wav": "wav", "wave": "wav", "l16": "pcm16", "pcm": "pcm16"}
DETAILS = {  # mediaResolution -> OpenAI's image detail
    "MEDIA_RESOLUTION_LOW": "low",
    "MEDIA_RESOLUTION_HIGH": "high",
    "MEDIA_RESOLUTION_ULTRA_HIGH": "high",
}
DEFAULT_RESOLUTIONS = ("", "MEDIA_RESOLUTION_UNSPECIFIED")
# Kinds of parts, each with the fields that describe it. Every other field is reported.
DATA_FIELDS = ("text", "inlineData", "fileData", "functionCall", "functionResponse")
READ_FIELDS = (*DATA_FIELDS, "thought", "thoughtSignature", "mediaResolution")


def parse_part(part: Fields, resolution: str, changes: list[Change]) -> Iterator[Json]:
    """Yield the content part of a user's part, if chat messages have one.

    A part that only Google can read is refused, not dropped: it is part of what the user said. `resolution`
    is the request's mediaResolution.
    """
    if "text" in part:
        if text := part.text("text"):
            yield {"type": "text", "text": text}
    elif "inlineData" in part:
        yield _parse_blob(part, part.inner("inlineData"), resolution, changes)
    elif "fileData" in part:
        yield from _parse_file(part, part.inner("fileData"), resolution, changes)
    else:
        names = [name for name, _ in part.pairs()]
        reason = f"{names[0][:40]}: only Google can read it" if names else "a part needs data"
        changes.append(Change(part.path, "refused", reason))


def report_fields(part: Fields, changes: list[Change]) -> None:
    """Report the fields of a part that only Google has."""
    for name, value in part.pairs():
        if name not in READ_FIELDS and value not in ({}, []):
            changes.append(Change(part.at(name), "dropped", GOOGLE_ONLY))


def simplify_text(parts: list[Json]) -> str | list[Json]:
    """Return a single text part as a string, which every provider accepts."""
    match parts:
        case []:
            return ""
        case [{"type": "text", "text": str(text)}]:
            return text
        case _:
            return parts


def blob_uri(blob: Fields) -> str:
    """Return inline data as a data URI. Google also takes URL-safe base64, data URIs do not."""
    data = "".join(blob.text("data").split()).translate(STANDARD).rstrip("=")
    return f"data:{blob.text('mimeType')};base64,{data}{'=' * (-len(data) % 4)}"


def _parse_blob(part: Fields, blob: Fields, resolution: str, changes: list[Change]) -> Json:
    family, _, subtype = blob.text("mimeType").lower().partition(";")[0].strip().partition("/")
    uri = blob_uri(blob)
    match family:
        case "image":
            return _image(uri, part, resolution, changes)
        case "video":
            return {"type": "video_url", "video_url": {"url": uri}}
        case "audio":
            audio = {"data": uri.partition(",")[2], "format": AUDIO_FORMATS.get(subtype, subtype)}
            return {"type": "input_audio", "input_audio": audio}
        case _:
            return {"type": "file", "file": {"filename": _file_name(blob, subtype), "file_data": uri}}


def _parse_file(part: Fields, file: Fields, resolution: str, changes: list[Change]) -> Iterator[Json]:
    url = file.text("fileUri")
    if GOOGLE_FILE.fullmatch(url):
        changes.append(Change(file.at("fileUri"), "refused", "only Google can read this file"))
        return
    kind, _, subtype = file.text("mimeType").lower().partition(";")[0].strip().partition("/")
    match kind:
        case "image":
            yield _image(url, part, resolution, changes)
        case "video":
            yield {"type": "video_url", "video_url": {"url": url}}
        case _:
            yield {"type": "file", "file": {"filename": _file_name(file, subtype), "file_data": url}}


def _image(url: str, part: Fields, resolution: str, changes: list[Change]) -> Json:
    level = part.inner("mediaResolution").text("level") or part.text("mediaResolution")
    image = {"url": url}
    if detail := DETAILS.get(level or resolution):
        image["detail"] = detail
    elif level not in (*DEFAULT_RESOLUTIONS, "MEDIA_RESOLUTION_MEDIUM"):
        changes.append(Change(part.at("mediaResolution"), "dropped", "other providers have no such detail"))
    return {"type": "image_url", "image_url": image}


def _file_name(source: Fields, subtype: str) -> str:
    names: Mapping[str, str] = {"plain": "txt", "markdown": "md"}
    return source.text("displayName") or f"document.{names.get(subtype, subtype) or 'pdf'}"
