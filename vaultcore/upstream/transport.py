"""The HTTP client that all calls to providers share."""

from __future__ import annotations

import httpx

from vaultcore.settings import Timeouts

CONNECTIONS = 1_000
KEEPALIVE = 60.0  # seconds an unused connection is kept


def client(timeouts: Timeouts) -> httpx.AsyncClient:
    """A client that follows no redirect and reads no environment. Whoever asks for it closes it."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(None, connect=timeouts.connect),
        limits=httpx.Limits(
            max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=KEEPALIVE
        ),
        follow_redirects=False,
        trust_env=False,
    )
