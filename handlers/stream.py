"""The data plane, streamed: `python -m handlers.stream` in place of the managed runtime's own loop.

`run_stream` beside this file starts it so. Where that wrapper is ignored, `handler` answers in one piece.
"""

from __future__ import annotations

import os

from handlers.build import build
from handlers.snapshot import Snapshot
from vaultcore.app import create_app
from vaultcore.lambda_runtime.loop import Function, run


def function() -> Function:
    """The gateway, and what SnapStart asks of it: imports before the snapshot, secrets after the restore."""
    services = build()
    snapshot = Snapshot(services)
    return Function(create_app(services), [snapshot.before], [snapshot.after])


if __name__ == "__main__":
    run(function, os.environ)
else:
    from handlers.buffered import buffered

    handler = buffered(build())
