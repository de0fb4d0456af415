"""A sink that posts to a URL of the operator, signed as Standard Webhooks specifies.

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
TIMEOUT = 5.0  # seconds for a whole post
PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)  # allowed lengths, from the specification
HOW_TO = 'create one with: echo "whsec_$(openssl rand -base64 32)"'
URL_KEY, SECRET_KEY = "VAULTEDGE_ALERT_WEBHOOK", "VAULTEDGE_ALERT_WEBHOOK_SECRET"


class Webhook:
    """Posts follow no redirects and use no proxy. Any 2xx status means delivered."""

    name: ClassVar[str] = "webhook"

    def __init__(self, url: str, secret: bytes, clock: Clock, *, timeout: float = TIMEOUT) -> None:
        self._url, self._secret, self._clock, self._timeout = url, secret, clock, timeout
        self._tls: ssl.SSLContext | None = None  # built at the first post: slow

    async def send(self, notification: Notification) -> None:
        """See `AlertSink`."""
        import httpx

        body = json.dumps(_payload(notification), ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "content-type": "application/json",
            "user-agent": "vaultedge",
            **signature(notification.id, int(self._clock.now()), body, self._secret),
        }
        try:
            async with (
                asyncio.timeout(self._timeout),
                httpx.AsyncClient(
                    verify=self._context(), trust_env=False, follow_redirects=False, timeout=self._timeout
                ) as client,
                client.stream("POST", self._url, headers=headers, content=body) as response,
            ):
                status = response.status_code
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise DeliveryFailed(type(error).__name__) from None  # its text may contain the URL
        if not 200 <= status < 300:
            raise DeliveryFailed(f"HTTP {status}")

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


def webhook(url: str, secret: str | None, clock: Clock) -> Webhook:
    """Return the sink for two settings. Raises ConfigError, which quotes neither."""
    if not _is_allowed_url(url):
        raise ConfigError("must be an https URL; http is allowed for loopback addresses only", key=URL_KEY)
    if secret is None:
        raise ConfigError(f"is required with {URL_KEY}; {HOW_TO}", key=SECRET_KEY)
    return Webhook(url, _signing_key(secret), clock)


def signature(id: str, at: int, body: bytes, secret: bytes) -> dict[str, str]:
    """Return the three headers of Standard Webhooks: id, timestamp and HMAC-SHA256 signature."""
    digest = hmac.new(secret, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _payload(notification: Notification) -> dict[str, object]:
    timestamp = datetime.fromtimestamp(notification.at, UTC).isoformat(timespec="milliseconds")
    return {
        "type": TYPE,
        "timestamp": timestamp.replace("+00:00", "Z"),
        "data": {**notification.facts, "text": notification.text},
    }


def _is_allowed_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.fragment or not (url.isascii() and url.isprintable()) or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _signing_key(secret: str) -> bytes:
    prefix, encoded = secret[: len(PREFIX)], secret[len(PREFIX) :]
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        key = b""
    if prefix != PREFIX or len(key) not in SECRET_BYTES:
        text = (
            f"must be {PREFIX} and {SECRET_BYTES.start} to {SECRET_BYTES.stop - 1} bytes in base64; {HOW_TO}"
        )
        raise ConfigError(text, key=SECRET_KEY)
    return key
