"""Two copies of one snapshot of the gateway; each prints the random values it draws after its restore.

Run it as a program. A fork simulates a restore; the state that a fork would reseed is restored first.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import ssl
import uuid
from typing import Any

from handlers.build import build
from handlers.snapshot import SnapStartHooks
from vaultcore.app import create_app
from vaultcore.lambda_runtime.asgi import App
from vaultcore.services import Services
from vaultcore.vault.keyring import Credential
from vaultcore.vault.sealed import seal


async def request_id(app: App) -> str:
    headers: list[Any] = []

    async def send(message: Any) -> None:
        headers.extend(message.get("headers", ()))

    async def receive() -> Any:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "GET", "path": "/health", "root_path": "", "headers": []}
    await app(scope, receive, send)
    return dict(headers)[b"x-request-id"].decode()


async def draw(services: Services, app: App, after: bool) -> dict[str, str]:
    if after:
        await SnapStartHooks(services).after()
    return {
        "request id": await request_id(app),
        "jitter": repr(services.clock.jitter()),
        "nonce and salt": seal([Credential("one", "sk-one-0123456789")], "a password"),
        "random": repr(random.random()),
        "uuid": str(uuid.uuid4()),
        "tls": ssl.RAND_bytes(16).hex(),
    }


def main() -> None:
    """Run two copies without the restore hook, then two with it."""
    services = build()
    app = create_app(services)
    asyncio.run(SnapStartHooks(services).before())
    state = random.getstate()
    for after in (False, False, True, True):
        if (child := os.fork()) == 0:
            random.setstate(state)
            print(json.dumps(asyncio.run(draw(services, app, after))), flush=True)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
