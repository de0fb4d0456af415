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
from vaultcore.cli.workers.count import worker_count
from vaultcore.settings import MAX_WORKERS, Settings

if TYPE_CHECKING:
    import socket

    from starlette.types import ASGIApp

    from vaultcore.cli.listener import ListeningSocket
    from vaultcore.cli.workers.balance import Share
    from vaultcore.services import Services
    from vaultcore.store.base import DocumentKey, Store
    from vaultcore.vault.keyring import Keyring

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
        "--workers",
        type=int,
        metavar="N",
        help="processes that serve the port, 0 for one per core (default: VAULTEDGE_WORKERS, else 0)",
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
    settings = _settings(args, terminal)
    workers = worker_count(settings)
    settings, is_first_start = _with_keys(settings, replace_pepper=args.new_pepper)
    return _serve(settings, terminal, workers, is_first_start=is_first_start)


def _settings(args: argparse.Namespace, terminal: Terminal) -> Settings:
    """Return the environment's settings, overridden by the command line."""
    settings = terminal.settings()
    if args.port is not None and not 0 <= args.port <= 65_535:
        raise UsageError("--port must be from 0 to 65535")
    if args.workers is not None and not 0 <= args.workers <= MAX_WORKERS:
        raise UsageError(f"--workers must be from 0 to {MAX_WORKERS}")
    overrides = {
        "host": args.host,
        "port": args.port,
        "workers": args.workers,
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


def _check_store(store: Store, terminal: Terminal, *, closes: bool) -> None:
    """Read one document before serving. Raise ConfigError if the store is invalid.

    With `closes`, close the store then.
    """
    import asyncio

    from vaultcore.errors import StoreUnavailable
    from vaultcore.store.document_types import POLICY
    from vaultcore.store.unavailable_reason import unavailable_reason

    try:
        asyncio.run(_read(store, POLICY, closes=closes))
    except StoreUnavailable as error:
        reason = unavailable_reason(error).replace("_", " ")
        terminal.warn(f"{error} ({reason}); requests with virtual keys fail until the store is available")


async def _read(store: Store, key: DocumentKey, *, closes: bool) -> None:
    try:
        await store.get(key)
    finally:
        if closes:
            await store.aclose()


def _serve(settings: Settings, terminal: Terminal, workers: int, *, is_first_start: bool) -> int:
    from vaultcore.app import create_app
    from vaultcore.cli import listener
    from vaultcore.compose import compose, open_local, open_store
    from vaultcore.secrets import FixedSecrets
    from vaultcore.telemetry import configure

    secrets = open_local(settings)
    # Each worker enforces its part of the rate limits while the store is unavailable.
    settings = replace(settings, degraded=settings.degraded * workers)
    services = compose(listener.with_local_defaults(settings), FixedSecrets(secrets))
    if workers == 1:
        _check_store(services.store, terminal, closes=False)
    else:  # no file and no thread may be open when the workers are forked
        store = open_store(settings.store, services.clock, environ=settings.environ)
        _check_store(store, terminal, closes=True)
    app = create_app(services)
    server_socket = listener.listen(settings.host, settings.port)
    configure(settings.log_level, terminal.stderr)
    settings = replace(settings, workers=workers)
    _print_start(settings, secrets.keyring, server_socket, terminal, is_first_start=is_first_start)
    # With freeze(): 5 to 10 % less CPU time per request. Higher thresholds let 20 MB of garbage pile up.
    gc.set_threshold(10_000, 10, 20)
    gc.freeze()  # the objects of the start live as long as the process; workers share their memory
    if workers == 1:
        from vaultcore.cli.lifespan import MaintainedApp

        listener.serve(MaintainedApp(app, services), server_socket, services.shutdown)
    elif not _serve_with_workers(workers, app, services, server_socket, secrets.keyring):
        terminal.fail("the workers die as soon as they have started", "the log above has their errors")
        return 1
    terminal.warn("stopped")
    return 0


def _serve_with_workers(
    count: int, app: ASGIApp, services: Services, server_socket: ListeningSocket, keyring: Keyring
) -> bool:
    """Serve in processes until a signal. Return False if they died again and again."""
    from vaultcore.cli.workers.shared import SharedState, names_of
    from vaultcore.cli.workers.supervisor import Supervisor
    from vaultcore.cli.workers.worker import serve_as_worker

    def work(channel: socket.socket, share: Share, is_maintainer: bool) -> None:
        _disable_core_dumps()
        state.join(services, share.row)
        serve_as_worker(app, services, server_socket, channel, share, is_maintainer=is_maintainer)

    state = SharedState(names_of(services.catalog, keyring))
    with server_socket:
        return Supervisor(count, work, services.log, state.end_worker).run()


def _print_start(
    settings: Settings,
    keyring: Keyring,
    server_socket: ListeningSocket,
    terminal: Terminal,
    *,
    is_first_start: bool,
) -> None:
    from vaultcore.cli import listener

    url = listener.url(server_socket)
    terminal.say(f"base url    {url}/v1")
    terminal.say(f"console     {url}/console/")
    if is_first_start:
        terminal.say(f"system key  {settings.system_key}")
        terminal.say(f"admin key   {settings.admin_key}")
        terminal.say(f"            shown only now; stored in {settings.home}")
    if settings.workers > 1:
        terminal.say(f"workers     {settings.workers} processes")
    elif settings.store.startswith("memory:"):
        terminal.say("workers     1 process: the store memory: cannot be shared")
    terminal.say(f"vault       {len(keyring)} keys: {', '.join(sorted(keyring.providers)) or 'none'}")
    if not keyring:
        terminal.hint("run vaultedge vault add-key --provider openai, then start again")
    if listener.is_public(server_socket):
        terminal.warn("listening on a network address without TLS: keys and prompts are sent unencrypted")
