"""Simulated providers on real sockets: each on a free loopback port, all in one background thread."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from vaultcore.lazy_dataclass import dataclass
from vaultcore.simulators import anthropic, bedrock, cohere, gemini, mistral, openai, responses
from vaultcore.simulators.faults import FaultScript
from vaultcore.simulators.provider import GenerateReply, ProviderBehavior, application, reply_to_prompt

BEHAVIORS: Mapping[str, ProviderBehavior] = {
    "openai": openai,
    "anthropic": anthropic,
    "gemini": gemini,
    "responses": responses,
    "cohere": cohere,
    "mistral": mistral,
    "bedrock": bedrock,
}
# More behaviors at the same base URL.
EXTRA_BEHAVIORS: Mapping[str, tuple[ProviderBehavior, ...]] = {"openai": (responses,)}


@dataclass(frozen=True, slots=True)
class Simulator:
    """A simulated provider on a socket."""

    name: str
    dialect: str
    base_url: str
    keys: tuple[str, ...] = field(repr=False)  # random
    script: FaultScript = field(repr=False)

    @property
    def key(self) -> str:
        return self.keys[0]


@contextmanager
def simulated(
    providers: Mapping[str, str],
    *,
    pace: float = 0.0,
    keys: int = 1,
    model: GenerateReply = reply_to_prompt,
) -> Iterator[dict[str, Simulator]]:
    """Serve providers while the context lasts.

    `providers` maps names to dialects, `pace` is in seconds between two stream events, `keys` is the number
    of keys per provider, and `model` generates the replies.
    """
    sockets = {name: _listen() for name in providers}
    simulators = {
        name: Simulator(
            name=name,
            dialect=providers[name],
            base_url=f"http://127.0.0.1:{listener.getsockname()[1]}/v1",
            keys=tuple(f"sk-simulated-{secrets.token_hex(16)}" for _ in range(keys)),
            script=FaultScript(),
        )
        for name, listener in sockets.items()
    }
    servers = [(_server(each, pace, model), sockets[name]) for name, each in simulators.items()]
    thread = threading.Thread(target=_serve, args=(servers,), name="simulated providers", daemon=True)
    thread.start()
    try:
        yield simulators
    finally:
        for server, _ in servers:
            server.should_exit = True
        thread.join()
        for listener in sockets.values():
            listener.close()


def _server(simulator: Simulator, pace: float, model: GenerateReply) -> uvicorn.Server:
    app = application(
        BEHAVIORS[simulator.dialect],
        simulator.name,
        simulator.keys,
        simulator.script,
        pace=pace,
        model=model,
        also=EXTRA_BEHAVIORS.get(simulator.dialect, ()),
    )
    config = uvicorn.Config(
        app,
        http=_QuietProtocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def _listen() -> socket.socket:
    """Return a listening socket. Connections made before the server runs wait in its backlog."""
    # asyncio disables Nagle's algorithm only if the protocol is given.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener


def _serve(servers: list[tuple[uvicorn.Server, socket.socket]]) -> None:
    async def serve_all() -> None:
        await asyncio.gather(*(server.serve(sockets=[listener]) for server, listener in servers))

    asyncio.run(serve_all())


class _QuietProtocol(H11Protocol):
    """HTTP connections that do not log injected faults as errors of the app."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.logger = logging.getLogger(__name__)
        self.logger.disabled = True
