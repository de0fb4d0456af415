"""`vaultedge ledger`: seals and exports the ledger, verifies an export and shows the public key."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
from contextlib import aclosing
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaultcore.cli import local
from vaultcore.cli.terminal import Terminal, UsageError

if TYPE_CHECKING:
    from vaultcore.clock import Clock
    from vaultcore.ledger.signing import LedgerSigner
    from vaultcore.ledger.verify import VerificationReport
    from vaultcore.settings import Settings

MAX_KEYS_SHOWN = 10  # keys


def register(commands: Any) -> None:
    ledger = commands.add_parser("ledger", help="manage the verifiable ledger: export, verify, key, seal")
    actions = ledger.add_subparsers(metavar="ACTION", required=True)

    export = actions.add_parser("export", help="seal finished requests and export the sealed rows")
    local.add_store_option(export)
    export.add_argument(
        "--from", dest="first", metavar="DAY", type=_day, help="first day, for example 2026-11-22"
    )
    export.add_argument("--to", dest="last", metavar="DAY", type=_day, help="last day")
    export.add_argument("--output", type=Path, metavar="FILE", help="new file (mode 0600) instead of stdout")
    export.set_defaults(run=run_export)

    verify = actions.add_parser(
        "verify",
        help="verify every hash, link, signature and cost of an export",
        description="Needs no store and no vault. Reports the first problem and exits with 1.",
    )
    verify.add_argument("file", metavar="FILE", type=Path, help="exported file")
    verify.add_argument(
        "--public-key", metavar="KEY", help="public key of the signer, from vaultedge ledger key"
    )
    verify.add_argument("--head", metavar="HASH", help="earlier head that the export must contain")
    verify.add_argument(
        "--providers", metavar="FILE", type=Path, help="catalog overlay (default: PROVIDERS_FILE)"
    )
    verify.add_argument("--json", action="store_true", help="print JSON")
    verify.set_defaults(run=run_verify)

    key = actions.add_parser("key", help="show the public key of the ledger's signer")
    local.add_store_option(key)
    key.set_defaults(run=run_key)

    seal = actions.add_parser("seal", help="seal finished requests and show the head, to record elsewhere")
    local.add_store_option(seal)
    seal.add_argument("--json", action="store_true", help="print JSON")
    seal.set_defaults(run=run_seal)


def run_export(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.clock import SystemClock

    settings, clock = local.store_settings(args, terminal), SystemClock()
    return asyncio.run(_export(args, terminal, settings, clock))


def run_verify(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.catalog.load import load
    from vaultcore.ledger.lines import MAX_LINE
    from vaultcore.ledger.verify import verify_ledger

    for option, value in (("--public-key", args.public_key), ("--head", args.head)):
        if value is not None and not re.fullmatch("[0-9a-f]{64}", value):
            raise UsageError(f"{option} must be 64 lower-case hexadecimal digits")
    settings = terminal.settings()
    catalog = load(args.providers or settings.providers_file, settings.environ)
    with args.file.open("rb") as file:
        text = iter(lambda: file.readline(MAX_LINE + 1), b"")
        report = verify_ledger(text, catalog, public_key=args.public_key, head=args.head)
    if args.json:
        terminal.say(json.dumps(_report_json(report), indent=2))
    else:
        _print_report(report, terminal, has_trusted_key=args.public_key is not None)
    return 1 if report.problem else 0


def run_key(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.clock import SystemClock

    signer = asyncio.run(_signer(local.store_settings(args, terminal), SystemClock()))
    terminal.say(signer.public_key)
    return 0


def run_seal(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.clock import SystemClock

    settings, clock = local.store_settings(args, terminal), SystemClock()
    sealed, head = asyncio.run(_seal(settings, clock))
    if args.json:
        terminal.say(json.dumps({"sealed": sealed, "head": head}))
    else:
        terminal.say(f"sealed  {sealed} rows")
        terminal.say(f"head    {head}")
    return 0


async def _export(args: argparse.Namespace, terminal: Terminal, settings: Settings, clock: Clock) -> int:
    from vaultcore.compose import open_store
    from vaultcore.ledger.export import export_ledger
    from vaultcore.ledger.sealing import GRACE, Sealer

    signer = await _signer(settings, clock)
    store = open_store(settings.store, clock, environ=settings.environ)
    try:
        await Sealer(store, signer, clock).run(sweep_every=0.0, since=args.first)
        lines = export_ledger(store, signer, clock, args.first, args.last)
        if args.output is None:
            await _write(lines, terminal.stdout)
        else:
            descriptor = os.open(args.output, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii", newline="\n") as file:
                await _write(lines, file)
            terminal.warn(f"exported to {args.output}; verify it with --public-key {signer.public_key}")
        terminal.hint(f"requests of the last {GRACE:.0f} seconds are not sealed yet and not included")
    finally:
        await store.aclose()
    return 0


async def _write(lines: Any, file: Any) -> None:
    async with aclosing(lines) as each:
        async for line in each:
            file.write(line)


async def _seal(settings: Settings, clock: Clock) -> tuple[int, str]:
    from vaultcore.compose import open_store
    from vaultcore.ledger.sealing import Sealer

    signer = await _signer(settings, clock)
    store = open_store(settings.store, clock, environ=settings.environ)
    try:
        sealer = Sealer(store, signer, clock)
        return await sealer.run(sweep_every=0.0), await sealer.head()
    finally:
        await store.aclose()


async def _signer(settings: Settings, clock: Clock) -> LedgerSigner:
    from vaultcore.ledger.signing import LedgerSigner

    return LedgerSigner(await local.read_pepper(local.secret_source(settings, clock)))


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError("must be a day like 2026-11-22") from None


def _report_json(report: VerificationReport) -> dict[str, Any]:
    from vaultcore.money import format_usd

    keys = {key: format_usd(nanos) for key, nanos in report.cost_by_key.items()}
    fields = {name: value for name, value in asdict(report).items() if name not in {"cost", "cost_by_key"}}
    return {
        "ok": report.problem is None,
        **fields,
        "cost_usd": format_usd(report.cost),
        "cost_usd_by_key": keys,
    }


def _print_report(report: VerificationReport, terminal: Terminal, *, has_trusted_key: bool) -> None:
    from vaultcore.money import format_usd

    days = f", {report.first_day} to {report.last_day}" if report.seals else ""
    extent = "complete from the first row" if report.whole else "partial: earlier rows are missing"
    terminal.say(f"ledger  {report.rows} rows in {report.seals} seals{days}; {extent}")
    unpriced = f"; {report.unpriced} rows without a price" if report.unpriced else ""
    terminal.say(f"cost    {format_usd(report.cost)} USD{unpriced}")
    by_cost = sorted(report.cost_by_key.items(), key=lambda each: -each[1])
    for key, nanos in by_cost[:MAX_KEYS_SHOWN]:
        terminal.say(f"        {format_usd(nanos)} USD  {key}")
    if len(by_cost) > MAX_KEYS_SHOWN:
        terminal.say(f"        and {len(by_cost) - MAX_KEYS_SHOWN} more keys; --json lists all")
    terminal.say(f"head    {report.head}")
    terminal.say(f"signed  {report.public_key or 'not signed'}")
    for note in report.notes:
        terminal.warn(note)
    if report.problem is not None:
        terminal.fail(str(report.problem), "the figures above cover the rows before this problem")
        return
    terminal.say("valid   every hash, link, signature and cost")
    if not has_trusted_key:
        terminal.hint("this key comes from the file itself; check it with --public-key KEY")
