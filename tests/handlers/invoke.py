"""`make invoke`: events through one of the functions under AWS's own runtime emulator, and what they answer.

    python -m tests.handlers.invoke [--function stream|admin|api|upkeep] events/chat.json ...

Around the function are a Secrets Manager with a filled vault and the keys that the events send, a provider
that answers every model, and a store in memory. Nothing else is called, and nothing is kept.
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
from tests.handlers.deployment import ROOT, deployment
from tests.handlers.emulator import Emulator, emulated

MANAGED = [sys.executable, "-m", "awslambdaric"]
COMMANDS = {
    "stream": [str(ROOT / "handlers" / "run_stream"), sys.executable, "bootstrap.py"],
    "admin": [*MANAGED, "handlers.admin.handler"],
    "api": [*MANAGED, "handlers.api.handler"],
    "upkeep": [*MANAGED, "handlers.upkeep.handler"],
}
KEYS = {  # the secrets that only some functions know of
    "stream": {"VAULTEDGE_SYSTEM_KEY_SECRET": "gw/system"},
    "admin": {"VAULTEDGE_ADMIN_KEY_SECRET": "gw/admin"},
    "api": {"VAULTEDGE_SYSTEM_KEY_SECRET": "gw/system"},
    "upkeep": {},
}
PRELUDE = b"\0" * 8  # after it a streamed body begins
ADMINISTRATION = "/admin"


@dataclass(frozen=True, slots=True)
class Told:
    """What a function answered: a response, or whatever it answers to an event that is no request."""

    status: int | None
    headers: Mapping[str, str]
    body: bytes
    streamed: bool = False

    def lines(self) -> Iterator[str]:
        """As a person reads it."""
        if self.status is not None:
            yield f"HTTP {self.status}{', streamed' if self.streamed else ''}"
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
    """The function answered with an error of the runtime's, not with a response."""


def meant(event: Mapping[str, Any]) -> str:
    """The function that an event goes to in a deployed stack."""
    path = str(event.get("rawPath") or event.get("path") or "")
    if path.startswith(ADMINISTRATION):
        return "admin"
    scheduled = any("upkeep" in str(each) for each in event.get("resources", ()))
    return "upkeep" if scheduled else "stream"


def told(answer: bytes) -> Told:
    """What the emulator passed on. Raises FunctionFailed."""
    head, prelude, body = answer.partition(PRELUDE)
    event = json.loads(head)
    if "errorMessage" in event:
        raise FunctionFailed(f"{event.get('errorType')}: {event['errorMessage']}")
    if "statusCode" not in event:
        return Told(None, {}, answer)
    if not prelude:
        body = str(event["body"]).encode()
        body = base64.b64decode(body) if event["isBase64Encoded"] else body
    return Told(event["statusCode"], event.get("headers") or {}, body, bool(prelude))


@contextmanager
def started(name: str) -> Iterator[Emulator]:
    """A function, and all that it needs around it."""
    with (
        TemporaryDirectory() as folder,
        FakeProvider() as provider,
        deployment(Path(folder), provider.base_url) as deployed,
    ):
        environ = {
            **{each: value for each, value in deployed.environ.items() if "_KEY_SECRET" not in each},
            **KEYS[name],
            "VAULTEDGE_PEPPER_SECRET": "gw/pepper",
            "VAULTEDGE_STORE": "memory:",
            "VAULTEDGE_LOG_LEVEL": "INFO",
        }
        with emulated(COMMANDS[name], environ, Path(folder)) as emulator:
            yield emulator


def invoke(files: Sequence[Path], name: str) -> Iterator[tuple[Path, Told]]:
    """What each of the events is answered by one function, one after another."""
    with started(name) as emulator:
        try:
            for file in files:
                yield file, told(emulator.invoke(file.read_bytes())[1])
        finally:
            sys.stderr.write(emulator.output.read_text("utf-8", "replace"))


def ask(args: argparse.Namespace) -> None:
    by_function: dict[str, list[Path]] = {}
    for file in args.events:
        name = args.function or meant(json.loads(file.read_text("utf-8")))
        by_function.setdefault(name, []).append(file)
    for name, files in by_function.items():
        for file, answer in invoke(files, name):
            print(f"--- {file} -> {name}", *answer.lines(), sep="\n", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make invoke", description="Run events through a function.")
    parser.add_argument("events", nargs="+", type=Path, metavar="EVENT", help="files like those in events/")
    parser.add_argument("--function", choices=COMMANDS, help="default: the one that it goes to in a stack")
    args = parser.parse_args(arguments)
    try:
        ask(args)
    except (OSError, ValueError, FunctionFailed, pytest.skip.Exception) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
