"""Entry point of scheduled maintenance: alerts, leases and ledger seals. It serves no HTTP."""

from __future__ import annotations

import asyncio

from handlers.build import build
from handlers.snapshot import SnapStartHooks, register_hooks

services = build()
runner = asyncio.Runner()  # one event loop for all events, created at the first
register_hooks(SnapStartHooks(services), runner.run)


def handler(_event: object, _context: object) -> dict[str, list[str]]:
    """Run maintenance once and return the names of the failed steps; the log has the reasons."""
    return {"failed": runner.run(_run_maintenance())}


async def _run_maintenance() -> list[str]:
    try:
        return await services.maintenance.run()
    finally:
        await services.observer.flush()
