"""Gateways that were killed, and gateways that share one store."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.provider import FakeProvider, FakeResponse
from tests.fakes.served import GatewayProcess, run_serve
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

QUESTION = {"model": "one/gpt-fake", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}
LEASE = 3.0  # seconds
BUCKET = 1.0  # seconds: a reservation ends with its bucket, at most so much after its lease
OVERLAY = 'providers:\n  one: {{base_url: "{url}", local: true}}\n'


def environ(home: Path, provider: FakeProvider) -> dict[str, str]:
    LocalVault(home / ".vaultedge").add([Credential("one", "sk-one-0123456789")])
    (home / "providers.yaml").write_text(OVERLAY.format(url=provider.base_url))
    return {"PROVIDERS_FILE": str(home / "providers.yaml"), "VAULTEDGE_LEASE": str(int(LEASE * 1_000))}


def admin(running: GatewayProcess, home: Path, path: str, **body: Any) -> Any:
    key = (home / ".vaultedge/admin.key").read_text().strip()
    method = "POST" if body else "GET"
    headers = {"authorization": f"Bearer {key}"}
    response = httpx.request(
        method, f"{running.url}/admin{path}", json=body or None, headers=headers, trust_env=False
    )
    response.raise_for_status()
    return response.json()


def ask(running: GatewayProcess, token: str) -> int:
    headers = {"authorization": f"Bearer {token}"}
    url = f"{running.url}/v1/chat/completions"
    try:
        return httpx.post(url, json=QUESTION, headers=headers, trust_env=False, timeout=30).status_code
    except httpx.HTTPError:
        return 0


def test_reservations_of_a_killed_gateway_expire(tmp_path: Path) -> None:
    """The reservation of a killed process is released, uncharged, after its lease."""
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(hang=True), FakeResponse())
        environment = environ(tmp_path, provider)
        with run_serve(tmp_path, environ=environment) as running:
            created = admin(running, tmp_path, "/keys", name="a", token_quota=60, rate_limit_rpm=None)
            asking = threading.Thread(target=ask, args=(running, created["key"]))
            asking.start()
            while not provider.requests:
                time.sleep(0.01)
            reserved_at = time.time()
            running.stop(signal.SIGKILL)
            asking.join()
        with run_serve(tmp_path, environ=environment) as running:
            immediate = ask(running, created["key"])
            early = time.time() - reserved_at < LEASE
            time.sleep(max(0.0, reserved_at + LEASE + BUCKET + 0.1 - time.time()))
            later = ask(running, created["key"])
            key = admin(running, tmp_path, f"/keys/{created['id']}")

    assert (immediate == 429 or not early, later) == (True, 200)
    assert key["usage"]["requests"] == (immediate == 200) + 1
    assert key["usage"]["total_tokens"] == 12 * key["usage"]["requests"]
    assert key["in_flight"] == 0


def test_two_gateways_share_their_limits(tmp_path: Path) -> None:
    """Of 200 requests to two processes with one store, exactly the 60 that the limit allows succeed."""
    with FakeProvider() as provider:
        environment = environ(tmp_path, provider) | {"VAULTEDGE_LEASE": "60000"}
        with run_serve(tmp_path, environ=environment) as one, run_serve(tmp_path, environ=environment) as two:
            created = admin(one, tmp_path, "/keys", name="a", rate_limit_rpm=60)

            async def send_all() -> Counter[int]:
                limits = httpx.Limits(max_connections=50)
                async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:
                    headers = {"authorization": f"Bearer {created['key']}"}
                    requests = (
                        client.post(
                            f"{(one, two)[turn % 2].url}/v1/chat/completions", json=QUESTION, headers=headers
                        )
                        for turn in range(200)
                    )
                    return Counter(each.status_code for each in await asyncio.gather(*requests))

            statuses = asyncio.run(send_all())
            usage = admin(two, tmp_path, f"/keys/{created['id']}")["usage"]

    assert statuses == {200: 60, 429: 140}
    assert len(provider.requests) == usage["requests"] == 60
    assert usage["total_tokens"] == 60 * 12
