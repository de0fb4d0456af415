"""What `vaultedge doctor --stack NAME` looks at: what AWS holds of a stack, then the gateway at its URL."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from vaultcore.catalog.load import load
from vaultcore.cli import stack
from vaultcore.cli.doctor import gateway, provider_keys
from vaultcore.cli.doctor.findings import Finding, failed, ok, skipped
from vaultcore.cli.stack import StackUnusable
from vaultcore.cli.terminal import Terminal
from vaultcore.clock import SystemClock
from vaultcore.errors import ConfigError, VaultError
from vaultcore.vault.hidden import Hidden
from vaultcore.vault.keyring import Credential

if TYPE_CHECKING:
    from vaultcore.aws.stack import Deployed, Stack

SECRETS = {  # outputs -> what the secret is called, and the name that its text may have in JSON
    "VaultSecretId": ("vault", "vault"),
    "VaultPasswordSecretId": ("password", "password"),
    "SystemKeySecretId": ("system key", "key"),
    "AdminKeySecretId": ("admin key", "key"),
    "PepperSecretId": ("pepper", "pepper"),
}
SETTLED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
CURES = {  # what a deployment sets, and does not set again where somebody has changed it
    "expiry": "aws dynamodb update-time-to-live --table-name {table}"
    " --time-to-live-specification Enabled=true,AttributeName=exp",
    "recovery": "aws dynamodb update-continuous-backups --table-name {table}"
    " --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true",
}
KEYS, EXPIRES_BY = ("pk", "sk"), "exp"


@dataclass(slots=True)
class _Chart:
    """What has been found so far, and what later checks need of it."""

    found: list[Finding] = field(default_factory=list)
    texts: dict[str, Hidden] = field(default_factory=dict, repr=False)
    credentials: list[Credential] = field(default_factory=list)


async def examine(args: argparse.Namespace, terminal: Terminal) -> list[Finding]:
    """Everything that a deployed gateway needs. Changes nothing."""
    chart = _Chart()
    deployed = await asyncio.to_thread(_held_by_aws, args, chart)
    if deployed is None:
        return chart.found
    settings, clock = terminal.settings(), SystemClock()
    keys = provider_keys.Tried([skipped("provider keys", "the vault is not open")], frozenset(), [])
    if chart.credentials:
        try:
            catalog = load(args.providers or settings.providers_file, settings.environ)
            keys = await provider_keys.tried(chart.credentials, catalog, settings)
        except (ConfigError, OSError) as error:
            keys.findings[:] = [failed("catalog", error, "the overlay's format is in docs/providers.md")]
    base = args.url or deployed.outputs.get("BaseUrl", "")
    checks = gateway.Visit(base, chart.texts.get("system key"), args.stack)
    findings = await checks.look(live=args.live, model=args.model, working=keys.working)
    dates = [*keys.dates, *checks.dates]
    return [*chart.found, *keys.findings, *findings, provider_keys.drift(dates, clock.now())]


def _held_by_aws(args: argparse.Namespace, chart: _Chart) -> Deployed | None:
    from vaultcore.aws.stack import Stack

    asked = Stack(args.stack, args.region)
    try:
        deployed = _state(asked, chart)
        if deployed is not None:
            for name, (called, _) in SECRETS.items():
                look = partial(_secret, asked, deployed, name, chart)
                chart.found.append(_tried(called, asked, look))
            chart.found.append(_opened(chart, args.stack))
            chart.found.append(_tried("table", asked, partial(_table, asked, deployed)))
    finally:
        asked.close()
    return deployed


def _tried(check: str, asked: Stack, look: Callable[[], Finding]) -> Finding:
    from vaultcore.aws.stack import ActionFailed

    try:
        return look()
    except ActionFailed as error:
        return failed(check, stack.told(error, asked.name))
    except StackUnusable as error:
        return failed(check, error)


def _state(asked: Stack, chart: _Chart) -> Deployed | None:
    described: list[Deployed] = []

    def look() -> Finding:
        described.append(deployed := asked.describe())
        stack.output(deployed, "BaseUrl")
        told = f"{deployed.name} in {deployed.region} is {deployed.status}"
        if deployed.status in SETTLED:
            return ok("stack", told)
        return failed("stack", told, "wait for its deployment to end, or see why it failed: sam deploy")

    chart.found.append(_tried("stack", asked, look))
    return described[0] if described and "BaseUrl" in described[0].outputs else None


def _secret(asked: Stack, deployed: Deployed, name: str, chart: _Chart) -> Finding:
    from vaultcore.aws.reading import MIN_KEY, PLACEHOLDER

    called, part = SECRETS[name]
    text = asked.secret(stack.output(deployed, name), part)
    if text is None:
        return failed(called, "its secret holds something else", f"put plain text into the secret of {name}")
    if text == PLACEHOLDER:
        return failed(called, "its secret is empty", f"vaultedge vault push --stack {asked.name}")
    if part not in ("vault", "password") and len(text) < MIN_KEY:
        return failed(called, f"has fewer than {MIN_KEY} characters", f"put a longer one into {name}")
    chart.texts[called] = text
    return ok(called, "its secret is readable and filled")


def _opened(chart: _Chart, name: str) -> Finding:
    from vaultcore.vault.sealed import unseal

    if not {"vault", "password"} <= chart.texts.keys():
        return skipped("vault opens", "vault and password are not both there")
    try:
        chart.credentials = unseal(chart.texts["vault"], chart.texts["password"])
    except VaultError as error:
        return failed("vault opens", f"{error}", f"vaultedge vault push --stack {name} puts a pair that fits")
    if not chart.credentials:
        return failed("vault opens", "there is no key in it", "vaultedge vault add-key, then vault push")
    providers = ", ".join(sorted({each.provider for each in chart.credentials}))
    return ok("vault opens", f"{len(chart.credentials)} keys: {providers}")


def _table(asked: Stack, deployed: Deployed) -> Finding:
    name = stack.output(deployed, "TableName")
    state = asked.table(name)
    if state.status not in ("ACTIVE", "UPDATING"):
        return failed("table", f"it is {state.status}", "wait, or restore it: docs/deployment.md")
    if state.keys != KEYS:
        return failed(
            "table", f"its keys are {', '.join(state.keys)}", "TableName must be the stack's own table"
        )
    if state.expires_by != EXPIRES_BY:
        return failed("table", "nothing in it expires (TTL is off)", CURES["expiry"].format(table=name))
    if not state.restorable:
        told = "it cannot be restored (point-in-time recovery is off)"
        return failed("table", told, CURES["recovery"].format(table=name))
    return ok("table", "is there, forgets what has expired, and can be restored")
