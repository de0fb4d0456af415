"""A sink that posts notices to an address of the operator's, signed after Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import ClassVar
from urllib.parse import urlsplit

from vaultcore.alerts.notification import DeliveryFailed, Notification
from vaultcore.clock import Clock
from vaultcore.errors import ConfigError

TYPE = "limit.reached"
PATIENCE = 5.0  # seconds for all of a post
PREFIX = "whsec_"
SECRET = range(24, 65)  # bytes, by the specification
RECIPE = 'echo "whsec_$(openssl rand -base64 32)" makes one'
URL_KEY, SECRET_KEY = "VAULTEDGE_ALERT_WEBHOOK", "VAULTEDGE_ALERT_WEBHOOK_SECRET"


class Webhook:
    """Posts follow no redirect and go through no proxy; any 2xx is taken for delivered."""

    name: ClassVar[str] = "webhook"

    def __init__(self, url: str, secret: bytes, clock: Clock, *, patience: float = PATIENCE) -> None:
        self._url, self._secret, self._clock, self._patience = url, secret, clock, patience
        self._tls: ssl.SSLContext | None = None  # slow to make

    async def send(self, notice: Notification) -> None:
        """See `Sink`."""
        import httpx

        body = json.dumps(_payload(notice), ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "content-type": "application/json",
            "user-agent": "vaultedge",
            **signature(notice.id, int(self._clock.now()), body, self._secret),
        }
        try:
            async with (
                asyncio.timeout(self._patience),
                httpx.AsyncClient(
                    verify=self._context(), trust_env=False, follow_redirects=False, timeout=self._patience
                ) as client,
                client.stream("POST", self._url, headers=headers, content=body) as answer,
            ):
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise DeliveryFailed(type(error).__name__) from None  # its text may quote the address
        if not 200 <= status < 300:
            raise DeliveryFailed(f"HTTP {status}")

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


def webhook(url: str, secret: str | None, clock: Clock) -> Webhook:
    """The sink of two settings. Raises ConfigError, which quotes neither."""
    if not _may_be_called(url):
        raise ConfigError("must be an https URL, or http to this machine itself", key=URL_KEY)
    if secret is None:
        raise ConfigError(f"is needed beside {URL_KEY}; {RECIPE}", key=SECRET_KEY)
    return Webhook(url, _key(secret), clock)


def signature(id: str, at: int, body: bytes, secret: bytes) -> dict[str, str]:
    """The three headers that say which message this is, when it was sent, and that we sent it."""
    signed = hmac.new(secret, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }


def _payload(notice: Notification) -> dict[str, object]:
    happened = datetime.fromtimestamp(notice.at, UTC).isoformat(timespec="milliseconds")
    return {
        "type": TYPE,
        "timestamp": happened.replace("+00:00", "Z"),
        "data": {**notice.facts, "text": notice.text},
    }


def _may_be_called(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.fragment or not (url.isascii() and url.isprintable()) or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _loopback(host))


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _key(secret: str) -> bytes:
    prefix, written = secret[: len(PREFIX)], secret[len(PREFIX) :]
    try:
        key = base64.b64decode(written, validate=True)
    except ValueError:
        key = b""
    if prefix != PREFIX or len(key) not in SECRET:
        said = f"must be {PREFIX} and {SECRET.start} to {SECRET.stop - 1} bytes in base64; {RECIPE}"
        raise ConfigError(said, key=SECRET_KEY)
    return key
