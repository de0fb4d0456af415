"""The gateway of this machine, for commands: its store, and the pepper that what is in it is signed with."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from vaultcore.cli.terminal import Misuse, Terminal
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
        help="sqlite:PATH, dynamodb:TABLE (default: VAULTEDGE_STORE, else SQLite beside the vault)",
    )


def stored(args: argparse.Namespace, terminal: Terminal) -> Settings:
    """The environment's settings, with the store that the command line names. Raises Misuse."""
    settings = terminal.settings()
    if args.store is not None:
        settings = replace(settings, store=args.store)
    if settings.store.startswith("memory:"):
        raise Misuse(
            "a store in memory is its own process's alone", hint="--url asks the gateway that has it"
        )
    return settings


def made(settings: Settings, terminal: Terminal) -> None:
    """Make the keys of this machine's gateway where nobody has started it yet, and say so."""
    if _elsewhere(settings) or (settings.home / PEPPER).exists():
        return
    from vaultcore.vault.deployment import deployment_keys

    if deployment_keys(settings.home).made:
        terminal.warn(f"made this gateway's system key and admin key; they are kept in {settings.home}")


def secret_source(settings: Settings, clock: Clock) -> SecretSource:
    """Where the pepper comes from. Raises VaultError where there is none: a new one would fit nothing."""
    from vaultcore.secrets import FixedSecrets, Secrets
    from vaultcore.vault.keyring import Keyring

    if settings.pepper is not None:
        return FixedSecrets(Secrets(Keyring(()), pepper=settings.pepper.encode()))
    if settings.vault_secret:
        from vaultcore import compose

        return compose.secret_source(settings, clock)
    if not (settings.home / PEPPER).exists() or settings.store.startswith("dynamodb:"):
        raise VaultError(
            f"there is no pepper for {settings.store.partition(':')[0]} in {settings.home}",
            hint="set VAULTEDGE_HOME, --store or VAULTEDGE_PEPPER as the gateway has them",
        )
    from vaultcore.vault.deployment import deployment_keys

    kept = deployment_keys(settings.home).pepper.encode()
    return FixedSecrets(Secrets(Keyring(()), pepper=kept))


async def pepper(source: SecretSource) -> bytes:
    """The pepper of a source. Raises VaultError where it has none."""
    found = (await source.current()).pepper
    if found is None:
        raise VaultError("this gateway has no pepper", hint="set VAULTEDGE_PEPPER as the gateway has it")
    return found


def _elsewhere(settings: Settings) -> bool:
    return bool(settings.pepper or settings.vault_secret) or settings.store.startswith("dynamodb:")
