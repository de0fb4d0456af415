"""Validation of the admin API's bodies and parameters by pydantic, with errors in the gateway's format.

An error names the field and never quotes the value: an administrator may have put a key into the wrong field.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Depends
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from vaultcore.errors import GatewayError, InvalidRequest
from vaultcore.services import Services
from vaultcore.telemetry import redact
from vaultcore.web.admin.fields import parse_number
from vaultcore.web.body import read_json
from vaultcore.web.client_request import ClientRequest
from vaultcore.web.starlette_errors import fastapi_response

MAX_BODY = 262_144  # bytes of a body
MAX_PARAM = 100  # characters of an error's `param`

Model = TypeVar("Model", bound=BaseModel)


class RequestBody(BaseModel):
    """The base of all bodies: exact JSON types, no unknown fields."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class QueryParameters(BaseModel):
    """The base of all query parameters: strings that pydantic converts, no unknown parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EditConflict(GatewayError):
    """Another request changed the resource first, or it can no longer be changed."""

    status, type, code = 409, "invalid_request_error", "conflict"


async def get_services(request: Request) -> Services:
    """Return the services that the app was created with."""
    services: Services = request.app.state.services
    return services


async def get_request_id(request: Request) -> str:
    """Return the request's id. The audit log stores a change under it."""
    return str(request.state.request_id)


ServicesDep = Annotated[Services, Depends(get_services)]
RequestId = Annotated[str, Depends(get_request_id)]


def parse_body(model: type[Model]) -> Callable[[Request], Awaitable[Model]]:
    """Return a dependency that reads and validates a body.

    It raises the errors of `read_json`, and InvalidRequest that names the first invalid field.
    """

    async def read(request: Request) -> Model:
        payload = await read_json(
            ClientRequest.of(request.scope, request.receive), MAX_BODY, parse_float=parse_number
        )
        try:
            return model.model_validate(payload)
        except ValidationError as error:
            raise validation_error(error.errors(include_input=False, include_url=False)) from None

    return read


def body_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the OpenAPI description of a body that `parse_body` reads."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}


def validation_error(errors: Sequence[Any]) -> InvalidRequest:
    """Return the first of pydantic's errors as an InvalidRequest."""
    first = errors[0]
    steps = [step for step in first["loc"] if step not in {"body", "query", "path", "[key]"}]
    param = redact(_field_path(steps), limit=MAX_PARAM) or None
    problem = {
        "extra_forbidden": "unknown field",
        "missing": "is required",
        "model_type": "must be a JSON object",
        "value_error": str(first.get("ctx", {}).get("error", "")),
    }.get(first["type"], "") or first["msg"].removeprefix("Input ")
    return InvalidRequest(f"{param or 'the body'}: {problem}", param=param)


async def handle_validation_error(request: Request, error: Exception) -> Response:
    """Return the response to FastAPI's validation errors of parameters."""
    errors = error.errors() if isinstance(error, RequestValidationError) else ()
    invalid = validation_error(errors) if errors else InvalidRequest("the request cannot be parsed")
    return fastapi_response(request, invalid)


async def handle_error(request: Request, error: Exception) -> Response:
    """Return the response to a GatewayError, or to the store's Conflict of two concurrent writes."""
    if isinstance(error, GatewayError):
        return fastapi_response(request, error)
    message = "another request changed this at the same time: read it again and repeat the change"
    return fastapi_response(request, EditConflict(message))


async def handle_crash(request: Request, _error: Exception) -> Response:
    """Return the response to an unexpected exception. The middleware logs where it was raised."""
    message = f"internal error; see the log for request ID {request.state.request_id}"
    return fastapi_response(request, GatewayError(message))


def _field_path(steps: Sequence[object]) -> str:
    """Return a field's path in OpenAI's notation: `allowed_models[0]`, `metadata.team`."""
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return path.removeprefix(".")
