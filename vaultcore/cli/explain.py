"""`vaultedge explain MODEL`: which targets would be tried, in which order, and what would be sent."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from vaultcore.cli.terminal import Terminal
from vaultcore.wire import Json


def register(commands: Any) -> None:
    parser = commands.add_parser(
        "explain",
        help="which targets a model leads to, and what would be sent; calls nobody",
        description="Plans a chat request as the gateway would, with the vault that is here.",
    )
    parser.add_argument("model", metavar="MODEL", help="any name a client could ask for")
    parser.add_argument("--prompt", default="Hello", help="the question to render (default: Hello)")
    parser.add_argument("--providers", metavar="FILE", type=Path, help="catalog overlay (PROVIDERS_FILE)")
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    told = _told(args, terminal)
    if args.json:
        terminal.say(json.dumps(told, ensure_ascii=False, indent=2))
        return 0
    for line in _lines(told):
        terminal.say(line)
    return 0


def _told(args: argparse.Namespace, terminal: Terminal) -> Json:
    # Only who explains pays for the router and the dialects.
    from dataclasses import replace

    from vaultcore.call import Call
    from vaultcore.catalog.load import load
    from vaultcore.clock import SystemClock
    from vaultcore.compose import open_local
    from vaultcore.gateway.explain import explain
    from vaultcore.routing.attempts import RetryPolicy
    from vaultcore.routing.health import Health

    settings = terminal.settings()
    if args.providers is not None:
        settings = replace(settings, providers_file=args.providers)
    clock = SystemClock()
    call = Call(
        id="explain",
        request={"model": args.model, "messages": [{"role": "user", "content": args.prompt}]},
        started=clock.now(),
        policy=RetryPolicy(),
    )
    catalog = load(settings.providers_file, settings.environ)
    keyring = open_local(settings).keyring
    return explain(call, catalog, keyring, Health(), clock).told(call)


def _lines(told: Json) -> list[str]:
    route, request = told["route"], told["request"]
    lines = [f"route    {route['name']} ({route['strategy']})"]
    for number, each in enumerate(told["candidates"], 1):
        key = f"key {each['key']} ({each['key_id']})" if each["key"] else "no key needed"
        lines.append(f"{number:>5}    {each['provider']}/{each['model']}    {key}")
    lines += [f"    -    {each['provider']}/{each['model']}    {each['reason']}" for each in told["skipped"]]
    if estimate := told["estimate"]:
        cost = f", at most {estimate['max_cost_usd']} usd" if estimate["max_cost_usd"] else ""
        lines.append(f"about    {estimate['prompt_tokens']} tokens of prompt{cost}")
    if request is not None:
        lines.append(f"sends    {request['method']} {request['url']}")
        lines += [f"         {name}: {value}" for name, value in request["headers"].items()]
        lines.append(f"         {json.dumps(request['body'], ensure_ascii=False)}")
        lines += [
            f"changes  {each['path']} {each['kind']}: {each['reason']}" for each in request["translation"]
        ]
    return lines
