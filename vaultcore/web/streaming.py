"""The streamed response of an admitted call: its first item, its events, and its settlement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from starlette.types import ASGIApp

from vaultcore.admission.admitted_call import AdmittedCall
from vaultcore.client_apis import ClientApi
from vaultcore.dialects import StreamItem
from vaultcore.errors import GatewayError
from vaultcore.services import Services
from vaultcore.web.client_stream import ClientStream
from vaultcore.web.deadline import ERROR_TIME
from vaultcore.web.reply import KEEP_ALIVE, EventStream, call_headers, last_comment


async def stream_response(api: ClientApi, services: Services, admitted: AdmittedCall) -> ASGIApp:
    """Return the event stream of a call. A failure before the first item is raised: it becomes a status.

    If the first item takes longer than a heartbeat, the response starts without it: with a comment, without
    the headers that name the provider, and a later failure is the stream's last event.
    """
    items, heartbeat = services.gateway.stream(admitted.call), services.settings.heartbeat
    first = asyncio.ensure_future(anext(items))
    try:
        await asyncio.wait({first}, timeout=heartbeat)
        if first.done():
            first.result()
            admitted.call.outcome.first_token_at = services.clock.now()
    except BaseException:
        await _stop(first, items)
        raise
    headers = dict(admitted.rate_limit_headers)
    if first.done():
        headers = {**call_headers(admitted.call), **headers}
    events = _events(api, services, admitted, first, items)
    # Started here, so that the generator runs to its end, and settles, whenever the client disconnects.
    opening = await anext(events, b"")
    return EventStream(events, headers, opening=opening, heartbeat=heartbeat)


async def _events(
    api: ClientApi,
    services: Services,
    admitted: AdmittedCall,
    first: asyncio.Future[StreamItem],
    rest: AsyncGenerator[StreamItem, None],
) -> AsyncGenerator[bytes, None]:
    call = admitted.call
    outcome = call.outcome
    client = ClientStream(api, call.request)
    try:
        try:
            if not first.done():
                yield KEEP_ALIVE
            item = await first
            outcome.first_token_at = outcome.first_token_at or services.clock.now()
            for event in client.feed(item):
                yield event.encode()
            async for item in rest:
                for event in client.feed(item):
                    yield event.encode()
        finally:
            await _stop(first, rest)
        await admitted.settle(200)  # before the last event: a client that has read it finds its usage counted
        for event in client.close():
            yield event.encode()
        if call.explain:
            yield last_comment(call)
    except GatewayError as error:
        outcome.flags.append("broken")
        await admitted.settle(200, error, wait=ERROR_TIME)  # a slow store must not delay the end
        for event in client.fail(error):
            yield event.encode()
        if call.explain:
            yield last_comment(call)
    finally:  # after a client disconnect nothing has been settled yet
        await admitted.abandon()


async def _stop(first: asyncio.Future[StreamItem], items: AsyncGenerator[StreamItem, None]) -> None:
    """Close the provider's stream; the first item's task must end before."""
    if first.cancel():
        await asyncio.wait({first})
    if not first.cancelled():
        first.exception()  # retrieved, so that asyncio does not log it
    await items.aclose()
