"""The scheduled function as deployed: with the table, only the pepper, under AWS's emulator."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tests.admission.limiter_setup import build_limiter, key, settle_usage, stored_alerts
from tests.alerts.test_sns import SubscribedTopic
from tests.handlers.deployment import EVENTS, PASSWORD, PEPPER, serve_deployment
from tests.handlers.emulator import run_emulator
from tests.store.ministack import EmulatedTable, table
from vaultcore.admission.caller import Caller, account
from vaultcore.clock import SystemClock
from vaultcore.control.virtual_keys import VirtualKeys
from vaultcore.limits.account import Account, Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Reservation
from vaultcore.secrets import FixedSecrets, Secrets
from vaultcore.store.base import Document
from vaultcore.vault.keyring import Keyring

COMMAND = [sys.executable, "-m", "awslambdaric", "handlers.upkeep.handler"]
CLOCK = SystemClock()


async def prepare_due_work(at: EmulatedTable) -> str:
    """Create a key's account with an expired lease, and an undelivered alert."""
    store = at.store(CLOCK)
    secrets = FixedSecrets(Secrets(Keyring(()), pepper=PEPPER.encode()))
    keys = VirtualKeys(store, secrets, CLOCK, lambda: None)
    created = (await keys.create(key(Limits(tokens=1_000)), "r0")).key
    caller, now = Caller(created), CLOCK.now()
    await store.reserve(Reservation("dead", caller.levels, Lease(now - 120, now - 60, tokens=100)))
    await settle_usage(build_limiter(store, CLOCK), CLOCK, caller, "request", 900)
    await store.aclose()
    return account(created.id)


async def read_results(at: EmulatedTable, name: str) -> tuple[Account, Document, list[Document]]:
    store = at.store(CLOCK)
    (charged,), (alert,) = await store.accounts(name), await stored_alerts(store)
    position = await store.query("ledger")
    await store.aclose()
    return charged, alert, position


def test_one_event_does_all_due_work(tmp_path: Path) -> None:
    """One event releases leases, delivers alerts and seals with only the pepper; the next does nothing."""
    stored, topic = table(), SubscribedTopic()
    name = asyncio.run(prepare_due_work(stored))
    with serve_deployment(tmp_path, "http://127.0.0.1:9/v1") as deployed:
        environ = {
            **{each: value for each, value in deployed.environ.items() if not each.endswith("_SECRET")},
            "VAULTEDGE_PEPPER_SECRET": "gw/pepper",
            "VAULTEDGE_STORE": stored.url,
            "VAULTEDGE_ALERT_TOPIC": topic.arn,
            "AWS_ENDPOINT_URL_DYNAMODB": stored.endpoint,
            "AWS_ENDPOINT_URL_SNS": stored.endpoint,
        }
        with run_emulator(COMMAND, environ, tmp_path) as emulator:
            event = (EVENTS / "upkeep.json").read_bytes()
            answers = [emulator.invoke(event) for _ in range(2)]
            output = emulator.output.read_text("utf-8")
        calls = deployed.secrets.requests
    charged, alert, sealing = asyncio.run(read_results(stored, name))
    messages = topic.receive()
    topic.close()

    assert [(status, json.loads(body)) for status, body in answers] == [(200, {"failed": []})] * 2
    assert (charged.tokens_held, charged.in_flight) == (900, 0)
    assert alert.body["delivered"] is not None
    assert [message["MessageAttributes"]["id"]["Value"] for message in messages] == [alert.body["id"]]
    assert sealing
    assert calls == [["gw/pepper"]]
    assert [each for each in (PEPPER, PASSWORD) if each in output] == []
