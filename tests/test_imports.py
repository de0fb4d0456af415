"""Imports: the app loads no heavy packages, and no import has side effects."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
HEAVY = ("fastapi", "pydantic", "boto3", "botocore", "sqlite3", "yaml", "uvicorn", "openai", "anthropic")
QUIET = """
import importlib, json, socket, sys, threading
modules = json.load(sys.stdin)

def forbidden(event, args):
    if event in FORBIDDEN or event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        raise SystemExit(f"{importing} does {event} {args[:1]}")

FORBIDDEN = {
    "socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.mkdir", "os.system",
    "os.fork", "os.rename", "os.remove", "os.putenv", "tempfile.mkstemp", "tempfile.mkdtemp",
    "_thread.start_new_thread",
}
sys.dont_write_bytecode = True
importing = ""
sys.addaudithook(forbidden)
for importing in modules:
    importlib.import_module(importing)
if threading.active_count() != 1:
    raise SystemExit("a thread was started")
"""

HELP = """
import sys
from vaultcore.cli.main import main
main(["--help"], sys.stdin, sys.stderr)
print(*sys.modules)
"""


def python(code: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        input=text,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )


def test_the_app_imports_nothing_heavy() -> None:
    """A cold start imports neither FastAPI nor boto3 nor httpx nor a database nor YAML."""
    done = python("import sys, vaultcore.app, vaultcore.compose; print(*sys.modules)")

    assert done.stderr == ""
    assert {name.split(".")[0] for name in done.stdout.split()} & {*HEAVY, "httpx", "h11"} == set()


def test_the_command_line_imports_nothing_heavy() -> None:
    """`vaultedge --help` imports neither a server nor a client."""
    done = python(HELP)

    assert {name.split(".")[0] for name in done.stdout.split()} & {
        *HEAVY,
        "starlette",
        "httpx",
        "aiohttp",
    } == set()


def test_imports_have_no_effects() -> None:
    """Importing any module prints nothing, starts no thread, opens no socket and writes no file."""
    paths = [path.relative_to(ROOT).with_suffix("") for path in ROOT.glob("vaultcore/**/*.py")]
    modules = [".".join(path.parts).removesuffix(".__init__") for path in paths]
    done = python(QUIET, json.dumps(sorted(name for name in modules if not name.endswith("__main__"))))

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
