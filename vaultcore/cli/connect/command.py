"""The command: prints a client's configuration, or merges it into the client's files."""

from __future__ import annotations

import argparse
import difflib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import Any

from vaultcore.cli.connect.blocks import PLACEHOLDER, blocks
from vaultcore.cli.connect.client import KEY_VARIABLE, Client, ConfigFile, ConnectSettings, load_clients
from vaultcore.cli.connect.merge import CannotMerge, merge_text
from vaultcore.cli.terminal import Terminal, UsageError
from vaultcore.lazy_dataclass import dataclass

URL = "http://127.0.0.1:8787"  # of `vaultedge serve`
MODEL = "anthropic/claude-sonnet-4-5"


def register(commands: Any) -> None:
    parser = commands.add_parser(
        "connect",
        help="print or write the configuration of a client, such as claude-code or codex, for this gateway",
        description=(
            "Without CLIENT, list the clients. The key comes from VAULTEDGE_KEY, a hidden prompt or stdin, "
            "and only if a file or --show-key needs it."
        ),
    )
    parser.add_argument("client", metavar="CLIENT", nargs="?", help="a client of the list")
    parser.add_argument("--url", default=URL, help=f"URL of the gateway (default: {URL})")
    parser.add_argument("--model", default=MODEL, help=f"a model or route of the gateway (default: {MODEL})")
    parser.add_argument("--write", action="store_true", help="merge into the client's files, after a diff")
    parser.add_argument("--yes", action="store_true", help="with --write: do not ask")
    parser.add_argument("--show-key", action="store_true", help="print the key in the files that contain it")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.cli.admin_client import parse_url  # imports httpx

    clients = load_clients()
    if args.client is None:
        for client in clients.values():
            terminal.say(f"{client.id:<21}{client.title}")
        return 0
    if args.client not in clients:
        raise UsageError(f"no such client; the list: {', '.join(clients)}", hint="vaultedge connect")
    client, url = clients[args.client], parse_url(args.url, terminal)
    has_key = any(file.has_key for file in client.files)
    key = _read_key(terminal) if has_key and (args.write or args.show_key) else PLACEHOLDER
    settings = ConnectSettings(url, args.model, key)
    if args.write and not client.files:
        raise UsageError(f"{client.title} has no file to write", hint=f"vaultedge connect {client.id}")
    if not args.write:
        terminal.say("\n".join(_guide(client, settings)))
        return 0
    return _write(client, settings, terminal, is_agreed=args.yes)


def _read_key(terminal: Terminal) -> str:
    """Return the virtual key, never from the arguments. Raises UsageError."""
    key = terminal.environ.get(KEY_VARIABLE) or terminal.prompt_secret("virtual key: ").strip()
    if not key:
        raise UsageError(f"no key: set {KEY_VARIABLE}, or pass it on stdin", hint="vaultedge keys create")
    return key


def _guide(client: Client, settings: ConnectSettings) -> Iterator[str]:
    """Yield the lines to print. Comments are those of a shell, so that a block can be pasted."""
    yield f"# {client.title}: set {KEY_VARIABLE} to a virtual key (vaultedge keys create)"
    if client.packages:
        yield f"# packages: {client.packages}"
    for block in blocks(client, settings):
        if block.place not in {"shell", "code"}:
            yield f"# {block.place}"
        yield block.text
    yield from (f"# {note}" for note in client.notes)


@dataclass(frozen=True, slots=True)
class _Change:
    """A file's text before and after."""

    file: ConfigFile
    path: Path
    before: str
    after: str = field(repr=False)


def _write(client: Client, settings: ConnectSettings, terminal: Terminal, *, is_agreed: bool) -> int:
    """Show the changes, ask, and write. Returns the exit status."""
    try:
        changes = list(_changes(client, settings, terminal))
    except CannotMerge as error:
        terminal.fail(str(error), error.hint)
        return 1
    if not changes:
        terminal.warn(f"{client.title} is connected already")
        return 0
    for change in changes:
        terminal.say("\n".join(_diff(change, settings.key)))
    if not is_agreed and not _agrees(terminal):
        terminal.fail("nothing was written")
        return 1
    for change in changes:
        replace_file(change.path, change.after, is_secret=change.file.has_key)
        terminal.warn(f"wrote {change.path}")
    terminal.hint(f"set {KEY_VARIABLE} in the shell, then run: {settings.fill(client.command)}")
    return 0


def _changes(client: Client, settings: ConnectSettings, terminal: Terminal) -> Iterator[_Change]:
    for file in client.files:
        path = file.path(terminal.environ)
        before = path.read_text("utf-8") if path.exists() else ""
        after = merge_text(before, file, file.filled(settings))
        if after != before:
            yield _Change(file, path, before, after)


def _diff(change: _Change, key: str) -> Iterator[str]:
    """Yield the lines of a unified diff, without the key."""
    before, after, name = change.before.splitlines(), change.after.splitlines(), str(change.path)
    for line in difflib.unified_diff(before, after, name, name, lineterm=""):
        yield line.replace(key, PLACEHOLDER)


def _agrees(terminal: Terminal) -> bool:
    if not terminal.interactive:
        raise UsageError("stdin is no terminal, so there is nobody to ask", hint="add --yes")
    terminal.stderr.write("write these changes? [y/N] ")
    terminal.stderr.flush()
    return terminal.read_line().strip().lower() in {"y", "yes"}


def replace_file(path: Path, text: str, *, is_secret: bool) -> None:
    """Replace a file in one step. A new file with a key is readable by its owner alone."""
    path = path.resolve()  # the target of a symbolic link, as users of dotfiles have them
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600 if is_secret else 0o644
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
