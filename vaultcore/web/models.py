"""The list of models that the key may use and the vault can reach, in the form of the client.

`/v1/models` and `/v1/models/{id}` answer in OpenAI's form, or in that of another client, which the request's
headers or query show. `/v1beta/models` answers in Google's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vaultcore.admission.caller import Caller
from vaultcore.catalog.lookup import ListedModel, find_listing, list_models, resolve_name
from vaultcore.client_apis import ClientApi
from vaultcore.client_apis.lazy import gemini, messages
from vaultcore.endpoints import api_at
from vaultcore.errors import NoRoute
from vaultcore.limits.allowlist import allowed_targets
from vaultcore.routing.plan import reachable
from vaultcore.services import Services
from vaultcore.web.client_request import ClientRequest
from vaultcore.web.credentials import authenticate
from vaultcore.web.data_endpoint import Handler
from vaultcore.web.model_list import ModelListForm, anthropic, codex, google, openai
from vaultcore.web.reply import ClientResponse, json_response

CODEX_QUERY = "client_version"
FORMS: Mapping[ClientApi, ModelListForm] = {messages: anthropic, gemini: google}


def models_endpoint(services: Services) -> Handler:
    """Return the handler that lists all models by name."""

    async def handle(request: ClientRequest) -> ClientResponse:
        caller = await authenticate(request, services)
        providers = await _reachable(services)
        models = [
            each for each in list_models(services.catalog, providers) if _usable(each, caller, services)
        ]
        return json_response(_form(request).render_list(models, request.query))

    return handle


def model_endpoint(services: Services) -> Handler:
    """Return the handler for one model; its name may contain slashes."""

    async def handle(request: ClientRequest) -> ClientResponse:
        caller = await authenticate(request, services)
        name = request.path_params["model"]
        listing = find_listing(name, services.catalog, await _reachable(services))
        if listing is None or not _usable(listing, caller, services):
            error, models = NoRoute("this gateway serves no such model", param="model"), _allowlist(caller)
            raise await services.admission.model_names.explain(error, name, models)
        return json_response(_form(request).render_model(listing))

    return handle


def _form(request: ClientRequest) -> ModelListForm:
    """Return the form in which the client reads models."""
    if CODEX_QUERY in request.query:
        return codex
    return FORMS.get(api_at(request.path, request.headers), openai)


def _usable(model: ListedModel, caller: Caller, services: Services) -> bool:
    """Return True if the key's list of models allows this one, at any provider."""
    models = _allowlist(caller)
    if models is None:
        return True
    route = resolve_name(model.id, services.catalog, frozenset(model.providers))
    targets = [target for target in route.targets if target.provider.name in model.providers] if route else []
    routed = route is not None and route.name in services.catalog.routes
    return bool(allowed_targets(models, model.id, targets, routed=routed))


def _allowlist(caller: Caller) -> Sequence[str] | None:
    return caller.key.models if caller.key else None


async def _reachable(services: Services) -> frozenset[str]:
    """Return the names of the providers that the vault has keys for."""
    keyring = (await services.secrets.current()).keyring
    return reachable(services.catalog.providers.values(), keyring)
