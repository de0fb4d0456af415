"""`vaultedge ledger`: export what has been sealed, verify an export, show the key it is signed with."""

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
from vaultcore.cli.terminal import Misuse, Terminal

if TYPE_CHECKING:
    from vaultcore.clock import Clock
    from vaultcore.ledger.signing import Signer
    from vaultcore.ledger.verify import Verdict
    from vaultcore.settings import Settings

SHOWN = 10  # keys


def register(commands: Any) -> None:
    ledger = commands.add_parser("ledger", help="the verifiable ledger: export, verify, key, seal")
    actions = ledger.add_subparsers(metavar="ACTION", required=True)

    export = actions.add_parser("export", help="seal what has ended, and write all that is sealed")
    local.add_store_option(export)
    export.add_argument("--from", dest="first", metavar="DAY", type=_day, help="2026-11-22; the first day")
    export.add_argument("--to", dest="last", metavar="DAY", type=_day, help="the last day")
    export.add_argument("--output", type=Path, metavar="FILE", help="a new file (0600) instead of stdout")
    export.set_defaults(run=run_export)

    verify = actions.add_parser(
        "verify",
        help="check an export: every hash, link, signature and cost",
        description="Needs no store and no vault. Names the first thing that is wrong, and exits with 1.",
    )
    verify.add_argument("file", metavar="FILE", type=Path, help="what export wrote")
    verify.add_argument("--public-key", metavar="KEY", help="who must have signed it: vaultedge ledger key")
    verify.add_argument("--head", metavar="HASH", help="a head that was noted before, and must be in it")
    verify.add_argument("--providers", metavar="FILE", type=Path, help="catalog overlay (PROVIDERS_FILE)")
    verify.add_argument("--json", action="store_true", help="everything, as JSON")
    verify.set_defaults(run=run_verify)

    key = actions.add_parser("key", help="show the public key that the ledger is signed with")
    local.add_store_option(key)
    key.set_defaults(run=run_key)

    seal = actions.add_parser("seal", help="seal what has ended; show the head, for others to note")
    local.add_store_option(seal)
    seal.add_argument("--json", action="store_true", help="as JSON")
    seal.set_defaults(run=run_seal)


def run_export(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.clock import SystemClock

    settings, clock = local.stored(args, terminal), SystemClock()
    return asyncio.run(_export(args, terminal, settings, clock))


def run_verify(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.catalog.load import load
    from vaultcore.ledger.lines import LONGEST
    from vaultcore.ledger.verify import verify

    for option, given in (("--public-key", args.public_key), ("--head", args.head)):
        if given is not None and not re.fullmatch("[0-9a-f]{64}", given):
            raise Misuse(f"{option} must be 64 hexadecimal digits, in lower case")
    settings = terminal.settings()
    catalog = load(args.providers or settings.providers_file, settings.environ)
    with args.file.open("rb") as file:
        text = iter(lambda: file.readline(LONGEST + 1), b"")
        verdict = verify(text, catalog, public_key=args.public_key, head=args.head)
    if args.json:
        terminal.say(json.dumps(_told(verdict), indent=2))
    else:
        _say(verdict, terminal, trusted=args.public_key is not None)
    return 1 if verdict.problem else 0


def run_key(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.clock import SystemClock

    signer = asyncio.run(_signer(local.stored(args, terminal), SystemClock()))
    terminal.say(signer.public)
    return 0


def run_seal(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.clock import SystemClock

    settings, clock = local.stored(args, terminal), SystemClock()
    sealed, head = asyncio.run(_seal(settings, clock))
    if args.json:
        terminal.say(json.dumps({"sealed": sealed, "head": head}))
    else:
        terminal.say(f"sealed  {sealed} rows")
        terminal.say(f"head    {head}")
    return 0


async def _export(args: argparse.Namespace, terminal: Terminal, settings: Settings, clock: Clock) -> int:
    from vaultcore.compose import open_store
    from vaultcore.ledger.export import export
    from vaultcore.ledger.sealing import GRACE, Sealer

    signer = await _signer(settings, clock)
    store = open_store(settings.store, clock)
    try:
        await Sealer(store, signer, clock).run(sweep_every=0.0, since=args.first)
        lines = export(store, signer, clock, args.first, args.last)
        if args.output is None:
            await _write(lines, terminal.stdout)
        else:
            descriptor = os.open(args.output, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii", newline="\n") as file:
                await _write(lines, file)
            terminal.warn(f"the ledger is in {args.output}; it verifies with --public-key {signer.public}")
        terminal.hint(f"what ended in the last {GRACE:.0f} seconds is sealed later, and not in it yet")
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
    store = open_store(settings.store, clock)
    try:
        sealer = Sealer(store, signer, clock)
        return await sealer.run(sweep_every=0.0), await sealer.head()
    finally:
        await store.aclose()


async def _signer(settings: Settings, clock: Clock) -> Signer:
    from vaultcore.ledger.signing import Signer

    return Signer(await local.pepper(local.secret_source(settings, clock)))


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError("must be a day, like 2026-11-22") from None


def _told(verdict: Verdict) -> dict[str, Any]:
    from vaultcore.money import usd

    keys = {key: usd(nanos) for key, nanos in verdict.cost_by_key.items()}
    told = {name: value for name, value in asdict(verdict).items() if name not in {"cost", "cost_by_key"}}
    return {"ok": verdict.problem is None, **told, "cost_usd": usd(verdict.cost), "cost_usd_by_key": keys}


def _say(verdict: Verdict, terminal: Terminal, *, trusted: bool) -> None:
    from vaultcore.money import usd

    days = f", {verdict.first_day} to {verdict.last_day}" if verdict.seals else ""
    start = "from its beginning" if verdict.whole else "a part: it has an earlier past"
    terminal.say(f"ledger  {verdict.rows} rows in {verdict.seals} seals{days}; {start}")
    unpriced = f"; {verdict.unpriced} rows without a price" if verdict.unpriced else ""
    terminal.say(f"cost    {usd(verdict.cost)} usd{unpriced}")
    by_cost = sorted(verdict.cost_by_key.items(), key=lambda each: -each[1])
    for key, nanos in by_cost[:SHOWN]:
        terminal.say(f"        {usd(nanos)} usd  {key}")
    if len(by_cost) > SHOWN:
        terminal.say(f"        and {len(by_cost) - SHOWN} more keys: --json shows them")
    terminal.say(f"head    {verdict.head}")
    terminal.say(f"signed  {verdict.public_key or 'by nobody'}")
    for note in verdict.notes:
        terminal.warn(note)
    if verdict.problem is not None:
        terminal.fail(str(verdict.problem), "what is told above is good up to there")
        return
    terminal.say("good    every hash, link, signature and cost")
    if not trusted:
        terminal.hint("that key is the file's own word: compare it with --public-key")
