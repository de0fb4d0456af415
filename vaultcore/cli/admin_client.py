"""A client of the admin API: of a gateway at a URL, or of this machine's store without a running gateway.

Both use the same application; without a URL it runs in this process.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from vaultcore.cli import local
from vaultcore.cli.terminal import Terminal, UsageError
from vaultcore.lazy_dataclass import dataclass
from vaultcore.settings import Settings
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.secrets import Secrets, SecretSource

TIMEOUT = 30.0  # seconds
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
HINTS = {
    400: "vaultedge keys create --help lists the fields of a key",
    401: "use the admin key from admin.key in the data directory, or from its Secrets Manager secret",
    404: "vaultedge keys list shows the key ids",
    409: "vaultedge keys show ID shows its current state",
}
PAGE, KEY = {"data", "next_cursor"}, {"id", "name", "masked"}  # fields that every response has
URL_HINT = "set --url to the gateway's base URL, without /v1"
DEFAULT_HINT = "try again; the gateway's log has details of this request"


class AdminRequestFailed(Exception):
    """The gateway rejected the request or could not be reached. `hint` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class AdminClient:
    """Sends requests to the admin API."""

    client: httpx.AsyncClient

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Json:
        """Return the response body: a page of keys if `query` is given, otherwise a key.

        Raises AdminRequestFailed.
        """
        content = None if body is None else json.dumps(body).encode()
        headers = {} if content is None else {"content-type": "application/json"}
        try:
            response = await self.client.request(
                method, f"admin{path}", content=content, headers=headers, params=query
            )
            payload = response.json()
        except httpx.HTTPError as error:
            host = self.client.base_url.host
            raise AdminRequestFailed(f"cannot reach {host}: {type(error).__name__}", URL_HINT) from None
        except ValueError:
            raise _not_a_gateway(response.status_code) from None
        if not isinstance(payload, dict):
            raise _not_a_gateway(response.status_code)
        if response.is_success:
            if not (PAGE if query is not None else KEY) <= set(payload):
                raise _not_a_gateway(response.status_code)
            return payload
        raise _parse_error(response.status_code, payload.get("error"))


@asynccontextmanager
async def connect_remote(url: str, key: str) -> AsyncIterator[AdminClient]:
    """Open a client for the gateway at `url`. It follows no redirects, which could send the key elsewhere."""
    headers = {"authorization": f"Bearer {key}"}
    use_proxy = url.startswith("https:")  # over plain http a proxy would see the key
    async with httpx.AsyncClient(
        base_url=f"{url}/", headers=headers, timeout=TIMEOUT, trust_env=use_proxy
    ) as client:
        yield AdminClient(client)


@asynccontextmanager
async def open_in_process(settings: Settings, terminal: Terminal) -> AsyncIterator[AdminClient]:
    """Open a client for this machine's store, with an admin key that exists only for this command."""
    import secrets

    from vaultcore.app import create_app
    from vaultcore.clock import SystemClock
    from vaultcore.compose import compose

    local.ensure_deployment_keys(settings, terminal)
    clock, key = SystemClock(), f"va-{secrets.token_hex(24)}"
    services = compose(settings, _SecretsWithAdminKey(local.secret_source(settings, clock), key), clock=clock)
    headers = {"authorization": f"Bearer {key}"}
    transport = httpx.ASGITransport(create_app(services))
    try:
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost/", headers=headers
        ) as client:
            yield AdminClient(client)
    finally:
        await services.gateway.upstream.aclose()
        await services.store.aclose()


@dataclass(frozen=True, slots=True)
class _SecretsWithAdminKey:
    """Another source's secrets, with the admin key replaced."""

    source: SecretSource
    key: str

    async def current(self) -> Secrets:
        from vaultcore.secrets import digest_key

        return replace(await self.source.current(), admin=digest_key(self.key))

    def refresh_soon(self) -> None:
        return


def parse_url(url: str, terminal: Terminal) -> str:
    """Return the gateway's base URL from `--url`. Raise UsageError if it is invalid."""
    url = url.strip().rstrip("/").removesuffix("/v1")
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"} or parts.query or parts.fragment or "@" in url:
        raise UsageError("--url must have the form https://HOST or http://127.0.0.1:8787")
    if parts.scheme == "http" and host not in LOOPBACK:
        terminal.warn("the URL is not https, so the admin key is sent unencrypted")
    return url


def _parse_error(status: int, error: object) -> AdminRequestFailed:
    """Return the exception for an error envelope."""
    if not isinstance(error, dict):
        return _not_a_gateway(status)
    message = "".join(each for each in str(error.get("message")) if each.isprintable())[:300]
    if status == 405 or (status == 404 and error.get("param") is None):
        return AdminRequestFailed(message, URL_HINT)
    return AdminRequestFailed(message, HINTS.get(status, DEFAULT_HINT))


def _not_a_gateway(status: int) -> AdminRequestFailed:
    return AdminRequestFailed(f"no VaultEdge gateway answers at this URL (status {status})", URL_HINT)


def format_value(value: Any) -> str:
    """Return a response value as text for people; None becomes '-'."""
    from vaultcore.money import format_usd, from_usd

    match value:
        case None:
            return "-"
        case float():
            return format_usd(from_usd(value))
        case dict():
            return ", ".join(f"{name}={format_value(each)}" for name, each in value.items()) or "-"
        case list():
            return ", ".join(map(format_value, value)) or "-"
        case _:
            return str(value)
