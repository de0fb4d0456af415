"""`vaultedge serve`: serves the gateway on this machine with the keys of its vault."""

from __future__ import annotations

import argparse
import gc
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaultcore.cli.server_extra import require_server
from vaultcore.cli.terminal import Terminal, UsageError, read_secret_file
from vaultcore.settings import Settings

if TYPE_CHECKING:
    from vaultcore.store.base import DocumentKey, Store

PR_SET_DUMPABLE = 4  # <linux/prctl.h>


def register(commands: Any) -> None:
    parser = commands.add_parser(
        "serve",
        help="serve the gateway on this machine",
        description="Serve the gateway with the provider keys of VAULTEDGE_VAULT, or of the vault on disk."
        " The first start creates and prints the system key and the admin key.",
    )
    parser.add_argument("--host", help="address to listen on (default: VAULTEDGE_HOST, else 127.0.0.1)")
    parser.add_argument(
        "--port", type=int, help="port to listen on, 0 for any free port (default: VAULTEDGE_PORT, else 8787)"
    )
    parser.add_argument(
        "--vault", metavar="FILE", help="file with a vault string, or - for stdin (default: VAULTEDGE_VAULT)"
    )
    parser.add_argument(
        "--password-file", metavar="FILE", type=Path, help="file with the vault string's password"
    )
    parser.add_argument(
        "--providers", metavar="FILE", type=Path, help="catalog overlay (default: PROVIDERS_FILE)"
    )
    parser.add_argument(
        "--store",
        metavar="URL",
        help="store: sqlite:PATH, dynamodb:TABLE or memory: (default: VAULTEDGE_STORE, else SQLite)",
    )
    parser.add_argument(
        "--new-pepper",
        action="store_true",
        help="replace a lost or damaged pepper: deletes all virtual keys, limits and routes in the store",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    require_server()
    _disable_core_dumps()
    if args.new_pepper:
        terminal.warn("remove --new-pepper after this start: it deletes keys if the pepper is lost again")
    settings, is_first_start = _with_keys(_settings(args, terminal), replace_pepper=args.new_pepper)
    return _serve(settings, terminal, is_first_start=is_first_start)


def _settings(args: argparse.Namespace, terminal: Terminal) -> Settings:
    """Return the environment's settings, overridden by the command line."""
    settings = terminal.settings()
    if args.port is not None and not 0 <= args.port <= 65_535:
        raise UsageError("--port must be from 0 to 65535")
    overrides = {
        "host": args.host,
        "port": args.port,
        "providers_file": args.providers,
        "store": args.store,
        "vault": _vault(args.vault, terminal),
    }
    settings = replace(settings, **{name: value for name, value in overrides.items() if value is not None})
    if args.password_file is not None:
        return replace(settings, password=read_secret_file(args.password_file))
    if settings.vault is None:
        return settings
    if settings.password is None:
        return replace(settings, password=terminal.prompt_secret("vault password: "))
    terminal.warn(
        "VAULTEDGE_PASSWORD stays readable in this process's environment; use --password-file instead"
    )
    return settings


def _vault(file: str | None, terminal: Terminal) -> str | None:
    match file:
        case None:
            return None
        case "-":
            return terminal.read_line().strip()
        case path:
            return read_secret_file(Path(path)).strip()


def _with_keys(settings: Settings, *, replace_pepper: bool) -> tuple[Settings, bool]:
    """Return the settings with the gateway's keys and pepper, and True if they were created just now."""
    if settings.system_key and settings.admin_key and settings.pepper:
        return settings, False
    from vaultcore.compose import local_keys

    stored = local_keys(settings, replace_pepper=replace_pepper)
    complete = replace(
        settings,
        system_key=settings.system_key or stored.system,
        admin_key=settings.admin_key or stored.admin,
        pepper=settings.pepper or stored.pepper,
    )
    return complete, stored.created


def _disable_core_dumps() -> None:
    """Disable core files, and on Linux ptrace and other processes' access to /proc/PID/environ and /mem.

    The process holds provider keys in memory.
    """
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def _check_store(store: Store, terminal: Terminal) -> None:
    """Read one document before serving. Raise ConfigError if the store is invalid."""
    import asyncio

    from vaultcore.errors import StoreUnavailable
    from vaultcore.store.document_types import POLICY
    from vaultcore.store.unavailable_reason import unavailable_reason

    try:
        asyncio.run(_read(store, POLICY))
    except StoreUnavailable as error:
        reason = unavailable_reason(error).replace("_", " ")
        terminal.warn(f"{error} ({reason}); requests with virtual keys fail until the store is available")


async def _read(store: Store, key: DocumentKey) -> None:
    await store.get(key)


def _serve(settings: Settings, terminal: Terminal, *, is_first_start: bool) -> int:
    from vaultcore.app import create_app
    from vaultcore.cli import listener
    from vaultcore.cli.lifespan import MaintainedApp
    from vaultcore.compose import compose, open_local
    from vaultcore.secrets import FixedSecrets
    from vaultcore.telemetry import configure

    secrets = open_local(settings)
    services = compose(listener.with_local_defaults(settings), FixedSecrets(secrets))
    _check_store(services.store, terminal)
    app = MaintainedApp(create_app(services), services)
    server_socket = listener.listen(settings.host, settings.port)
    configure(settings.log_level, terminal.stderr)
    key_count = len(secrets.keyring)
    url = listener.url(server_socket)
    terminal.say(f"base url    {url}/v1")
    terminal.say(f"console     {url}/console/")
    if is_first_start:
        terminal.say(f"system key  {settings.system_key}")
        terminal.say(f"admin key   {settings.admin_key}")
        terminal.say(f"            shown only now; stored in {settings.home}")
    terminal.say(f"vault       {key_count} keys: {', '.join(sorted(secrets.keyring.providers)) or 'none'}")
    if not key_count:
        terminal.hint("run vaultedge vault add-key --provider openai, then start again")
    if listener.is_public(server_socket):
        terminal.warn("listening on a network address without TLS: keys and prompts are sent unencrypted")
    # With freeze(): 5 to 10 % less CPU time per request. Higher thresholds let 20 MB of garbage pile up.
    gc.set_threshold(10_000, 10, 20)
    gc.freeze()  # the objects of the start live as long as the process
    listener.serve(app, server_socket, services.shutdown)
    terminal.warn("stopped")
    return 0
