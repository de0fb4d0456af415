"""Simulated providers on real sockets: each on a free loopback port, all of them in one background thread."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from vaultcore.simulators import anthropic, bedrock, cohere, gemini, mistral, openai, responses
from vaultcore.simulators.faults import FaultScript
from vaultcore.simulators.provider import ProviderBehavior, application

MANNERS: Mapping[str, ProviderBehavior] = {
    "openai": openai,
    "anthropic": anthropic,
    "gemini": gemini,
    "responses": responses,
    "cohere": cohere,
    "mistral": mistral,
    "bedrock": bedrock,
}
ALSO: Mapping[str, tuple[ProviderBehavior, ...]] = {"openai": (responses,)}  # spoken at the same address


@dataclass(frozen=True, slots=True)
class Simulator:
    """A simulated provider that is being served."""

    name: str
    dialect: str
    base_url: str
    keys: tuple[str, ...] = field(repr=False)  # random, and good for nothing else
    script: FaultScript = field(repr=False)

    @property
    def key(self) -> str:
        return self.keys[0]


@contextmanager
def simulated(
    providers: Mapping[str, str], *, pace: float = 0.0, keys: int = 1
) -> Iterator[dict[str, Simulator]]:
    """Serve providers, given as name -> dialect, while the context lasts."""
    listening = {name: _listen() for name in providers}
    simulators = {
        name: Simulator(
            name=name,
            dialect=providers[name],
            base_url=f"http://127.0.0.1:{held.getsockname()[1]}/v1",
            keys=tuple(f"sk-simulated-{secrets.token_hex(16)}" for _ in range(keys)),
            script=FaultScript(),
        )
        for name, held in listening.items()
    }
    servers = [
        (
            uvicorn.Server(
                uvicorn.Config(
                    application(
                        MANNERS[one.dialect],
                        one.name,
                        one.keys,
                        one.script,
                        pace=pace,
                        also=ALSO.get(one.dialect, ()),
                    ),
                    http=_Quiet,
                    ws="none",
                    lifespan="off",
                    loop="asyncio",
                    log_config=None,
                    access_log=False,
                    server_header=False,
                    timeout_graceful_shutdown=1,
                )
            ),
            listening[one.name],
        )
        for one in simulators.values()
    ]
    thread = threading.Thread(target=_serve, args=(servers,), name="simulated providers", daemon=True)
    thread.start()
    try:
        yield simulators
    finally:
        for server, _ in servers:
            server.should_exit = True
        thread.join()
        for held in listening.values():
            held.close()


def _listen() -> socket.socket:
    """A listening socket: whoever connects before the server runs is served as soon as it does."""
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio asks for it
    held.bind(("127.0.0.1", 0))
    held.listen(128)
    return held


def _serve(servers: list[tuple[uvicorn.Server, socket.socket]]) -> None:
    async def all_of_them() -> None:
        await asyncio.gather(*(server.serve(sockets=[held]) for server, held in servers))

    asyncio.run(all_of_them())


class _Quiet(H11Protocol):
    """Connections whose scripted mishaps are not logged as mistakes of the app."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.logger = logging.getLogger(__name__)
        self.logger.disabled = True
