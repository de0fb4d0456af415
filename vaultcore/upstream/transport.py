"""The contract between the client of providers and what carries its requests: one request, one response.

`http1.pool.Pool` is the transport of all deployments. `httpx_transport.HttpxTransport` adapts httpx's, which
simulators and tests have. Both work with times of the running event loop and raise TimeoutError after them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Protocol

from vaultcore.lazy_dataclass import dataclass
from vaultcore.upstream.url import ProviderUrl


class TransportError(Exception):
    """A request has no complete response: the connection was lost, or the response is not valid HTTP/1.1."""


class ConnectFailed(TransportError):
    """There is no connection to the provider; nothing was sent. The cause says why."""


class ConnectTimeout(ConnectFailed):
    """Connecting took longer than the request's `connect_timeout`."""


@dataclass(slots=True)
class TransportRequest:
    """A request as it is sent. The repr shows neither key nor content."""

    method: str
    url: ProviderUrl
    head: bytes = field(repr=False)  # request line and header fields, with the empty line that ends them
    content: bytes = field(default=b"", repr=False)
    connect_timeout: float | None = None  # seconds; None: no limit of its own
    is_direct: bool = False  # no proxy may carry it
    is_unsigned: bool = False  # it has to be signed before it is sent

    def header_fields(self) -> list[tuple[str, str]]:
        """Return the header fields as pairs of name and value, for transports that do not send bytes."""
        lines = self.head.decode("ascii").split("\r\n")[1:-2]
        return [(name, value) for name, _, value in (line.partition(": ") for line in lines)]


class TransportResponse(Protocol):
    """A response whose head has arrived. Names of headers are in lower case."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    async def read(self, until: float, /) -> bytes:
        """Return the next bytes of the body, all that have arrived; b"" at its end.

        Raises TransportError, OSError, or TimeoutError at `until`.
        """
        ...

    async def close(self) -> None:
        """End the exchange. A response that was not read to its end closes its connection."""
        ...


class Transport(Protocol):
    """Sends requests. A request is sent at most once."""

    async def send(self, request: TransportRequest, until: float, /) -> TransportResponse:
        """Send a request; return the response once its head has arrived.

        Raises TransportError, OSError, or TimeoutError at `until`.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...
