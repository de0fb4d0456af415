"""What a request's fields must be for the gateway to act on them; the rest is the provider's to judge."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Never

from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

LONGEST_MODEL = 512


def an_object(body: object) -> Json:
    """The body, with a model and nothing that has no form in JSON or UTF-8."""
    if not isinstance(body, dict):
        raise InvalidRequest("the body must be a JSON object")
    model = present(body, "model")
    if not isinstance(model, str):
        refuse("model", "must be a string", code="invalid_type")
    if not model.strip() or len(model) > LONGEST_MODEL:
        refuse("model", f"must have 1 to {LONGEST_MODEL} characters")
    try:
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise InvalidRequest("the text holds half of a surrogate pair") from None
    except (ValueError, RecursionError):
        raise InvalidRequest("the body holds what JSON has no word for") from None
    return body


def present(body: Json, name: str) -> object:
    """The value of a field that must be there."""
    if body.get(name) is None:
        refuse(name, "is required", code="missing_required_parameter")
    return body[name]


def whole(body: Json, name: str, *, most: int) -> None:
    """Where the field is there, it is a whole number from 1 on."""
    value = body.get(name)
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        refuse(name, "must be a whole number", code="invalid_type")
    if not 1 <= value <= most:
        refuse(name, f"must be 1 to {most}")


def word(body: Json, name: str, among: Collection[str] | None = None) -> None:
    """Where the field is there, it is a string, and one of these."""
    value = body.get(name)
    if value is None:
        return
    if not isinstance(value, str):
        refuse(name, "must be a string", code="invalid_type")
    if among is not None and value not in among:
        refuse(name, f"must be {' or '.join(among)}")


def refuse(name: str, told: str, *, code: str | None = None) -> Never:
    raise InvalidRequest(f"{name} {told}", param=name, code=code)
