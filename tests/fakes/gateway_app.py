"""The whole gateway in this process, with a fake provider on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.fakes.provider import FakeProvider
from vaultcore.app import create_app
from vaultcore.clock import Clock
from vaultcore.compose import compose
from vaultcore.limits.limits import Limits
from vaultcore.limits.virtual_key import VirtualKey
from vaultcore.secrets import FixedSecrets, Secrets, digest_key
from vaultcore.services import Services
from vaultcore.settings import Settings
from vaultcore.simulators.server import Simulator, simulated
from vaultcore.vault.keyring import Credential, Keyring

PEPPER = b"vp-" + b"7" * 40
SYSTEM, ADMIN = "ve-" + "5" * 40, "va-" + "6" * 40
T = TypeVar("T")


def write_overlay(folder: Path, provider: FakeProvider) -> Path:
    """Write an overlay file with providers `one` (OpenAI) and `two` (Anthropic) and routes over both."""
    file = folder / "providers.yaml"
    file.write_text(
        f"""
providers:
  one: {{base_url: "{provider.base_url}", local: true}}
  two: {{base_url: "{provider.base_url}", local: true, dialect: anthropic, auth: {{header: x-api-key}}}}
models:
  fast: {{primary: one/gpt-fake, fallbacks: [two/claude-fake]}}
  turned: {{primary: two/claude-fake, fallbacks: [one/gpt-fake]}}
prices:
  one/gpt-fake: {{input: 1, output: 10}}
"""
    )
    return file


def build_services(
    folder: Path,
    provider: FakeProvider,
    *,
    keys: Sequence[tuple[str, str]] = (("one", "sk-one-0123456789"), ("two", "sk-two-0123456789")),
    clock: Clock | None = None,
    **settings: Any,
) -> Services:
    """Return the gateway's services, with an in-memory store unless `store` is set."""
    settings = {"providers_file": write_overlay(folder, provider), "home": folder, **settings}
    keyring = Keyring(Credential(name, key) for name, key in keys)
    secrets = FixedSecrets(Secrets(keyring, digest_key(SYSTEM), digest_key(ADMIN), PEPPER))
    return compose(Settings(**settings), secrets, clock=clock)


def run_with_client(services: Services, scenario: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
    """Run a scenario with a client that has the system key; return its result."""
    app = create_app(services)

    async def run() -> T:
        headers = {"authorization": f"Bearer {SYSTEM}"}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://gateway", headers=headers
        ) as client:
            try:
                return await scenario(client)
            finally:
                await services.observer.aclose()
                await services.gateway.upstream.aclose()
                await services.store.aclose()

    return asyncio.run(run())


async def issue_key(services: Services, **options: Any) -> str:
    """Return the token of a new virtual key. Options are fields of Limits and of VirtualKey."""
    names = {field.name for field in fields(Limits)}
    limits = Limits(**{name: options.pop(name) for name in names & set(options)})
    draft = VirtualKey("", options.pop("name", "a key"), 0.0, (), limits, **options)
    return (await services.keys.create(draft, "test-request")).token


def bearer(token: str) -> dict[str, str]:
    """Return the header that authenticates with a token."""
    return {"authorization": f"Bearer {token}"}


def run_gateway(
    folder: Path,
    provider: FakeProvider,
    scenario: Callable[[httpx.AsyncClient], Awaitable[T]],
    **more: Any,
) -> T:
    """Run a scenario with a new gateway; return its result."""
    return run_with_client(build_services(folder, provider, **more), scenario)


def run_simulated(
    folder: Path,
    dialects: Mapping[str, str],
    scenario: Callable[[httpx.AsyncClient, Mapping[str, Simulator]], Awaitable[T]],
) -> T:
    """Run a scenario with a new gateway over simulated providers: catalog row -> dialect."""
    with simulated(dialects) as simulators:
        region = {
            name: ", params: {region: eu-west-1}" if dialect == "bedrock" else ""
            for name, dialect in dialects.items()
        }
        rows = [
            f'  {name}: {{base_url: "{each.base_url}", local: true{region[name]}}}'
            for name, each in simulators.items()
        ]
        file = folder / "providers.yaml"
        file.write_text("\n".join(["providers:", *rows]))
        keyring = Keyring(Credential(name, each.key) for name, each in simulators.items())
        secrets = FixedSecrets(Secrets(keyring, digest_key(SYSTEM), digest_key(ADMIN), PEPPER))
        services = compose(Settings(providers_file=file, home=folder), secrets)
        return run_with_client(services, lambda client: scenario(client, simulators))
