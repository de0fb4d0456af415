"""Checks of `vaultedge doctor` on this machine: data directory, vault, catalog, store, port and clock."""

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
from vaultcore.cli.doctor.results import CheckResult, failed, ok, skipped
from vaultcore.cli.terminal import Terminal
from vaultcore.clock import Clock, SystemClock
from vaultcore.control.lost_pepper import find_dependents
from vaultcore.errors import ConfigError, GatewayError, StoreUnavailable, VaultError
from vaultcore.settings import Settings
from vaultcore.store.base import Delete, DocumentKey, Put, Store
from vaultcore.store.unavailable_reason import FIXES, unavailable_reason
from vaultcore.vault.deployment import PEPPER, PEPPER_CURE, find_damaged
from vaultcore.vault.keyring import Credential

COLLECTION = "doctor"  # document collection of the test document
DOCUMENT_TTL = 60.0  # seconds after which the test document expires if deleting it fails
STORE_FIXES = {
    "sqlite": "check the file's owner, free disk space, and whether another program has locked the file",
    "dynamodb": "check the table's name and region, and the permissions in docs/deployment.md",
}


async def run_checks(args: argparse.Namespace, terminal: Terminal) -> list[CheckResult]:
    """Run the checks of a gateway on this machine. The test document in the store is deleted again."""
    settings, clock = terminal.settings(), SystemClock()
    results = [check_home(settings.home)]
    catalog, catalog_result = _load_catalog(args.providers or settings.providers_file, settings)
    credentials, vault_result = await _open_vault(settings, terminal, clock)
    results += [vault_result, catalog_result, await _check_store(settings, clock)]
    if args.offline or catalog is None or not credentials:
        reason = "--offline" if args.offline else "no catalog" if catalog is None else "no provider keys"
        results.append(skipped("provider keys", reason))
        dates: list[str] = []
    else:
        checked = await provider_keys.check_keys(credentials, catalog, settings)
        results += checked.results
        dates = checked.dates
    return [*results, await _check_port(settings), _check_clock(dates, clock)]


def check_home(home: Path) -> CheckResult:
    """Check that the data directory exists, is writable and private to this user."""
    if not home.exists():
        return ok("data", f"{home} does not exist yet; it is created when needed")
    if not home.is_dir() or not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        return failed(
            "data",
            f"{home} is not a writable directory",
            f"fix its owner with chown, then run chmod 700 {home}",
        )
    if sys.platform == "win32":
        return ok("data", f"{home}")
    shared = [home] if home.stat().st_mode & 0o022 else []
    shared += [each for each in sorted(home.iterdir()) if _is_shared(each)]
    if not shared:
        damaged = find_damaged(home)
        return ok("data", f"{home} is private to this user") if damaged is None else failed("data", damaged)
    names = " ".join(map(str, shared))
    return failed("data", f"other users can access {names}", f"run chmod go-rwx {names}")


def _is_shared(file: Path) -> bool:
    """Return True if other users can read or write a regular file."""
    mode = file.lstat().st_mode
    return stat.S_ISREG(mode) and bool(mode & 0o077)


def _load_catalog(overlay: Path | None, settings: Settings) -> tuple[Catalog | None, CheckResult]:
    try:
        catalog = load(overlay, settings.environ)
    except (ConfigError, OSError) as error:
        return None, failed("catalog", error, "see the overlay format in docs/providers.md")
    source = f" with {overlay}" if overlay else ""
    return catalog, ok("catalog", f"{len(catalog.providers)} providers{source}")


async def _open_vault(
    settings: Settings, terminal: Terminal, clock: Clock
) -> tuple[Sequence[Credential], CheckResult]:
    try:
        if settings.vault_secret:
            credentials = await _managed(settings, clock)
        else:
            credentials = await asyncio.to_thread(open_vault.load_credentials, terminal)
    except (VaultError, ConfigError, GatewayError, OSError) as error:
        fix = getattr(error, "hint", None) or "check the password, or restore a backup: docs/vault.md"
        return (), failed("vault", error, fix)
    providers = sorted({each.provider for each in credentials})
    return credentials, ok("vault", f"opens; {len(credentials)} keys: {', '.join(providers)}")


async def _managed(settings: Settings, clock: Clock) -> list[Credential]:
    """Return the keys of a vault in Secrets Manager. Raise VaultUnavailable."""
    from vaultcore.compose import secret_source

    return list((await secret_source(settings, clock).current()).keyring)


async def _check_store(settings: Settings, clock: Clock) -> CheckResult:
    """Check that a document can be written, read and deleted."""
    from vaultcore.compose import open_store

    kind, _, path = settings.store.partition(":")
    if kind == "memory":
        return ok("store", "in memory; its data is lost when the process ends")
    if kind == "sqlite" and path and (missing := _missing(path)):
        return missing
    key = DocumentKey(COLLECTION, secrets.token_hex(8))
    try:
        store = open_store(settings.store, clock, environ=settings.environ)
        try:
            await store.write(
                Put(key, {"written": "by vaultedge doctor"}, expires=clock.now() + DOCUMENT_TTL)
            )
            (document,) = await store.get(key)
            await store.write(Delete(key))
            lost = await _find_lost_pepper(settings, store)
        finally:
            await store.aclose()
    except StoreUnavailable as error:
        reason = unavailable_reason(error)
        text = f"{error} ({reason.replace('_', ' ')})"
        return failed("store", text, FIXES.get(reason, STORE_FIXES.get(kind)))
    except (GatewayError, ConfigError, OSError) as error:
        return failed("store", error, STORE_FIXES.get(kind))
    if document is None:
        return failed("store", "the document that was written could not be read", STORE_FIXES.get(kind))
    return lost or ok("store", f"{kind} store can be written and read")


async def _find_lost_pepper(settings: Settings, store: Store) -> CheckResult | None:
    """Return the failed check if the store depends on a pepper that is missing."""
    file = settings.home / PEPPER
    has_file = await asyncio.to_thread(file.exists)
    if has_file or settings.pepper or settings.pepper_secret or settings.vault_secret:
        return None
    dependents = await find_dependents(store)
    if dependents is None:
        return None
    return failed("store", f"{file} is missing, but the store has {dependents}", PEPPER_CURE)


def _missing(path: str) -> CheckResult | None:
    """Check a database file that does not exist yet: can it be created? Return None if it exists."""
    file = Path(path).expanduser()
    if file.exists():
        return None
    nearest = next(each for each in file.absolute().parents if each.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return ok("store", f"{file} does not exist yet; it is created when needed")
    return failed(
        "store",
        f"cannot create {file}: no write access to {nearest}",
        "set VAULTEDGE_STORE, or fix the owner with chown",
    )


async def _check_port(settings: Settings) -> CheckResult:
    """Check that `serve` can listen, or that a gateway already does."""
    try:
        from vaultcore.cli.listener import listen

        listen(settings.host, settings.port).close()
    except ImportError:
        return failed("port", "no HTTP server is installed", "run pip install 'vaultedge-serverless[serve]'")
    except ConfigError as error:
        if await _is_gateway_running(settings):
            return ok("port", f"a gateway is running at {settings.host}:{settings.port}")
        return failed("port", error, "set VAULTEDGE_PORT, or run serve --port 0 for any free port")
    return ok("port", f"{settings.host}:{settings.port} is free")


async def _is_gateway_running(settings: Settings) -> bool:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
        try:
            response = await client.get(f"http://{host}:{settings.port}/health")
            return response.is_success and response.json() == {"status": "ok"}
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            return False


def _check_clock(dates: Sequence[str], clock: Clock) -> CheckResult:
    if clock.now() < Path(vaultcore.__file__).stat().st_mtime:
        return failed("clock", "the time is before this program was installed", "set this machine's clock")
    return provider_keys.check_clock(dates, clock.now())
