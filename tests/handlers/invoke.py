"""`make invoke`: runs events through a function under AWS's runtime emulator and prints the responses.

    python -m tests.handlers.invoke [--function stream|admin|api|upkeep] events/chat.json ...

The function runs with a Secrets Manager that has a filled vault and the keys of the events, a provider that
serves every model, and a memory store. It calls nothing else and stores nothing.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.fakes.provider import FakeProvider
from tests.handlers.deployment import ROOT, serve_deployment
from tests.handlers.emulator import Emulator, run_emulator

MANAGED = [sys.executable, "-m", "awslambdaric"]
COMMANDS = {
    "stream": [str(ROOT / "handlers" / "run_stream"), sys.executable, "bootstrap.py"],
    "admin": [*MANAGED, "handlers.admin.handler"],
    "api": [*MANAGED, "handlers.api.handler"],
    "upkeep": [*MANAGED, "handlers.upkeep.handler"],
}
KEYS = {  # the secrets that only some functions get
    "stream": {"VAULTEDGE_SYSTEM_KEY_SECRET": "gw/system"},
    "admin": {"VAULTEDGE_ADMIN_KEY_SECRET": "gw/admin"},
    "api": {"VAULTEDGE_SYSTEM_KEY_SECRET": "gw/system"},
    "upkeep": {},
}
PRELUDE = b"\0" * 8  # a streamed body follows it
ADMIN_PATH = "/admin"


@dataclass(frozen=True, slots=True)
class FunctionResponse:
    """A function's response, or its result for an event that is not a request."""

    status: int | None
    headers: Mapping[str, str]
    body: bytes
    is_streamed: bool = False

    def lines(self) -> Iterator[str]:
        """Yield the response as readable lines."""
        if self.status is not None:
            yield f"HTTP {self.status}{', streamed' if self.is_streamed else ''}"
            yield from (f"{name}: {value}" for name, value in sorted(self.headers.items()))
            yield ""
        yield self._readable()

    def _readable(self) -> str:
        try:
            text = self.body.decode()
        except UnicodeDecodeError:
            return f"({len(self.body)} bytes)"
        try:
            return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except ValueError:
            return text.rstrip("\n")


class FunctionFailed(Exception):
    """The function returned a runtime error instead of a response."""


def target_function(event: Mapping[str, Any]) -> str:
    """Return the name of the function that gets the event in a deployed stack."""
    path = str(event.get("rawPath") or event.get("path") or "")
    if path.startswith(ADMIN_PATH):
        return "admin"
    scheduled = any("upkeep" in str(each) for each in event.get("resources", ()))
    return "upkeep" if scheduled else "stream"


def parse_response(payload: bytes) -> FunctionResponse:
    """Parse the emulator's response. Raise FunctionFailed."""
    head, prelude, body = payload.partition(PRELUDE)
    event = json.loads(head)
    if "errorMessage" in event:
        raise FunctionFailed(f"{event.get('errorType')}: {event['errorMessage']}")
    if "statusCode" not in event:
        return FunctionResponse(None, {}, payload)
    if not prelude:
        body = str(event["body"]).encode()
        body = base64.b64decode(body) if event["isBase64Encoded"] else body
    return FunctionResponse(event["statusCode"], event.get("headers") or {}, body, bool(prelude))


@contextmanager
def start_function(name: str) -> Iterator[Emulator]:
    """Run a function with the services that it needs."""
    with (
        TemporaryDirectory() as folder,
        FakeProvider() as provider,
        serve_deployment(Path(folder), provider.base_url) as deployed,
    ):
        environ = {
            **{each: value for each, value in deployed.environ.items() if "_KEY_SECRET" not in each},
            **KEYS[name],
            "VAULTEDGE_PEPPER_SECRET": "gw/pepper",
            "VAULTEDGE_STORE": "memory:",
            "VAULTEDGE_LOG_LEVEL": "INFO",
        }
        with run_emulator(COMMANDS[name], environ, Path(folder)) as emulator:
            yield emulator


def invoke(files: Sequence[Path], name: str) -> Iterator[tuple[Path, FunctionResponse]]:
    """Yield one function's response to each event."""
    with start_function(name) as emulator:
        try:
            for file in files:
                yield file, parse_response(emulator.invoke(file.read_bytes())[1])
        finally:
            sys.stderr.write(emulator.output.read_text("utf-8", "replace"))


def run_events(args: argparse.Namespace) -> None:
    by_function: dict[str, list[Path]] = {}
    for file in args.events:
        name = args.function or target_function(json.loads(file.read_text("utf-8")))
        by_function.setdefault(name, []).append(file)
    for name, files in by_function.items():
        for file, response in invoke(files, name):
            print(f"--- {file} -> {name}", *response.lines(), sep="\n", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make invoke", description="Run events through a function.")
    parser.add_argument("events", nargs="+", type=Path, metavar="EVENT", help="event files, see events/")
    parser.add_argument(
        "--function",
        choices=COMMANDS,
        help="function to invoke (default: the one that gets the event in a stack)",
    )
    args = parser.parse_args(arguments)
    try:
        run_events(args)
    except (OSError, ValueError, FunctionFailed, pytest.skip.Exception) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
