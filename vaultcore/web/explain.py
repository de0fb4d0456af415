"""`POST /v1/explain`: where a chat request would go and what would be sent. No provider is called."""

from __future__ import annotations

from contextlib import suppress

from vaultcore.endpoints import EXPLAINED
from vaultcore.errors import NoRoute
from vaultcore.gateway.explain import explain
from vaultcore.services import Services
from vaultcore.web.body import LargeBodies
from vaultcore.web.client_request import ClientRequest
from vaultcore.web.credentials import authenticate
from vaultcore.web.data_endpoint import Handler, build_call
from vaultcore.web.options import OptionReader
from vaultcore.web.reply import ClientResponse, json_response
from vaultcore.web.strict_json import parse


def explain_endpoint(services: Services, large_bodies: LargeBodies) -> Handler:
    """Return the handler. Its body is that of a chat completion."""
    options = OptionReader(services.settings)

    async def handle(request: ClientRequest) -> ClientResponse:
        caller = await authenticate(request, services)
        raw = await large_bodies.read(request, services.settings.max_body)
        worker = large_bodies.worker(len(raw))
        body = await worker(parse, raw)
        call = await worker(build_call, EXPLAINED, services, options, request, body)
        keyring = (await services.secrets.current()).keyring
        with suppress(NoRoute):  # a route whose provider has no key is explained too
            call = call.with_targets(await services.admission.allowed_targets(caller, call))
        explanation = explain(call, services.catalog, keyring, services.health, services.clock)
        return json_response(explanation.as_json(call))

    return handle
