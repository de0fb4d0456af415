"""`vaultedge keys`: virtual keys, of the gateway at `--url`, else of this machine's store."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaultcore.cli import local
from vaultcore.cli.terminal import Misuse, Terminal, secret_in
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.cli.admin_client import Desk
    from vaultcore.vault.hidden import Hidden

NONE = "none"
COUNTS = {  # options -> the admin API's fields
    "rpm": ("rate_limit_rpm", "requests per minute (default of a new key: 60)"),
    "tpm": ("rate_limit_tpm", "tokens per minute"),
    "parallel": ("max_parallel", "requests at a time"),
    "tokens": ("token_quota", "tokens in all"),
}
MONEY = {
    "credits": ("credits_usd", "prepaid US dollars in all"),
    "budget_day": ("budget_day_usd", "US dollars per day (UTC)"),
    "budget_month": ("budget_month_usd", "US dollars per month (UTC)"),
}
_ID = re.compile(r"key_[0-9a-f]{1,64}", re.ASCII)
_SPAN = re.compile(r"(\d{1,6})([smhdw]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
COLUMNS = ("id", "masked", "state", "name", "owner", "requests", "tokens", "cost_usd", "expires_at")


def register(commands: Any) -> None:
    keys = commands.add_parser(
        "keys", help="virtual keys: create, list, show, update, revoke, rotate, credit"
    )
    actions = keys.add_subparsers(metavar="ACTION", required=True)

    create = _action(actions, "create", run_create, "make a key; it is shown this once, alone on stdout")
    create.add_argument("--name", required=True, help="what to call it")
    _add_fields(create)

    index = _action(actions, "list", run_list, "all keys, and what they have used")
    index.add_argument("--owner", help="only of this owner")
    index.add_argument("--state", choices=("active", "revoked", "expired"), help="only these")

    _of_one(_action(actions, "show", run_show, "one key: its limits, and what it has used"))

    update = _action(actions, "update", run_update, "change what is named; none takes a limit away")
    _of_one(update)
    update.add_argument("--name", help="what to call it")
    _add_fields(update)

    _of_one(_action(actions, "revoke", run_revoke, "end a key for good, everywhere within five seconds"))

    rotate = _action(actions, "rotate", run_rotate, "give a key's holder another one, shown this once")
    _of_one(rotate)
    rotate.add_argument("--grace", default="0", metavar="SPAN", help="how long the old one is good: 24h, 7d")

    credit = _action(actions, "credit", run_credit, "add prepaid money to a key")
    _of_one(credit)
    credit.add_argument("amount", metavar="USD", help="like 12.50")
    credit.add_argument("--reason", help="for the audit")


def _action(actions: Any, name: str, run: Any, told: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=told)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--url", help="of a gateway; asks for its admin key")
    where.add_argument(
        "--store", metavar="URL", help="sqlite:PATH, dynamodb:TABLE (default: VAULTEDGE_STORE, else SQLite)"
    )
    parser.add_argument(
        "--admin-key-file", type=Path, metavar="FILE", help="instead of VAULTEDGE_ADMIN_KEY or a prompt"
    )
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    parser.set_defaults(run=lambda args, terminal: _answered(run, args, terminal))
    return parser


def _of_one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="key_..., as list shows it")


def _add_fields(parser: argparse.ArgumentParser) -> None:
    for name, (_, told) in (*COUNTS.items(), *MONEY.items()):
        parser.add_argument(f"--{name.replace('_', '-')}", metavar="N", help=f"{told}; none: no limit")
    parser.add_argument(
        "--model", action="append", metavar="NAME", help="a model, provider/model or provider/*; repeatable"
    )
    parser.add_argument("--ip", action="append", metavar="NET", help="where it may be used from; repeatable")
    parser.add_argument("--expires", metavar="WHEN", help="2030-01-31, 2030-01-31T12:00:00+01:00, or 30d")
    parser.add_argument("--owner", help="whose keys can have limits together")
    parser.add_argument("--metadata", action="append", metavar="K=V", help="repeatable; replaces all")


async def run_create(args: argparse.Namespace, terminal: Terminal, admin_client: Desk) -> int:
    told = await admin_client.ask("POST", "/keys", body=_fields(args))
    return _issued(told, args, terminal)


async def run_list(args: argparse.Namespace, terminal: Terminal, admin_client: Desk) -> int:
    query = {"limit": "100"}
    query |= {name: given for name in ("owner", "state") if (given := getattr(args, name)) is not None}
    found: list[Json] = []
    while True:
        page = await admin_client.ask("GET", "/keys", query=query)
        found += page["data"]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    if args.json:
        terminal.say(json.dumps(found, ensure_ascii=False, indent=2))
    elif found:
        _table([_row(key) for key in found], terminal)
    else:
        terminal.warn("no such keys")
        terminal.hint("vaultedge keys create --name NAME")
    return 0


async def run_show(args: argparse.Namespace, terminal: Terminal, admin_client: Desk) -> int:
    return _shown(await admin_client.ask("GET", f"/keys/{_id(args)}"), args, terminal)


async def run_update(args: argparse.Namespace, terminal: Terminal, admin_client: Desk) -> int:
    body = _fields(args)
    if not body:
        raise Misuse("nothing to change", hint="vaultedge keys update --help")
    return _shown(await admin_client.ask("PATCH", f"/keys/{_id(args)}", body=body), args, terminal)


async def run_revoke(args: argparse.Namespace, terminal: Terminal, admin_client: Desk) -> int:
    told = await admin_client.ask("DELETE", f"/keys/{_id(args)}")
    if args.json:
        return _shown(told, args, terminal)
    terminal.say(f"revoked {told['id']} {told['masked']} ({told['name']})")
    return 0


async def run_rotate(args: argparse.Namespace, terminal: Terminal, admin_client: Desk) -> int:
    span = _span(args.grace)
    if span is None:
        raise Misuse("--grace must be a span like 3600, 24h or 7d")
    told = await admin_client.ask("POST", f"/keys/{_id(args)}/rotate", body={"grace_seconds": span})
    return _issued(told, args, terminal)


async def run_credit(args: argparse.Namespace, terminal: Terminal, admin_client: Desk) -> int:
    body = {"amount_usd": args.amount, **({} if args.reason is None else {"reason": args.reason})}
    return _shown(await admin_client.ask("POST", f"/keys/{_id(args)}/credits", body=body), args, terminal)


def _answered(run: Any, args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.cli.admin_client import Refused

    if getattr(args, "id", None) is not None:
        _id(args)
    admin_client = _desk(args, terminal)

    async def story() -> int:
        async with admin_client as opened:
            return int(await run(args, terminal, opened))

    try:
        return asyncio.run(story())
    except Refused as refused:
        terminal.fail(str(refused), refused.hint)
        return 1


def _desk(args: argparse.Namespace, terminal: Terminal) -> AbstractAsyncContextManager[Desk]:
    from vaultcore.cli import admin_client

    if args.url is None:
        if args.admin_key_file is not None:
            raise Misuse("--admin-key-file goes with --url: this machine's store needs no admin key")
        return admin_client.here(local.stored(args, terminal), terminal)
    url = admin_client.address(args.url, terminal)
    return admin_client.distant(url, _admin_key(args, terminal))


def _admin_key(args: argparse.Namespace, terminal: Terminal) -> Hidden:
    from vaultcore.vault.hidden import Hidden

    if args.admin_key_file is not None:
        key = Hidden(secret_in(args.admin_key_file).strip())
    elif (known := terminal.environ.get("VAULTEDGE_ADMIN_KEY")) is not None:
        key = Hidden(known.strip())
    else:
        key = Hidden(terminal.ask("admin key: ").strip())
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise Misuse("that is no admin key", hint="it begins with va-, and is in admin.key beside the vault")
    return key


def _id(args: argparse.Namespace) -> str:
    """The id, unless it may be a key that stands in the wrong place: that goes nowhere."""
    if not _ID.fullmatch(args.id):
        raise Misuse("an id begins with key_", hint="vaultedge keys list shows them")
    return str(args.id)


def _fields(args: argparse.Namespace) -> dict[str, object]:
    """What was named on the command line, as the admin API spells it. Raises Misuse."""
    given = _limits(args)
    for option, name in (("model", "allowed_models"), ("ip", "allowed_ips")):
        if (several := getattr(args, option)) is not None:
            given[name] = None if several == [NONE] else several
    for name in ("name", "owner"):
        if (text := getattr(args, name)) is not None:
            given[name] = None if text == NONE and name == "owner" else text
    if args.expires is not None:
        given["expires_at"] = None if args.expires == NONE else _moment(args.expires)
    if args.metadata is not None:
        given["metadata"] = None if args.metadata == [NONE] else dict(map(_pair, args.metadata))
    return given


def _limits(args: argparse.Namespace) -> dict[str, object]:
    given: dict[str, object] = {}
    for option, (name, _) in COUNTS.items():
        if (text := getattr(args, option)) is not None:
            given[name] = None if text == NONE else _count(option, text)
    for option, (name, _) in MONEY.items():
        if (text := getattr(args, option)) is not None:
            given[name] = None if text == NONE else text
    return given


def _count(option: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise Misuse(f"--{option} must be a whole number, or none")
    return int(text)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise Misuse("--metadata must be like team=search")
    return name, value


def _moment(text: str) -> int | str:
    """A time as the admin API takes it: seconds since 1970 of a span from now, else what was written.

    A date, or a time without its zone, is this machine's.
    """
    from vaultcore.clock import SystemClock

    if (span := _span(text)) is not None:
        return int(SystemClock().now()) + span
    try:
        return datetime.fromisoformat(text).astimezone().isoformat()
    except (ValueError, OverflowError):
        raise Misuse("--expires must be a time like 2030-01-31T12:00, a span like 30d, or none") from None


def _span(text: str) -> int | None:
    found = _SPAN.fullmatch(text)
    return int(found[1]) * _SECONDS[found[2]] if found else None


def _issued(told: Json, args: argparse.Namespace, terminal: Terminal) -> int:
    if args.json:
        return _shown(told, args, terminal)
    terminal.say(told["key"])
    terminal.warn(f"this is {told['id']} ({told['name']}); it is shown this once")
    return 0


def _shown(told: Json, args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.cli.admin_client import described

    if args.json:
        terminal.say(json.dumps(told, ensure_ascii=False, indent=2))
        return 0
    width = max(map(len, told))
    for name, value in told.items():
        terminal.say(f"{name:<{width}}  {described(value)}")
    return 0


def _row(key: Json) -> tuple[str, ...]:
    from vaultcore.cli.admin_client import described

    used = key["usage"]
    told = {**key, "requests": used["requests"], "tokens": used["total_tokens"], "cost_usd": used["cost_usd"]}
    return tuple(described(told[name]) for name in COLUMNS)


def _table(rows: list[tuple[str, ...]], terminal: Terminal) -> None:
    heads = tuple(name.removesuffix("_at").upper().replace("_", " ") for name in COLUMNS)
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        terminal.say("  ".join(cells).rstrip())
