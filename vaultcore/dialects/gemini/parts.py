"""Content parts as Gemini's: text, data in the request, and files that Google can fetch."""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping, Sequence
from mimetypes import guess_type
from urllib.parse import unquote_to_bytes, urlsplit

from vaultcore.dialects import Change
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

DATA_URI = re.compile(r"data:(?P<type>[^;,]*)(?P<params>(?:;[^;,]*)*),", re.IGNORECASE)
FETCHED = re.compile(  # what Google reads itself: its Files API, its storage, its videos
    r"gs://.+|https://generativelanguage\.googleapis\.com/.+|https://(?:www\.|m\.)?youtube\.com/.+|https://youtu\.be/.+"
)
FILE_NAME = re.compile(r"files/[\w-]+")
FILES = "https://generativelanguage.googleapis.com/v1beta/"
SIGNATURES = (  # what a file of the type begins with
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/gif", re.compile(rb"GIF8[79]a")),
    ("image/webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("application/pdf", re.compile(rb"%PDF-")),
)
SOUNDS = {"mp3": "audio/mp3", "wav": "audio/wav", "pcm16": "audio/pcm", "m4a": "audio/m4a"}
MIME = re.compile(r"[a-z]+/[\w.+-]+")
RESOLUTIONS = {
    "low": "MEDIA_RESOLUTION_LOW",
    "medium": "MEDIA_RESOLUTION_MEDIUM",
    "high": "MEDIA_RESOLUTION_HIGH",
}
UNSUPPORTED = "unsupported_parameter"


def render_parts(content: object, path: str) -> list[Json]:
    """The parts of a message's content. Empty text is left out: it says nothing."""
    if isinstance(content, str):
        return [{"text": content}] if content else []
    told = content if isinstance(content, Sequence) else ()
    found = [_part(part, f"{path}[{i}]") for i, part in enumerate(told) if isinstance(part, dict)]
    return [part for part in found if part is not None]


def resolution(messages: Sequence[Mapping[str, object]], changes: list[Change]) -> str | None:
    """The one resolution all media of a request have: the finest that is asked for."""
    asked = {detail: place for place, detail in _details(messages)}
    known = [detail for detail in RESOLUTIONS if detail in asked]
    for detail, place in asked.items():
        if detail not in RESOLUTIONS and detail != "auto":
            changes.append(Change(place, "dropped", "detail is none that is known", detail))
    if not known:
        return None
    finest = known[-1]
    for detail in known[:-1]:
        reason = f"one resolution for the whole request: {finest}"
        changes.append(Change(asked[detail], "emulated", reason, detail, finest))
    return RESOLUTIONS[finest]


def inline(uri: str, path: str, kind: str = "") -> Json:
    """A data URI as inline data, of the type its bytes are rather than the one it says."""
    match = DATA_URI.match(uri)
    if match is None:
        raise InvalidRequest("must be a data URI, or a URL that Google reads itself", param=path)
    said = match["type"].strip().lower() or kind
    rest = uri[match.end() :]
    encoded = any(param.strip().lower() == "base64" for param in match["params"].split(";"))
    data = "".join(rest.split()) if encoded else _encoded(unquote_to_bytes(rest))
    return data_part(data, said, path)


def data_part(data: str, kind: str, path: str) -> Json:
    found = _sniffed(data, path) or ("image/jpeg" if kind == "image/jpg" else kind)
    if not MIME.fullmatch(found):
        raise InvalidRequest("data without a MIME type", param=path)
    return {"inlineData": {"mimeType": found, "data": data}}


def _part(part: Json, path: str) -> Json | None:
    match part:
        case {"type": "text" | "input_text" | "output_text", "text": str(content)}:
            return {"text": content} if content else None
        case {"type": "refusal", "refusal": str(content)}:
            return {"text": content} if content else None
        case {"type": "image_url" | "video_url" as kind, **rest}:
            return _linked(rest.get(kind), f"{path}.{kind}", "image/" if kind == "image_url" else "video/")
        case {"type": "input_audio", "input_audio": {"data": str(data), **rest}}:
            return _sound(data, rest.get("format"), f"{path}.input_audio")
        case {"type": "file", "file": dict() as file}:
            return _file(file, f"{path}.file")
        case _:
            told = f"{part.get('type')} parts cannot be sent to this model"
            raise InvalidRequest(told, param=f"{path}.type", code=UNSUPPORTED)


def _linked(told: object, path: str, family: str) -> Json:
    """An image or a video by its URL, whether that is told as a string or in an object."""
    match told:
        case str():
            return _located(told, path, family, None)
        case {"url": str(url), **rest}:
            kind = rest.get("format") or rest.get("mime_type")
            return _located(url, f"{path}.url", family, kind if isinstance(kind, str) else None)
        case _:
            raise InvalidRequest("a URL is required", param=path)


def _located(url: str, path: str, family: str, kind: str | None) -> Json:
    if url[:5].lower() == "data:":
        return inline(url, path, kind or "")
    if FETCHED.fullmatch(url):
        return _fetched(url, family, kind)
    told = "Gemini fetches no URL but those of its Files API, gs:// and YouTube: send the data as a data URI"
    raise InvalidRequest(told, param=path, code=UNSUPPORTED)


def _fetched(url: str, family: str, kind: str | None) -> Json:
    guessed = kind or guess_type(urlsplit(url).path)[0] or ""
    known = bool(MIME.fullmatch(guessed)) and (kind is not None or guessed.startswith(family))
    return {"fileData": {"fileUri": url, **({"mimeType": guessed} if known else {})}}


def _sound(data: str, form: object, path: str) -> Json:
    if data[:5].lower() == "data:":
        return inline(data, f"{path}.data")
    if not isinstance(form, str) or not form.isalnum():
        raise InvalidRequest("format is required: wav, mp3", param=f"{path}.format")
    return data_part("".join(data.split()), SOUNDS.get(form.lower(), f"audio/{form.lower()}"), f"{path}.data")


def _file(file: Json, path: str) -> Json:
    name, kind = file.get("filename"), file.get("format") or file.get("mime_type")
    kind = kind if isinstance(kind, str) else guess_type(name)[0] if isinstance(name, str) else None
    match file:
        case {"file_id": str(identity)} if FILE_NAME.fullmatch(identity):
            return _fetched(FILES + identity, "", kind)
        case {"file_id": str(url)} | {"file_data": str(url)} if "://" in url[:9]:
            place = f"{path}.file_id" if "file_id" in file else f"{path}.file_data"
            return _located(url, place, "", kind)
        case {"file_data": str(uri)} if uri[:5].lower() == "data:":
            return inline(uri, f"{path}.file_data", kind or "")
        case {"file_data": str(data)}:
            return data_part("".join(data.split()), kind or "application/pdf", f"{path}.file_data")
        case {"file_id": str()}:
            raise InvalidRequest("file_id is none of Google's Files API", param=f"{path}.file_id")
        case _:
            raise InvalidRequest("a file part needs file_data or file_id", param=path)


def _details(messages: Sequence[Mapping[str, object]]) -> list[tuple[str, str]]:
    found = []
    for i, message in enumerate(messages):
        content = message.get("content")
        for j, part in enumerate(content if isinstance(content, list) else ()):
            match part:
                case {"type": "image_url", "image_url": {"detail": str(detail)}}:
                    found.append((f"messages[{i}].content[{j}].image_url.detail", detail))
    return found


def _encoded(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).decode()


def _sniffed(data: str, path: str) -> str | None:
    """The type the first bytes give away."""
    if not data:
        raise InvalidRequest("holds no data", param=path)
    try:
        head = binascii.a2b_base64(data[:32].replace("-", "+").replace("_", "/"))
    except ValueError:
        raise InvalidRequest("is not base64", param=path) from None
    return next((kind for kind, signature in SIGNATURES if signature.match(head)), None)
