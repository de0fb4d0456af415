"""`vaultedge demo`: the whole gateway without an account or a network, against simulated providers."""

from __future__ import annotations

import argparse
import io
import logging
import secrets
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaultcore.cli.color import Paint
from vaultcore.cli.terminal import Terminal
from vaultcore.settings import Settings

if TYPE_CHECKING:
    from vaultcore.cli.demo_requests import Witness
    from vaultcore.simulators.server import Simulator

PROVIDERS = {"openai": "openai", "anthropic": "anthropic"}
PACE = 0.04  # seconds between two pieces of a streamed answer: about as fast as people read
PRIMARY, FALLBACK = "gpt-4o-mini", "claude-haiku-4-5"
ROUTE = "fast-llm"
OVERLAY = """\
providers:
  openai: {{base_url: "{openai}", local: true}}
  anthropic: {{base_url: "{anthropic}", local: true}}
models:
  {route}:
    primary: openai/{primary}
    fallbacks: [anthropic/{fallback}]
"""
SNIPPETS = """\
   curl {base}/chat/completions \\
     -H "Authorization: Bearer {key}" \\
     -H "Content-Type: application/json" \\
     -d '{{"model": "{route}", "messages": [{{"role": "user", "content": "Hello"}}]}}'

   from openai import OpenAI
   client = OpenAI(base_url="{base}", api_key="{key}")
   print(client.chat.completions.create(
       model="{route}", messages=[{{"role": "user", "content": "Hello"}}]).choices[0].message.content)
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """What the demo plays on: settings whose vault was sealed just now, and how long that took."""

    settings: Settings
    sealed: str = field(repr=False)
    keys: int
    key: str = field(repr=False)
    seal_ms: float
    open_ms: float


def register(commands: Any) -> None:
    parser = commands.add_parser(
        "demo",
        help="the whole story against simulated providers; needs no account and no network",
        description="Seals a vault, answers a question, fails over and streams, all of it over HTTP on this"
        " machine, then keeps serving.",
    )
    parser.add_argument("--once", action="store_true", help="end after the story")
    parser.add_argument("--port", type=int, help="default 8787; with --once any free one")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.app import create_app
    from vaultcore.cli import listener
    from vaultcore.compose import compose
    from vaultcore.simulators.server import simulated

    if isinstance(terminal.stdout, io.TextIOWrapper):
        terminal.stdout.reconfigure(errors="replace")  # a terminal that has no “ still gets the story
    defaults = Settings()
    port = args.port if args.port is not None else 0 if args.once else defaults.port
    held = listener.listen(defaults.host, port)
    with held, simulated(PROVIDERS, pace=PACE, keys=2) as simulators, _stage(simulators) as stage:
        url = listener.url(held)
        paint = Paint.of(terminal)
        try:
            with _witness() as witness, listener.serving(create_app(compose(stage.settings)), held) as ended:
                _set_the_scene(terminal, paint, stage, simulators)
                _tell(terminal, paint, stage, simulators, url=url, witness=witness)
                if not args.once:
                    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both end it alike
                    _keep(terminal, paint, stage, url)
                    ended.wait()
        except KeyboardInterrupt:
            terminal.say("")
            terminal.say(paint.dim("the demo has ended, and everything it made with it"))
    return 0


@contextmanager
def _stage(simulators: Mapping[str, Simulator]) -> Iterator[Stage]:
    """Seal the simulated providers' keys, open them again, and set up a gateway over them."""
    from vaultcore.vault.keyring import Credential
    from vaultcore.vault.password import generate
    from vaultcore.vault.sealed import seal, unseal

    # The primary has two keys, so that there is another one to turn to when the first is rate-limited.
    held = [Credential(each.name, key) for each in simulators.values() for key in each.keys]
    held = [each for each in held if each.key != simulators["anthropic"].keys[1]]
    password = generate()
    began = time.perf_counter()
    sealed = seal(held, password)
    between = time.perf_counter()
    assert unseal(sealed, password) == held  # noqa: S101 - what the story is about to say
    ended = time.perf_counter()
    key = f"ve-{secrets.token_hex(24)}"
    with tempfile.TemporaryDirectory(prefix="vaultedge-demo-") as folder:
        overlay = Path(folder, "providers.yaml")
        addresses = {name: each.base_url for name, each in simulators.items()}
        overlay.write_text(OVERLAY.format(**addresses, route=ROUTE, primary=PRIMARY, fallback=FALLBACK))
        settings = Settings(
            home=Path(folder),
            vault=sealed,
            password=password,
            system_key=key,
            admin_key=f"va-{secrets.token_hex(24)}",
            providers_file=overlay,
        )
        yield Stage(settings, sealed, len(held), key, (between - began) * 1_000, (ended - between) * 1_000)


@contextmanager
def _witness() -> Iterator[Witness]:
    """Hear the gateway's log lines, and keep them off the terminal."""
    from vaultcore.cli.demo_requests import Witness
    from vaultcore.telemetry import LOGGER

    logger, witness = logging.getLogger(LOGGER), Witness()
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(witness)
    try:
        yield witness
    finally:
        logger.removeHandler(witness)
        logger.propagate = propagates


def _set_the_scene(
    terminal: Terminal, paint: Paint, stage: Stage, simulators: Mapping[str, Simulator]
) -> None:
    terminal.say(
        f"{paint.bold('vaultedge demo')}  {paint.dim('the providers are simulated, all else is real')}"
    )
    terminal.say("")
    terminal.say(f"   vault      {stage.sealed[:26]}… {paint.dim(f'{len(stage.sealed)} characters')}")
    took = f"sealed in {stage.seal_ms:.0f} ms, opened in {stage.open_ms:.0f} ms"
    terminal.say(f"              {stage.keys} provider keys, {took}")
    for each in simulators.values():
        terminal.say(f"   provider   {each.name:<10} {paint.dim(each.base_url)}")
    terminal.say(f"   route      {ROUTE:<10} {paint.dim(f'openai/{PRIMARY}, then anthropic/{FALLBACK}')}")


def _tell(
    terminal: Terminal,
    paint: Paint,
    stage: Stage,
    simulators: Mapping[str, Simulator],
    *,
    url: str,
    witness: Witness,
) -> None:
    from vaultcore.cli.demo_requests import Story
    from vaultcore.simulators.faults import InjectedFault

    story = Story(terminal, paint, f"{url}/v1", stage.key, witness)
    story.question("1  a question", ROUTE, "why is the sky blue?")
    simulators["openai"].script.queue(
        PRIMARY,
        InjectedFault(status=429, retry_after=1),
        InjectedFault(status=503),
        InjectedFault(status=503),
    )
    story.question("2  the primary fails, the fallback answers", ROUTE, "and why is the sunset red?")
    story.stream("3  an answer as it is written", f"anthropic/{FALLBACK}", "what becomes of the green light?")


def _keep(terminal: Terminal, paint: Paint, stage: Stage, url: str) -> None:
    terminal.say("")
    terminal.say(paint.bold("it keeps serving"))
    terminal.say(f"   base url   {url}/v1")
    terminal.say(f"   console    {url}/console/")
    terminal.say(f"   key        {stage.key}")
    terminal.say("")
    terminal.say(SNIPPETS.format(base=f"{url}/v1", key=stage.key, route=ROUTE))
    terminal.say(f"   {paint.dim('ctrl-c ends it, and everything it made with it')}")
