"""`vaultedge keys`: manages virtual keys of the gateway at `--url`, or in this machine's store."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaultcore.cli import key_fields, local
from vaultcore.cli.terminal import Terminal, UsageError, read_secret_file
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.cli.admin_client import AdminClient
    from vaultcore.vault.secret_text import SecretText

_ID = re.compile(r"key_[0-9a-f]{1,64}", re.ASCII)
COLUMNS = ("id", "masked", "state", "name", "owner", "requests", "tokens", "cost_usd", "expires_at")


def register(commands: Any) -> None:
    keys = commands.add_parser(
        "keys", help="manage virtual keys: create, list, show, update, revoke, rotate, credit"
    )
    actions = keys.add_subparsers(metavar="ACTION", required=True)

    create = _action(actions, "create", run_create, "create a key; prints it once, alone on stdout")
    create.add_argument("--name", required=True, help="display name")
    key_fields.add_options(create)

    index = _action(actions, "list", run_list, "list the keys and their usage")
    index.add_argument("--owner", help="list only keys of this owner")
    index.add_argument(
        "--state", choices=("active", "revoked", "expired"), help="list only keys in this state"
    )

    _add_id(_action(actions, "show", run_show, "show a key's limits and usage"))

    update = _action(actions, "update", run_update, "change the given fields; the value none removes a limit")
    _add_id(update)
    update.add_argument("--name", help="display name")
    key_fields.add_options(update)
    _register_replacements(actions)


def _register_replacements(actions: Any) -> None:
    summary = "revoke a key permanently; requests with it fail within five seconds"
    _add_id(_action(actions, "revoke", run_revoke, summary))

    summary = "replace a key with a new one that has the same limits and usage; prints it once"
    rotate = _action(actions, "rotate", run_rotate, summary)
    _add_id(rotate)
    rotate.add_argument(
        "--grace",
        default="0",
        metavar="DURATION",
        help="how long the old key keeps working, for example 24h or 7d (default: 0)",
    )

    credit = _action(actions, "credit", run_credit, "add prepaid credits to a key")
    _add_id(credit)
    credit.add_argument("amount", metavar="USD", help="amount, for example 12.50")
    credit.add_argument("--reason", help="reason for the audit log")


def _action(actions: Any, name: str, run: Any, summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=summary)
    location = parser.add_mutually_exclusive_group()
    location.add_argument("--url", help="base URL of a running gateway; needs its admin key")
    location.add_argument(
        "--store",
        metavar="URL",
        help="store: sqlite:PATH or dynamodb:TABLE (default: VAULTEDGE_STORE, else SQLite)",
    )
    parser.add_argument(
        "--admin-key-file",
        type=Path,
        metavar="FILE",
        help="file with the admin key (default: VAULTEDGE_ADMIN_KEY, else a prompt)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=lambda args, terminal: _run_action(run, args, terminal))
    return parser


def _add_id(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="key id (key_...), see vaultedge keys list")


async def run_create(args: argparse.Namespace, terminal: Terminal, admin_client: AdminClient) -> int:
    key = await admin_client.request("POST", "/keys", body=key_fields.parse_fields(args))
    return _print_new_key(key, args, terminal)


async def run_list(args: argparse.Namespace, terminal: Terminal, admin_client: AdminClient) -> int:
    query = {"limit": "100"}
    query |= {name: value for name in ("owner", "state") if (value := getattr(args, name)) is not None}
    keys: list[Json] = []
    while True:
        page = await admin_client.request("GET", "/keys", query=query)
        keys += page["data"]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    if args.json:
        terminal.say(json.dumps(keys, ensure_ascii=False, indent=2))
    elif keys:
        _table([_row(key) for key in keys], terminal)
    else:
        terminal.warn("no matching keys")
        terminal.hint("vaultedge keys create --name NAME")
    return 0


async def run_show(args: argparse.Namespace, terminal: Terminal, admin_client: AdminClient) -> int:
    return _print_key(await admin_client.request("GET", f"/keys/{_id(args)}"), args, terminal)


async def run_update(args: argparse.Namespace, terminal: Terminal, admin_client: AdminClient) -> int:
    body = key_fields.parse_fields(args)
    if not body:
        raise UsageError("nothing to change", hint="vaultedge keys update --help")
    return _print_key(await admin_client.request("PATCH", f"/keys/{_id(args)}", body=body), args, terminal)


async def run_revoke(args: argparse.Namespace, terminal: Terminal, admin_client: AdminClient) -> int:
    key = await admin_client.request("DELETE", f"/keys/{_id(args)}")
    if args.json:
        return _print_key(key, args, terminal)
    terminal.say(f"revoked {key['id']} {key['masked']} ({key['name']})")
    return 0


async def run_rotate(args: argparse.Namespace, terminal: Terminal, admin_client: AdminClient) -> int:
    grace = key_fields.parse_duration(args.grace)
    if grace is None:
        raise UsageError("--grace must be a duration like 3600, 24h or 7d")
    key = await admin_client.request("POST", f"/keys/{_id(args)}/rotate", body={"grace_seconds": grace})
    return _print_new_key(key, args, terminal)


async def run_credit(args: argparse.Namespace, terminal: Terminal, admin_client: AdminClient) -> int:
    body = {"amount_usd": args.amount, **({} if args.reason is None else {"reason": args.reason})}
    return _print_key(
        await admin_client.request("POST", f"/keys/{_id(args)}/credits", body=body), args, terminal
    )


def _run_action(run: Any, args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.cli.admin_client import AdminRequestFailed

    if getattr(args, "id", None) is not None:
        _id(args)
    opening = _open_client(args, terminal)

    async def run_action() -> int:
        async with opening as admin_client:
            return int(await run(args, terminal, admin_client))

    try:
        return asyncio.run(run_action())
    except AdminRequestFailed as error:
        terminal.fail(str(error), error.hint)
        return 1


def _open_client(args: argparse.Namespace, terminal: Terminal) -> AbstractAsyncContextManager[AdminClient]:
    from vaultcore.cli import admin_client

    if args.url is None:
        if args.admin_key_file is not None:
            raise UsageError("--admin-key-file needs --url: this machine's store needs no admin key")
        return admin_client.open_in_process(local.store_settings(args, terminal), terminal)
    url = admin_client.parse_url(args.url, terminal)
    return admin_client.connect_remote(url, _admin_key(args, terminal))


def _admin_key(args: argparse.Namespace, terminal: Terminal) -> SecretText:
    from vaultcore.vault.secret_text import SecretText

    if args.admin_key_file is not None:
        key = SecretText(read_secret_file(args.admin_key_file).strip())
    elif (value := terminal.environ.get("VAULTEDGE_ADMIN_KEY")) is not None:
        key = SecretText(value.strip())
    else:
        key = SecretText(terminal.prompt_secret("admin key: ").strip())
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError("invalid admin key", hint="it begins with va-; see admin.key in the data directory")
    return key


def _id(args: argparse.Namespace) -> str:
    """Return the key id. Raise UsageError for anything else, which may be a misplaced key and is not sent."""
    if not _ID.fullmatch(args.id):
        raise UsageError("a key id begins with key_", hint="vaultedge keys list shows the key ids")
    return str(args.id)


def _print_new_key(key: Json, args: argparse.Namespace, terminal: Terminal) -> int:
    if args.json:
        return _print_key(key, args, terminal)
    terminal.say(key["key"])
    terminal.warn(f"new key {key['id']} ({key['name']}); store it now, it is not shown again")
    return 0


def _print_key(key: Json, args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.cli.admin_client import format_value

    if args.json:
        terminal.say(json.dumps(key, ensure_ascii=False, indent=2))
        return 0
    width = max(map(len, key))
    for name, value in key.items():
        terminal.say(f"{name:<{width}}  {format_value(value)}")
    return 0


def _row(key: Json) -> tuple[str, ...]:
    from vaultcore.cli.admin_client import format_value

    usage = key["usage"]
    values = {
        **key,
        "requests": usage["requests"],
        "tokens": usage["total_tokens"],
        "cost_usd": usage["cost_usd"],
    }
    return tuple(format_value(values[name]) for name in COLUMNS)


def _table(rows: list[tuple[str, ...]], terminal: Terminal) -> None:
    headings = tuple(name.removesuffix("_at").upper().replace("_", " ") for name in COLUMNS)
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        terminal.say("  ".join(cells).rstrip())
