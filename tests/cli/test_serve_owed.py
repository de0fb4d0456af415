"""`vaultedge serve`, killed while it owes a settlement: the next start charges it once."""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from pathlib import Path

from tests.cli.test_serve_killed import admin, ask, environ
from tests.fakes.provider import FakeProvider, FakeResponse
from tests.fakes.served import run_serve


def test_a_settlement_outlives_the_process(tmp_path: Path) -> None:
    """While another program locks the store, a call is answered; after SIGKILL its use is charged once.

    Without the journal, the reservation would expire uncharged.
    """
    folder = tmp_path / ".vaultedge"
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(delay=0.5), FakeResponse())
        environment = environ(tmp_path, provider)
        with run_serve(tmp_path, environ=environment) as running:
            created = admin(running, tmp_path, "/keys", name="a", token_quota=1_000, rate_limit_rpm=None)
            statuses: list[int] = []
            call = threading.Thread(target=lambda: statuses.append(ask(running, created["key"])))
            call.start()
            while not provider.requests:
                time.sleep(0.01)
            lock = sqlite3.connect(folder / "vaultedge.db", isolation_level=None)
            lock.execute("BEGIN IMMEDIATE")
            call.join()
            journals = list((folder / "owed").iterdir())
            running.stop(signal.SIGKILL)
            lock.execute("ROLLBACK")
            lock.close()
        usages = []
        for _ in range(2):
            with run_serve(tmp_path, environ=environment) as running:
                until = time.monotonic() + 10
                while list((folder / "owed").iterdir()) and time.monotonic() < until:
                    time.sleep(0.05)
                usages.append(admin(running, tmp_path, f"/keys/{created['id']}")["usage"])

    assert statuses == [200]
    assert len(journals) == 1
    assert [(each["requests"], each["total_tokens"]) for each in usages] == [(1, 12)] * 2
