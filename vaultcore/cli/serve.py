"""`vaultedge serve`: the whole gateway on one machine, over the vault that is there."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaultcore.cli.terminal import Misuse, Terminal, secret_in
from vaultcore.settings import Settings

if TYPE_CHECKING:
    from vaultcore.store.base import Name, Store


def register(commands: Any) -> None:
    parser = commands.add_parser(
        "serve",
        help="the whole gateway on this machine",
        description="Serves the OpenAI API from the vault in VAULTEDGE_VAULT and VAULTEDGE_PASSWORD, else"
        " from that on disk. The first start makes the system key and the admin key, and shows them.",
    )
    parser.add_argument("--host", help="address to listen on (default: VAULTEDGE_HOST, else 127.0.0.1)")
    parser.add_argument("--port", type=int, help="default: VAULTEDGE_PORT, else 8787; 0: any free one")
    parser.add_argument("--vault", metavar="FILE", help="file with a vault string; - reads it from stdin")
    parser.add_argument("--password-file", metavar="FILE", type=Path, help="file with that string's password")
    parser.add_argument("--providers", metavar="FILE", type=Path, help="catalog overlay (PROVIDERS_FILE)")
    parser.add_argument(
        "--store",
        metavar="URL",
        help="sqlite:PATH, dynamodb:TABLE, memory: (default: VAULTEDGE_STORE, else SQLite beside the vault)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.cli.core_dumps import refuse_dumps

    refuse_dumps()
    settings, made = _keyed(_settings(args, terminal))
    return _serve(settings, terminal, made)


def _settings(args: argparse.Namespace, terminal: Terminal) -> Settings:
    """The environment's settings with what the command line says instead."""
    settings = terminal.settings()
    if args.port is not None and not 0 <= args.port <= 65_535:
        raise Misuse("--port must be 0 to 65535")
    given = {
        "host": args.host,
        "port": args.port,
        "providers_file": args.providers,
        "store": args.store,
        "vault": _vault(args.vault, terminal),
    }
    settings = replace(settings, **{name: value for name, value in given.items() if value is not None})
    if args.password_file is not None:
        return replace(settings, password=secret_in(args.password_file))
    if settings.vault is None:
        return settings
    if settings.password is None:
        return replace(settings, password=terminal.ask("password of the vault: "))
    terminal.warn("the password stays readable in this process's environment; --password-file keeps it out")
    return settings


def _vault(given: str | None, terminal: Terminal) -> str | None:
    match given:
        case None:
            return None
        case "-":
            return terminal.line().strip()
        case file:
            return secret_in(Path(file)).strip()


def _keyed(settings: Settings) -> tuple[Settings, bool]:
    """The settings with both keys of this gateway, and whether they were made just now."""
    if settings.system_key and settings.admin_key and settings.pepper:
        return settings, False
    from vaultcore.vault.deployment import deployment_keys

    kept = deployment_keys(settings.home)
    keyed = replace(
        settings,
        system_key=settings.system_key or kept.system,
        admin_key=settings.admin_key or kept.admin,
        pepper=settings.pepper or kept.pepper,
    )
    return keyed, kept.made


def _open(store: Store, terminal: Terminal) -> None:
    """Open the store before anybody asks. Raises ConfigError where it is none."""
    import asyncio

    from vaultcore.errors import StoreUnavailable
    from vaultcore.store.document_types import POLICY

    try:
        asyncio.run(_looked(store, POLICY))
    except StoreUnavailable as error:
        terminal.warn(f"{error}; requests with virtual keys are refused until then")


async def _looked(store: Store, name: Name) -> None:
    await store.get(name)


def _serve(settings: Settings, terminal: Terminal, made: bool) -> int:
    from vaultcore.app import create_app
    from vaultcore.cli import listener
    from vaultcore.cli.lifespan import Tended
    from vaultcore.compose import compose, open_local
    from vaultcore.secrets import FixedSecrets
    from vaultcore.telemetry import configure

    secrets = open_local(settings)
    services = compose(settings, FixedSecrets(secrets))
    _open(services.store, terminal)
    app = Tended(create_app(services), services)
    held = listener.listen(settings.host, settings.port)
    configure(settings.log_level, terminal.stderr)
    held_keys = len(secrets.keyring)
    url = listener.url(held)
    terminal.say(f"base url    {url}/v1")
    terminal.say(f"console     {url}/console/")
    if made:
        terminal.say(f"system key  {settings.system_key}")
        terminal.say(f"admin key   {settings.admin_key}")
        terminal.say(f"            both are shown this once and kept in {settings.home}")
    terminal.say(
        f"vault       {held_keys} keys: {', '.join(sorted(secrets.keyring.providers)) or 'none yet'}"
    )
    if not held_keys:
        terminal.hint("vaultedge vault add-key --provider openai, then start again")
    if listener.beyond_loopback(held):
        terminal.warn("listening beyond this machine, without TLS: keys and prompts travel in the clear")
    listener.serve(app, held)
    terminal.warn("stopped")
    return 0
