"""The streamed response of an admitted call: its first item, its events, and its settlement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from starlette.types import ASGIApp

from vaultcore.admission.admitted_call import AdmittedCall
from vaultcore.client_apis import ClientApi
from vaultcore.dialects import StreamItem
from vaultcore.errors import GatewayError
from vaultcore.services import Services
from vaultcore.streams.framing import StreamFraming
from vaultcore.streams.sse import Event
from vaultcore.web.client_stream import ClientStream
from vaultcore.web.deadline import ERROR_TIME
from vaultcore.web.internal_error import internal_error, location
from vaultcore.web.reply import EventStream, call_headers, stream_report


async def stream_response(
    client: ClientStream, services: Services, admitted: AdmittedCall, framing: StreamFraming
) -> ASGIApp:
    """Return the event stream of a call. A failure before the first item is raised: it becomes a status.

    If the first item takes longer than a heartbeat, the response starts without it: with a keep-alive,
    without the headers that name the provider, and a later failure is the stream's last event.
    """
    items, heartbeat = services.gateway.stream(admitted.call), services.settings.heartbeat
    first = asyncio.ensure_future(anext(items))
    try:
        await _wait(first, heartbeat)
        if first.done():
            first.result()
            admitted.call.outcome.first_token_at = services.clock.now()
    except BaseException:
        await _stop(first, items)
        raise
    headers = dict(admitted.rate_limit_headers)
    if first.done():
        headers = {**call_headers(admitted.call), **headers}
    events = _events(client, services, admitted, first, items, framing=framing)
    # Started here, so that the generator runs to its end, and settles, whenever the client disconnects.
    opening = await anext(events, b"")
    return EventStream(events, headers, framing, opening=opening, heartbeat=heartbeat)


async def _wait(first: asyncio.Future[Sequence[StreamItem]], seconds: float) -> None:
    """Wait until the first items are there, at most some seconds: asyncio.wait takes 25 µs more."""
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()

    def wake(*_: object) -> None:
        if not waiter.done():
            waiter.set_result(None)

    first.add_done_callback(wake)
    timer = loop.call_later(seconds, wake)
    try:
        await waiter
    finally:
        timer.cancel()
        first.remove_done_callback(wake)


async def _events(
    client: ClientStream,
    services: Services,
    admitted: AdmittedCall,
    first: asyncio.Future[Sequence[StreamItem]],
    rest: AsyncGenerator[Sequence[StreamItem], None],
    *,
    framing: StreamFraming,
) -> AsyncGenerator[bytes, None]:
    call, outcome = admitted.call, admitted.call.outcome
    try:
        try:
            try:
                if not first.done():
                    yield framing.keep_alive
                items = await first
                outcome.first_token_at = outcome.first_token_at or services.clock.now()
                yield client.encode(items, framing)
                async for items in rest:
                    yield client.encode(items, framing)
            finally:
                await _stop(first, rest)
            ending = [*client.close()]  # encoded first: if that fails, nothing is charged
            await admitted.settle(200)  # a client that has read the last event finds its usage counted
        except (GatewayError, asyncio.CancelledError) as raised:
            ending = await _fail(client, services, admitted, raised)
        if ending:
            yield b"".join(map(framing.encode, ending))
        if call.explain:
            yield framing.encode_report(stream_report(call))
        yield framing.close()
    except Exception as error:  # noqa: BLE001 - a bug: the stream ends with an error and costs nothing
        yield framing.encode(await _crash(client.api, services, admitted, error)) + framing.close()
    finally:  # after a client disconnect nothing has been settled yet
        await admitted.abandon()


async def _fail(
    client: ClientStream,
    services: Services,
    admitted: AdmittedCall,
    raised: GatewayError | asyncio.CancelledError,
) -> list[Event]:
    """Settle a failed stream; return its last events. Raises the cancellation of a client disconnect."""
    error = raised if isinstance(raised, GatewayError) else services.shutdown.error_for(raised)
    if error is None:
        raise raised
    admitted.call.outcome.flags.append("broken")
    ending = [*client.fail(error)]
    await admitted.settle(200, error, wait=ERROR_TIME)  # a slow store must not delay the end
    return ending


async def _crash(api: ClientApi, services: Services, admitted: AdmittedCall, error: Exception) -> Event:
    """Log an unexpected exception, settle the call without a charge, and return the stream's last event."""
    call, kind = admitted.call, type(error).__name__
    services.log.error("crash", request_id=call.id, kind=kind, at=location(error))
    call.outcome.flags.append("broken")
    failure = internal_error(call.id)
    await admitted.settle(500, failure, wait=ERROR_TIME)  # the encoder may be what failed: it is not used
    return api.render_stream_error(failure)


async def _stop(
    first: asyncio.Future[Sequence[StreamItem]], items: AsyncGenerator[Sequence[StreamItem], None]
) -> None:
    """Close the provider's stream; the first item's task must end before."""
    if first.cancel():
        await asyncio.wait({first})
    if not first.cancelled():
        first.exception()  # retrieved, so that asyncio does not log it
    await items.aclose()
