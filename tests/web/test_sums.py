"""The sum of all records is that of the accounts, and that of what the simulated providers produced.

Calls of every client API to every dialect run at once: with files by id, searches, fallbacks, streams that
the provider cuts, clients that hang up, and usage that nobody can have had. SUMMED in the environment is the
number of calls per store: `SUMMED=2500 pytest tests/web/test_sums.py` runs 5,000.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

import pytest

from tests.fakes.gateway_app import PEPPER, SYSTEM, issue_key
from tests.fakes.mixed_calls import IMPLAUSIBLE, MARK, MixedCall, draw_call, draw_fault, send
from tests.sizes import times
from tests.web.test_reported_usage import ENVIRON, EXTRA, PROVIDERS
from vaultcore.admission.caller import account, owners_account
from vaultcore.app import create_app
from vaultcore.cli.lifespan import MaintainedApp
from vaultcore.cli.listener import listen, serving
from vaultcore.cli.listener import url as url_of
from vaultcore.compose import compose, open_store
from vaultcore.control.limit_policies import LimitPolicies
from vaultcore.limits.account import Account, day_of
from vaultcore.limits.limits import Limits
from vaultcore.secrets import FixedSecrets, Secrets, digest_key
from vaultcore.services import Services
from vaultcore.settings import Settings
from vaultcore.simulators.faults import InjectedFault, SimulatedRequest
from vaultcore.simulators.server import BEHAVIORS, Simulator, simulated
from vaultcore.store import document_types
from vaultcore.usage.record import Record
from vaultcore.vault.keyring import Credential, Keyring

COUNT = times(100, 5_000)
WORKERS = 8  # each with a key of its own
OWNER = "team"
MAX = 10**15
WIDE = Limits(tokens=MAX, credits=MAX, day=MAX, month=MAX, tpm=10**12, rpm=10**6, parallel=100)
ROUTES = {
    "mixed": ("openai/gpt-4o", "anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash"),
    "other": ("mistral/mistral-small-latest", "cohere/command-r7b-12-2024", "bedrock/amazon.nova-lite-v1:0"),
}
MODELS = [*(f"{name}/{BEHAVIORS[dialect].MODELS[0]}" for dialect, name in PROVIDERS.items()), *ROUTES]
SEARCH_PRICES = {  # nano-dollars per use, and how many uses of one call are charged
    ("openai", "openai"): (10_000_000, 1),
    ("openai", "responses"): (10_000_000, 5),
    ("anthropic", "anthropic"): (10_000_000, 5),
    ("gemini", "gemini"): (35_000_000, 1),
}


@dataclass(frozen=True, slots=True)
class Produced:
    """One request that a provider received, and what it did."""

    fault: InjectedFault
    request: SimulatedRequest
    dialect: str

    @property
    def is_cut(self) -> bool:
        return self.request.stream and self.fault.cut_after is not None

    @property
    def format(self) -> str:
        return "responses" if self.request.path.endswith("/responses") else self.dialect

    @property
    def searches(self) -> int:
        return self.fault.searches if BEHAVIORS[self.format].can_search(self.request.body) else 0


@dataclass(slots=True)
class Run:
    """Accounts and records after all calls."""

    calls: dict[str, list[MixedCall]]  # by key, in the order in which they were sent
    records: dict[str, list[Record]]
    accounts: Mapping[str, Account]
    produced: dict[str, dict[str, list[Produced]]]  # by mark and provider, in order
    services: Services
    broken: list[str] = field(default_factory=list)  # responses that are not complete
    counts: Counter[str] = field(default_factory=Counter)


def settings(folder: Path, simulators: Mapping[str, Simulator], store: str) -> Settings:
    rows = {name: {"base_url": each.base_url, "local": True} for name, each in simulators.items()}
    rows["responses"]["dialect"] = "responses"
    routes = {name: {"primary": first, "fallbacks": rest} for name, (first, *rest) in ROUTES.items()}
    prices = {"responses/gpt-4o": {"input": 1, "output": 10}}
    file = folder / "providers.yaml"
    file.write_text(json.dumps({"providers": rows, "models": routes, "prices": prices}))
    return Settings(
        providers_file=file, home=folder, store=store, backoff=0.0, breaker_threshold=0, environ=ENVIRON
    )


def run(folder: Path, store: str, seed: int) -> Run:
    """Send the calls through a gateway on a socket, stop it, and read its store."""
    generator = random.Random(seed)
    with simulated({name: dialect for dialect, name in PROVIDERS.items()}, pace=0.001) as simulators:
        faults = {name: [draw_fault(generator, number) for number in range(3 * COUNT)] for name in simulators}
        for name, each in simulators.items():
            each.script.queue("*", *faults[name])
        keyring = Keyring(Credential(name, each.key) for name, each in simulators.items())
        secrets = FixedSecrets(Secrets(keyring, digest_key(SYSTEM), None, PEPPER))
        services = compose(settings(folder, simulators, store), secrets)
        tokens = asyncio.run(issue_keys(services))
        calls = {
            key: [
                draw_call(generator, f"w{number}-{turn}", MODELS)
                for turn in range(COUNT // WORKERS + (number < COUNT % WORKERS))
            ]
            for number, key in enumerate(tokens)
        }
        result = Run(calls, {}, {}, {}, services)
        server_socket = listen("127.0.0.1", 0)
        with serving(MaintainedApp(create_app(services), services), server_socket, services.shutdown):
            asyncio.run(send_all(url_of(server_socket), tokens, simulators, result))
        result.produced = produced(simulators, faults)
    asyncio.run(read_store(services, store, result))
    return result


async def issue_keys(services: Services) -> dict[str, str]:
    """Set the limits of the owner and the gateway; return the tokens of new keys by the keys' ids."""
    policies = LimitPolicies(services.store, services.secrets, services.clock, lambda: None)
    await policies.set_owner(OWNER, WIDE, "test")
    await policies.set_gateway(WIDE, "test")
    limits = {name: getattr(WIDE, name) for name in WIDE.pack()}
    tokens = [await issue_key(services, name=f"w{n}", owner=OWNER, **limits) for n in range(WORKERS)]
    keys = {each.name: each.id for each in await services.keys.all()}
    return {keys[f"w{n}"]: token for n, token in enumerate(tokens)}


async def send_all(
    url: str, tokens: Mapping[str, str], simulators: Mapping[str, Simulator], result: Run
) -> None:
    """Send the calls of each key one after the other, all keys at once."""

    async def work(key: str) -> None:
        for call in result.calls[key]:

            async def has_arrived(mark: str = call.mark) -> None:
                for _ in range(200):
                    latest = (each for one in simulators.values() for each in one.script.requests[-20:])
                    if any(mark in MARK.findall(json.dumps(each.body)) for each in latest):
                        return
                    await asyncio.sleep(0.004)

            status, body = await send(url, tokens[key], call, has_arrived)
            is_complete = status != 200 or not call.stream or ends(body)
            if status is not None and not is_complete:
                result.broken.append(f"{call}: {body[-200:]!r}")
            result.counts[str(status)] += 1

    await asyncio.gather(*map(work, tokens))
    await asyncio.sleep(0.3)  # the gateway notices the last hang-ups


def ends(body: bytes) -> bool:
    """Return True if a stream has its last event, or an error."""
    marks = (b"data: [DONE]", b'"message_stop"', b"response.completed", b"response.incomplete", b'"error"')
    return any(mark in body for mark in (*marks, b"response.failed")) and body.endswith(b"0\r\n\r\n")


def produced(
    simulators: Mapping[str, Simulator], faults: Mapping[str, list[InjectedFault]]
) -> dict[str, dict[str, list[Produced]]]:
    by_mark: dict[str, dict[str, list[Produced]]] = defaultdict(lambda: defaultdict(list))
    for name, each in simulators.items():
        for request, fault in zip(each.script.requests, faults[name], strict=False):
            (mark,) = set(MARK.findall(json.dumps(request.body)))
            by_mark[mark][name].append(Produced(fault, request, each.dialect))
    return by_mark


async def read_store(services: Services, url: str, result: Run) -> None:
    store = services.store if url == "memory:" else open_store(url, services.clock)
    names = [*map(account, result.calls), owners_account(OWNER), "gateway"]
    result.accounts = dict(zip(names, await store.accounts(*names), strict=True))
    result.records = {key: [] for key in result.calls}
    after = ""
    collection = document_types.records_collection(day_of(services.clock.now()))
    while page := await store.query(collection, after=after, limit=500):
        after = page[-1].key.id
        for document in page:
            record = Record.unpack(document.body)
            result.records[record.key].append(record)
    await store.aclose()


@pytest.mark.repeated
@pytest.mark.parametrize("store", ["memory:", "sqlite:{}/store.db"])
def test_records_accounts_and_providers_agree(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each key's account is the sum of its records, and each record is what its provider reported.

    An estimate replaces what nobody reported: of a stream that was cut or abandoned, and of unusable counts.
    """
    result = run(tmp_path, store.format(tmp_path), 12)

    sums, differences = Counter[str](), []
    for key, calls in result.calls.items():
        records = sorted(result.records[key], key=lambda each: each.at)
        assert [(each.path, each.model) for each in records] == [(each.path, each.model) for each in calls]
        pairs = zip(calls, records, strict=True)
        differences += [each for each in (find_difference(result, *pair, sums) for pair in pairs) if each]
    if COUNT > 1_000:
        with capsys.disabled():
            print(f"\n{store}: responses {dict(result.counts)}; {dict(sums)}")
    check_accounts(result)
    assert not differences, "\n".join([f"{len(differences)} differences", *differences[:5]])
    assert not result.broken, result.broken[:3]
    assert {"exact", "estimated", "implausible", "failed", "searches"} <= sums.keys()


def find_difference(result: Run, call: MixedCall, record: Record, sums: Counter[str]) -> str:
    """Return what is wrong with the record of a call, or ""; add its amounts to the sums."""
    tokens, cost = record.prompt_tokens + record.completion_tokens, record.cost
    sums.update(calls=1, attempts=len(record.attempts), tokens=tokens, nanos=cost or 0)
    served = last_response(result.produced.get(call.mark, {}), record)
    usage = served.fault.usage if served is not None else None
    if record.provider is None:
        kind, problem = ("abandoned" if record.status == 499 else "failed"), tokens or cost
    elif served is None or usage is None:
        kind, problem = "unknown", "no provider has responded"
    elif record.status not in (200, 499):
        kind, problem = "failed", tokens or cost
    elif served.is_cut or (record.status == 499 and "estimated" in record.flags):
        kind, problem = "estimated", not ("estimated" in record.flags and record.completion_tokens <= 100)
    elif usage in IMPLAUSIBLE:
        kind, problem = "implausible", not ("implausible" in record.flags and 0 < tokens < 5 * 10**6)
    else:
        kind = "exact"
        expected = sum(usage) + EXTRA.get(served.dialect, 0), expected_cost(result.services, record, served)
        problem = record.flags or ((tokens, cost) != expected and expected)
        sums.update(searches=served.searches, files=call.extra == "file", exact_tokens=tokens)
    sums[kind] += 1
    sums["hang-ups"] += call.ending != "read"
    return f"{kind}: {problem}\n  {call}\n  {served}\n  {record}" if problem else ""


def last_response(produced: Mapping[str, list[Produced]], record: Record) -> Produced | None:
    """Return the last request of a call that reached a provider. Attempts that failed before reach none."""
    names = [each.provider for each in record.attempts]
    return next(
        (produced[name][-1] for name in reversed(names) if produced.get(name)),
        None,
    )


def expected_cost(services: Services, record: Record, served: Produced) -> int:
    """Return the nano-dollars of a response by the prices of its model, calculated by hand."""
    assert served.fault.usage is not None
    assert record.provider
    assert record.served
    price = services.catalog.model(record.provider, record.served).price
    assert price is not None
    prompt, completion = served.fault.usage
    completion += EXTRA["gemini"] if served.dialect == "gemini" else 0
    amount = ceil((prompt * price.input + completion * price.output) / 1_000_000)
    each, most = SEARCH_PRICES.get((record.provider, served.format), (0, 0))
    return amount + each * min(served.searches, most)


def check_accounts(result: Run) -> None:
    """Compare the accounts of keys, owner and gateway with their records. Nothing stays reserved."""
    everything = [record for records in result.records.values() for record in records]
    levels = {account(key): records for key, records in result.records.items()}
    for name, records in {**levels, owners_account(OWNER): everything, "gateway": everything}.items():
        balance = result.accounts[name]
        prompt, completion = sum(r.prompt_tokens for r in records), sum(r.completion_tokens for r in records)
        nanos = sum(each.cost or 0 for each in records)
        assert (balance.prompt, balance.completion, balance.nanos) == (prompt, completion, nanos), name
        assert (balance.tokens, balance.tokens_held) == (prompt + completion, prompt + completion), name
        assert (balance.nanos_held, balance.day_held, balance.month_held) == (nanos, nanos, nanos), name
        assert (balance.in_flight, balance.settled) == (0, len(records)), name
