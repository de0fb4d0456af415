"""Content parts of input items as those of chat messages: text, images, files, sound."""

from __future__ import annotations

from typing import cast

from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

KNOWN = (
    *("input_text", "output_text", "text", "summary_text", "refusal"),
    *("input_image", "input_file", "input_audio"),
)


def parse_content(told: object, path: str) -> str | list[Json]:
    """A message's content; text alone is plain text."""
    if isinstance(told, str):
        return told
    return parse_parts(told, path)


def parse_parts(told: object, path: str) -> list[Json]:
    if not isinstance(told, list):
        raise InvalidRequest(f"{path} must be a string or a list of parts", param=path, code="invalid_type")
    found = [_part(part, f"{path}[{i}]") for i, part in enumerate(told)]
    return [part for part in found if part is not None]


def _part(part: object, path: str) -> Json | None:
    """The part, or None where it is one that chat completions do not know: `losses` tells of it."""
    match part:
        case {"type": "input_text" | "output_text" | "text" | "summary_text", "text": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "refusal", "refusal": str(text)}:
            return {"type": "refusal", "refusal": text}
        case {"type": "input_image"}:
            return _image(cast(Json, part), path)
        case {"type": "input_file"}:
            return _file(cast(Json, part), path)
        case {"type": "input_audio", "input_audio": dict() as audio}:
            return {"type": "input_audio", "input_audio": audio}
        case {"type": str(kind)} if kind not in KNOWN:
            return None
        case {"type": str(kind)}:
            raise InvalidRequest(f"{path} lacks what an {kind} part needs", param=path)
        case _:
            raise InvalidRequest(f"{path} needs a type", param=f"{path}.type")


def _image(image: Json, path: str) -> Json:
    match image:
        case {"image_url": str(url)}:
            detail = {"detail": image["detail"]} if image.get("detail") else {}
            return {"type": "image_url", "image_url": {"url": url, **detail}}
        case {"file_id": str(identity)}:
            return {"type": "file", "file": {"file_id": identity}}
        case _:
            raise InvalidRequest("an input_image needs image_url or file_id", param=f"{path}.image_url")


def _file(file: Json, path: str) -> Json:
    names = {"file_data": "file_data", "file_url": "file_data", "file_id": "file_id", "filename": "filename"}
    held = {ours: file[name] for name, ours in names.items() if isinstance(file.get(name), str)}
    if held.keys() <= {"filename"}:
        raise InvalidRequest("an input_file needs file_data, file_url or file_id", param=path)
    return {"type": "file", "file": held}
