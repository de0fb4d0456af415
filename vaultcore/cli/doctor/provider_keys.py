"""Checks of `vaultedge doctor` for provider keys: one cheap call per key, all concurrently; and the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from email.utils import parsedate_to_datetime

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Provider
from vaultcore.cli.doctor.results import CheckResult, failed, ok
from vaultcore.compose import provider_pool
from vaultcore.lazy_dataclass import dataclass
from vaultcore.settings import Settings
from vaultcore.upstream.client import Upstream
from vaultcore.upstream.key_check import KeyCheck, check
from vaultcore.upstream.transport import Transport
from vaultcore.vault.keyring import Credential

KEY_TIMEOUT = 8.0  # seconds for one key
MAX_CLOCK_DRIFT = 60.0  # seconds; AWS rejects signatures that are 300 s off
FIXES = {
    200: "the response is not the provider's; check its address: docs/providers.md",
    400: "check the provider's entry in the catalog: docs/providers.md",
    401: "create a new key at the provider, add it with vaultedge vault add-key, then remove this one",
    402: "add credit to the account at the provider",
    403: "check this key's permissions at the provider",
    404: "check the provider's address: docs/providers.md",
    429: "the provider's limit is reached; wait, or raise it at the provider",
}
DEFAULT_FIX = "check the provider's status page, the network and the proxy"


@dataclass(frozen=True, slots=True)
class KeyCheckResults:
    """The results per key, the providers with a working key, and the Date headers of the responses."""

    results: list[CheckResult]
    working: frozenset[str]
    dates: list[str]


async def check_keys(
    credentials: Sequence[Credential],
    catalog: Catalog,
    settings: Settings,
    *,
    seconds: float = KEY_TIMEOUT,
    http: Transport | None = None,
) -> KeyCheckResults:
    """Call each provider once with each of its keys. Provider failures are results, not exceptions."""
    rows: dict[str, tuple[Provider, list[Credential]]] = {}
    unknown: list[CheckResult] = []
    for each in credentials:
        row = catalog.provider(each.provider)
        if row is None:
            name = f"key {each.provider}"
            unknown.append(
                failed(
                    name,
                    f"{each.masked}: the catalog has no provider of this name",
                    "add the provider to the overlay (docs/providers.md), or run vaultedge vault remove-key",
                )
            )
        else:
            rows.setdefault(row.name, (row, []))[1].append(each)
    upstream = Upstream(http or provider_pool(settings), settings.timeouts)
    try:
        verdicts = await asyncio.gather(
            *(check(upstream, row, keys, catalog, seconds=seconds) for row, keys in rows.values())
        )
    finally:
        await upstream.aclose()
    checked = [(name, verdict) for name, group in zip(rows, verdicts, strict=True) for verdict in group]
    return KeyCheckResults(
        [*unknown, *(_key_result(name, verdict) for name, verdict in checked)],
        frozenset(name for name, verdict in checked if verdict.reason is None),
        [verdict.date for _, verdict in checked if verdict.date],
    )


def check_clock(dates: Iterable[str], now: float) -> CheckResult:
    """Check this machine's clock against the Date headers of responses."""
    offsets: list[float] = []
    for date in dates:
        try:
            offsets.append(now - parsedate_to_datetime(date).timestamp())
        except (ValueError, OverflowError):
            continue
    if not offsets:
        return ok("clock", "not compared: no response had a date")
    median = sorted(offsets)[len(offsets) // 2]
    if abs(median) <= MAX_CLOCK_DRIFT:
        return ok("clock", f"within {max(1, round(abs(median)))} s of {len(offsets)} servers")
    direction = "ahead of" if median > 0 else "behind"
    return failed(
        "clock",
        f"{abs(median):.0f} s {direction} other servers",
        "set this machine's clock (timedatectl set-ntp true); AWS rejects calls that are 5 minutes off",
    )


def _key_result(name: str, key_check: KeyCheck) -> CheckResult:
    """Return the result of one key, without the provider's text, which might quote the key."""
    check, masked = f"key {name}", key_check.credential.masked
    if key_check.reason is None:
        return ok(check, f"{masked} works ({key_check.ms:.0f} ms)")
    if key_check.status is None:
        return failed(check, f"{masked}: no response ({key_check.reason})", DEFAULT_FIX)
    return failed(check, f"{masked}: status {key_check.status}", FIXES.get(key_check.status, DEFAULT_FIX))
