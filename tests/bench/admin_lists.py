"""Time of lists of the admin API in a large store: `python -m tests.bench.admin_lists KEYS RECORDS A_DAY`.

It writes virtual keys, records of the last 30 days (by default of 300 keys a day) and their sums. Then a new
process requests each list: its first request after that for `/admin/config`, which imports the admin API, and
the median of later ones. Times include the client, in the same process. CPU time is the process's.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
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
MAXIMUM = 400  # days of the longest report
LISTS = (
    "keys?limit=100",
    "keys?owner=owner-7",
    "keys?state=revoked",
    *(f"usage?group_by={by}" for by in ("day", "key", "owner", "model", "provider")),
    *(f"usage?group_by={by}&from={{first}}" for by in ("day", "key", "owner", "model", "provider")),
    "usage?group_by=model&daily=7",
    "usage?group_by=key&daily=7",
    "usage?group_by=key&key=system",
    "usage?owner=owner-7",
    "logs?limit=100",
    "logs?limit=100&status=404",
    "logs?limit=100&status=2xx",
    "logs?limit=100&key=key_0000000000000001",
    "logs?limit=100&search=key number 77",
    "logs?limit=100&search=chat",
    "logs?limit=100&search=nothing has this",
    "logs?limit=100&id=req_0000000000000001",
    "limits",
    "alerts?limit=200&refused=true",
    "audit?action=routes.set&limit=200",
    "refusals",
    "models",
    "providers",
    "health",
    "routes",
)


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of a list's first request and of later ones, and of the process's first request."""

    first: float
    first_cpu: float
    later: float
    later_cpu: float
    start: float


def lines(keys: int, records: int, keys_a_day: int) -> Iterator[str]:
    """Yield the lines of the table."""
    yield f"{keys:,} keys, {records:,} records, {keys_a_day:,} keys a day; ms"
    yield f"{'list':<44}{'first':>8}{'CPU':>6}{'later':>8}{'CPU':>6}"
    with TemporaryDirectory() as folder:
        now, file = time.time() // 86_400 * 86_400 + 43_200, Path(folder) / "state.db"
        services = admin_services(now=now, store=f"sqlite:{file}")

        async def scenario(_: Client) -> None:
            await fill(services, keys, records, now, keys_a_day)

        run_admin(services, scenario)
        first, starts = day_of(now - (MAXIMUM - 1) * 86_400), list[float]()
        for each in LISTS:
            path = each.format(first=first)
            command = [
                sys.executable,
                "-m",
                "tests.bench.admin_lists",
                "--measure",
                str(file),
                str(now),
                path,
            ]
            times = Times(**json.loads(subprocess.run(command, capture_output=True, check=True).stdout))
            starts.append(times.start)
            values = f"{times.first:>8.0f}{times.first_cpu:>6.0f}{times.later:>8.0f}{times.later_cpu:>6.0f}"
            yield f"{path:<44}{values}"
    yield f"the first request of a process, for /admin/config: {median(starts):.0f}"


def measure(file: str, now: str, path: str) -> Times:
    """Request a list in this process, with the garbage collector as `vaultedge serve` sets it."""
    services = admin_services(now=float(now), store=f"sqlite:{file}")

    async def scenario(client: Client) -> Times:
        start, _ = await _request(client, "config")
        gc.set_threshold(10_000, 10, 20)
        gc.freeze()
        first, *later = [await _request(client, path) for _ in range(REPEATS)]
        walls, cpus = zip(*later, strict=True)
        return Times(*first, median(walls), median(cpus), start)

    return run_admin(services, scenario)


async def _request(client: Client, path: str) -> tuple[float, float]:
    """Return the milliseconds of a request, and those of CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    (await client.get(f"/{path}")).raise_for_status()
    return (time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3


async def fill(services: Services, keys: int, records: int, now: float, keys_a_day: int) -> None:
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
        record = _record(n, keys, ended, keys_a_day)
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


def _record(number: int, keys: int, ended: float, keys_a_day: int) -> Record:
    owner = (int(ended // 86_400) * keys_a_day + number % keys_a_day) % keys
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


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        json.dump(asdict(measure(*sys.argv[2:])), sys.stdout)
    else:
        counts = [int(each) for each in sys.argv[1:]]
        for line in lines(*(*counts, *(10_000, 200_000, KEYS_A_DAY)[len(counts) :])):
            print(line, flush=True)
