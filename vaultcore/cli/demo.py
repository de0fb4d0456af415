"""`vaultedge demo`: runs the gateway against simulated providers, without an account or a network."""

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
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaultcore.cli.server_extra import require_server
from vaultcore.cli.terminal import Terminal
from vaultcore.cli.text_style import TextStyle
from vaultcore.lazy_dataclass import dataclass
from vaultcore.settings import Settings

if TYPE_CHECKING:
    from vaultcore.cli.demo_requests import AttemptRecorder
    from vaultcore.simulators.server import Simulator

PROVIDERS = {"openai": "openai", "anthropic": "anthropic"}
PACE = 0.04  # seconds between two chunks of a streamed response: about reading speed
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
class DemoSetup:
    """The demo gateway's settings, its freshly sealed vault and how long sealing and opening took."""

    settings: Settings
    sealed: str = field(repr=False)  # the vault string
    key_count: int
    key: str = field(repr=False)  # the system key
    seal_ms: float
    open_ms: float


def register(commands: Any) -> None:
    parser = commands.add_parser(
        "demo",
        help="try the gateway with simulated providers; needs no account and no network",
        description="Seal a vault, then show a request, a fallback and a stream over HTTP on this machine."
        " Keeps serving afterwards.",
    )
    parser.add_argument("--once", action="store_true", help="exit after the three requests")
    parser.add_argument(
        "--port", type=int, help="port to listen on (default: 8787; with --once any free port)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    require_server()
    from vaultcore.app import create_app
    from vaultcore.cli import listener
    from vaultcore.compose import compose
    from vaultcore.simulators.server import simulated

    if isinstance(terminal.stdout, io.TextIOWrapper):
        terminal.stdout.reconfigure(errors="replace")  # prints ? for characters its encoding lacks
    defaults = Settings()
    port = args.port if args.port is not None else 0 if args.once else defaults.port
    server_socket = listener.listen(defaults.host, port)
    with server_socket, simulated(PROVIDERS, pace=PACE, keys=2) as simulators, _prepare(simulators) as setup:
        url = listener.url(server_socket)
        style = TextStyle.for_terminal(terminal)
        try:
            services = compose(listener.with_local_defaults(setup.settings))
            serving = listener.serving(create_app(services), server_socket, services.shutdown)
            with _record_attempts() as recorder, serving as ended:
                _print_setup(terminal, style, setup, simulators)
                _run_requests(terminal, style, setup, simulators, url=url, recorder=recorder)
                if not args.once:
                    signal.signal(signal.SIGTERM, signal.default_int_handler)  # same as Ctrl-C
                    _print_instructions(terminal, style, setup, url)
                    ended.wait()
        except KeyboardInterrupt:
            terminal.say("")
            terminal.say(style.dim("demo stopped; its vault and data are deleted"))
    return 0


@contextmanager
def _prepare(simulators: Mapping[str, Simulator]) -> Iterator[DemoSetup]:
    """Seal the simulated providers' keys, open them again, and yield the gateway's settings."""
    from vaultcore.vault.keyring import Credential
    from vaultcore.vault.password import generate
    from vaultcore.vault.sealed import seal, unseal

    # The primary has two keys, so that the gateway can switch keys when the first is rate-limited.
    credentials = [Credential(each.name, key) for each in simulators.values() for key in each.keys]
    credentials = [each for each in credentials if each.key != simulators["anthropic"].keys[1]]
    password = generate()
    started = time.perf_counter()
    sealed = seal(credentials, password)
    sealed_at = time.perf_counter()
    assert unseal(sealed, password) == credentials  # noqa: S101 - the demo reports that the vault opens
    opened_at = time.perf_counter()
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
        yield DemoSetup(
            settings,
            sealed,
            len(credentials),
            key,
            (sealed_at - started) * 1_000,
            (opened_at - sealed_at) * 1_000,
        )


@contextmanager
def _record_attempts() -> Iterator[AttemptRecorder]:
    """Record the gateway's log lines of failed attempts and hide all log lines from the terminal."""
    from vaultcore.cli.demo_requests import AttemptRecorder
    from vaultcore.telemetry import LOGGER

    logger, recorder = logging.getLogger(LOGGER), AttemptRecorder()
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(recorder)
    try:
        yield recorder
    finally:
        logger.removeHandler(recorder)
        logger.propagate = propagates


def _print_setup(
    terminal: Terminal, style: TextStyle, setup: DemoSetup, simulators: Mapping[str, Simulator]
) -> None:
    terminal.say(f"{style.bold('vaultedge demo')}  {style.dim('only the providers are simulated')}")
    terminal.say("")
    terminal.say(f"   vault      {setup.sealed[:26]}… {style.dim(f'{len(setup.sealed)} characters')}")
    timing = f"sealed in {setup.seal_ms:.0f} ms, opened in {setup.open_ms:.0f} ms"
    terminal.say(f"              {setup.key_count} provider keys, {timing}")
    for each in simulators.values():
        terminal.say(f"   provider   {each.name:<10} {style.dim(each.base_url)}")
    terminal.say(f"   route      {ROUTE:<10} {style.dim(f'openai/{PRIMARY}, then anthropic/{FALLBACK}')}")


def _run_requests(
    terminal: Terminal,
    style: TextStyle,
    setup: DemoSetup,
    simulators: Mapping[str, Simulator],
    *,
    url: str,
    recorder: AttemptRecorder,
) -> None:
    from vaultcore.cli.demo_requests import DemoClient
    from vaultcore.simulators.faults import InjectedFault

    client = DemoClient(terminal, style, f"{url}/v1", setup.key, recorder)
    client.send("1  a request", ROUTE, "why is the sky blue?")
    simulators["openai"].script.queue(
        PRIMARY,
        InjectedFault(status=429, retry_after=1),
        InjectedFault(status=503),
        InjectedFault(status=503),
    )
    client.send("2  the primary fails, the fallback responds", ROUTE, "and why is the sunset red?")
    client.stream("3  a streamed response", f"anthropic/{FALLBACK}", "what happens to the green light?")


def _print_instructions(terminal: Terminal, style: TextStyle, setup: DemoSetup, url: str) -> None:
    terminal.say("")
    terminal.say(style.bold("the gateway keeps serving"))
    terminal.say(f"   base url   {url}/v1")
    terminal.say(f"   console    {url}/console/")
    terminal.say(f"   key        {setup.key}")
    terminal.say("")
    terminal.say(SNIPPETS.format(base=f"{url}/v1", key=setup.key, route=ROUTE))
    terminal.say(f"   {style.dim('press ctrl-c to stop; this deletes the demo data')}")
