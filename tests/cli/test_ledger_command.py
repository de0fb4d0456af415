"""`vaultedge ledger`: what requests through the gateway leave there, and what the commands say of it."""

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
from tests.fakes.gateway_app import ADMIN, PEPPER, SYSTEM, bearer, house, issued, visit
from tests.fakes.provider import Answer, FakeProvider
from vaultcore.admission.caller import account
from vaultcore.limits import virtual_key
from vaultcore.services import Services

ENVIRON = {"VAULTEDGE_PEPPER": PEPPER.decode()}
CANARY, SAID = "Kanarienvogel im Prompt", "Kanarienvogel in der Antwort"
PROVIDER_KEY = "sk-one-0123456789"
ROWS = 8  # the key with credits is not let in where nobody knows a price


@dataclass(frozen=True)
class Kept:
    """What a gateway left behind on disk: its store, the price list, two tokens, and its accounts' sums."""

    store: str
    providers: str
    tokens: list[str]
    costs: dict[str, int]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """An afternoon of requests that ended ten minutes ago."""
    clock = FakeClock()
    clock.time = time.time() - 600
    file = tmp_path / "state.db"

    async def story(client: httpx.AsyncClient) -> tuple[list[str], dict[str, int]]:
        tokens = []
        for name, limits in (("a", {"credits": 10**12}), ("b", {})):
            clock.time += 1
            tokens.append(await issued(services, name=name, **limits))
        for turn, token in enumerate((*tokens, SYSTEM, tokens[0])):
            clock.time += 1.5
            body = {"messages": [{"role": "user", "content": CANARY}], "stream": turn % 2 == 1}
            for model in ("one/gpt-fake", "one/broken", "two/unheard-of"):
                await client.post(
                    "/v1/chat/completions", json={**body, "model": model}, headers=bearer(token)
                )
        return tokens, await _costs(services)

    with FakeProvider() as provider:
        provider.script("gpt-fake", Answer(text=SAID, usage=(7, 89)))
        provider.script("broken", Answer(status=400))
        services = house(tmp_path, provider, clock=clock, store=f"sqlite:{file}", max_retries=0)
        tokens, costs = visit(services, story)
    return Kept(f"sqlite:{file}", str(tmp_path / "providers.yaml"), tokens, costs)


async def _costs(services: Services) -> dict[str, int]:
    ids = [key.id for key in await services.keys.all()] + ["system"]
    accounts = await services.store.accounts(*map(account, ids))
    return {name: each.nanos for name, each in zip(ids, accounts, strict=True)}


@pytest.fixture
def exported(kept: Kept, vaultedge: Vaultedge, tmp_path: Path) -> Path:
    file = tmp_path / "ledger.jsonl"
    ran = vaultedge("ledger", "export", "--store", kept.store, "--output", str(file), environ=ENVIRON)
    assert (ran.status, ran.out) == (0, "")
    return file


def test_the_ledger_makes_the_accounts_sums(kept: Kept, exported: Path, vaultedge: Vaultedge) -> None:
    """Recomputed from an export alone, every key's cost is its account's, to the nano-dollar."""
    key = vaultedge("ledger", "key", "--store", kept.store, environ=ENVIRON).out.strip()
    ran = vaultedge(
        "ledger", "verify", str(exported), "--json", "--public-key", key, "--providers", kept.providers
    )

    told = json.loads(ran.out)
    assert (ran.status, told["ok"], told["problem"], told["rows"]) == (0, True, None, ROWS)
    assert told["unpriced"] == 2
    nanos = {name: int(Decimal(usd) * 10**9) for name, usd in told["cost_usd_by_key"].items()}
    assert nanos == kept.costs
    assert min(kept.costs.values()) > 0


def test_the_ledger_holds_no_words_and_no_keys(kept: Kept, exported: Path) -> None:
    """Neither what was asked or answered, nor any key or digest of one, is in an export."""
    text = exported.read_text()
    digests = [virtual_key.digest(token, PEPPER) for token in kept.tokens]

    assert text.count("\n") > ROWS
    for secret in (*kept.tokens, *digests, SYSTEM, ADMIN, PROVIDER_KEY, PEPPER.decode(), "Kanarienvogel"):
        assert secret not in text
    assert exported.stat().st_mode & 0o077 == 0


def test_verify_names_what_is_wrong(exported: Path, vaultedge: Vaultedge, kept: Kept) -> None:
    """A changed row is named with its line and id, on stderr and as JSON, and the status is 1."""
    lines = exported.read_text().splitlines(keepends=True)
    row = json.loads(lines[2])
    lines[2] = lines[2].replace('"prompt_tokens":', '"prompt_tokens":9')
    exported.write_text("".join(lines))
    ran = vaultedge("ledger", "verify", str(exported))
    told = json.loads(vaultedge("ledger", "verify", str(exported), "--json").out)

    assert ran.status == 1
    assert ran.err.startswith(f"vaultedge: line 3: {row['id']}: ")
    assert told["ok"] is False
    assert (told["problem"]["line"], told["problem"]["subject"]) == (3, row["id"])


def test_verify_needs_nothing_else(exported: Path, vaultedge: Vaultedge, home: Path) -> None:
    """Without store, vault or price list an export still verifies; whose key it is, is left to compare."""
    ran = vaultedge("ledger", "verify", str(exported))

    assert ran.status == 0
    assert f"{ROWS} rows" in ran.out
    assert "hint: that key is the file's own word" in ran.err
    assert not home.exists()


def test_another_gateways_key_does_not_fit(exported: Path, vaultedge: Vaultedge, kept: Kept) -> None:
    """An export that another pepper has signed is refused under this one's public key."""
    other = vaultedge(
        "ledger", "key", "--store", kept.store, environ={"VAULTEDGE_PEPPER": "vp-" + "8" * 40}
    ).out.strip()
    ran = vaultedge("ledger", "verify", str(exported), "--public-key", other)

    assert ran.status == 1
    assert "line 1: the header: is signed by" in ran.err


def test_a_noted_head_must_be_there(kept: Kept, exported: Path, vaultedge: Vaultedge) -> None:
    """`seal` tells a head to note; who verifies with it hears where it is missing."""
    told = json.loads(vaultedge("ledger", "seal", "--json", "--store", kept.store, environ=ENVIRON).out)

    assert told["sealed"] == 0
    assert vaultedge("ledger", "verify", str(exported), "--head", told["head"]).status == 0
    ran = vaultedge("ledger", "verify", str(exported), "--head", "1" * 64)
    assert (ran.status, "that was noted" in ran.err) == (1, True)


def test_an_export_of_no_days_is_good(kept: Kept, vaultedge: Vaultedge, tmp_path: Path) -> None:
    """Days without requests make an empty ledger, not a broken one; the whole of it goes to stdout too."""
    some = ("ledger", "export", "--store", kept.store)
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
def test_what_cannot_be_is_said(argv: tuple[str, ...], status: int, vaultedge: Vaultedge, home: Path) -> None:
    """Misuse is status 2, a refusal 1; neither makes keys where there is no gateway."""
    ran = vaultedge(*argv)

    assert (ran.status, ran.out) == (status, "")
    assert ran.err.startswith("vaultedge: ")
    assert not home.exists()


def test_nothing_is_overwritten(exported: Path, vaultedge: Vaultedge, kept: Kept) -> None:
    """An export goes to a new file only."""
    before = exported.read_bytes()
    ran = vaultedge("ledger", "export", "--store", kept.store, "--output", str(exported), environ=ENVIRON)

    assert (ran.status, exported.read_bytes()) == (1, before)
    assert str(exported) in ran.err


def test_exports_during_requests_are_good(kept: Kept, vaultedge: Vaultedge, tmp_path: Path) -> None:
    """Several exports at once seal what there is once, and each is a good ledger."""

    async def story() -> list[str]:
        runs = [
            asyncio.to_thread(vaultedge, "ledger", "export", "--store", kept.store, environ=ENVIRON)
            for _ in range(3)
        ]
        return [ran.out for ran in await asyncio.gather(*runs)]

    for number, text in enumerate(asyncio.run(story())):
        file = tmp_path / f"{number}.jsonl"
        file.write_text(text)
        told = json.loads(vaultedge("ledger", "verify", str(file), "--json").out)
        assert (told["ok"], told["seals"]) == (True, 1)
        assert text.count('"hash"') == ROWS
