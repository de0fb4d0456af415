"""Two workers behave like one process: pauses of providers, restarts, changes by the operator."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.cli.worker_gateway import QUESTION, admin, prepare, send_all, wait_for, workers
from tests.fakes.provider import FakeProvider, FakeResponse
from tests.fakes.served import GatewayProcess, run_serve

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

NO_RETRIES = {"VAULTEDGE_MAX_RETRIES": "0"}
LIMITS = {"rate_limit_rpm": 1_000_000, "max_parallel": 99, "token_quota": 10**9}


class Client:
    """One connection that stays open, so that one worker serves all its requests."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._connection = HTTPConnection(parts.hostname, parts.port, timeout=30)
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def ask(self, model: str = "one/gpt-fake", **fields: object) -> tuple[int, str]:
        body = json.dumps({**QUESTION, "model": model, **fields})
        self._connection.request("POST", "/v1/chat/completions", body, self._headers)
        response = self._connection.getresponse()
        return response.status, response.read().decode()

    def close(self) -> None:
        self._connection.close()


@contextmanager
def clients(gateway: GatewayProcess, token: str, number: int = 6) -> Iterator[list[Client]]:
    """Open connections, which spread over the workers, and send a health request over each."""
    wait_for(lambda: len(workers(gateway)) == 2)
    time.sleep(1)  # the second worker may still start
    with ExitStack() as stack:
        opened = [Client(gateway.url, token) for _ in range(number)]
        for each in opened:
            stack.callback(each.close)
            each._connection.request("GET", "/health")
            each._connection.getresponse().read()
        yield opened


def test_a_pause_of_a_provider_binds_all_workers(tmp_path: Path, provider: FakeProvider) -> None:
    """After one Retry-After, no worker calls the provider until it has passed."""
    provider.script("gpt-fake", FakeResponse(status=429, headers={"retry-after": "60"}))
    with (
        run_serve(tmp_path, environ=prepare(tmp_path, provider)) as gateway,
        clients(gateway, gateway.key) as opened,
    ):
        statuses = [each.ask()[0] for each in opened * 2]
        health = [admin(gateway, tmp_path, "/health")["keys"] for _ in range(4)]

    assert statuses == [429] * len(statuses)
    assert len(provider.requests) == 1
    assert [state["state"] for report in health for state in report.values()] == ["open"] * 4


def test_one_request_of_all_workers_probes_a_paused_provider(tmp_path: Path, provider: FakeProvider) -> None:
    """Failures of all workers count together, and one request at a time probes; then all is as before."""
    environ = {**prepare(tmp_path, provider), **NO_RETRIES, "VAULTEDGE_BREAKER_THRESHOLD": "4"}
    provider.script("gpt-fake", *[FakeResponse(status=500)] * 4, FakeResponse(delay=1.0), FakeResponse())
    with (
        run_serve(tmp_path, environ=environ) as gateway,
        clients(gateway, gateway.key) as opened,
    ):
        failed = [each.ask()[0] for each in opened[:4]]
        at_once = send_all(gateway, gateway.key, 12)
        calls = len(provider.requests)
        later = send_all(gateway, gateway.key, 12)

    assert failed == [502] * 4 or set(failed) == {502, 503}, failed
    assert at_once[200] == 1, at_once
    assert calls == 5
    assert later == {200: 12}


def test_a_worker_that_dies_frees_its_probe(tmp_path: Path, provider: FakeProvider) -> None:
    """After SIGKILL to the workers while one probes, another request may probe at once."""
    environ = {**prepare(tmp_path, provider), **NO_RETRIES, "VAULTEDGE_BREAKER_THRESHOLD": "1"}
    provider.script("gpt-fake", FakeResponse(status=500), FakeResponse(hang=True), FakeResponse())
    with run_serve(tmp_path, environ=environ) as gateway:
        send_all(gateway, gateway.key, 1)
        probing = threading.Thread(target=lambda: _ask_ignoring_errors(gateway))
        probing.start()
        wait_for(lambda: len(provider.requests) == 2)
        before = workers(gateway)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        probing.join()
        wait_for(lambda: not set(before) & set(workers(gateway)) and len(workers(gateway)) == 2)
        statuses = send_all(gateway, gateway.key, 1)

    assert statuses == {200: 1}


def _ask_ignoring_errors(gateway: GatewayProcess) -> None:
    with suppress(httpx.HTTPError):
        send_all(gateway, gateway.key, 1)


def test_a_change_takes_effect_in_all_workers_at_once(tmp_path: Path, provider: FakeProvider) -> None:
    """A changed limit, new routes and a revocation are in force for the next request, whichever worker."""
    with run_serve(tmp_path, environ=prepare(tmp_path, provider)) as gateway:
        created = admin(gateway, tmp_path, "/keys", name="a", rate_limit_rpm=1_000)
        with clients(gateway, created["key"]) as opened:
            known = Counter(each.ask()[0] for each in opened)
            unknown = Counter(each.ask("new")[0] for each in opened)
            admin(gateway, tmp_path, "/routes", method="PUT", models={"new": {"primary": "one/gpt-fake"}})
            routed = Counter(each.ask("new")[0] for each in opened)
            admin(gateway, tmp_path, f"/keys/{created['id']}", method="PATCH", allowed_models=["two/*"])
            refused = Counter(each.ask()[0] for each in opened)
            admin(gateway, tmp_path, f"/keys/{created['id']}", method="DELETE")
            revoked = Counter(each.ask()[0] for each in opened)

    assert (known, unknown, routed) == ({200: 6}, {404: 6}, {200: 6})
    assert (refused, revoked) == ({403: 6}, {401: 6})


def test_a_restart_fails_no_request_and_loses_no_charge(tmp_path: Path, provider: FakeProvider) -> None:
    """SIGHUP under load: connections that stay open, and a stream that runs all the time, go on.

    All requests have a key with limits; its usage is what the provider produced.
    """
    provider.script("gpt-slow", FakeResponse(pause=0.7))
    with run_serve(tmp_path, environ=prepare(tmp_path, provider), wrapper=("setsid",)) as gateway:
        created = admin(gateway, tmp_path, "/keys", name="a", **LIMITS)
        before, is_over = set(workers(gateway)), threading.Event()
        statuses: Counter[object] = Counter()
        streamed: list[tuple[int, str]] = []

        def send() -> None:
            client = Client(gateway.url, created["key"])
            while not is_over.is_set():
                try:
                    statuses[client.ask()[0]] += 1
                except (OSError, httpx.HTTPError) as error:
                    statuses[repr(error)] += 1
            client.close()

        def stream() -> None:
            client = Client(gateway.url, created["key"])
            streamed.append(client.ask("one/gpt-slow", stream=True))
            client.close()

        threads = [threading.Thread(target=each) for each in (*[send] * 8, stream)]
        with clients(gateway, created["key"]):
            for thread in threads:
                thread.start()
            wait_for(lambda: provider.calls("gpt-slow") == 1)
            for _ in range(2):
                gateway.process.send_signal(signal.SIGHUP)
                time.sleep(1)
            wait_for(lambda: len(after := set(workers(gateway))) == 2 and not after & before, 30)
            is_over.set()
            for thread in threads:
                thread.join()
        usage = admin(gateway, tmp_path, f"/keys/{created['id']}")
        status, log = gateway.stop(signal.SIGTERM), gateway.errors.read_text()

    assert statuses.keys() == {200}, statuses
    assert streamed[0][0] == 200
    assert streamed[0][1].endswith("data: [DONE]\n\n")
    assert len(provider.requests) == usage["usage"]["requests"] == statuses[200] + 1
    assert usage["usage"]["total_tokens"] == 12 * usage["usage"]["requests"]
    assert (usage["in_flight"], status, '"ERROR"' in log) == (0, 0, False)


def test_the_reservations_of_a_killed_worker_return(tmp_path: Path, provider: FakeProvider) -> None:
    """The parallel requests of a killed worker end with their lease; those of the other worker go on."""
    environ = {**prepare(tmp_path, provider), "VAULTEDGE_LEASE": "3000"}
    provider.script("gpt-fake", FakeResponse(delay=1.5))
    with run_serve(tmp_path, environ=environ) as gateway:
        created = admin(gateway, tmp_path, "/keys", name="a", max_parallel=6)
        statuses: Counter[object] = Counter()

        def send(client: Client) -> None:
            try:
                statuses[client.ask()[0]] += 1
            except OSError:
                statuses["lost"] += 1

        with clients(gateway, created["key"]) as opened:
            threads = [threading.Thread(target=send, args=(each,)) for each in opened]
            for thread in threads:
                thread.start()
            wait_for(lambda: len(provider.requests) == 6)
            victim = workers(gateway)[0]
            os.kill(victim, signal.SIGKILL)
            wait_for(lambda: victim not in workers(gateway) and len(workers(gateway)) == 2)
            meanwhile = send_all(gateway, created["key"], 1)
            for thread in threads:
                thread.join()
            wait_for(lambda: send_all(gateway, created["key"], 6) == {200: 6}, 30)

    assert statuses[200] + statuses["lost"] == 6
    assert 2 <= statuses[200] <= 4, statuses
    assert meanwhile == {429: 1}
