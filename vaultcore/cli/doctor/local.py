"""What `vaultedge doctor` looks at on this machine."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx

import vaultcore
from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.load import load
from vaultcore.cli import open_vault
from vaultcore.cli.doctor import provider_keys
from vaultcore.cli.doctor.findings import Finding, failed, ok, skipped
from vaultcore.cli.terminal import Terminal
from vaultcore.clock import Clock, SystemClock
from vaultcore.errors import ConfigError, GatewayError, VaultError
from vaultcore.settings import Settings
from vaultcore.store.base import Drop, Name, Put
from vaultcore.vault.keyring import Credential

SHELF = "doctor"  # where the store is written to, for a moment
KEPT = 60.0  # seconds for which what was written stands if it cannot be taken away
STORE_CURES = {
    "sqlite": "the file must be this user's, its disk not full, and no other program may keep it locked",
    "dynamodb": "the table's name and region, and the permissions that docs/deployment.md lists",
}


async def examine(args: argparse.Namespace, terminal: Terminal) -> list[Finding]:
    """Everything that a gateway on this machine needs. Changes nothing that lasts."""
    settings, clock = terminal.settings(), SystemClock()
    found = [data(settings.home)]
    catalog, finding = _catalog(args.providers or settings.providers_file, settings)
    held, vault = await _vault(settings, terminal, clock)
    found += [vault, finding, await _store(settings, clock)]
    if args.offline or catalog is None or not held:
        why = "--offline" if args.offline else "there is no catalog" if catalog is None else "there is no key"
        found.append(skipped("provider keys", why))
        dates: list[str] = []
    else:
        tried = await provider_keys.tried(held, catalog, settings)
        found += tried.findings
        dates = tried.dates
    return [*found, await _port(settings), _clock(dates, clock)]


def data(home: Path) -> Finding:
    """Whether the directory is this user's alone."""
    if not home.exists():
        return ok("data", f"{home} is made when it is needed")
    if not home.is_dir() or not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        return failed("data", f"{home} is no directory that can be written", f"chown and chmod 700 {home}")
    if sys.platform == "win32":
        return ok("data", f"{home}")
    open_to = [home] if home.stat().st_mode & 0o022 else []
    open_to += [each for each in sorted(home.iterdir()) if _readable(each)]
    if not open_to:
        return ok("data", f"{home} is this user's alone")
    names = " ".join(map(str, open_to))
    return failed("data", f"others can get at {names}", f"chmod go-rwx {names}")


def _readable(file: Path) -> bool:
    """Whether others than its owner can read a file or write to it."""
    mode = file.lstat().st_mode
    return stat.S_ISREG(mode) and bool(mode & 0o077)


def _catalog(overlay: Path | None, settings: Settings) -> tuple[Catalog | None, Finding]:
    try:
        catalog = load(overlay, settings.environ)
    except (ConfigError, OSError) as error:
        return None, failed("catalog", error, "the overlay's format is in docs/providers.md")
    said = f" with {overlay}" if overlay else ""
    return catalog, ok("catalog", f"{len(catalog.providers)} providers{said}")


async def _vault(
    settings: Settings, terminal: Terminal, clock: Clock
) -> tuple[Sequence[Credential], Finding]:
    try:
        if settings.vault_secret:
            held = await _managed(settings, clock)
        else:
            held = await asyncio.to_thread(open_vault.credentials, terminal)
    except (VaultError, ConfigError, GatewayError, OSError) as error:
        cure = getattr(error, "hint", None) or "the password, or a backup of the vault: docs/vault.md"
        return (), failed("vault", error, cure)
    providers = sorted({each.provider for each in held})
    return held, ok("vault", f"opens; {len(held)} keys: {', '.join(providers)}")


async def _managed(settings: Settings, clock: Clock) -> list[Credential]:
    """The keys of a gateway whose vault is in Secrets Manager. Raises VaultUnavailable."""
    from vaultcore.compose import secret_source

    return list((await secret_source(settings, clock).current()).keyring)


async def _store(settings: Settings, clock: Clock) -> Finding:
    """Whether a document can be written, read again and taken away."""
    from vaultcore.compose import open_store

    kind, _, path = settings.store.partition(":")
    if kind == "memory":
        return ok("store", "in memory: what it holds ends with the process")
    if kind == "sqlite" and path and (missing := _missing(path)):
        return missing
    name = Name(SHELF, secrets.token_hex(8))
    try:
        store = open_store(settings.store, clock)
        try:
            await store.write(Put(name, {"written": "by vaultedge doctor"}, expires=clock.now() + KEPT))
            (there,) = await store.get(name)
            await store.write(Drop(name))
        finally:
            await store.aclose()
    except (GatewayError, ConfigError, OSError) as error:
        return failed("store", error, STORE_CURES.get(kind))
    if there is None:
        return failed("store", "what was written is not there", STORE_CURES.get(kind))
    return ok("store", f"{kind} can be written and read")


def _missing(path: str) -> Finding | None:
    """Of a database that is not there yet: whether it could be made. It is not."""
    file = Path(path).expanduser()
    if file.exists():
        return None
    nearest = next(each for each in file.absolute().parents if each.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return ok("store", f"{file} is made when it is needed")
    return failed(
        "store", f"{file} cannot be made: {nearest} is not this user's", "VAULTEDGE_STORE, or chown"
    )


async def _port(settings: Settings) -> Finding:
    """Whether `serve` could listen, or a gateway does already."""
    try:
        from vaultcore.cli.listener import listen

        listen(settings.host, settings.port).close()
    except ImportError:
        return failed("port", "there is no HTTP server", "pip install 'vaultedge-serverless[serve]'")
    except ConfigError as error:
        if await _gateway_at(settings):
            return ok("port", f"a gateway answers at {settings.host}:{settings.port}")
        return failed("port", error, "VAULTEDGE_PORT, or serve --port 0 for any free one")
    return ok("port", f"{settings.host}:{settings.port} is free")


async def _gateway_at(settings: Settings) -> bool:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
        try:
            answer = await client.get(f"http://{host}:{settings.port}/health")
            return answer.is_success and answer.json() == {"status": "ok"}
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            return False


def _clock(dates: Sequence[str], clock: Clock) -> Finding:
    if clock.now() < Path(vaultcore.__file__).stat().st_mtime:
        return failed("clock", "it is before this program was installed", "set this machine's clock")
    return provider_keys.drift(dates, clock.now())
