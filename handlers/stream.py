"""The data plane, streamed: `python -m handlers.stream` in place of the managed runtime's own loop.

`run_stream` beside this file starts it so. Where that wrapper is ignored, `handler` answers in one piece.
"""

from __future__ import annotations

import os
import random
from contextlib import suppress

from handlers.build import build
from vaultcore.app import create_app
from vaultcore.errors import VaultUnavailable
from vaultcore.runtime.loop import Function, run


def function() -> Function:
    """The gateway, and what SnapStart asks of it: imports before the snapshot, secrets after the restore."""
    services = build()

    async def warm() -> None:
        if services.settings.vault_secret:
            from vaultcore.aws.secrets import ManagedSecrets  # noqa: PLC0415 - only used with AWS

            if isinstance(services.secrets, ManagedSecrets):
                await services.secrets.warm()

    async def restored() -> None:
        random.seed()  # copies of one snapshot would draw the same numbers
        with suppress(VaultUnavailable):  # the first request will ask again
            await services.secrets.current()

    return Function(create_app(services), before_snapshot=[warm], after_restore=[restored])


if __name__ == "__main__":
    run(function, os.environ)
else:
    from handlers.buffered import Buffered

    handler = Buffered(function().app)
