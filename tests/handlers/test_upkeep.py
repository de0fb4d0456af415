"""The scheduled function as it is deployed: over the table, with the pepper alone, under AWS's emulator."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tests.admission.spending import gate, kept, key, spend
from tests.alerts.test_sns import Subscribed
from tests.handlers.deployment import EVENTS, PASSWORD, PEPPER, deployment
from tests.handlers.emulator import emulated
from tests.store.ministack import Table, table
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


async def left_behind(at: Table) -> str:
    """A key's account with a lease that is over, and an alert that nobody has delivered."""
    store = at.store(CLOCK)
    secrets = FixedSecrets(Secrets(Keyring(()), pepper=PEPPER.encode()))
    keys = VirtualKeys(store, secrets, CLOCK, lambda: None)
    made = (await keys.create(key(Limits(tokens=1_000)), "r0")).key
    caller, now = Caller(made), CLOCK.now()
    await store.admit(Reservation("dead", caller.levels, Lease(now - 120, now - 60, tokens=100)))
    await spend(gate(store, CLOCK), CLOCK, caller, "request", 900)
    await store.aclose()
    return account(made.id)


async def found(at: Table, name: str) -> tuple[Account, Document, list[Document]]:
    store = at.store(CLOCK)
    (charged,), (alert,) = await store.accounts(name), await kept(store)
    position = await store.entries("ledger")
    await store.aclose()
    return charged, alert, position


def test_a_schedule_does_everything_that_is_due(tmp_path: Path) -> None:
    """One event gives back, delivers and seals, the next finds nothing; the pepper is all that is read."""
    held, topic = table(), Subscribed()
    name = asyncio.run(left_behind(held))
    with deployment(tmp_path, "http://127.0.0.1:9/v1") as deployed:
        environ = {
            **{each: value for each, value in deployed.environ.items() if not each.endswith("_SECRET")},
            "VAULTEDGE_PEPPER_SECRET": "gw/pepper",
            "VAULTEDGE_STORE": held.url,
            "VAULTEDGE_ALERT_TOPIC": topic.arn,
            "AWS_ENDPOINT_URL_DYNAMODB": held.endpoint,
            "AWS_ENDPOINT_URL_SNS": held.endpoint,
        }
        with emulated(COMMAND, environ, tmp_path) as emulator:
            event = (EVENTS / "upkeep.json").read_bytes()
            answers = [emulator.invoke(event) for _ in range(2)]
            output = emulator.output.read_text("utf-8")
        asked = deployed.secrets.asked
    charged, alert, sealing = asyncio.run(found(held, name))
    heard = topic.heard()
    topic.close()

    assert [(status, json.loads(body)) for status, body in answers] == [(200, {"failed": []})] * 2
    assert (charged.tokens_held, dict(charged.leases)) == (900, {})
    assert alert.body["delivered"] is not None
    assert [message["MessageAttributes"]["id"]["Value"] for message in heard] == [alert.body["id"]]
    assert sealing
    assert asked == [["gw/pepper"]]
    assert [each for each in (PEPPER, PASSWORD) if each in output] == []
