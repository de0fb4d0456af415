"""Usage that providers of every dialect report is charged in full; invalid counts are estimated."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import PEPPER, SYSTEM, bearer, issue_key, run_with_client
from tests.sizes import times
from vaultcore.admission.caller import account
from vaultcore.compose import compose
from vaultcore.limits.account import day_of
from vaultcore.secrets import FixedSecrets, Secrets, digest_key
from vaultcore.services import Services
from vaultcore.settings import Settings
from vaultcore.simulators import cohere, gemini
from vaultcore.simulators.faults import InjectedFault
from vaultcore.simulators.server import BEHAVIORS, Simulator, simulated
from vaultcore.store import document_types
from vaultcore.usage.record import Record
from vaultcore.vault.keyring import Credential, Keyring

PROVIDERS = {  # a provider of the catalog for each dialect
    **{name: name for name in ("openai", "anthropic", "gemini", "cohere", "mistral", "bedrock")},
    "responses": "responses",
}
ENVIRON = {"AWS_REGION": "eu-central-1"}
REQUEST = {"messages": [{"role": "user", "content": "What is the weather?"}], "max_tokens": 20}
EXTRA = {  # tokens that a simulated provider adds to each answer
    "cohere": cohere.PREAMBLE_TOKENS + 2,
    "gemini": gemini.REASONING_TOKENS,
}
CUT_AFTER = {"openai": 5, "mistral": 5, "anthropic": 6, "gemini": 3}  # events: in the middle of the text
COUNT = times(140, 5_000)


@contextmanager
def gateway(folder: Path) -> Iterator[tuple[Services, dict[str, Simulator]]]:
    """Yield a gateway's services, and a simulated provider of each dialect."""
    with simulated({name: dialect for dialect, name in PROVIDERS.items()}) as simulators:
        rows: dict[str, Any] = {
            name: {"base_url": each.base_url, "local": True} for name, each in simulators.items()
        }
        rows["responses"]["dialect"] = "responses"
        file = folder / "providers.yaml"
        file.write_text(json.dumps({"providers": rows}))
        keyring = Keyring(Credential(name, each.key) for name, each in simulators.items())
        secrets = FixedSecrets(Secrets(keyring, digest_key(SYSTEM), None, PEPPER))
        settings = Settings(providers_file=file, home=folder, backoff=0.0, environ=ENVIRON)
        yield compose(settings, secrets), simulators


def model_of(dialect: str) -> str:
    return f"{PROVIDERS[dialect]}/{BEHAVIORS[dialect].MODELS[0]}"


async def load_records(services: Services) -> list[Record]:
    collection = document_types.records_collection(day_of(services.clock.now()))
    return [Record.unpack(each.body) for each in await services.store.query(collection, limit=10_000)]


async def post(
    client: httpx.AsyncClient, token: str, dialect: str, *, stream: bool, is_cut: bool = False
) -> None:
    body = {"model": model_of(dialect), "stream": stream, **REQUEST}
    response = await client.post("/v1/chat/completions", json=body, headers=bearer(token))
    assert response.status_code == 200, response.text
    assert response.text.endswith("data: [DONE]\n\n") is (stream and not is_cut)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", PROVIDERS)
@pytest.mark.parametrize("usage", [(-5, 3), (7, -1), (10**15, 3), (7, 10**18)])
def test_invalid_counts_are_estimated(
    usage: tuple[int, int], dialect: str, stream: bool, tmp_path: Path
) -> None:
    """In every dialect a negative or absurd count is flagged, and the request costs an estimate, not 0."""
    with gateway(tmp_path) as (services, simulators):
        simulators[PROVIDERS[dialect]].script.queue("*", InjectedFault(usage=usage))

        async def scenario(client: httpx.AsyncClient) -> list[Record]:
            await post(client, await issue_key(services, tokens=10**7), dialect, stream=stream)
            return await load_records(services)

        (record,) = run_with_client(services, scenario)

    assert {"implausible", "estimated"} <= set(record.flags)
    assert 3 < record.prompt_tokens < 30
    assert 3 < record.completion_tokens < 80
    assert record.reported_usage


@pytest.mark.repeated
def test_the_sum_of_charges_is_what_providers_produced(tmp_path: Path) -> None:
    """Records, the key's account and the simulated providers agree about every possible usage.

    A stream that is cut off costs an estimate, the same in its record and in the account. SUMMED in the
    environment is the number of requests.
    """
    generator = random.Random(12)
    calls = [(generator.choice([*PROVIDERS]), generator.random() < 0.5) for _ in range(COUNT)]
    usages = [(generator.randint(0, 40_000), generator.randint(0, 4_000)) for _ in range(COUNT)]
    cuts = [stream and dialect in CUT_AFTER and generator.random() < 0.2 for dialect, stream in calls]
    with gateway(tmp_path) as (services, simulators):
        for (dialect, _), usage, is_cut in zip(calls, usages, cuts, strict=True):
            fault = InjectedFault(usage=usage, cut_after=CUT_AFTER[dialect] if is_cut else None)
            simulators[PROVIDERS[dialect]].script.queue("*", fault)

        async def scenario(client: httpx.AsyncClient) -> tuple[Any, list[Record]]:
            token = await issue_key(services, tokens=10**9, rpm=None)
            for (dialect, stream), is_cut in zip(calls, cuts, strict=True):
                await post(client, token, dialect, stream=stream, is_cut=is_cut)
            (key,) = await services.keys.all()
            (balance,) = await services.store.accounts(account(key.id))
            return balance, await load_records(services)

        balance, stored = run_with_client(services, scenario)

    produced = [
        sum(usage) + EXTRA.get(dialect, 0)
        for (dialect, _), usage, is_cut in zip(calls, usages, cuts, strict=True)
        if not is_cut
    ]
    charged = {
        is_broken: sum(
            each.prompt_tokens + each.completion_tokens
            for each in stored
            if ("broken" in each.flags) is is_broken
        )
        for is_broken in (True, False)
    }
    assert balance.tokens == balance.tokens_held == sum(charged.values())
    assert charged[False] == sum(produced)
    assert sum("broken" in each.flags for each in stored) == sum(cuts)
    assert not any("implausible" in each.flags for each in stored)
