"""The store settings and the pepper of this machine's gateway, for commands."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from vaultcore.cli.terminal import Terminal, UsageError
from vaultcore.errors import VaultError
from vaultcore.settings import Settings

if TYPE_CHECKING:
    from vaultcore.clock import Clock
    from vaultcore.secrets import SecretSource

PEPPER = "pepper.key"


def add_store_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store",
        metavar="URL",
        help="store: sqlite:PATH or dynamodb:TABLE (default: VAULTEDGE_STORE, else SQLite)",
    )


def store_settings(args: argparse.Namespace, terminal: Terminal) -> Settings:
    """Return the environment's settings with the `--store` option. Raise UsageError for a memory store."""
    settings = terminal.settings()
    if args.store is not None:
        settings = replace(settings, store=args.store)
    if settings.store.startswith("memory:"):
        raise UsageError(
            "a memory store exists only inside its gateway process", hint="set --url to that gateway"
        )
    return settings


def ensure_deployment_keys(settings: Settings, terminal: Terminal) -> None:
    """Create the keys of this machine's gateway if it was never started, and print a note."""
    if _has_external_pepper(settings) or (settings.home / PEPPER).exists():
        return
    from vaultcore.compose import local_keys

    if local_keys(settings).created:
        terminal.warn(f"created this gateway's system key and admin key in {settings.home}")


def secret_source(settings: Settings, clock: Clock) -> SecretSource:
    """Return the pepper's source. Raise VaultError if there is none: a new one would match no stored key."""
    from vaultcore.secrets import FixedSecrets, Secrets
    from vaultcore.vault.keyring import Keyring

    if settings.pepper is not None:
        return FixedSecrets(Secrets(Keyring(()), pepper=settings.pepper.encode()))
    if settings.vault_secret:
        from vaultcore import compose

        return compose.secret_source(settings, clock)
    if not (settings.home / PEPPER).exists() or settings.store.startswith("dynamodb:"):
        raise VaultError(
            f"no pepper for the {settings.store.partition(':')[0]} store in {settings.home}",
            hint="set VAULTEDGE_HOME, --store or VAULTEDGE_PEPPER to the gateway's values",
        )
    from vaultcore.vault.deployment import deployment_keys

    stored = deployment_keys(settings.home).pepper.encode()
    return FixedSecrets(Secrets(Keyring(()), pepper=stored))


async def read_pepper(source: SecretSource) -> bytes:
    """Return the pepper of a source. Raise VaultError if it has none."""
    value = (await source.current()).pepper
    if value is None:
        raise VaultError("this gateway has no pepper", hint="set VAULTEDGE_PEPPER to the gateway's value")
    return value


def _has_external_pepper(settings: Settings) -> bool:
    return bool(settings.pepper or settings.vault_secret) or settings.store.startswith("dynamodb:")
