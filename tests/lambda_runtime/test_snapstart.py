from __future__ import annotations

import asyncio
import json

import pytest

from tests.lambda_runtime.runtime_api import runtime_api
from tests.lambda_runtime.serving import GET, hello, running, serving
from vaultcore.lambda_runtime.loop import Function, run, serve


def test_restore_order() -> None:
    """Under SnapStart the hooks run around the snapshot, and only then is an invocation asked for."""

    async def scenario() -> None:
        order: list[str] = []

        async def before() -> None:
            order.append("before")

        async def after() -> None:
            order.append("after")

        environ = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
        async with serving(hello, environ, before_snapshot=[before], after_restore=[after]) as api:
            api.invoke(GET)
            await api.snapshot.wait()
            assert (order, api.calls) == (["before"], ["GET restore/next"])
            api.restore.set()
            await api.finished()

            assert order == ["before", "after"]
            assert api.calls[:2] == ["GET restore/next", "GET invocation/next"]

    running(scenario)


def test_hooks_wait_for_snapstart() -> None:
    """Without SnapStart neither a hook runs nor a restore is awaited."""

    async def scenario() -> None:
        async def never() -> None:
            raise AssertionError

        async with serving(hello, before_snapshot=[never], after_restore=[never]) as api:
            api.invoke(GET)
            await api.finished()

            assert api.calls[0] == "GET invocation/next"

    running(scenario)


@pytest.mark.parametrize(
    ("hook", "path"), [("before_snapshot", "init/error"), ("after_restore", "restore/error")]
)
def test_failing_hooks_are_reported(hook: str, path: str) -> None:
    """A hook that fails is told to Lambda under the phase it belongs to, and ends the process."""

    async def scenario() -> None:
        async def fail() -> None:
            raise LookupError("secret")

        async with runtime_api() as api:
            api.restore.set()
            environ = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start", "AWS_LAMBDA_RUNTIME_API": api.address}
            with pytest.raises(LookupError):
                await serve(Function(hello, **{hook: [fail]}), environ)
            report = await api.finished()

            assert report.path.endswith(path)
            assert json.loads(report.body)["errorType"] == "LookupError"
            assert b"secret" not in report.body

    running(scenario)


def test_failing_build_is_an_init_error() -> None:
    """A function that cannot be built says why to Lambda before its process ends."""

    async def scenario() -> None:
        def build() -> Function:
            raise ValueError("PROVIDERS_FILE: no such file")

        async with runtime_api() as api:
            environ = {"AWS_LAMBDA_RUNTIME_API": api.address}
            with pytest.raises(ValueError, match="PROVIDERS_FILE"):
                await asyncio.to_thread(run, build, environ)
            report = await api.finished()

            assert report.path.endswith("init/error")
            assert json.loads(report.body)["errorMessage"] == "PROVIDERS_FILE: no such file"

    running(scenario)
