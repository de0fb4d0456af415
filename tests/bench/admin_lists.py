"""Time of lists of the admin API in a large store: `python -m tests.bench.admin_lists [KEYS] [RECORDS]`.

It writes virtual keys, records of the last 30 days (300 keys a day) and their sums, then asks for each list
in this process: the first time, and the median of later times.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.web.admin.admin_app import Client, admin_services, run_admin
from vaultcore.control.audit import AuditChange, audit_entry
from vaultcore.ledger.positions import SUMS, SumsPosition
from vaultcore.ledger.totals import Sums
from vaultcore.limits.account import day_of
from vaultcore.limits.limits import Limits
from vaultcore.limits.signed_record import sign_record
from vaultcore.limits.virtual_key import KeyToken, VirtualKey
from vaultcore.services import Services
from vaultcore.store import document_types
from vaultcore.store.base import Add, DocumentKey, Put, Write
from vaultcore.usage.record import AttemptRecord, Record

DAYS, REPEATS = 30, 7
AT_ONCE = 25  # writes per transaction
OWNERS = 50
KEYS_A_DAY = 300
LISTS = (
    "keys",
    "usage",
    "usage?group_by=key",
    "usage?group_by=owner",
    "logs",
    "logs?search=key number 77",
    "logs?search=nothing has this",
    "logs?status=404",
)


def lines(keys: int, records: int) -> Iterator[str]:
    """Yield the lines of the table."""
    yield f"{keys:,} keys, {records:,} records\n{'list':<32}{'first, ms':>10}{'later, ms':>10}"
    with TemporaryDirectory() as folder:
        now = time.time() // 86_400 * 86_400 + 43_200
        services = admin_services(now=now, store=f"sqlite:{Path(folder) / 'state.db'}")

        async def scenario(client: Client) -> list[str]:
            await fill(services, keys, records, now)
            return [await _row(client, path) for path in LISTS]

        yield from run_admin(services, scenario)


async def fill(services: Services, keys: int, records: int, now: float) -> None:
    """Write keys, records and the sums of their days."""
    pepper = (await services.secrets.current()).pepper
    assert pepper is not None
    writes: list[Write] = [audit_entry(AuditChange("keys.create", "all", None, None), now, "req_bench")]
    for n in range(keys):
        tokens, owner = (KeyToken(f"{n:064x}", "vg_…"),), f"owner-{n % OWNERS}"
        key = VirtualKey(f"key_{n:016x}", f"key number {n}", now, tokens, Limits(rpm=60), owner=owner)
        writes.append(Put(DocumentKey(document_types.KEYS, key.id), sign_record(key.pack(), pepper)))
    sums, last = Sums(), ""
    for n in range(records):
        ended = now - 60.0 - (records - n) * (DAYS - 1) * 86_400 / records
        record = _record(n, keys, ended)
        document = document_types.record_key(ended, record.id)
        last = f"{day_of(ended)}/{document.id}"
        sums.add(day_of(ended), record.pack())
        writes.append(Put(document, record.pack()))
    writes += [Add(name, amounts) for name, amounts in sums.items()]
    writes.append(Put(SUMS, SumsPosition("seal", last).pack()))
    for start in range(0, len(writes), AT_ONCE * 40):
        block = writes[start : start + AT_ONCE * 40]
        parts = [block[n : n + AT_ONCE] for n in range(0, len(block), AT_ONCE)]
        await asyncio.gather(*(services.store.write(*part) for part in parts))


def _record(number: int, keys: int, ended: float) -> Record:
    owner = (int(ended // 86_400) * KEYS_A_DAY + number % KEYS_A_DAY) % keys
    attempt = AttemptRecord("openai", "gpt-4o", "0123456789ab", 200, 60.0, None, 2)
    return Record(
        id=f"req_{number:016x}",
        key=f"key_{owner:016x}",
        at=ended - 0.2,
        ended=ended,
        path="/v1/chat/completions",
        model="gpt-4o",
        status=200,
        owner=f"owner-{owner % OWNERS}",
        provider="openai",
        served="gpt-4o",
        attempts=[attempt],
        prompt_tokens=100,
        completion_tokens=20,
        cost=450_000,
        price_version="2026-11",
        ms=200.0,
        sums="sealed",
    )


async def _row(client: Client, path: str) -> str:
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        (await client.get(f"/{path}")).raise_for_status()
        times.append((time.perf_counter() - started) * 1e3)
    return f"{path:<32}{times[0]:>10.0f}{median(times[1:]):>10.0f}"


if __name__ == "__main__":
    counts = [int(each) for each in sys.argv[1:]]
    print(*lines(*(counts or (10_000, 200_000))), sep="\n")
