"""Use the gateway as a library: no server and no port, with the provider keys of this machine's vault.

Set MODEL, and PROVIDERS_FILE if you have one. Run it in an environment in which `vaultedge` is installed.
"""

import asyncio
import os
import secrets
from dataclasses import replace

import httpx

from vaultcore.app import create_app
from vaultcore.compose import compose
from vaultcore.settings import Settings


async def main() -> None:
    key = f"ve-{secrets.token_hex(20)}"  # a system key for this process only
    settings = replace(Settings.from_env(os.environ), system_key=key, store="memory:")
    services = compose(settings)
    transport = httpx.ASGITransport(create_app(services))
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
        body = {
            "model": os.environ.get("MODEL", "claude-haiku-4-5"),
            "messages": [{"role": "user", "content": "Why is the sky blue?"}],
        }
        response = await client.post("/v1/chat/completions", json=body)
        response.raise_for_status()
        print("completion:", response.json()["choices"][0]["message"]["content"])
        print("provider:", response.headers["x-vaultedge-provider"])
    await services.gateway.upstream.aclose()
    await services.store.aclose()


asyncio.run(main())
