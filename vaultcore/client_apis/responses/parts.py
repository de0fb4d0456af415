"""Content parts of input items as content parts of chat messages: text, images, files and audio."""

from __future__ import annotations

from vaultcore.casts import cast
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

TRANSLATED = (
    *("input_text", "output_text", "text", "summary_text", "refusal"),
    *("input_image", "input_file", "input_audio"),
)


def parse_content(content: object, path: str) -> str | list[Json]:
    """Return a message's content; a string stays a string."""
    if isinstance(content, str):
        return content
    return parse_parts(content, path)


def parse_parts(parts: object, path: str) -> list[Json]:
    if not isinstance(parts, list):
        raise InvalidRequest(f"{path} must be a string or a list of parts", param=path, code="invalid_type")
    parsed = [(_parse_part(part, f"{path}[{i}]"), part) for i, part in enumerate(parts)]
    return [_copy_cache_mark(part, source) for part, source in parsed if part is not None]


def _copy_cache_mark(part: Json, source: object) -> Json:
    """Return the part with the cache mark of its source, which has the same name in chat completions."""
    mark = source.get("prompt_cache_breakpoint") if isinstance(source, dict) else None
    return {**part, "prompt_cache_breakpoint": mark} if isinstance(mark, dict) else part


def _parse_part(part: object, path: str) -> Json | None:
    """Return the part, or None if chat completions cannot express it; `unsupported_fields` reports those."""
    match part:
        case {"type": "input_text" | "output_text" | "text" | "summary_text", "text": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "refusal", "refusal": str(text)}:
            return {"type": "refusal", "refusal": text}
        case {"type": "input_image"}:
            return _parse_image(cast(Json, part), path)
        case {"type": "input_file"}:
            return _parse_file(cast(Json, part), path)
        case {"type": "input_audio", "input_audio": dict() as audio}:
            return {"type": "input_audio", "input_audio": audio}
        case {"type": str(kind)} if kind not in TRANSLATED:
            return None
        case {"type": str(kind)}:
            raise InvalidRequest(f"{path} is an {kind} part without its content", param=path)
        case _:
            raise InvalidRequest(f"{path} needs a type", param=f"{path}.type")


def _parse_image(image: Json, path: str) -> Json:
    match image:
        case {"image_url": str(url)}:
            detail = {"detail": image["detail"]} if image.get("detail") else {}
            return {"type": "image_url", "image_url": {"url": url, **detail}}
        case {"file_id": str(file_id)}:
            return {"type": "file", "file": {"file_id": file_id}}
        case _:
            raise InvalidRequest("an input_image needs image_url or file_id", param=f"{path}.image_url")


def _parse_file(file: Json, path: str) -> Json:
    names = {"file_data": "file_data", "file_url": "file_data", "file_id": "file_id", "filename": "filename"}
    fields = {chat_name: file[name] for name, chat_name in names.items() if isinstance(file.get(name), str)}
    if fields.keys() <= {"filename"}:
        raise InvalidRequest("an input_file needs file_data, file_url or file_id", param=path)
    return {"type": "file", "file": fields}
