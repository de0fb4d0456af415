"""Notes the requests that the gateway itself refuses, for the log and the sums of refusals."""

from __future__ import annotations

from vaultcore.admission.refusals.refusal import STATUSES, UNKNOWN, Refusal
from vaultcore.catalog.catalog import Catalog
from vaultcore.errors import AttemptsExhausted, GatewayError, UpstreamError, whole_seconds
from vaultcore.services import Services
from vaultcore.telemetry import redact
from vaultcore.web.client_request import ClientRequest

MAX_NAME = 128  # characters of a model name


def note_refusal(services: Services, request: ClientRequest, error: GatewayError) -> None:
    """Note an error as a refusal, if it is one: of an authenticated key, and not a provider's."""
    caller = request.caller
    if caller is None or error.status not in STATUSES:
        return
    if isinstance(error, UpstreamError | AttemptsExhausted):
        return
    call = request.observed.call
    model = call.model if call else str(request.path_params.get("id", ""))
    services.refusals.note(
        Refusal(
            id=request.observed.id,
            at=services.clock.now(),
            key=caller.id,
            owner=caller.owner,
            path=request.path,
            status=error.status,
            code=error.code,
            model=redact(model, limit=MAX_NAME),
            counted_model=model if _is_known(model, services.catalog) else UNKNOWN,
            shortage=error.shortage,
            retry_after=None if error.retry_after is None else whole_seconds(error.retry_after),
        )
    )


def _is_known(model: str, catalog: Catalog) -> bool:
    """Return True for a route, its targets, an alias, or a model of the catalog, with its provider or not."""
    targets = (target for route in catalog.routes.values() for target in route.targets)
    if model in catalog.routes or model in catalog.aliases or any(model == target.name for target in targets):
        return True
    name, _, rest = model.partition("/")
    provider = catalog.provider(name) if rest else None
    return bool(provider and catalog.lists(provider, rest)) or bool(catalog.providers_listing(model))
