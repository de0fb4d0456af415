"""The admin API as commands ask it: of a gateway at a URL, or of this machine's store without one.

Both answer alike, for both are the same app: the second in this process, over the store itself.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from vaultcore.cli import local
from vaultcore.cli.terminal import Misuse, Terminal
from vaultcore.settings import Settings
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.secrets import Secrets, SecretSource

TIMEOUT = 30.0  # seconds
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
HINTS = {
    400: "vaultedge keys create --help tells what a key may have",
    401: "the admin key is in admin.key beside the gateway's vault, or in its Secrets Manager secret",
    404: "vaultedge keys list shows the ids",
    409: "vaultedge keys show ID tells how it is now",
}
PAGE, KEY = {"data", "next_cursor"}, {"id", "name", "masked"}  # what answers have, at least
WHERE = "--url is where the gateway listens, without /v1"
OTHERWISE = "try again; the gateway's log has a line with this request"


class Refused(Exception):
    """The gateway did not do it; says so in a line, and what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Desk:
    """Asks the admin API."""

    client: httpx.AsyncClient

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Json:
        """The object it answers with: a page of keys to a `query`, else a key. Raises Refused."""
        content = None if body is None else json.dumps(body).encode()
        headers = {} if content is None else {"content-type": "application/json"}
        try:
            answer = await self.client.request(
                method, f"admin{path}", content=content, headers=headers, params=query
            )
            told = answer.json()
        except httpx.HTTPError as error:
            place = self.client.base_url.host
            raise Refused(f"{place} cannot be asked: {type(error).__name__}", WHERE) from None
        except ValueError:
            raise _no_gateway(answer.status_code) from None
        if not isinstance(told, dict):
            raise _no_gateway(answer.status_code)
        if answer.is_success:
            if not (PAGE if query is not None else KEY) <= set(told):
                raise _no_gateway(answer.status_code)
            return told
        raise _refused(answer.status_code, told.get("error"))


@asynccontextmanager
async def distant(url: str, key: str) -> AsyncIterator[Desk]:
    """The admin API at a URL. Redirects are not followed: they could lead the key elsewhere."""
    headers = {"authorization": f"Bearer {key}"}
    proxied = url.startswith("https:")  # a proxy sees nothing of it
    async with httpx.AsyncClient(
        base_url=f"{url}/", headers=headers, timeout=TIMEOUT, trust_env=proxied
    ) as client:
        yield Desk(client)


@asynccontextmanager
async def here(settings: Settings, terminal: Terminal) -> AsyncIterator[Desk]:
    """The same over this machine's store, for one command, behind a key that nobody else has."""
    import secrets

    from vaultcore.app import create_app
    from vaultcore.clock import SystemClock
    from vaultcore.compose import compose

    local.made(settings, terminal)
    clock, key = SystemClock(), f"va-{secrets.token_hex(24)}"
    services = compose(settings, _Opened(local.secret_source(settings, clock), key), clock=clock)
    headers = {"authorization": f"Bearer {key}"}
    transport = httpx.ASGITransport(create_app(services))
    try:
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost/", headers=headers
        ) as client:
            yield Desk(client)
    finally:
        await services.gateway.upstream.aclose()
        await services.store.aclose()


@dataclass(frozen=True, slots=True)
class _Opened:
    """A gateway's secrets, of which one more key opens the admin API."""

    source: SecretSource
    key: str

    async def current(self) -> Secrets:
        from vaultcore.secrets import digest

        return replace(await self.source.current(), admin=digest(self.key))

    def doubt(self) -> None:
        return


def address(url: str, terminal: Terminal) -> str:
    """Where a gateway listens, of what was given as `--url`. Raises Misuse."""
    url = url.strip().rstrip("/").removesuffix("/v1")
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"} or parts.query or parts.fragment or "@" in url:
        raise Misuse("--url must be like https://HOST or http://127.0.0.1:8787")
    if parts.scheme == "http" and host not in LOOPBACK:
        terminal.warn("without https the admin key travels in the clear")
    return url


def _refused(status: int, error: object) -> Refused:
    """What the envelope of an error says."""
    if not isinstance(error, dict):
        return _no_gateway(status)
    shown = "".join(each for each in str(error.get("message")) if each.isprintable())[:300]
    if status == 405 or (status == 404 and error.get("param") is None):
        return Refused(shown, WHERE)
    return Refused(shown, HINTS.get(status, OTHERWISE))


def _no_gateway(status: int) -> Refused:
    return Refused(f"what answers there (with status {status}) is no gateway", WHERE)


def described(value: Any) -> str:
    """A value of an answer, for people."""
    from vaultcore.money import from_usd, usd

    match value:
        case None:
            return "-"
        case float():
            return usd(from_usd(value))
        case dict():
            return ", ".join(f"{name}={described(each)}" for name, each in value.items()) or "-"
        case list():
            return ", ".join(map(described, value)) or "-"
        case _:
            return str(value)
