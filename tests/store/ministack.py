"""An emulated DynamoDB on this machine: ministack, started once per test process and only if a test needs it.

It has an environment of its own, `.venv-aws`, which `make test` creates.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import IO, TYPE_CHECKING, Any

from vaultcore.aws.dynamodb import DynamoDBClient
from vaultcore.clock import Clock
from vaultcore.store.dynamodb.store import DynamoDBStore

if TYPE_CHECKING:
    from botocore.session import Session

BINARY = Path(__file__).parents[2] / ".venv-aws" / "bin" / "ministack"
REGION = "eu-central-1"
STARTS = 30.0  # seconds that it may take to
PATIENCE = 20.0  # for an answer: it is slower than what it stands for, and the machine is shared
KEYS = {
    "pk": "HASH",
    "sk": "RANGE",
}  # as in template.yaml. No TTL: the clocks of tests are not the emulator's
# Ends when the process that started it ends: then the other end of its standard input closes.
WATCHED = '("$0" </dev/null; kill -9 0) & read _; kill -9 0'
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class EmulatedTable:
    """A table that several stores and processes may share."""

    endpoint: str
    name: str

    @property
    def url(self) -> str:
        """Return its URL as in VAULTEDGE_STORE."""
        return f"dynamodb:{self.name}"

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment in which another process finds it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def put_items(self, items: Iterable[Any]) -> None:
        """Put items in DynamoDB's own JSON."""
        for item in items:
            _client(self.endpoint).put_item(TableName=self.name, Item=item)

    def store(self, clock: Clock, *, patience: float = PATIENCE) -> DynamoDBStore:
        return DynamoDBStore(DynamoDBClient(session(self.endpoint), read_timeout=patience), self.name, clock)


def table() -> EmulatedTable:
    """Create an empty table."""
    created = EmulatedTable(emulator(), f"table-{os.getpid()}-{next(_numbers)}")
    _client(created.endpoint).create_table(
        TableName=created.name,
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in KEYS.items()],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in KEYS],
        BillingMode="PAY_PER_REQUEST",
    )
    return created


@asynccontextmanager
async def dynamo_store(clock: Clock, at: EmulatedTable | None = None) -> AsyncIterator[DynamoDBStore]:
    """Open a store on a new table, or on one that others use too."""
    store = (at or table()).store(clock)
    try:
        yield store
    finally:
        await store.aclose()


@cache
def session(url: str) -> Callable[[], Session]:
    """Return a factory of one cached session for a URL; creating a session is slow."""
    return cache(lambda: new_session(url))


def new_session(url: str) -> Session:
    """Return a new session."""
    from botocore.session import Session

    lock = Lock()

    class Local(Session):
        def create_client(self, *args: Any, **kwargs: Any) -> Any:
            with lock:
                return super().create_client(*args, **{**kwargs, "endpoint_url": url})

    local_session = Local()
    local_session.set_config_variable("config_file", os.devnull)
    local_session.set_config_variable("region", REGION)
    local_session.set_credentials("test", "test")
    return local_session


@cache
def emulator() -> str:
    """Return the URL of this process's emulator. Start it first if needed."""
    if not BINARY.exists():
        raise RuntimeError("no ministack in .venv-aws, which `make test` makes: tests of DynamoDB need it")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = TemporaryFile()  # noqa: SIM115 - for as long as the emulator runs
    process = subprocess.Popen(
        ["sh", "-c", WATCHED, str(BINARY)],
        env={
            "PATH": os.defpath,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "SERVICES": "cloudformation,dynamodb,secretsmanager,sns,sqs,sts",
            "LOG_LEVEL": "ERROR",
        },
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    atexit.register(_ended, process, log)
    until = time.monotonic() + STARTS
    while not _answers(url):
        if process.poll() is not None or time.monotonic() > until:
            log.seek(0)
            raise RuntimeError(f"ministack did not come up: {log.read().decode(errors='replace')[-2000:]}")
        time.sleep(0.02)  # it says nowhere that it is ready
    return url


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_ministack/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _ended(process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    log.close()


@cache
def _client(url: str) -> Any:
    client = session(url)().create_client("dynamodb")
    atexit.register(client.close)
    return client
