"""`vaultedge vault`: the keys on this machine, and its commands for vault strings."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vaultcore.cli.terminal import Terminal
from vaultcore.errors import VaultError

if TYPE_CHECKING:
    from vaultcore.vault.local import Entry, LocalVault


def register(commands: Any) -> None:
    from vaultcore.cli.vault import page, push, vault_string

    vault = commands.add_parser(
        "vault", help="provider keys: add, list, remove, export, import, page, push, pull"
    )
    actions = vault.add_subparsers(metavar="ACTION", required=True)

    init = actions.add_parser("init", help="make an empty vault on this machine")
    init.set_defaults(run=run_init)

    add = actions.add_parser("add-key", help="add a provider key, asked for unseen or read from stdin")
    add.add_argument("-p", "--provider", required=True, metavar="NAME", help="openai, anthropic, groq, ...")
    add.add_argument(
        "-k", "--key", metavar="-", help="a line of stdin; a value instead of - is taken, unwisely"
    )
    add.set_defaults(run=run_add_key)

    show = actions.add_parser("list", help="show the keys of the vault, masked")
    show.add_argument("--json", action="store_true", help="as a JSON array")
    show.set_defaults(run=run_list)

    remove = actions.add_parser("remove-key", help="remove a key")
    remove.add_argument("id", metavar="ID", help="its id as list shows it, or enough of its beginning")
    remove.set_defaults(run=run_remove_key)

    vault_string.register(actions)
    page.register(actions)
    push.register(actions)


def run_init(_args: argparse.Namespace, terminal: Terminal) -> int:
    vault = _vault(terminal)
    vault.init()
    terminal.say(f"made an empty vault in {vault.home}")
    return 0


def run_add_key(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.vault.keyring import Credential

    provider = _provider(args.provider, terminal)
    given = terminal.secret(args.key, option="--key")
    key = (terminal.ask(f"{provider} key: ") if given is None else given).strip()
    if not key or any(character < " " or character == "\x7f" for character in key):
        raise VaultError(
            "the key is empty or holds control characters", hint="copy it again from the provider's page"
        )
    credential = Credential(provider, key)
    del key, given
    vault = _vault(terminal)
    if not vault.exists():
        terminal.warn(f"making a vault in {vault.home}")
    added = vault.add([credential])
    if added:
        terminal.say(f"added {provider} key {credential.masked} (id: {added[0].id})")
    else:
        terminal.say(f"{provider} key {credential.masked} is in the vault already")
    return 0


def run_list(args: argparse.Namespace, terminal: Terminal) -> int:
    vault = _vault(terminal)
    entries = vault.entries() if vault.exists() else []
    if args.json:
        terminal.say(json.dumps([_shown(entry) for entry in entries], indent=2))
        return 0
    for entry in entries:
        terminal.say(f"{entry.provider:<16} {entry.masked:<12} {_day(entry):<10}  {entry.id}")
    if not entries:
        terminal.warn("no keys in the vault")
        terminal.hint("vaultedge vault add-key --provider NAME")
    return 0


def run_remove_key(args: argparse.Namespace, terminal: Terminal) -> int:
    gone = _vault(terminal).remove(args.id)
    terminal.say(f"removed {gone.provider} key {gone.masked} (id: {gone.id})")
    return 0


def _vault(terminal: Terminal) -> LocalVault:
    from vaultcore.vault.local import LocalVault

    return LocalVault(terminal.settings().home)


def _provider(name: str, terminal: Terminal) -> str:
    """The name to keep a key under; one that nobody knows is taken as it is, and said so."""
    from vaultcore.catalog.load import load

    name = name.strip()
    catalog = load(terminal.settings().providers_file, terminal.environ)
    if (row := catalog.provider(name)) is not None:
        # As people write it, where that is the same name: VaultEdge's own tools mind capitals.
        spellings = [text for text in (row.title, name) if text.lower() == row.name]
        return [*spellings, row.name][0]
    from difflib import get_close_matches

    terminal.warn(f"no provider in the catalog is called {name}")
    if close := get_close_matches(name.lower(), catalog.providers, n=3):
        terminal.hint(f"perhaps {' or '.join(close)}; remove-key takes this one out again")
    return name


def _shown(entry: Entry) -> dict[str, object]:
    return {
        "id": entry.id,
        "provider": entry.provider,
        "masked_key": entry.masked,
        "added_at": entry.added_at,
        "is_valid": entry.valid,
    }


def _day(entry: Entry) -> str:
    try:
        return "" if entry.added_at is None else f"{datetime.fromtimestamp(entry.added_at, UTC):%Y-%m-%d}"
    except (ValueError, OverflowError, OSError):  # a number that is no date
        return ""
