"""Helpers for tests of a gateway with several worker processes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.provider import FakeProvider
from tests.fakes.served import GatewayProcess
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

QUESTION = {"model": "one/gpt-fake", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}
OVERLAY = 'providers:\n  one: {{base_url: "{url}", local: true}}\n'


def prepare(home: Path, provider: FakeProvider) -> dict[str, str]:
    """Store a key and a catalog in a home; return the environment of a gateway with two workers."""
    LocalVault(home / ".vaultedge").add([Credential("one", "sk-one-0123456789")])
    (home / "providers.yaml").write_text(OVERLAY.format(url=provider.base_url))
    return {
        "PROVIDERS_FILE": str(home / "providers.yaml"),
        "VAULTEDGE_WORKERS": "2",
        "PYTHONWARNINGS": "error::DeprecationWarning",  # Python's own about a fork beside threads
    }


def admin(running: GatewayProcess, home: Path, path: str, *, method: str = "", **body: Any) -> Any:
    """Call the admin API on a new connection: POST with a body, else GET. Return the response's body."""
    headers = {"authorization": f"Bearer {(home / '.vaultedge/admin.key').read_text().strip()}"}
    method, url = method or ("POST" if body else "GET"), f"{running.url}/admin{path}"
    response = httpx.request(method, url, json=body or None, headers=headers, trust_env=False, timeout=30)
    assert response.is_success, response.text
    return response.json()


def send_all(running: GatewayProcess, token: str, number: int) -> Counter[int]:
    """Send requests at once, each on its own connection; return how many had each status."""

    async def send() -> Counter[int]:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:
            url, headers = f"{running.url}/v1/chat/completions", {"authorization": f"Bearer {token}"}
            requests = (client.post(url, json=QUESTION, headers=headers) for _ in range(number))
            return Counter(each.status_code for each in await asyncio.gather(*requests))

    return asyncio.run(send())


def workers(running: GatewayProcess) -> list[int]:
    """Return the process IDs of the workers."""
    pid = running.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not become true"
        time.sleep(0.02)
