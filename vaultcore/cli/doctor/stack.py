"""Checks of `vaultedge doctor --stack NAME`: the stack's AWS resources, then the gateway at its URL."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from dataclasses import field
from functools import partial
from typing import TYPE_CHECKING

from vaultcore.catalog.load import load
from vaultcore.cli import stack
from vaultcore.cli.doctor import gateway, provider_keys
from vaultcore.cli.doctor.results import CheckResult, failed, ok, skipped
from vaultcore.cli.stack import StackError
from vaultcore.cli.terminal import Terminal
from vaultcore.clock import SystemClock
from vaultcore.errors import ConfigError, VaultError
from vaultcore.lazy_dataclass import dataclass
from vaultcore.vault.keyring import Credential
from vaultcore.vault.secret_text import SecretText

if TYPE_CHECKING:
    from vaultcore.aws.stack import Stack, StackState

SECRETS = {  # output -> name of the secret, and the field with its text if it is JSON
    "VaultSecretId": ("vault", "vault"),
    "VaultPasswordSecretId": ("password", "password"),
    "SystemKeySecretId": ("system key", "key"),
    "AdminKeySecretId": ("admin key", "key"),
    "PepperSecretId": ("pepper", "pepper"),
}
STABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
FIXES = {  # settings that a deployment does not restore after a manual change
    "expiry": "aws dynamodb update-time-to-live --table-name {table}"
    " --time-to-live-specification Enabled=true,AttributeName=exp",
    "recovery": "aws dynamodb update-continuous-backups --table-name {table}"
    " --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true",
}
KEYS, TTL_ATTRIBUTE = ("pk", "sk"), "exp"


@dataclass(slots=True)
class _StackReport:
    """The results so far, and the secrets and provider keys that later checks need."""

    results: list[CheckResult] = field(default_factory=list)
    texts: dict[str, SecretText] = field(default_factory=dict, repr=False)
    credentials: list[Credential] = field(default_factory=list)


async def run_checks(args: argparse.Namespace, terminal: Terminal) -> list[CheckResult]:
    """Run the checks of a deployed gateway. Changes nothing."""
    report = _StackReport()
    deployed = await asyncio.to_thread(_check_aws, args, report)
    if deployed is None:
        return report.results
    settings, clock = terminal.settings(), SystemClock()
    keys = provider_keys.KeyCheckResults(
        [skipped("provider keys", "the vault did not open")], frozenset(), []
    )
    if report.credentials:
        try:
            catalog = load(args.providers or settings.providers_file, settings.environ)
            keys = await provider_keys.check_keys(report.credentials, catalog, settings)
        except (ConfigError, OSError) as error:
            keys.results[:] = [failed("catalog", error, "see the overlay format in docs/providers.md")]
    base = args.url or deployed.outputs.get("BaseUrl", "")
    checks = gateway.GatewayChecks(base, report.texts.get("system key"), args.stack)
    gateway_results = await checks.run(live=args.live, model=args.model, working=keys.working)
    dates = [*keys.dates, *checks.dates]
    return [*report.results, *keys.results, *gateway_results, provider_keys.check_clock(dates, clock.now())]


def _check_aws(args: argparse.Namespace, report: _StackReport) -> StackState | None:
    from vaultcore.aws.stack import Stack

    opened_stack = Stack(args.stack, args.region)
    try:
        deployed = _check_stack(opened_stack, report)
        if deployed is not None:
            for output, (name, _) in SECRETS.items():
                check = partial(_check_secret, opened_stack, deployed, output, report)
                report.results.append(_attempt(name, opened_stack, check))
            report.results.append(_open_vault(report, args.stack))
            report.results.append(
                _attempt("table", opened_stack, partial(_check_table, opened_stack, deployed))
            )
    finally:
        opened_stack.close()
    return deployed


def _attempt(name: str, opened_stack: Stack, check: Callable[[], CheckResult]) -> CheckResult:
    """Return the result of a check, which is a failed one if AWS rejects a call."""
    from vaultcore.aws.stack import ActionFailed

    try:
        return check()
    except ActionFailed as error:
        return failed(name, stack.explain_failure(error, opened_stack.name))
    except StackError as error:
        return failed(name, error)


def _check_stack(opened_stack: Stack, report: _StackReport) -> StackState | None:
    states: list[StackState] = []

    def check() -> CheckResult:
        states.append(deployed := opened_stack.describe())
        stack.require_output(deployed, "BaseUrl")
        summary = f"{deployed.name} in {deployed.region} is {deployed.status}"
        if deployed.status in STABLE:
            return ok("stack", summary)
        return failed(
            "stack", summary, "wait until the deployment ends, or run sam deploy to see why it failed"
        )

    report.results.append(_attempt("stack", opened_stack, check))
    return states[0] if states and "BaseUrl" in states[0].outputs else None


def _check_secret(
    opened_stack: Stack, deployed: StackState, output: str, report: _StackReport
) -> CheckResult:
    from vaultcore.aws.secret_values import MIN_KEY, PLACEHOLDER

    name, field_name = SECRETS[output]
    text = opened_stack.secret(stack.require_output(deployed, output), field_name)
    if text is None:
        return failed(
            name, "its secret has an unexpected format", f"store plain text in the secret of {output}"
        )
    if text == PLACEHOLDER:
        return failed(name, "its secret is empty", f"run vaultedge vault push --stack {opened_stack.name}")
    if field_name not in ("vault", "password") and len(text) < MIN_KEY:
        return failed(
            name, f"has fewer than {MIN_KEY} characters", f"store a longer key in the secret of {output}"
        )
    report.texts[name] = text
    return ok(name, "its secret is readable and filled")


def _open_vault(report: _StackReport, name: str) -> CheckResult:
    from vaultcore.vault.sealed import unseal

    if not {"vault", "password"} <= report.texts.keys():
        return skipped("vault opens", "the vault or the password is missing")
    try:
        report.credentials = unseal(report.texts["vault"], report.texts["password"])
    except VaultError as error:
        return failed("vault opens", f"{error}", f"run vaultedge vault push --stack {name} to replace both")
    if not report.credentials:
        return failed("vault opens", "it contains no keys", "run vaultedge vault add-key, then vault push")
    providers = ", ".join(sorted({each.provider for each in report.credentials}))
    return ok("vault opens", f"{len(report.credentials)} keys: {providers}")


def _check_table(opened_stack: Stack, deployed: StackState) -> CheckResult:
    name = stack.require_output(deployed, "TableName")
    state = opened_stack.table(name)
    if state.status not in ("ACTIVE", "UPDATING"):
        return failed("table", f"its status is {state.status}", "wait, or restore it: docs/deployment.md")
    if state.keys != KEYS:
        return failed(
            "table",
            f"unexpected key attributes: {', '.join(state.keys)}",
            "TableName must be the stack's table",
        )
    if state.ttl_attribute != TTL_ATTRIBUTE:
        return failed("table", "TTL is disabled, so rows never expire", FIXES["expiry"].format(table=name))
    if not state.has_recovery:
        problem = "point-in-time recovery is disabled"
        return failed("table", problem, FIXES["recovery"].format(table=name))
    return ok("table", "is active, with TTL and point-in-time recovery")
