"""`make invoke`, over every event in events/, under the same emulator as a person would run it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.handlers.deployment import ADMIN_KEY, EVENTS, ROOT, SYSTEM_KEY
from tests.handlers.invoke import COMMANDS

REFUSED = {
    "invalid_json": 400,
    "unauthorized": 401,
    "not_found": 404,
    "method_not_allowed": 405,
    "console": 307,
}
NOTHING = {"warm_up": {}, "stream_completed": {}, "upkeep": {"failed": []}}  # no request, so no status
ADMINISTRATION = {"admin_health", "admin_keys"}


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.handlers.invoke", *map(str, arguments)],
        check=False,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def parts(printed: str) -> dict[str, tuple[str, list[str]]]:
    """Of each event: the function that it went to, and the lines that it was answered."""
    found = {}
    for part in printed.split("--- ")[1:]:
        head, *lines = part.splitlines()
        path, function = shlex.split(head.replace(" -> ", " "))
        found[Path(path).stem] = function, lines
    return found


@pytest.fixture(scope="module")
def done() -> subprocess.CompletedProcess[str]:
    """All of them at once, so that each function has to start once only."""
    return run(*sorted(EVENTS.glob("*.json")))


def test_every_event_is_answered_by_its_function(done: subprocess.CompletedProcess[str]) -> None:
    """Each event goes to the function it belongs to, and is told as status, headers and readable body."""
    answers = parts(done.stdout)

    assert done.returncode == 0, done.stderr
    assert answers.keys() == {file.stem for file in EVENTS.glob("*.json")}
    for name, (function, lines) in answers.items():
        assert (function == "admin") == (name in ADMINISTRATION)
        if name in NOTHING:
            assert json.loads("\n".join(lines)) == NOTHING[name]
        else:
            status = REFUSED.get(name, 201 if name == "admin_keys" else 200)
            assert lines[0] == f"HTTP {status}{', streamed' if function == 'stream' else ''}"
            assert any(line.startswith("x-request-id: ") for line in lines[1 : lines.index("")])
    assert '"content": "Hello from a fake provider."' in done.stdout
    assert answers["chat_stream"][1][-1] == "data: [DONE]"


def test_no_key_is_shown(done: subprocess.CompletedProcess[str]) -> None:
    """Neither the answers nor what the functions print hold the keys that the events send."""
    assert not [key for key in (SYSTEM_KEY, ADMIN_KEY) if key in done.stdout + done.stderr]


def test_an_event_may_go_elsewhere() -> None:
    """FUNCTION= chooses: the buffered handler gives the same answer, which was not streamed."""
    done = run("--function", "api", EVENTS / "chat.json")
    function, lines = parts(done.stdout)["chat"]

    assert (function, lines[0]) == ("api", "HTTP 200")
    assert "Hello from a fake provider." in done.stdout


def test_what_is_no_event_is_told(tmp_path: Path) -> None:
    """A file that is missing or is not JSON ends the command with one line."""
    broken = tmp_path / "broken.json"
    broken.write_text("{", "utf-8")
    for file in (tmp_path / "absent.json", broken):
        done = run(file)

        assert (done.returncode, done.stdout) == (1, "")
        assert len(done.stderr.splitlines()) == 1


def test_there_is_a_command_for_each_function() -> None:
    """What `make invoke` may start is what handlers/ has."""
    modules = {file.stem for file in (ROOT / "handlers").glob("*.py")}

    assert COMMANDS.keys() <= modules
