from __future__ import annotations

import asyncio
import json

import pytest

from tests.lambda_runtime.loop_runner import GET, hello, run_scenario, serve_app
from tests.lambda_runtime.runtime_api import runtime_api
from vaultcore.lambda_runtime.loop import LambdaFunction, run, serve


def test_restore_order() -> None:
    """Under SnapStart the hooks run before and after the snapshot; then the loop asks for an invocation."""

    async def scenario() -> None:
        order: list[str] = []

        async def before() -> None:
            order.append("before")

        async def after() -> None:
            order.append("after")

        environ = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
        async with serve_app(hello, environ, before_snapshot=[before], after_restore=[after]) as api:
            api.invoke(GET)
            await api.snapshot.wait()
            assert (order, api.calls) == (["before"], ["GET restore/next"])
            api.restore.set()
            await api.finished()

            assert order == ["before", "after"]
            assert api.calls[:2] == ["GET restore/next", "GET invocation/next"]

    run_scenario(scenario)


def test_hooks_run_only_under_snapstart() -> None:
    """Without SnapStart no hook runs and the loop waits for no restore."""

    async def scenario() -> None:
        async def never() -> None:
            raise AssertionError

        async with serve_app(hello, before_snapshot=[never], after_restore=[never]) as api:
            api.invoke(GET)
            await api.finished()

            assert api.calls[0] == "GET invocation/next"

    run_scenario(scenario)


@pytest.mark.parametrize(
    ("hook", "path"), [("before_snapshot", "init/error"), ("after_restore", "restore/error")]
)
def test_failing_hooks_are_reported(hook: str, path: str) -> None:
    """A failing hook is reported to Lambda for its phase and ends the process."""

    async def scenario() -> None:
        async def fail() -> None:
            raise LookupError("secret")

        async with runtime_api() as api:
            api.restore.set()
            environ = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start", "AWS_LAMBDA_RUNTIME_API": api.address}
            with pytest.raises(LookupError):
                await serve(LambdaFunction(hello, **{hook: [fail]}), environ)
            report = await api.finished()

            assert report.path.endswith(path)
            assert json.loads(report.body)["errorType"] == "LookupError"
            assert b"secret" not in report.body

    run_scenario(scenario)


def test_failing_build_is_an_init_error() -> None:
    """If the build fails, its reason is reported to Lambda before the process ends."""

    async def scenario() -> None:
        def build() -> LambdaFunction:
            raise ValueError("PROVIDERS_FILE: no such file")

        async with runtime_api() as api:
            environ = {"AWS_LAMBDA_RUNTIME_API": api.address}
            with pytest.raises(ValueError, match="PROVIDERS_FILE"):
                await asyncio.to_thread(run, build, environ)
            report = await api.finished()

            assert report.path.endswith("init/error")
            assert json.loads(report.body)["errorMessage"] == "PROVIDERS_FILE: no such file"

    run_scenario(scenario)
