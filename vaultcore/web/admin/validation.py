"""How the admin API takes what it is sent: bodies and questions checked by models, refused in our own words.

A refusal names the field and never quotes what was sent: it may be a key, in the wrong place.
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
from vaultcore.web.router_errors import router_error

MAX_BODY = 262_144  # bytes of a body

Model = TypeVar("Model", bound=BaseModel)


class RequestBody(BaseModel):
    """What may be sent: as it is written, and nothing else."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class QueryParameters(BaseModel):
    """What may stand behind the question mark: texts, as everything there is."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EditConflict(GatewayError):
    """Somebody else changed it meanwhile, or it cannot be changed any more."""

    status, type, code = 409, "invalid_request_error", "conflict"


async def read_services(request: Request) -> Services:
    """What the app was made with."""
    found: Services = request.app.state.services
    return found


async def read_request_id(request: Request) -> str:
    """The request's id, under which its change is audit_entry."""
    return str(request.state.request_id)


ServicesDep = Annotated[Services, Depends(read_services)]
RequestId = Annotated[str, Depends(read_request_id)]


def parse_body(model: type[Model]) -> Callable[[Request], Awaitable[Model]]:
    """A dependency that reads a body. Raises what `read_json` does, or InvalidRequest naming the field."""

    async def read(request: Request) -> Model:
        told = await read_json(request, MAX_BODY, parse_float=parse_number)
        try:
            return model.model_validate(told)
        except ValidationError as error:
            raise validation_error(error.errors(include_input=False, include_url=False)) from None

    return read


def body(model: type[BaseModel]) -> dict[str, Any]:
    """What the documentation says of such a body."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}


def validation_error(errors: Sequence[Any]) -> InvalidRequest:
    """The first thing that is wrong."""
    first = errors[0]
    where = [step for step in first["loc"] if step not in {"body", "query", "path", "[key]"}]
    param = redact(_path(where), limit=100) or None
    said = {
        "extra_forbidden": "is not known here",
        "missing": "is missing",
        "model_type": "must be a JSON object",
        "value_error": str(first.get("ctx", {}).get("error", "")),
    }.get(first["type"], "") or first["msg"].removeprefix("Input ")
    return InvalidRequest(f"{param or 'the body'}: {said}", param=param)


async def handle_validation_error(request: Request, error: Exception) -> Response:
    """What FastAPI found wrong with a question."""
    errors = error.errors() if isinstance(error, RequestValidationError) else ()
    return router_error(request, validation_error(errors) if errors else InvalidRequest("the request cannot be read"))


async def handle_error(request: Request, error: Exception) -> Response:
    """A refusal of our own, and what a store says of two who write at once."""
    if isinstance(error, GatewayError):
        return router_error(request, error)
    return router_error(request, EditConflict("this has been changed meanwhile: read it again"))


async def handle_crash(request: Request, _error: Exception) -> Response:
    """What is left to say where nothing was foreseen; Admission logs the place."""
    return router_error(request, GatewayError("an internal error; its log line bears the request id"))


def _path(steps: Sequence[object]) -> str:
    """As OpenAI writes it: `allowed_models[0]`, `metadata.team`."""
    told = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return told.removeprefix(".")
