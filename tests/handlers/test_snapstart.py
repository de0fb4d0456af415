"""SnapStart: the content of a snapshot, and the work of each restored copy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.handlers.deployment import (
    ADMIN_KEY,
    EVENTS,
    PASSWORD,
    PEPPER,
    PROVIDER_KEY,
    ROOT,
    SYSTEM_KEY,
    serve_deployment,
)
from tests.handlers.stream_process import event, run_scenario, run_stream_process

SNAPSTART = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
UNREACHABLE = "http://127.0.0.1:9"


def memory(pid: int) -> bytes:
    """Return the readable memory of a child process."""
    content = bytearray()
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", buffering=0) as mem:
        for line in maps:
            addresses, rights, *_ = line.split()
            if "r" not in rights or line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            first, last = (int(end, 16) for end in addresses.split("-"))
            try:
                mem.seek(first)
                while first < last and (read := mem.read(min(last - first, 1 << 24))):
                    content += read
                    first += len(read)
            except OSError:
                continue  # guard pages
    return bytes(content)


def markers(vault: str) -> dict[str, bytes]:
    """Return the secrets to search for; of the vault string, a part from its middle."""
    texts = {"password": PASSWORD, "provider key": PROVIDER_KEY, "system key": SYSTEM_KEY[3:]}
    texts |= {"vault": vault[40:80], "pepper": PEPPER, "admin key": ADMIN_KEY[3:]}
    return {name: text.encode() for name, text in texts.items()}


def test_functions_start_without_their_secrets(tmp_path: Path) -> None:
    """The entry points can be imported while Secrets Manager and the table are unreachable."""
    modules = ", ".join(f"handlers.{name}" for name in ("stream", "api", "admin", "upkeep"))
    with serve_deployment(tmp_path, UNREACHABLE) as deployed:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", f"import {modules}"],
            env={
                **deployed.environ,
                "AWS_ENDPOINT_URL": UNREACHABLE,
                "VAULTEDGE_STORE": "dynamodb:table",
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read through /proc")
def test_the_snapshot_contains_no_secret(tmp_path: Path) -> None:
    """At the snapshot the process contains clients and catalog, but no secret.

    After the restore and a request the same search finds secrets, so it would have found them before.
    """

    async def scenario() -> None:
        table = {"VAULTEDGE_STORE": "dynamodb:table", "VAULTEDGE_PEPPER_SECRET": "gw/pepper"}
        async with run_stream_process(tmp_path, **SNAPSTART, **table) as stream:
            vault = str(stream.deployed.secrets.secrets["gw/vault"])
            searched = markers(vault)
            await stream.api.snapshot.wait()
            before = memory(stream.process.pid)
            assert stream.deployed.secrets.requests == []
            stream.api.restore.set()
            stream.api.invoke(event("health"))
            assert (await stream.api.finished()).head["statusCode"] == 200
            after = memory(stream.process.pid)

        assert [name for name, text in searched.items() if text in before] == []
        assert {name for name, text in searched.items() if text in after} >= {"provider key", "pepper"}
        for name in ("BatchGetSecretValue", "DynamoDB_20120810", "gpt-4o-mini"):
            assert name.encode() in before, name

    run_scenario(scenario)


def test_two_copies_draw_different_values(tmp_path: Path) -> None:
    """Nonces, salts, ids and jitter of two restored copies differ.

    Without the hook, Python's `random` repeats itself in both; no secret depends on it.
    """
    with serve_deployment(tmp_path, UNREACHABLE) as deployed:
        done = subprocess.run(
            [sys.executable, "-m", "tests.handlers.snapshot_copies"],
            env={**deployed.environ, "VAULTEDGE_STORE": "dynamodb:table"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    copies = [json.loads(line) for line in done.stdout.splitlines() if "request id" in line]
    same = [[name for name in one if one[name] == other[name]] for one, other in (copies[:2], copies[2:])]

    assert same == [["random"], []]


HOOK_PROGRAM = """
import json, sys
from awslambdaric.lambda_runtime_hooks_runner import run_after_restore, run_before_snapshot
from handlers.api import handler

class Context:
    aws_request_id = "request"
    def get_remaining_time_in_millis(self):
        return 60_000

run_before_snapshot()
print("snapshot", flush=True)
sys.stdin.readline()
run_after_restore()
print("restored", flush=True)
sys.stdin.readline()
print(json.dumps(handler(json.load(open(sys.argv[1])), Context())), flush=True)
"""


def test_hooks_run_under_the_managed_runtime(tmp_path: Path) -> None:
    """The buffered functions open their vault after the restore, in the loop that serves requests."""
    with serve_deployment(tmp_path, UNREACHABLE) as deployed:
        calls, command = deployed.secrets.requests, [sys.executable, "-W", "error", "-c", HOOK_PROGRAM]
        with subprocess.Popen(
            [*command, str(EVENTS / "models.json")],
            env=deployed.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            phases = []
            for _ in range(2):
                line = process.stdout.readline().strip()
                phases.append((line, len(calls)))
                print("on", file=process.stdin, flush=True)
            output, _ = process.communicate(timeout=30)

        assert phases == [("snapshot", 0), ("restored", 1)]
        assert json.loads(output)["statusCode"] == 200
        assert calls == [["gw/vault", "gw/password", "gw/system"]]
