"""Forward proxies: `HTTPS_PROXY` and `NO_PROXY`, and the tunnels through them (RFC 9110, section 9.3.6).

Only https requests use a proxy, by CONNECT to the provider's own host and port: TLS is verified against
that host, and the proxy sees neither key nor prompt. Addresses of this machine and of AWS's endpoints for
metadata and credentials are never proxied.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import unquote, urlsplit

from vaultcore.errors import ConfigError
from vaultcore.lazy_dataclass import dataclass
from vaultcore.upstream.http1.connection import Connection
from vaultcore.upstream.transport import TransportError
from vaultcore.upstream.url import PORTS, Origin

VARIABLES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")  # the first that is set, as in curl
NO_PROXY = ("no_proxy", "NO_PROXY")
MAX_HEAD = 16 * 1024  # bytes of the proxy's response
UNAUTHENTICATED = 407  # status
AWS_METADATA = ip_network("fd00:ec2::/32")  # IPv6 addresses of EC2's and EKS's endpoints


class ProxyUnreachable(TransportError):
    """There is no connection to the proxy itself."""

    def __init__(self) -> None:
        super().__init__("could not be reached")


class ProxyRefused(TransportError):
    """The proxy did not open a tunnel. `status` is None if it did not answer with valid HTTP."""

    def __init__(self, status: int | None) -> None:
        reason = "the credentials of its URL" if status == UNAUTHENTICATED else "the connection"
        super().__init__(f"refused {reason} ({status or 'invalid HTTP'})")
        self.status = status


@dataclass(frozen=True, slots=True)
class Proxy:
    """A forward proxy. The repr does not contain its credentials."""

    scheme: str  # of the connection to the proxy itself: http or https
    host: str
    port: int
    authorization: str = field(default="", repr=False)  # value of proxy-authorization

    @classmethod
    def parse(cls, text: str, key: str) -> Proxy:
        """Return the proxy of a URL like `http://user:password@proxy.example.com:3128`.

        Raises ConfigError, which does not repeat the URL. `key` is the variable.
        """
        try:
            parts = urlsplit(text if "://" in text else f"http://{text}")
            host, port = parts.hostname, parts.port
        except ValueError:
            raise _invalid(key) from None
        if parts.scheme not in PORTS or not host:
            raise _invalid(key)
        authorization = ""
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            authorization = "Basic " + b64encode(credentials.encode()).decode()
        return cls(parts.scheme, host, port or PORTS[parts.scheme], authorization)


@dataclass(frozen=True, slots=True)
class DirectHost:
    """One entry of NO_PROXY: a host with its subdomains, an address, or a network."""

    host: str  # in lower case; "" if it is an address or a network
    network: IPv4Network | IPv6Network | None
    port: int | None  # None: any

    @classmethod
    def parse(cls, entry: str) -> DirectHost:
        """Return the entry of a text like `.example.com`, `example.com:8443`, `10.0.0.0/8` or `[::1]:443`."""
        network, port = _network(entry), ""
        if network is None:
            host, _, port = entry.rpartition(":")
            entry, port = (host, port) if host and port.isdecimal() else (entry, "")
            network = _network(entry)
        host = "" if network else entry.lower().removeprefix("*").strip(".")
        return cls(host, network, int(port) if port else None)

    def matches(self, origin: Origin) -> bool:
        if self.port is not None and self.port != origin.port:
            return False
        if self.network is not None:
            address = _address(origin.host)
            return address is not None and address in self.network
        return f".{origin.host.lower().rstrip('.')}".endswith(f".{self.host}")


@dataclass(frozen=True, slots=True)
class ProxyRules:
    """Which requests go through a proxy."""

    proxy: Proxy | None = None
    direct: tuple[DirectHost, ...] = ()

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> ProxyRules:
        """Return the rules of the environment's variables. Raises ConfigError for an invalid URL."""
        name = _first_set(environ, VARIABLES)
        if name is None:
            return cls()
        exceptions = _first_set(environ, NO_PROXY)
        entries = re.split(r"[,\s]+", environ[exceptions].strip(", \t")) if exceptions else []
        if "*" in entries:
            return cls()
        direct = tuple(DirectHost.parse(entry) for entry in entries if entry)
        return cls(Proxy.parse(environ[name].strip(), name), direct)

    def find(self, origin: Origin) -> Proxy | None:
        """Return the proxy for requests to an origin, or None for direct connections."""
        if self.proxy is None or origin.scheme != "https" or _is_own(origin.host):
            return None
        return None if any(each.matches(origin) for each in self.direct) else self.proxy


async def open_tunnel(connection: Connection, origin: Origin, proxy: Proxy) -> None:
    """Make a connection to the proxy a tunnel to an origin. Raises ProxyRefused or OSError."""
    import h11  # only for proxies, and takes 15 ms to import

    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    authority = f"{host}:{origin.port}"
    headers = [("host", authority)]
    if proxy.authorization:
        headers.append(("proxy-authorization", proxy.authorization))
    request = h11.Request(method="CONNECT", target=authority, headers=headers)
    connection.send(http.send(request) + http.send(h11.EndOfMessage()))
    while True:
        try:
            event = http.next_event()
        except h11.RemoteProtocolError:
            raise ProxyRefused(None) from None
        match event:
            case h11.Response(status_code=status):
                if 200 <= status < 300 and not http.trailing_data[0]:
                    return
                raise ProxyRefused(status)
            case h11.InformationalResponse():
                continue
            case h11.NEED_DATA:
                http.receive_data(await connection.receive())
            case _:
                raise ProxyRefused(None)


def _invalid(key: str) -> ConfigError:
    return ConfigError("must be an http:// or https:// URL of a proxy", key=key)


def _first_set(environ: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if environ.get(name, "").strip()), None)


def _is_own(host: str) -> bool:
    """Return True for this machine, and for link-local addresses, where AWS serves credentials."""
    address = _address(host)
    if address is None:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_link_local or address.is_unspecified or address in AWS_METADATA


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None
