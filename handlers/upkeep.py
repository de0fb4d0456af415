"""What is due now and then, started by a schedule: alerts, leases and the ledger's seals. No HTTP."""

from __future__ import annotations

import asyncio

from handlers.build import build
from handlers.snapshot import Snapshot, register

services = build()
runner = asyncio.Runner()  # one event loop for all events, made at the first
register(Snapshot(services), runner.run)


def handler(_event: object, _context: object) -> dict[str, list[str]]:
    """One pass; the names of its steps that failed, which the log has reasons for."""
    return {"failed": runner.run(_kept())}


async def _kept() -> list[str]:
    try:
        return await services.maintenance.run()
    finally:
        await services.observer.flush()
