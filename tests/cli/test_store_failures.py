"""Operators see why the store fails: in the log, in the metrics and in `doctor`."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from pathlib import Path

import httpx
import pytest

from tests.cli.full_disk import is_supported, run_on_full_disk
from tests.fakes.clock import FakeClock
from tests.fakes.gateway_app import bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeProvider
from tests.fakes.served import ROOT
from vaultcore.aws.clients import AwsError
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.account import Account
from vaultcore.limits.reservation import Reservation
from vaultcore.store.base import DocumentKey, Put
from vaultcore.store.memory import MemoryStore
from vaultcore.store.sqlite.store import SQLiteStore
from vaultcore.store.unavailable_reason import unavailable_reason
from vaultcore.telemetry import LOGGER

STORE = """\
import asyncio
from pathlib import Path
from vaultcore.clock import SystemClock
from vaultcore.store.base import DocumentKey, Put
from vaultcore.store.sqlite.store import SQLiteStore
from vaultcore.errors import StoreUnavailable
from vaultcore.store.unavailable_reason import unavailable_reason

async def main(size):
    store = SQLiteStore(Path("vaultedge.db"), SystemClock())
    try:
        await store.write(Put(DocumentKey("test", str(size)), {"text": "x" * size}))
    except StoreUnavailable as error:
        print(unavailable_reason(error))
    finally:
        await store.aclose()
"""
DOCTOR = """\
import sys
from vaultcore.cli.main import main
environ = {"VAULTEDGE_HOME": ".", "VAULTEDGE_STORE": "sqlite:vaultedge.db"}
main(["doctor", "--offline", "--json"], sys.stdin, sys.stdout, sys.stderr, environ)
"""


def store_error(file: Path, clock: FakeClock) -> StoreUnavailable:
    """Return the error of a write to a database."""

    async def run() -> None:
        store = SQLiteStore(file, clock, patience=0.05)
        try:
            await store.write(Put(DocumentKey("test", "one"), {"text": "x" * 100_000}))
        finally:
            await store.aclose()

    with pytest.raises(StoreUnavailable) as caught:
        asyncio.run(run())
    return caught.value


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with a store's tables."""

    async def create() -> None:
        store = SQLiteStore(tmp_path / "vaultedge.db", FakeClock())
        await store.write(Put(DocumentKey("test", "zero"), {}))
        await store.aclose()

    asyncio.run(create())
    return tmp_path / "vaultedge.db"


@pytest.mark.skipif(not is_supported(), reason="needs a mount namespace")
@pytest.mark.parametrize("exists", [True, False])
def test_a_full_disk_is_named(exists: bool, tmp_path: Path) -> None:
    """On a file system without a free byte, the store says so, whether its file exists or not."""
    prepare = f"{STORE}\nasyncio.run(main(1))" if exists else ""

    out, _ = run_on_full_disk(tmp_path, prepare, f"{STORE}\nasyncio.run(main(100_000))", ROOT)

    assert out == "disk_full\n"


@pytest.mark.skipif(not is_supported(), reason="needs a mount namespace")
def test_doctor_names_a_full_disk(tmp_path: Path) -> None:
    """`doctor` says that the disk is full, and to free space."""
    out, err = run_on_full_disk(tmp_path, f"{STORE}\nasyncio.run(main(1))", DOCTOR, ROOT)

    (result,) = [each for each in json.loads(out)["checks"] if each["check"] == "store"]
    assert (result["state"], err) == ("failed", "")
    assert "disk full" in result["told"]
    assert "free space" in result["cure"]


def test_a_locked_database_is_named(database: Path) -> None:
    """Another program's lock is a reason of its own."""
    lock = sqlite3.connect(database, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    try:
        assert unavailable_reason(store_error(database, FakeClock())) == "locked"
    finally:
        lock.close()


def test_a_damaged_database_is_named(database: Path) -> None:
    """A file with other bytes in its pages is damaged."""
    with database.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * (database.stat().st_size - 100))

    assert unavailable_reason(store_error(database, FakeClock())) == "damaged"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (sqlite3.SQLITE_FULL, "disk_full"),
        (sqlite3.SQLITE_IOERR_WRITE, "io_error"),
        (sqlite3.SQLITE_IOERR_SHMSIZE, "disk_full"),
        (sqlite3.SQLITE_READONLY, "read_only"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, "read_only"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "locked"),
        (sqlite3.SQLITE_CORRUPT, "damaged"),
        (sqlite3.SQLITE_NOMEM, "unavailable"),
    ],
)
def test_every_result_code_has_a_reason(code: int, reason: str) -> None:
    """Extended result codes have the reason of their primary code."""
    cause, error = sqlite3.OperationalError("x"), StoreUnavailable("the store does not answer")
    cause.sqlite_errorcode = code
    error.__cause__ = cause

    assert unavailable_reason(error) == reason


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("ProvisionedThroughputExceededException", "throttled"),
        ("ThrottlingException", "throttled"),
        ("TransactionConflictException", "conflict"),
        ("ReadTimeoutError", "timeout"),
        ("EndpointConnectionError", "no_connection"),
        ("AccessDeniedException", "denied"),
        ("SomethingNew", "unavailable"),
    ],
)
def test_every_error_of_aws_has_a_reason(code: str, reason: str) -> None:
    """AWS's error codes become one of a bounded set of words."""
    error = StoreUnavailable("the store does not answer")
    error.__cause__ = AwsError("update_item", code)

    assert unavailable_reason(error) == reason


class FullStore(MemoryStore):
    """A store on a full disk."""

    async def reserve(self, reservation: Reservation) -> list[Account]:
        raise StoreUnavailable("the store does not answer", reason="disk_full")


def test_the_log_of_a_refused_request_has_the_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A request that is a 503 because the disk is full has the reason in its log line, not in its body."""
    with FakeProvider() as provider, caplog.at_level(logging.INFO, LOGGER):
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> httpx.Response:
            token = await issue_key(services, rpm=10)
            services.admission.limiter._store = FullStore(services.clock)
            body = {"model": "fast", "messages": [{"role": "user", "content": "hi"}]}
            return await client.post("/v1/chat/completions", json=body, headers=bearer(token))

        response = run_with_client(services, scenario)

    lines = [vars(each)["fields"] for each in caplog.records if each.msg == "request"]
    assert response.status_code == 503
    assert [line["reason"] for line in lines] == ["disk_full"]
    assert "disk" not in response.text
