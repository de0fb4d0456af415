"""`vaultedge serve` under load with every limit: one process, two workers, and two gateways with one file.

LOAD in the environment is the number of successful responses. Each key has all limits, one of them so small
that it refuses requests; its owner and the gateway have limits too.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.bench.process import Running, environment, running
from tests.load.clients import Load
from tests.load.counting_provider import INPUT, OUTPUT, Tally, counting_provider
from vaultcore.admission.caller import account, owners_account
from vaultcore.clock import SystemClock
from vaultcore.limits.account import Account, day_of
from vaultcore.store import document_types
from vaultcore.store.sqlite.store import SQLiteStore
from vaultcore.usage.record import Record
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

TOTAL = int(os.environ.get("LOAD", "20000"))
FROM_TO = (min(1_000, TOTAL // 2), TOTAL)  # requests, refused ones too, between which memory is compared
GROWTH = 10.0  # megabytes of a worker, between those
CLIENTS = 8  # per key
SYSTEM_KEY, ADMIN_KEY = "ve-" + "0b" * 24, "va-" + "0c" * 24  # valid for this run only
START = "from vaultcore.cli.main import entry; entry()"
OWNER = "team"
WIDE = {
    "rate_limit_rpm": 1_000_000,
    "rate_limit_tpm": 100_000_000,
    "max_parallel": 64,
    "token_quota": 10**9,
    "credits_usd": 1_000,
    "budget_day_usd": 1_000,
    "budget_month_usd": 1_000,
}
TIGHT: Mapping[str, dict[str, float]] = {  # name of a key -> its small limit
    "rpm": {"rate_limit_rpm": 300},
    "slow": {"rate_limit_rpm": 30},
    "tpm": {"rate_limit_tpm": 12_000},
    "parallel": {"max_parallel": 6},
    "tokens": {"token_quota": 15_000},
    "credits": {"credits_usd": 0.1},
    "day": {"budget_day_usd": 0.1},
    "month": {"budget_month_usd": 0.1},
}
GATEWAY = {**WIDE, "max_parallel": 12}
TEAM = {**WIDE, "max_parallel": 10}


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a run: accounts and records by key, and measurements."""

    tally: Tally
    load: Load
    accounts: Mapping[str, Account]
    records: Mapping[str, list[Record]]
    growth: list[float]  # megabytes of each process: see `measure`
    report: str


def command(home: Path, provider: str, workers: int) -> tuple[list[str], dict[str, str]]:
    """Return the command of a gateway with a home directory, and its environment."""
    overlay = home / "providers.yaml"
    prices = {"load/gpt-load": {"input": INPUT / 1_000, "output": OUTPUT / 1_000}}
    rows = {"load": {"base_url": provider, "local": True}}
    overlay.write_text(json.dumps({"providers": rows, "prices": prices}))
    environ = environment(
        HOME=str(home),
        VAULTEDGE_HOME=str(home / "vault"),
        VAULTEDGE_SYSTEM_KEY=SYSTEM_KEY,
        VAULTEDGE_ADMIN_KEY=ADMIN_KEY,
        VAULTEDGE_STORE=f"sqlite:{home / 'store.db'}",
        PROVIDERS_FILE=str(overlay),
    )
    return [sys.executable, "-c", START, "serve", "--port", "0", "--workers", str(workers)], environ


async def issue_keys(url: str) -> dict[str, dict[str, Any]]:
    """Create the keys and set the limits of the owner and the gateway; return the keys by name."""
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
        for path, limits in (("gateway", GATEWAY), (f"owners/{OWNER}", TEAM)):
            (await client.put(f"/admin/limits/{path}", json=limits)).raise_for_status()
        keys = {}
        for name, limit in TIGHT.items():
            body = {"name": name, "owner": OWNER, **WIDE, **limit}
            response = (await client.post("/admin/keys", json=body)).raise_for_status()
            keys[name] = response.json()
        return keys


async def read_store(
    file: Path, keys: Mapping[str, Any]
) -> tuple[dict[str, Account], dict[str, list[Record]]]:
    """Return the accounts and the records of each key, from the file of the stopped gateways."""
    store, clock = SQLiteStore(file, SystemClock()), SystemClock()
    names = {account(each["id"]): name for name, each in keys.items()}
    names |= {owners_account(OWNER): OWNER, "gateway": "gateway"}
    accounts = dict(zip(names.values(), await store.accounts(*names), strict=True))
    records: dict[str, list[Record]] = {name: [] for name in TIGHT}
    by_id = {each["id"]: name for name, each in keys.items()}
    for day in {day_of(clock.now()), day_of(clock.now() - 3_600)}:
        after = None
        while page := await store.query(document_types.records_collection(day), after=after, limit=1_000):
            after = page[-1].key.id
            for document in page:
                record = Record.unpack(document.body)
                if record.status == 200:
                    records[by_id[record.key]].append(record)
    await store.aclose()
    return accounts, records


async def measure(load: Load, gateways: list[Running]) -> tuple[list[float], str]:
    """Run the load; return the largest growth of each gateway's memory in megabytes, and a line to print."""
    started, cpu = time.perf_counter(), sum(each.cpu() for each in gateways)
    samples: list[tuple[int, list[float]]] = []  # requests so far, megabytes of each gateway
    sending = asyncio.create_task(load.run())
    while not sending.done():
        samples.append((load.requests, [each.memory() for each in gateways]))
        await asyncio.wait([sending], timeout=0.5)
    await sending
    samples.append((load.requests, [each.memory() for each in gateways]))
    seconds, cpu = time.perf_counter() - started, sum(each.cpu() for each in gateways) - cpu
    requests, last = load.requests, samples[-1][1]
    first, later = (next(memory for done, memory in samples if done >= count) for count in FROM_TO)
    growth = [two - one for one, two in zip(first, later, strict=True)]
    memory = [
        f"{one:.1f} MB after {FROM_TO[0]} requests, {two:.1f} after {FROM_TO[1]}, {end:.1f} at the end"
        for one, two, end in zip(first, later, last, strict=True)
    ]
    answered = load.successes
    return growth, (
        f"{len(gateways)} gateway(s): {answered} successful and {requests - answered} refused requests in "
        f"{seconds:.0f} s, {answered / seconds:.0f} and {requests / seconds:.0f} per second; "
        f"CPU {cpu / requests * 1e3:.2f} ms per request, {cpu / answered * 1e3:.2f} ms per successful one; "
        f"memory {'; '.join(memory)}"
    )


async def run(home: Path, count: int, workers: int) -> Result:
    """Run the load against `count` gateways with one store, stop them, and read the store."""
    async with counting_provider() as (provider, tally):
        LocalVault(home / "vault").add([Credential("load", "sk-load")])
        arguments, environ = command(home, provider, workers)
        cores = frozenset(os.sched_getaffinity(0))
        with ExitStack() as stack:
            gateways = [
                await asyncio.to_thread(
                    stack.enter_context, running(arguments, environ, cores, home, f"stderr-{number}.log")
                )
                for number in range(count)
            ]
            urls = [each.url.removesuffix("/v1") for each in gateways]
            keys = await issue_keys(urls[0])
            load = Load(urls, {name: each["key"] for name, each in keys.items()}, CLIENTS, TOTAL)
            growth, report = await measure(load, gateways)
        accounts, records = await read_store(home / "store.db", keys)
    return Result(tally, load, accounts, records, growth, report)


@pytest.mark.parametrize(("count", "workers"), [(1, 1), (1, 2), (2, 1)])
def test_limits_hold_and_nothing_is_lost(
    count: int, workers: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No limit is exceeded, accounts and records are what the provider produced, and memory stays."""
    result = asyncio.run(run(tmp_path, count, workers))

    with capsys.disabled():
        print(f"\n{result.report}")
        for name, statuses in result.load.statuses.items():
            print(f"  {name:9} {describe(result, name)} {dict(statuses)}")
    assert not result.load.faults, result.load.faults[:3]
    check_limits(result)
    check_sums(result)
    lines = [line for file in tmp_path.glob("stderr-*.log") for line in file.read_text().splitlines()]
    owed = [
        each for each in (tmp_path / "vault" / "owed").rglob("*") if each.is_file() and each.stat().st_size
    ]
    assert owed == []
    assert [line for line in lines if "ERROR" in line or "Traceback" in line] == []
    assert max(result.growth) < GROWTH * workers


def describe(result: Result, name: str) -> str:
    tally = result.tally
    requests = tally.most_in_a_minute(name, lambda _: 1)
    tokens = tally.most_in_a_minute(name, lambda each: each.tokens)
    used = result.accounts[name]
    return (
        f"in 60 s: {requests} requests, {tokens} tokens; at once: {tally.most[name]}; "
        f"in total: {used.settled} requests, {used.tokens} tokens, ${used.nanos / 1e9:.4f}"
    )


def check_limits(result: Result) -> None:
    """Compare what the provider saw with every limit. Each small limit has refused requests."""
    tally = result.tally
    for name, limit in TIGHT.items():
        limits, produced = {**WIDE, **limit}, tally.produced[name]
        nanos = sum(each.nanos for each in produced)
        assert tally.most_in_a_minute(name, lambda _: 1) <= limits["rate_limit_rpm"], name
        assert tally.most_in_a_minute(name, lambda each: each.tokens) <= limits["rate_limit_tpm"], name
        assert tally.most[name] <= limits["max_parallel"], name
        assert sum(each.tokens for each in produced) <= limits["token_quota"], name
        assert nanos <= min(limits[each] for each in WIDE if each.endswith("_usd")) * 1e9, name
        assert result.load.statuses[name].keys() & {402, 429}, name
    assert tally.most["all"] <= min(GATEWAY["max_parallel"], TEAM["max_parallel"])


def check_sums(result: Result) -> None:
    """Compare accounts, records and responses with what the provider produced."""
    produced = result.tally.produced
    totals = (0, 0, 0)
    for name, stored in result.records.items():
        expected = sorted((each.prompt, each.completion, each.nanos) for each in produced[name])
        assert sorted((each.prompt_tokens, each.completion_tokens, each.cost) for each in stored) == expected
        assert len({each.id for each in stored}) == len(stored) == result.load.statuses[name][200]
        amounts = (len(expected), sum(p + c for p, c, _ in expected), sum(nanos for *_, nanos in expected))
        check_account(result.accounts[name], amounts)
        totals = (totals[0] + amounts[0], totals[1] + amounts[1], totals[2] + amounts[2])
    for name in (OWNER, "gateway"):
        check_account(result.accounts[name], totals)


def check_account(stored: Account, amounts: tuple[int, int, int]) -> None:
    """Compare an account with requests, tokens and nano-dollars; it holds no reservation."""
    assert (stored.settled, stored.tokens, stored.nanos) == amounts
    assert (stored.tokens_held, stored.nanos_held, stored.in_flight) == (stored.tokens, stored.nanos, 0)
    assert (stored.month_nanos, stored.month_held) == (stored.nanos, stored.nanos)
