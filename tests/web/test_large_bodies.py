"""Large request bodies: how many values they may have, and that they delay no other request."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.fakes.served import GatewayProcess, prepare_home, run_serve
from vaultcore.errors import InvalidRequest
from vaultcore.simulators.server import simulated
from vaultcore.web.body import LARGE, LargeBodies
from vaultcore.web.strict_json import MAX_CONTAINERS, MAX_VALUES, parse

SIZE = 5_000_000  # bytes
RESOLUTION = 0.02  # seconds, of the difference of two CPU times
MESSAGE = {"role": "user", "content": "word " * 95}
ACCEPTED = {
    "the most values": b"[" + b"1," * MAX_VALUES + b"1]",
    "the most objects": b"[" + b"{}," * (MAX_CONTAINERS - 2) + b"{}]",
    "commas and brackets in a text": b'["' + b'[{,\\"' * (MAX_VALUES + 2) + b'"]',
}
REFUSED = {
    "one value more": b"[" + b"1," * (MAX_VALUES + 1) + b"1]",
    "one object more": b"[" + b"{}," * MAX_CONTAINERS + b"{}]",
    "one array more": b"[" + b"[]," * MAX_CONTAINERS + b"[]]",
    "values after a text": b'["a\\\\",' + b"1," * (MAX_VALUES + 1) + b"1]",
}
BODIES = {  # and how many arrive at a time: those with many messages take 0.3 s of CPU time each
    "a long text": (40, {"messages": [{"role": "user", "content": "line\n" * (SIZE // 6)}]}),
    "many messages": (10, {"messages": [MESSAGE] * 9_900}),
    "many numbers": (40, {"messages": [MESSAGE], "x": [7] * (SIZE // 2 - 500)}),
    "many objects": (40, {"messages": [MESSAGE], "x": [{"a": "b"}] * (SIZE // 10 - 500)}),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_as_many_values_as_allowed_are_parsed(name: str) -> None:
    """A body with MAX_VALUES values or MAX_CONTAINERS arrays is parsed; those in texts do not count."""
    assert parse(ACCEPTED[name]) == json.loads(ACCEPTED[name])


@pytest.mark.parametrize("name", REFUSED)
def test_more_values_are_refused(name: str) -> None:
    """A body with one value or array more is refused before it is parsed."""
    with pytest.raises(InvalidRequest, match="more than 400,000 values, or 50,000 arrays and objects"):
        parse(REFUSED[name])


def test_large_bodies_take_turns_in_one_thread() -> None:
    """Work on small bodies runs at once in the caller's thread, that on large ones in one other thread."""
    large_bodies, running, most = LargeBodies(), [0], [0]

    def work() -> int:
        running[0] += 1
        most[0] = max(most[0], running[0])
        time.sleep(0.01)  # time for a second thread to show itself
        running[0] -= 1
        return threading.get_ident()

    async def run() -> tuple[int, set[int]]:
        large = [large_bodies.worker(LARGE + 1)(work) for _ in range(5)]
        return await large_bodies.worker(LARGE)(work), set(await asyncio.gather(*large))

    small, large = asyncio.run(run())

    assert small == threading.get_ident()
    assert len(large - {small}) == len(large) == 1
    assert most == [1]


def test_errors_of_work_on_large_bodies_are_raised() -> None:
    """An error in the other thread reaches the request."""
    with pytest.raises(InvalidRequest):
        asyncio.run(run_large(parse, b""))


async def run_large(work: object, *args: object) -> object:
    return await LargeBodies().worker(LARGE + 1)(work, *args)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    home: Path = tmp_path_factory.mktemp("home")
    with simulated({"openai": "openai"}) as simulators:
        prepare_home(home, simulators)
        with run_serve(home) as running:
            yield running


def cpu_seconds(gateway: GatewayProcess) -> float:
    """Return the CPU time that the gateway has used; its resolution is 10 ms."""
    fields = Path(f"/proc/{gateway.process.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("name", BODIES)
def test_large_bodies_delay_no_other_request(gateway: GatewayProcess, name: str) -> None:
    """While 40 bodies of 5 MB arrive, `/health` answers after at most 100 ms of the gateway's CPU time.

    CPU time, because other tests share the machine. On an idle one, it is the time that passes.
    """
    count, fields = BODIES[name]
    content = json.dumps({"model": "unknown/model", **fields}, separators=(",", ":")).encode()
    assert SIZE * 0.9 < len(content) < 5_500_000
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\nconnection: close\r\n\r\n"
    )
    request, waits = head.encode() + content, []

    with ThreadPoolExecutor(count) as posting, connect(gateway) as health:
        posts = [posting.submit(post, gateway, request) for _ in range(count)]
        while not all(each.done() for each in posts):
            before = cpu_seconds(gateway)
            health.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
            answer = b""
            while not answer.endswith(b'{"status":"ok"}'):
                answer += health.recv(9_999)
            waits.append(cpu_seconds(gateway) - before)
            time.sleep(0.005)  # real sockets of another process

    assert {each.result() for each in posts} <= {b"400", b"404"}
    slowest = [round(wait, 2) for wait in sorted(waits)[-12:]]
    assert sorted(waits)[int(0.9 * len(waits))] <= 0.1 + RESOLUTION, slowest
    assert slowest[-1] <= 0.25, slowest  # one answer may share its time slices with a garbage collection


def connect(gateway: GatewayProcess) -> socket.socket:
    host, port = gateway.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=240)


def post(gateway: GatewayProcess, request: bytes) -> bytes:
    """Send a request on a new connection; return the status of its response."""
    with connect(gateway) as connection:
        connection.sendall(request)
        return connection.recv(9_999).split(b" ")[1]
