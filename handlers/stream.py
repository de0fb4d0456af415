"""Entry point of the data plane with streamed responses.

The wrapper script `run_stream` starts `python -m handlers.stream` instead of the managed runtime's loop.
If the platform ignores the wrapper, `handler` sends buffered responses.
"""

from __future__ import annotations

import os

from handlers.build import build
from handlers.snapshot import SnapStartHooks
from vaultcore.app import create_app
from vaultcore.lambda_runtime.loop import LambdaFunction, run


def build_function() -> LambdaFunction:
    """Return the gateway's application and SnapStart hooks."""
    services = build()
    snapshot = SnapStartHooks(services)
    return LambdaFunction(create_app(services), [snapshot.before], [snapshot.after])


if __name__ == "__main__":
    run(build_function, os.environ)
else:
    from handlers.buffered import build_handler

    handler = build_handler(build())
