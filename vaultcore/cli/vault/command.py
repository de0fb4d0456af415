"""`vaultedge vault`: manages the provider keys of this machine's vault."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vaultcore.cli.terminal import Terminal
from vaultcore.errors import VaultError

if TYPE_CHECKING:
    from vaultcore.vault.local import LocalVault, VaultEntry


def register(commands: Any) -> None:
    from vaultcore.cli.vault import page, push, vault_string

    vault = commands.add_parser(
        "vault", help="manage provider keys: add, list, remove, export, import, page, push, pull"
    )
    actions = vault.add_subparsers(metavar="ACTION", required=True)

    init = actions.add_parser("init", help="create an empty vault on this machine")
    init.set_defaults(run=run_init)

    add = actions.add_parser("add-key", help="add a provider key from a hidden prompt or stdin")
    add.add_argument(
        "-p",
        "--provider",
        required=True,
        metavar="NAME",
        help="provider name, for example openai or anthropic",
    )
    add.add_argument(
        "-k",
        "--key",
        metavar="-",
        help="use - to read a line of stdin; a literal value works but is visible to other users",
    )
    add.set_defaults(run=run_add_key)

    show = actions.add_parser("list", help="list the vault's keys, masked")
    show.add_argument("--json", action="store_true", help="print a JSON array")
    show.set_defaults(run=run_list)

    remove = actions.add_parser("remove-key", help="remove a key")
    remove.add_argument("id", metavar="ID", help="key id from list, or a unique prefix of it")
    remove.set_defaults(run=run_remove_key)

    vault_string.register(actions)
    page.register(actions)
    push.register(actions)


def run_init(_args: argparse.Namespace, terminal: Terminal) -> int:
    vault = _vault(terminal)
    vault.init()
    terminal.say(f"created an empty vault in {vault.home}")
    return 0


def run_add_key(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.vault.keyring import Credential

    provider = _provider(args.provider, terminal)
    secret = terminal.read_option(args.key, option="--key")
    key = (terminal.prompt_secret(f"{provider} key: ") if secret is None else secret).strip()
    if not key or any(character < " " or character == "\x7f" for character in key):
        raise VaultError(
            "the key is empty or contains control characters",
            hint="copy it again from the provider's website",
        )
    credential = Credential(provider, key)
    del key, secret
    vault = _vault(terminal)
    if not vault.exists():
        terminal.warn(f"creating a vault in {vault.home}")
    added = vault.add([credential])
    if added:
        terminal.say(f"added {provider} key {credential.masked} (id: {added[0].id})")
    else:
        terminal.say(f"{provider} key {credential.masked} is already in the vault")
    return 0


def run_list(args: argparse.Namespace, terminal: Terminal) -> int:
    vault = _vault(terminal)
    entries = vault.entries() if vault.exists() else []
    if args.json:
        terminal.say(json.dumps([_entry_json(entry) for entry in entries], indent=2))
        return 0
    for entry in entries:
        terminal.say(f"{entry.provider:<16} {entry.masked:<12} {_day(entry):<10}  {entry.id}")
    if not entries:
        terminal.warn("no keys in the vault")
        terminal.hint("vaultedge vault add-key --provider NAME")
    return 0


def run_remove_key(args: argparse.Namespace, terminal: Terminal) -> int:
    entry = _vault(terminal).remove(args.id)
    terminal.say(f"removed {entry.provider} key {entry.masked} (id: {entry.id})")
    return 0


def _vault(terminal: Terminal) -> LocalVault:
    from vaultcore.vault.local import LocalVault

    return LocalVault(terminal.settings().home)


def _provider(name: str, terminal: Terminal) -> str:
    """Return the provider name to store. Warn if the catalog does not have it."""
    from vaultcore.catalog.load import load

    name = name.strip()
    catalog = load(terminal.settings().providers_file, terminal.environ)
    if (row := catalog.provider(name)) is not None:
        # The title if it differs only in case: the original VaultEdge (TypeScript) compares case.
        spellings = [text for text in (row.title, name) if text.lower() == row.name]
        return [*spellings, row.name][0]
    from difflib import get_close_matches

    terminal.warn(f"the catalog has no provider called {name}")
    if close := get_close_matches(name.lower(), catalog.providers, n=3):
        terminal.hint(f"did you mean {' or '.join(close)}? vaultedge vault remove-key removes this one")
    return name


def _entry_json(entry: VaultEntry) -> dict[str, object]:
    return {
        "id": entry.id,
        "provider": entry.provider,
        "masked_key": entry.masked,
        "added_at": entry.added_at,
        "is_valid": entry.valid,
    }


def _day(entry: VaultEntry) -> str:
    try:
        return "" if entry.added_at is None else f"{datetime.fromtimestamp(entry.added_at, UTC):%Y-%m-%d}"
    except (ValueError, OverflowError, OSError):  # a number outside the range of dates
        return ""
