"""`vaultedge ledger`: export, verify, key and seal after requests through the gateway."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Vaultedge
from tests.fakes.clock import FakeClock
from tests.fakes.gateway_app import ADMIN, PEPPER, SYSTEM, bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.admission.caller import account
from vaultcore.limits import virtual_key
from vaultcore.services import Services

ENVIRON = {"VAULTEDGE_PEPPER": PEPPER.decode()}
PROMPT_TEXT, RESPONSE_TEXT = "Kanarienvogel im Prompt", "Kanarienvogel in der Antwort"
PROVIDER_KEY = "sk-one-0123456789"
ROWS = 8  # the key with credits is rejected for a model without a price


@dataclass(frozen=True)
class StoredLedger:
    """The state of a gateway on disk: store, price list, two keys and the accounts' costs in nano-dollars."""

    store: str
    providers: str
    tokens: list[str]
    costs: dict[str, int]


@pytest.fixture
def ledger(tmp_path: Path) -> StoredLedger:
    """Requests that ended ten minutes ago."""
    clock = FakeClock()
    clock.time = time.time() - 600
    file = tmp_path / "state.db"

    async def scenario(client: httpx.AsyncClient) -> tuple[list[str], dict[str, int]]:
        tokens = []
        for name, limits in (("a", {"credits": 10**12}), ("b", {})):
            clock.time += 1
            tokens.append(await issue_key(services, name=name, **limits))
        for turn, token in enumerate((*tokens, SYSTEM, tokens[0])):
            clock.time += 1.5
            body = {"messages": [{"role": "user", "content": PROMPT_TEXT}], "stream": turn % 2 == 1}
            for model in ("one/gpt-fake", "one/broken", "two/unheard-of"):
                await client.post(
                    "/v1/chat/completions", json={**body, "model": model}, headers=bearer(token)
                )
        return tokens, await _costs(services)

    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(text=RESPONSE_TEXT, usage=(7, 89)))
        provider.script("broken", FakeResponse(status=400))
        services = build_services(tmp_path, provider, clock=clock, store=f"sqlite:{file}", max_retries=0)
        tokens, costs = run_with_client(services, scenario)
    return StoredLedger(f"sqlite:{file}", str(tmp_path / "providers.yaml"), tokens, costs)


async def _costs(services: Services) -> dict[str, int]:
    ids = [key.id for key in await services.keys.all()] + ["system"]
    accounts = await services.store.accounts(*map(account, ids))
    return {name: each.nanos for name, each in zip(ids, accounts, strict=True)}


@pytest.fixture
def exported(ledger: StoredLedger, vaultedge: Vaultedge, tmp_path: Path) -> Path:
    file = tmp_path / "ledger.jsonl"
    result = vaultedge("ledger", "export", "--store", ledger.store, "--output", str(file), environ=ENVIRON)
    assert (result.status, result.out) == (0, "")
    return file


def test_verified_costs_match_the_accounts(
    ledger: StoredLedger, exported: Path, vaultedge: Vaultedge
) -> None:
    """Every key's cost, recomputed from an export, equals its account to the nano-dollar."""
    key = vaultedge("ledger", "key", "--store", ledger.store, environ=ENVIRON).out.strip()
    result = vaultedge(
        "ledger", "verify", str(exported), "--json", "--public-key", key, "--providers", ledger.providers
    )

    report = json.loads(result.out)
    assert (result.status, report["ok"], report["problem"], report["rows"]) == (0, True, None, ROWS)
    assert report["unpriced"] == 2
    nanos = {name: int(Decimal(usd) * 10**9) for name, usd in report["cost_usd_by_key"].items()}
    assert nanos == ledger.costs
    assert min(ledger.costs.values()) > 0


def test_an_export_contains_no_prompts_and_no_keys(ledger: StoredLedger, exported: Path) -> None:
    """An export contains no prompts, responses, keys or digests, and is private to the user."""
    text = exported.read_text()
    digests = [virtual_key.digest(token, PEPPER) for token in ledger.tokens]

    assert text.count("\n") > ROWS
    for secret in (*ledger.tokens, *digests, SYSTEM, ADMIN, PROVIDER_KEY, PEPPER.decode(), "Kanarienvogel"):
        assert secret not in text
    assert exported.stat().st_mode & 0o077 == 0


def test_verify_names_the_changed_row(exported: Path, vaultedge: Vaultedge, ledger: StoredLedger) -> None:
    """A changed row is reported with line and id on stderr and in JSON; the exit status is 1."""
    lines = exported.read_text().splitlines(keepends=True)
    row = json.loads(lines[2])
    lines[2] = lines[2].replace('"prompt_tokens":', '"prompt_tokens":9')
    exported.write_text("".join(lines))
    result = vaultedge("ledger", "verify", str(exported))
    report = json.loads(vaultedge("ledger", "verify", str(exported), "--json").out)

    assert result.status == 1
    assert result.err.startswith(f"vaultedge: line 3: {row['id']}: ")
    assert report["ok"] is False
    assert (report["problem"]["line"], report["problem"]["subject"]) == (3, row["id"])


def test_verify_needs_no_store(exported: Path, vaultedge: Vaultedge, home: Path) -> None:
    """Without store, vault or price list an export verifies, with a hint to check the public key."""
    result = vaultedge("ledger", "verify", str(exported))

    assert result.status == 0
    assert f"{ROWS} rows" in result.out
    assert "hint: this key comes from the file itself" in result.err
    assert not home.exists()


def test_another_public_key_fails(exported: Path, vaultedge: Vaultedge, ledger: StoredLedger) -> None:
    """An export that another pepper signed fails with this gateway's public key."""
    other = vaultedge(
        "ledger", "key", "--store", ledger.store, environ={"VAULTEDGE_PEPPER": "vp-" + "8" * 40}
    ).out.strip()
    result = vaultedge("ledger", "verify", str(exported), "--public-key", other)

    assert result.status == 1
    assert "line 1: the header: is signed by" in result.err


def test_an_earlier_head_must_be_present(ledger: StoredLedger, exported: Path, vaultedge: Vaultedge) -> None:
    """`seal` prints the head; verifying with a head that is missing fails."""
    report = json.loads(vaultedge("ledger", "seal", "--json", "--store", ledger.store, environ=ENVIRON).out)

    assert report["sealed"] == 0
    assert vaultedge("ledger", "verify", str(exported), "--head", report["head"]).status == 0
    result = vaultedge("ledger", "verify", str(exported), "--head", "1" * 64)
    assert (result.status, "the noted head" in result.err) == (1, True)


def test_an_empty_export_verifies(ledger: StoredLedger, vaultedge: Vaultedge, tmp_path: Path) -> None:
    """Days without requests give an empty, valid ledger; without --output it goes to stdout."""
    some = ("ledger", "export", "--store", ledger.store)
    empty = vaultedge(*some, "--from", "2000-01-01", "--to", "2000-01-02", environ=ENVIRON)
    whole = vaultedge(*some, environ=ENVIRON)

    (tmp_path / "empty").write_text(empty.out)
    assert empty.out.count("\n") == 1
    assert vaultedge("ledger", "verify", str(tmp_path / "empty")).status == 0
    assert whole.out.count('"hash"') == ROWS


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (("ledger",), 2),
        (("ledger", "export", "--from", "yesterday"), 2),
        (("ledger", "export", "--store", "memory:"), 2),
        (("ledger", "verify", "x", "--public-key", "ABC"), 2),
        (("ledger", "verify", "/no/such/file"), 1),
        (("ledger", "key"), 1),
        (("ledger", "seal"), 1),
        (("ledger", "key", "--store", "dynamodb:somewhere"), 1),
    ],
)
def test_invalid_commands_fail(argv: tuple[str, ...], status: int, vaultedge: Vaultedge, home: Path) -> None:
    """Usage errors exit with 2 and failures with 1; neither creates keys."""
    result = vaultedge(*argv)

    assert (result.status, result.out) == (status, "")
    assert result.err.startswith("vaultedge: ")
    assert not home.exists()


def test_an_export_overwrites_no_file(exported: Path, vaultedge: Vaultedge, ledger: StoredLedger) -> None:
    """An export is written only to a new file."""
    before = exported.read_bytes()
    result = vaultedge(
        "ledger", "export", "--store", ledger.store, "--output", str(exported), environ=ENVIRON
    )

    assert (result.status, exported.read_bytes()) == (1, before)
    assert str(exported) in result.err


def test_concurrent_exports_verify(ledger: StoredLedger, vaultedge: Vaultedge, tmp_path: Path) -> None:
    """Concurrent exports seal each row once, and each export verifies."""

    async def scenario() -> list[str]:
        runs = [
            asyncio.to_thread(vaultedge, "ledger", "export", "--store", ledger.store, environ=ENVIRON)
            for _ in range(3)
        ]
        return [result.out for result in await asyncio.gather(*runs)]

    for number, text in enumerate(asyncio.run(scenario())):
        file = tmp_path / f"{number}.jsonl"
        file.write_text(text)
        report = json.loads(vaultedge("ledger", "verify", str(file), "--json").out)
        assert (report["ok"], report["seals"]) == (True, 1)
        assert text.count('"hash"') == ROWS
