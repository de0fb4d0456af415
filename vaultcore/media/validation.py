"""Validation of media requests.

The gateway checks only the fields that it acts on. The provider checks the rest.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Never

from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

MAX_MODEL_LENGTH = 512  # characters


def validate_body(body: object) -> Json:
    """Return the body if it has a model and can be serialized as JSON in UTF-8, else raise InvalidRequest."""
    if not isinstance(body, dict):
        raise InvalidRequest("the body must be a JSON object")
    model = require_field(body, "model")
    if not isinstance(model, str):
        reject("model", "must be a string", code="invalid_type")
    if not model.strip() or len(model) > MAX_MODEL_LENGTH:
        reject("model", f"must have 1 to {MAX_MODEL_LENGTH} characters")
    try:
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise InvalidRequest("the text contains a lone surrogate, which UTF-8 cannot encode") from None
    except (ValueError, RecursionError):
        raise InvalidRequest("the body has values that JSON cannot express") from None
    return body


def require_field(body: Json, name: str) -> object:
    """Return the value of a required field. Raises InvalidRequest if it is absent or null."""
    if body.get(name) is None:
        reject(name, "is required", code="missing_required_parameter")
    return body[name]


def check_integer(body: Json, name: str, *, most: int) -> None:
    """Raise InvalidRequest if the field is present and not an integer from 1 to `most`."""
    value = body.get(name)
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        reject(name, "must be a whole number", code="invalid_type")
    if not 1 <= value <= most:
        reject(name, f"must be 1 to {most}")


def check_string(body: Json, name: str, allowed: Collection[str] | None = None) -> None:
    """Raise InvalidRequest if the field is present and not a string, or not one of those allowed."""
    value = body.get(name)
    if value is None:
        return
    if not isinstance(value, str):
        reject(name, "must be a string", code="invalid_type")
    if allowed is not None and value not in allowed:
        reject(name, f"must be {' or '.join(allowed)}")


def reject(name: str, problem: str, *, code: str | None = None) -> Never:
    """Raise InvalidRequest for a parameter."""
    raise InvalidRequest(f"{name} {problem}", param=name, code=code)
