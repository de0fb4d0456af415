"""What `vaultedge doctor` finds out about provider keys: each is tried once, all of them at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Provider
from vaultcore.cli.doctor.findings import Finding, failed, ok
from vaultcore.settings import Settings
from vaultcore.upstream.client import Upstream
from vaultcore.upstream.http1.pool import Pool
from vaultcore.upstream.key_check import Verdict, check
from vaultcore.vault.keyring import Credential

PATIENCE = 8.0  # seconds for one key
ADRIFT = 60.0  # seconds that a clock may be away from others': AWS refuses signatures at 300
CURES = {
    200: "something else answers at the provider's address: docs/providers.md",
    400: "the provider's row in the catalog: docs/providers.md",
    401: "make a new key at the provider, vaultedge vault add-key, then remove-key this one",
    402: "put money on the provider's account",
    403: "what this key may do is set at the provider",
    404: "the provider's address: docs/providers.md",
    429: "its limit at the provider is reached: wait, or raise it there",
}
OTHERWISE = "the provider has trouble, or this machine cannot reach it: its status page, the network, a proxy"


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it, the providers that answered one key well, and the times that answers bore."""

    findings: list[Finding]
    working: frozenset[str]
    dates: list[str]


async def tried(
    credentials: Sequence[Credential],
    catalog: Catalog,
    settings: Settings,
    *,
    patience: float = PATIENCE,
    http: httpx.AsyncBaseTransport | None = None,
) -> Tried:
    """Ask each provider once with each of its keys. Never raises for what a provider does."""
    rows: dict[str, tuple[Provider, list[Credential]]] = {}
    strangers: list[Finding] = []
    for each in credentials:
        row = catalog.provider(each.provider)
        if row is None:
            name = f"key {each.provider}"
            strangers.append(
                failed(
                    name,
                    f"{each.masked}: no provider in the catalog has this name",
                    "add it to the overlay, or vaultedge vault remove-key: docs/providers.md",
                )
            )
        else:
            rows.setdefault(row.name, (row, []))[1].append(each)
    upstream = Upstream(http or Pool(), settings.timeouts)
    try:
        verdicts = await asyncio.gather(
            *(check(upstream, row, keys, catalog, longest=patience) for row, keys in rows.values())
        )
    finally:
        await upstream.aclose()
    told = [(name, verdict) for name, found in zip(rows, verdicts, strict=True) for verdict in found]
    return Tried(
        [*strangers, *(_finding(name, verdict) for name, verdict in told)],
        frozenset(name for name, verdict in told if verdict.reason is None),
        [verdict.date for _, verdict in told if verdict.date],
    )


def drift(dates: Iterable[str], now: float) -> Finding:
    """How far this machine's clock is from the times in answers' Date headers."""
    away: list[float] = []
    for date in dates:
        try:
            away.append(now - parsedate_to_datetime(date).timestamp())
        except (ValueError, OverflowError):
            continue
    if not away:
        return ok("clock", "nobody answered whose clock could be compared")
    middle = sorted(away)[len(away) // 2]
    if abs(middle) <= ADRIFT:
        return ok("clock", f"within {max(1, round(abs(middle)))} s of {len(away)} others")
    which = "ahead of" if middle > 0 else "behind"
    return failed(
        "clock",
        f"{abs(middle):.0f} s {which} others'",
        "set this machine's clock (timedatectl set-ntp true): AWS refuses calls that are 5 minutes off",
    )


def _finding(name: str, verdict: Verdict) -> Finding:
    """In our own words: a provider's might quote the key."""
    check, masked = f"key {name}", verdict.credential.masked
    if verdict.reason is None:
        return ok(check, f"{masked} works ({verdict.ms:.0f} ms)")
    if verdict.status is None:
        return failed(check, f"{masked}: no answer ({verdict.reason})", OTHERWISE)
    return failed(check, f"{masked}: answered with {verdict.status}", CURES.get(verdict.status, OTHERWISE))
