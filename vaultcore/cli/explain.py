"""`vaultedge explain MODEL`: shows the targets for a model, their order and the provider request."""

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
        help="show the targets for a model and the provider request; calls no provider",
        description="Plan a chat request as the gateway would, with the keys of this vault.",
    )
    parser.add_argument("model", metavar="MODEL", help="a model, provider/model or route, as in a request")
    parser.add_argument("--prompt", default="Hello", help="user message to render (default: Hello)")
    parser.add_argument(
        "--providers", metavar="FILE", type=Path, help="catalog overlay (default: PROVIDERS_FILE)"
    )
    parser.add_argument("--json", action="store_true", help="print all details as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    explanation = _explain(args, terminal)
    if args.json:
        terminal.say(json.dumps(explanation, ensure_ascii=False, indent=2))
        return 0
    for line in _lines(explanation):
        terminal.say(line)
    return 0


def _explain(args: argparse.Namespace, terminal: Terminal) -> Json:
    # Imported here, because only this command needs the router and the dialects.
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
        retry_policy=RetryPolicy(),
    )
    catalog = load(settings.providers_file, settings.environ)
    keyring = open_local(settings).keyring
    return explain(call, catalog, keyring, Health(), clock).as_json(call)


def _lines(explanation: Json) -> list[str]:
    route, request = explanation["route"], explanation["request"]
    lines = [f"route    {route['name']} ({route['strategy']})"]
    for number, each in enumerate(explanation["candidates"], 1):
        key = f"key {each['key']} ({each['key_id']})" if each["key"] else "needs no key"
        lines.append(f"{number:>5}    {each['provider']}/{each['model']}    {key}")
    lines += [
        f"    -    {each['provider']}/{each['model']}    {each['reason']}" for each in explanation["skipped"]
    ]
    if estimate := explanation["estimate"]:
        cost = f", at most {estimate['max_cost_usd']} USD" if estimate["max_cost_usd"] else ""
        lines.append(f"about    {estimate['prompt_tokens']} prompt tokens{cost}")
    if request is not None:
        lines.append(f"sends    {request['method']} {request['url']}")
        lines += [f"         {name}: {value}" for name, value in request["headers"].items()]
        lines.append(f"         {json.dumps(request['body'], ensure_ascii=False)}")
        lines += [
            f"changes  {each['path']} {each['kind']}: {each['reason']}" for each in request["translation"]
        ]
    return lines
