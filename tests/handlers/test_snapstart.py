"""What a SnapStart snapshot of a function holds, what it must not, and what each copy of it does anew."""

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
    deployment,
)
from tests.handlers.running import event, function, running

SNAPSTART = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
NOWHERE = "http://127.0.0.1:9"


def memory(pid: int) -> bytes:
    """All that a child of this process has in its memory."""
    held = bytearray()
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", buffering=0) as mem:
        for line in maps:
            where, rights, *_ = line.split()
            if "r" not in rights or line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            first, last = (int(end, 16) for end in where.split("-"))
            try:
                mem.seek(first)
                while first < last and (read := mem.read(min(last - first, 1 << 24))):
                    held += read
                    first += len(read)
            except OSError:
                continue  # guard pages
    return bytes(held)


def markers(vault: str) -> dict[str, bytes]:
    """What a thief would look for; of the vault, a piece of its middle."""
    found = {"password": PASSWORD, "provider key": PROVIDER_KEY, "system key": SYSTEM_KEY[3:]}
    found |= {"vault": vault[40:80], "pepper": PEPPER, "admin key": ADMIN_KEY[3:]}
    return {name: text.encode() for name, text in found.items()}


def test_functions_start_without_their_secrets(tmp_path: Path) -> None:
    """Importing the entry points succeeds while Secrets Manager and the table cannot be reached."""
    modules = ", ".join(f"handlers.{name}" for name in ("stream", "api", "admin", "upkeep"))
    with deployment(tmp_path, NOWHERE) as deployed:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", f"import {modules}"],
            env={
                **deployed.environ,
                "AWS_ENDPOINT_URL": NOWHERE,
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
def test_the_snapshot_holds_no_secret(tmp_path: Path) -> None:
    """At the snapshot no secret is in the process, though all could be read; clients and catalog are.

    After the restore and an answer the same search finds them: it would have found them before.
    """

    async def scenario() -> None:
        table = {"VAULTEDGE_STORE": "dynamodb:table", "VAULTEDGE_PEPPER_SECRET": "gw/pepper"}
        async with function(tmp_path, **SNAPSTART, **table) as running:
            vault = str(running.deployed.secrets.secrets["gw/vault"])
            looked = markers(vault)
            await running.api.snapshot.wait()
            before = memory(running.process.pid)
            assert running.deployed.secrets.asked == []
            running.api.restore.set()
            running.api.invoke(event("health"))
            assert (await running.api.finished()).head["statusCode"] == 200
            after = memory(running.process.pid)

        assert [name for name, text in looked.items() if text in before] == []
        assert {name for name, text in looked.items() if text in after} >= {"provider key", "pepper"}
        for name in ("BatchGetSecretValue", "TransactWriteItems", "gpt-4o-mini"):
            assert name.encode() in before, name

    running(scenario)


def test_two_copies_draw_differently(tmp_path: Path) -> None:
    """Nonces, salts, ids and jitter of two restored copies differ in every draw.

    Without the hook Python's own generator repeats itself in both; what keeps secrets does not rest on it.
    """
    with deployment(tmp_path, NOWHERE) as deployed:
        done = subprocess.run(
            [sys.executable, "-m", "tests.handlers.copies"],
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


HOOKED = """
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


def test_the_managed_runtime_takes_part(tmp_path: Path) -> None:
    """The buffered functions open their vault after the restore too, in the loop that serves requests."""
    with deployment(tmp_path, NOWHERE) as deployed:
        asked, command = deployed.secrets.asked, [sys.executable, "-W", "error", "-c", HOOKED]
        with subprocess.Popen(
            [*command, str(EVENTS / "models.json")],
            env=deployed.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            seen = []
            for _ in range(2):
                line = process.stdout.readline().strip()
                seen.append((line, len(asked)))
                print("on", file=process.stdin, flush=True)
            answer, _ = process.communicate(timeout=30)

        assert seen == [("snapshot", 0), ("restored", 1)]
        assert json.loads(answer)["statusCode"] == 200
        assert asked == [["gw/vault", "gw/password", "gw/system"]]
