"""A mock provider for load: OpenAI chat completions and Anthropic messages as prepared bytes.

Run as a module, it prints its URL and serves until it is killed: with `upstream.c` if a C compiler is
installed, else with a raw asyncio protocol. A model named `…-long`, or a path with `/long/`, streams many
chunks one at a time, as a model writes them; other models stream a few at once. A path with `/e500/` fails.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from tests.bench.upstream_responses import Piece, responses

SOURCE = Path(__file__).with_name("upstream.c")
PROGRAM = Path(__file__).parents[2] / "build/bench/upstream"
STREAM = (b'"stream":true', b'"stream": true')
RESPONSES = responses()


def choose(path: bytes, body: bytes) -> Sequence[Piece]:
    """Return the response to a request."""
    if b"/e500/" in path:
        return RESPONSES["failure"]
    dialect = "anthropic" if b"/messages" in path else "openai"
    if not any(mark in body for mark in STREAM):
        return RESPONSES[f"{dialect}-buffered"]
    is_long = b'-long"' in body or b"/long/" in path
    return RESPONSES[f"{dialect}-long" if is_long else f"{dialect}-stream"]


class MockConnection(asyncio.Protocol):
    """One keep-alive connection with one request at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, blank, body = self._buffer.partition(b"\r\n\r\n")
        if not blank or len(body) < _length(bytes(head)):
            return
        self._buffer.clear()
        self._send(choose(bytes(head.partition(b"\r\n")[0]), bytes(body)), 0)

    def _send(self, pieces: Sequence[Piece], index: int) -> None:
        if self._transport is None:
            return
        self._transport.write(pieces[index].data)
        if index + 1 < len(pieces):
            pause = pieces[index + 1].pause / 1e3
            asyncio.get_running_loop().call_later(pause, self._send, pieces, index + 1)


def _length(head: bytes) -> int:
    _, header, remainder = head.lower().partition(b"\r\ncontent-length:")
    return int(remainder.partition(b"\r\n")[0]) if header else 0


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(MockConnection, "127.0.0.1", 0, backlog=512)
    print(f"base url  http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


def compiled() -> Path | None:
    """Return the compiled server; None without a C compiler."""
    if PROGRAM.exists() and PROGRAM.stat().st_mtime > SOURCE.stat().st_mtime:
        return PROGRAM
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    draft = PROGRAM.with_name(f"upstream-{os.getpid()}")
    subprocess.run([compiler, "-O2", "-o", draft, SOURCE], check=True)
    draft.replace(PROGRAM)
    return PROGRAM


def write_responses(folder: Path) -> None:
    """Write the files that the compiled server reads."""
    for name, pieces in RESPONSES.items():
        (folder / name).write_bytes(b"".join(b"%d %d\n%b" % (p.pause, len(p.data), p.data) for p in pieces))


if __name__ == "__main__":
    program = compiled()
    if program is None:
        asyncio.run(serve())
    else:
        responses_folder = Path(tempfile.mkdtemp(prefix="upstream-"))
        write_responses(responses_folder)
        os.execv(program, [str(program), str(responses_folder)])  # it keeps the process id
